"""oVirt's own Python SDK: a host joins, guests move and are called back, a host is emptied and taken into use again."""

import base64
import json
import ssl
import sys
import time
import urllib.request

import ovirtsdk4 as sdk
import ovirtsdk4.types as types

url, password, vm_id = sys.argv[1:]
connection = sdk.Connection(url=url, username="admin@internal", password=password, insecure=True)
hosts = connection.system_service().hosts_service()
vm = connection.system_service().vms_service().vm_service(vm_id)


def wait(service, wanted):
    end = time.monotonic() + 120
    while (now := service.get().status) != wanted:
        assert time.monotonic() < end, f"{now} instead of {wanted}"
        time.sleep(0.2)


def post(path, body):
    """What the SDK has no words for: the command that lets a machine join, and a bandwidth."""
    basic = base64.b64encode(f"admin@internal:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request, context=ssl._create_unverified_context()))


def home():
    return vm.get().host.id


# A third host; the machine runs the command that the answer has.
made = post("/hosts", {"name": "host3"})
print(made["join_command"], flush=True)
third = hosts.host_service(made["id"])
wait(third, types.HostStatus.UP)
assert [host.name for host in hosts.list(search="name=host3")] == ["host3"]

# Moved to the host that is named, and to any other.
vm.migrate(host=types.Host(id=made["id"]))
assert vm.get().status == types.VmStatus.MIGRATING
wait(vm, types.VmStatus.UP)
assert home() == made["id"]
vm.migrate()
wait(vm, types.VmStatus.UP)
here = home()
assert here != made["id"]
try:
    vm.migrate(host=types.Host(id=here))
    raise AssertionError("it is there already")
except sdk.Error as error:
    assert "409" in str(error), error

# Called back while it is on its way.
post(f"/vms/{vm_id}/migrate", {"bandwidth": 2})
time.sleep(2)
assert vm.get().status == types.VmStatus.MIGRATING
vm.cancel_migration()
wait(vm, types.VmStatus.UP)
assert home() == here

# Its host is emptied: it goes, and the host takes it again when it is activated.
host = hosts.host_service(here)
host.deactivate()
wait(host, types.HostStatus.MAINTENANCE)
wait(vm, types.VmStatus.UP)
assert home() != here
try:
    vm.migrate(host=types.Host(id=here))
    raise AssertionError("the host is in maintenance")
except sdk.Error as error:
    assert "maintenance" in str(error), error
host.activate()
wait(host, types.HostStatus.UP)
vm.migrate(host=types.Host(id=here))
wait(vm, types.VmStatus.UP)
assert home() == here

third.deactivate()
wait(third, types.HostStatus.MAINTENANCE)
third.remove()
assert sorted(host.name for host in hosts.list()) == ["host1", "host2"]
connection.close()
print("content")
