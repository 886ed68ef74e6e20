"""oVirt's own Python SDK installs a host by SSH, empties it, and installs it again."""

import sys
import time

import ovirtsdk4 as sdk
import ovirtsdk4.types as types

url, admin_password, address, root_password, fingerprint = sys.argv[1:]
connection = sdk.Connection(url=url, username="admin@internal", password=admin_password, insecure=True)
hosts = connection.system_service().hosts_service()


def wait(host, wanted):
    end = time.monotonic() + 120
    while True:
        now = host.get().status
        if now == wanted:
            return
        assert now != types.HostStatus.INSTALL_FAILED and time.monotonic() < end, f"{now} instead of {wanted}"
        time.sleep(0.3)


def refused(add):
    try:
        add()
    except sdk.Error as error:
        return str(error)
    raise AssertionError("it was not refused")


def host(**more):
    cluster = types.Cluster(name="Default")
    return types.Host(name="host1", address=address, root_password=root_password, cluster=cluster, **more)


# Who does not say which key is the machine's own is told it, to compare.
assert fingerprint in refused(lambda: hosts.add(host()))

access = types.Ssh(
    port=22,
    fingerprint=fingerprint,
    authentication_method=types.SshAuthenticationMethod.PASSWORD,
    user=types.User(user_name="root"),
)
made = hosts.add(host(ssh=access))
assert made.status == types.HostStatus.INSTALLING, made.status
service = hosts.host_service(made.id)
wait(service, types.HostStatus.UP)
service.deactivate()
wait(service, types.HostStatus.MAINTENANCE)
service.install(root_password=root_password, ssh=access)
wait(service, types.HostStatus.UP)
service.deactivate()
wait(service, types.HostStatus.MAINTENANCE)
service.remove()
assert not hosts.list()
connection.close()
print("content")
