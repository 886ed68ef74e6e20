"""oVirt's own Python SDK makes scheduling policies, affinity groups and labels."""

import sys
import time

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


# Policies: oVirt's own are there and locked; an own one is put together unit by unit.
policies = system.scheduling_policies_service()
known = {policy.name: policy for policy in policies.list()}
assert {"none", "evenly_distributed", "power_saving", "vm_evenly_distributed", "cluster_maintenance"} <= set(known), known
assert known["none"].locked and known["none"].default_policy
assert "copy" in refused(lambda: policies.policy_service(known["none"].id).remove())
units = {(unit.name, unit.type): unit for unit in system.scheduling_policy_units_service().list()}
memory = units[("Memory", types.PolicyUnitType.FILTER)]
even = units[("OptimalForCpuEvenDistribution", types.PolicyUnitType.WEIGHT)]
balance = units[("OptimalForEvenDistribution", types.PolicyUnitType.LOAD_BALANCING)]

mine = policies.add(types.SchedulingPolicy(name="mine", description="of the SDK"))
service = policies.policy_service(mine.id)
service.filters_service().add(types.Filter(scheduling_policy_unit=types.SchedulingPolicyUnit(id=memory.id)))
service.weights_service().add(types.Weight(factor=3, scheduling_policy_unit=types.SchedulingPolicyUnit(id=even.id)))
service.balances_service().add(types.Balance(scheduling_policy_unit=types.SchedulingPolicyUnit(id=balance.id)))
assert [one.scheduling_policy_unit.id for one in service.filters_service().list()] == [memory.id]
assert [(one.factor, one.scheduling_policy_unit.id) for one in service.weights_service().list()] == [(3, even.id)]
assert [one.scheduling_policy_unit.id for one in service.balances_service().list()] == [balance.id]
high = lambda value: types.SchedulingPolicy(properties=[types.Property(name="HighUtilization", value=value)])
service.update(high("60"))
assert {p.name: p.value for p in service.get().properties} == {"HighUtilization": "60"}
assert "between 50 and 99" in refused(lambda: service.update(high("20")))
assert "not one of" in refused(lambda: service.update(types.SchedulingPolicy(properties=[types.Property(name="Nonsense", value="1")])))
service.filters_service().filter_service(memory.id).remove()
assert service.filters_service().list() == []
service.remove()
assert "mine" not in {policy.name for policy in policies.list()}

# Affinity groups of a cluster.
cluster = system.clusters_service().list()[0]
vms = [vm for vm in system.vms_service().list()][:2]
host = system.hosts_service().list()[0]
groups = system.clusters_service().cluster_service(cluster.id).affinity_groups_service()
rule = lambda positive, enforcing: types.AffinityRule(enabled=True, positive=positive, enforcing=enforcing)
group = groups.add(types.AffinityGroup(name="apart", vms_rule=rule(False, True), hosts_rule=types.AffinityRule(enabled=False)))
service = groups.group_service(group.id)
for vm in vms:
    service.vms_service().add(types.Vm(id=vm.id))
service.hosts_service().add(types.Host(id=host.id))
assert {vm.id for vm in service.vms_service().list()} == {vm.id for vm in vms}
assert [one.id for one in service.hosts_service().list()] == [host.id]
service.update(types.AffinityGroup(name="asunder", vms_rule=rule(False, False)))
now = service.get()
assert (now.name, now.vms_rule.positive, now.vms_rule.enforcing) == ("asunder", False, False), now
service.vms_service().vm_service(vms[0].id).remove()
service.hosts_service().host_service(host.id).remove()
assert {vm.id for vm in service.vms_service().list()} == {vm.id for vm in vms[1:]}
service.remove()
assert groups.list() == []

# Labels.
labels = system.affinity_labels_service()
label = labels.add(types.AffinityLabel(name="ssd"))
service = labels.label_service(label.id)
service.vms_service().add(types.Vm(id=vms[0].id))
service.hosts_service().add(types.Host(id=host.id))
assert [vm.id for vm in service.get().vms] == [vms[0].id]
service.update(types.AffinityLabel(name="flash"))
assert [one.name for one in labels.list()] == ["flash"]
service.hosts_service().host_service(host.id).remove()
service.vms_service().vm_service(vms[0].id).remove()
service.remove()
assert labels.list() == []

# The storage pool manager.
service = system.hosts_service().host_service(host.id)
end = time.monotonic() + 20
while service.get().spm.status != types.SpmStatus.SPM:
    assert time.monotonic() < end, service.get().spm.status
    time.sleep(0.3)
service.force_select_spm()

# What is in the host.
nics = service.nics_service().list()
assert nics and all(nic.name and nic.mac.address for nic in nics), nics
service.devices_service().list()
service.hooks_service().list()
connection.close()
print("content")
