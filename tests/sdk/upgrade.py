"""oVirt's own Python SDK: a host is asked what it could be upgraded with, and upgraded."""

import sys
import time

import ovirtsdk4 as sdk
import ovirtsdk4.types as types

url, password = sys.argv[1:]
connection = sdk.Connection(url=url, username="admin@internal", password=password, insecure=True)
hosts = connection.system_service().hosts_service()
service = hosts.host_service(hosts.list()[0].id)
events = connection.system_service().events_service()


def wait(what, so):
    end = time.monotonic() + 180
    while not so():
        assert time.monotonic() < end, what
        time.sleep(0.3)


def codes():
    return [event.code for event in events.list(max=30)]


assert not service.get().update_available, "nobody has asked yet"
service.upgrade_check()
wait("there is something", lambda: service.get().update_available)
assert 843 in codes(), codes()
service.upgrade()
wait("it is upgraded", lambda: 842 in codes())
host = service.get()
assert host.status == types.HostStatus.UP, host.status
assert not host.update_available
assert 840 in codes() and 841 not in codes(), codes()
connection.close()
print("content")
