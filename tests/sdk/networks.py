"""oVirt's own Python SDK makes, changes, uses and removes logical networks."""

import sys

import ovirtsdk4 as sdk
import ovirtsdk4.types as types

url, password = sys.argv[1:]
connection = sdk.Connection(url=url, username="admin@internal", password=password, insecure=True)
system = connection.system_service()


def refused(ask):
    try:
        ask()
    except sdk.Error as error:
        return str(error)
    raise AssertionError("it was not refused")


networks = system.networks_service()
center = system.data_centers_service().list()[0]
cluster = system.clusters_service().list()[0]
management = [network for network in networks.list() if network.name == "ovirtmgmt"][0]
assert types.NetworkUsage.MANAGEMENT in management.usages
assert "how the engine reaches hosts" in refused(networks.network_service(management.id).remove)

new = types.Network(name="moves", description="for migrations", data_center=center, usages=[types.NetworkUsage.VM])
made = networks.add(new)
assert made.description == "for migrations" and made.data_center.id == center.id
assert "in use already" in refused(lambda: networks.add(new))
assert "longer than 15" in refused(lambda: networks.add(types.Network(name="much-too-long-a-name", data_center=center)))
service = networks.network_service(made.id)
assert [profile.name for profile in service.vnic_profiles_service().list()] == ["moves"]
service.update(types.Network(comment="quick", usages=[]))
assert service.get().comment == "quick" and service.vnic_profiles_service().list() == []
assert made.id in [network.id for network in system.data_centers_service().data_center_service(center.id).networks_service().list()]

here = system.clusters_service().cluster_service(cluster.id).networks_service()
usual = lambda: here.network_service(management.id).get().usages
assert types.NetworkUsage.MIGRATION in usual()
here.add(types.Network(id=made.id, required=False))
here.network_service(made.id).update(types.Network(usages=[types.NetworkUsage.MIGRATION]))
assert here.network_service(made.id).get().usages == [types.NetworkUsage.MIGRATION]
assert types.NetworkUsage.MIGRATION not in usual()
assert "Default" in refused(service.remove)
here.network_service(made.id).update(types.Network(usages=[]))
assert types.NetworkUsage.MIGRATION in usual()
service.remove()
assert made.id not in [network.id for network in networks.list()]
connection.close()
print("content")
