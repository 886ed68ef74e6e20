"""oVirt's own Python SDK makes tags, puts them on things, and searches for them."""

import sys

import ovirtsdk4 as sdk
import ovirtsdk4.types as types

url, password = sys.argv[1:]
connection = sdk.Connection(url=url, username="admin@internal", password=password, insecure=True)
system = connection.system_service()
ROOT = "00000000-0000-0000-0000-000000000000"


def refused(ask):
    try:
        ask()
    except sdk.Error as error:
        return str(error)
    raise AssertionError("it was not refused")


api = system.get()
assert api.special_objects.root_tag.id == ROOT, api.special_objects

# The tree.
tags = system.tags_service()
assert [tag.id for tag in tags.list()] == [ROOT]
city = tags.add(types.Tag(name="city", description="where it stands"))
assert (city.description, city.parent.id) == ("where it stands", ROOT)
berlin = tags.add(types.Tag(name="berlin", parent=types.Tag(name="city")))
lab = tags.add(types.Tag(name="lab", parent=types.Tag(id=berlin.id)))
assert {tag.name: tag.parent.id for tag in tags.list() if tag.parent} == {"city": ROOT, "berlin": city.id, "lab": berlin.id}
assert "below it" in refused(lambda: tags.tag_service(city.id).update(types.Tag(parent=types.Tag(id=lab.id))))
assert "in use already" in refused(lambda: tags.add(types.Tag(name="Lab")))
assert "does not exist" in refused(lambda: tags.add(types.Tag(name="x", parent=types.Tag(name="nowhere"))))
tags.tag_service(lab.id).update(types.Tag(name="labs", parent=types.Tag(id=ROOT)))
assert (tags.tag_service(lab.id).get().name, tags.tag_service(lab.id).get().parent.id) == ("labs", ROOT)
assert "root" in refused(lambda: tags.tag_service(ROOT).remove())

# On everything that carries tags: by name and by id.
vms, hosts, templates = system.vms_service(), system.hosts_service(), system.templates_service()
users, groups = system.users_service(), system.groups_service()
vm, other = vms.list(search="name=one")[0], vms.list(search="name=two")[0]
host, template, user, group = hosts.list()[0], templates.list()[0], users.list()[0], groups.list()[0]
carriers = [
    (vms, vms.vm_service(vm.id), vm),
    (hosts, hosts.host_service(host.id), host),
    (templates, templates.template_service(template.id), template),
    (users, users.user_service(user.id), user),
    (groups, groups.group_service(group.id), group),
]
for collection, service, one in carriers:
    assigned = service.tags_service()
    assert assigned.list() == []
    assigned.add(types.Tag(name="berlin"))
    assigned.add(types.Tag(id=lab.id))
    assigned.add(types.Tag(id=lab.id))
    assert sorted(tag.name for tag in assigned.list()) == ["berlin", "labs"], assigned.list()
    assert assigned.tag_service(berlin.id).get().name == "berlin"
    assert [found.id for found in collection.list(search="tag=city")] == [one.id]
    assert one.id not in [found.id for found in collection.list(search="tag!=city")]
    assigned.tag_service(lab.id).remove()
    refused(lambda: assigned.tag_service(lab.id).get())
    assert [tag.id for tag in assigned.list()] == [berlin.id]
    assert collection.list(search="tag=labs") == []
    assert "root" in refused(lambda: assigned.add(types.Tag(id=ROOT)))
    assert "does not exist" in refused(lambda: assigned.add(types.Tag(name="nowhere")))
    assert "missing" in refused(lambda: assigned.add(types.Tag()))
vms.vm_service(other.id).tags_service().add(types.Tag(name="labs"))
assert [found.id for found in vms.list(search="tag=berlin or tag=labs sortby name")] == [vm.id, other.id]

# A tag goes with those below it.
tags.tag_service(city.id).remove()
assert sorted(tag.name for tag in tags.list()) == ["labs", "root"]
assert all(service.tags_service().list() == [] for _, service, _ in carriers)

events = {event.code for event in system.events_service().list()}
attached = {440, 442, 183, 436, 438}
assert {432, 430, 555, 434} | attached | {446, 444, 185, 448, 450} <= events, events
connection.close()
print("content")
