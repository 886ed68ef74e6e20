"""oVirt's own Python SDK does with Vireo what it does with oVirt: flow.py URL CA ADMIN_PASSWORD ALICE_PASSWORD"""

import sys
import time

import ovirtsdk4 as sdk
from ovirtsdk4 import types

url, ca, admin_password, alice_password = sys.argv[1:]


def connect(user, password, **more):
    return sdk.Connection(url=url, username=user, password=password, ca_file=ca, **more)


def wait(service, status, seconds=120):
    end = time.time() + seconds
    while service.get().status != status:
        assert time.time() < end, f"{service.get().status}, never {status}"
        time.sleep(0.2)


def gone(service, seconds=60):
    end = time.time() + seconds
    while True:
        try:
            service.get()
        except sdk.NotFoundError:
            return
        assert time.time() < end, "it is still there"
        time.sleep(0.2)


def administrator():
    connection = connect("admin@internal", admin_password)
    assert connection.test(raise_exception=True)
    system = connection.system_service()
    api = system.get()
    assert api.product_info.version.major >= 4 and api.product_info.version.minor >= 5, api.product_info.version

    for service, name in [
        (system.data_centers_service(), "Default"),
        (system.clusters_service(), "Default"),
        (system.networks_service(), "ovirtmgmt"),
        (system.templates_service(), "demo-linux"),
        (system.instance_types_service(), "XLarge"),
        (system.vm_pools_service(), "desktops"),
        (system.groups_service(), "Everyone"),
        (system.roles_service(), "UserVmManager"),
    ]:
        assert name in [one.name for one in service.list()], f"{name} is not there"
    host = system.hosts_service().list(search="status=up")[0]
    assert host.status == types.HostStatus.UP and host.memory > 0
    assert system.storage_domains_service().list()[0].type == types.StorageDomainType.DATA
    assert [u.principal for u in system.users_service().list(search="usrname=alice*")] == ["alice"]
    assert system.events_service().list(max=1)[0].description
    assert system.jobs_service().list() is not None

    places(system)

    vms = system.vms_service()
    vm = vms.add(
        types.Vm(
            name="by-sdk",
            cluster=types.Cluster(name="Default"),
            template=types.Template(name="demo-linux"),
            description="Made by oVirt's SDK",
            memory=512 * MIB,
            memory_policy=types.MemoryPolicy(guaranteed=512 * MIB, max=1024 * MIB),
        )
    )
    service = vms.vm_service(vm.id)
    wait(service, types.VmStatus.DOWN)
    service.update(types.Vm(comment="changed"))
    assert vms.list(search="name=by-sdk", max=5)[0].comment == "changed"
    service.start()
    wait(service, types.VmStatus.UP)
    console = service.graphics_consoles_service().list()[0]
    assert console.protocol == types.GraphicsType.VNC
    viewer = service.graphics_consoles_service().console_service(console.id)
    assert viewer.ticket().value
    try:
        viewer.remote_viewer_connection_file()
        raise AssertionError("a viewer was let in without ports for viewers")
    except sdk.Error as error:
        assert error.code == 409 and "RemoteViewerPorts" in str(error), error
    try:
        service.remove()
        raise AssertionError("a running VM was removed")
    except sdk.Error as error:
        assert error.code == 409 and "by-sdk" in str(error), error
    while_it_runs(service)
    snapshots(system, service)
    service.remove()
    gone(service)
    try:
        vms.add(types.Vm(name="by sdk", cluster=types.Cluster(name="Default"), template=types.Template(name="Blank")))
        raise AssertionError("a name with a space was taken")
    except sdk.Error as error:
        assert error.code == 400 and "name" in str(error), error
    pool(system)
    quotas(system)
    connection.close()


MIB = 1 << 20


def while_it_runs(service):
    """A running guest gets CPUs and memory at once; what is to wait waits for its next start."""
    before = service.get()
    assert before.next_run_configuration_exists is False, before.next_run_configuration_exists
    two = types.Cpu(topology=types.CpuTopology(sockets=2, cores=1, threads=1))
    service.update(types.Vm(cpu=two))
    service.update(types.Vm(memory=before.memory + 128 * MIB))
    now = service.get()
    assert (now.cpu.topology.sockets, now.memory) == (2, before.memory + 128 * MIB), (now.cpu.topology.sockets, now.memory)
    assert now.next_run_configuration_exists is False
    service.update(types.Vm(memory=before.memory, cpu=types.Cpu(topology=types.CpuTopology(sockets=1))), next_run=True)
    now, later = service.get(), service.get(next_run=True)
    assert now.next_run_configuration_exists is True
    assert (now.cpu.topology.sockets, now.memory) == (2, before.memory + 128 * MIB), (now.cpu.topology.sockets, now.memory)
    assert (later.cpu.topology.sockets, later.memory) == (1, before.memory), (later.cpu.topology.sockets, later.memory)


def quotas(system):
    """As in oVirt: the mode, a quota with limits, who may use it, what counts on it, a refusal, everything gone again."""
    centers = system.data_centers_service()
    center = centers.data_center_service(centers.list(search="name=Default")[0].id)
    assert center.get().quota_mode == types.QuotaModeType.DISABLED
    assert center.update(types.DataCenter(quota_mode=types.QuotaModeType.AUDIT)).quota_mode == types.QuotaModeType.AUDIT
    center.update(types.DataCenter(quota_mode=types.QuotaModeType.ENABLED))
    all = center.quotas_service()
    made = all.add(types.Quota(name="by-sdk", description="Made by oVirt's SDK", cluster_hard_limit_pct=0, storage_hard_limit_pct=0))
    quota = all.quota_service(made.id)
    assert (made.cluster_soft_limit_pct, made.cluster_hard_limit_pct) == (80, 0), made.cluster_hard_limit_pct
    assert quota.update(types.Quota(cluster_soft_limit_pct=99)).cluster_soft_limit_pct == 99
    cluster = system.clusters_service().list(search="name=Default")[0]
    limits = quota.quota_cluster_limits_service()
    limits.add(types.QuotaClusterLimit(cluster=types.Cluster(id=cluster.id), vcpu_limit=8, memory_limit=0.5))
    limit = limits.list()[0]
    assert (limit.vcpu_limit, limit.memory_limit, limit.vcpu_usage) == (8, 0.5, 0), limit.memory_limit
    storage = quota.quota_storage_limits_service()
    storage.add(types.QuotaStorageLimit(limit=1))
    assert storage.limit_service(storage.list()[0].id).get().limit == 1
    role = [r for r in system.roles_service().list() if r.name == "QuotaConsumer"][0]
    alice = system.users_service().list(search="usrname=alice*")[0]
    permissions = quota.permissions_service()
    permissions.add(types.Permission(role=types.Role(id=role.id), user=types.User(id=alice.id)))
    assert alice.id in [p.user.id for p in permissions.list() if p.user]
    vms = system.vms_service()
    wanted = types.Vm(
        name="in-quota",
        cluster=types.Cluster(name="Default"),
        template=types.Template(name="Blank"),
        memory=1024 * MIB,
        quota=types.Quota(id=made.id),
        disk_attachments=[types.DiskAttachment(
            interface=types.DiskInterface.VIRTIO, bootable=True, disk=types.Disk(name="in-quota", provisioned_size=512 * MIB, format=types.DiskFormat.COW)
        )],
    )
    service = vms.vm_service(vms.add(wanted).id)
    wait(service, types.VmStatus.DOWN)
    assert service.get().quota.id == made.id
    refused(service.start, 409, "Quota by-sdk gives 512 MiB of memory in cluster Default")
    assert storage.list()[0].usage == 0.5, storage.list()[0].usage
    disk = types.Disk(name="more", provisioned_size=1024 * MIB, format=types.DiskFormat.COW, quota=types.Quota(id=made.id))
    refused(lambda: system.disks_service().add(disk), 409, "Quota by-sdk gives 1 GiB of storage")
    refused(quota.remove, 409, "in-quota")
    service.remove()
    gone(service)
    limits.limit_service(limit.id).remove()
    assert not limits.list()
    quota.remove()
    gone(quota)
    assert [q.name for q in all.list()] == ["Default"]
    center.update(types.DataCenter(quota_mode=types.QuotaModeType.DISABLED))


def snapshots(system, service):
    """Of a running VM: taken, shown, left, shown again and kept, cloned, removed."""
    all = service.snapshots_service()
    first = all.add(types.Snapshot(description="by sdk", persist_memorystate=False))
    one = all.snapshot_service(first.id)
    wait_until("the snapshot is there", lambda: one.get().snapshot_status == types.SnapshotStatus.OK)
    wait_until("nothing is at work", lambda: idle(system))
    kinds = sorted(s.snapshot_type.value for s in all.list())
    assert kinds == ["active", "regular"], kinds
    refused(lambda: service.preview_snapshot(snapshot=types.Snapshot(id=first.id)), 409, "by-sdk")
    service.stop()
    wait(service, types.VmStatus.DOWN)
    show = lambda: service.preview_snapshot(snapshot=types.Snapshot(id=first.id), restore_memory=False)
    show()
    wait_until("it is shown", lambda: idle(system) and one.get().snapshot_status == types.SnapshotStatus.IN_PREVIEW)
    service.undo_snapshot()
    wait_until("it is left", lambda: idle(system) and one.get().snapshot_status == types.SnapshotStatus.OK)
    show()
    wait_until("it is shown again", lambda: idle(system) and one.get().snapshot_status == types.SnapshotStatus.IN_PREVIEW)
    service.commit_snapshot()
    wait_until("it is kept", lambda: idle(system) and one.get().snapshot_status == types.SnapshotStatus.OK)
    clone = system.vms_service().add(
        types.Vm(name="sdk-clone", cluster=types.Cluster(name="Default"), snapshots=[types.Snapshot(id=first.id)])
    )
    copied = system.vms_service().vm_service(clone.id)
    wait(copied, types.VmStatus.DOWN)
    wait_until("nothing is at work", lambda: idle(system))
    assert len(copied.disk_attachments_service().list()) == 1
    copied.remove()
    gone(copied)
    one.remove()
    gone(one)


def idle(system):
    return not any(job.status == types.JobStatus.STARTED for job in system.jobs_service().list())


def wait_until(what, so, seconds=60):
    end = time.time() + seconds
    while not so():
        assert time.time() < end, f"never: {what}"
        time.sleep(0.2)


def pool(system):
    """Made, enlarged, detached from, removed."""
    pools = system.vm_pools_service()
    made = pools.add(
        types.VmPool(
            name="lab-??",
            cluster=types.Cluster(name="Default"),
            template=types.Template(name="demo-linux"),
            size=2,
            max_user_vms=2,
            type=types.VmPoolType.AUTOMATIC,
            description="Made by oVirt's SDK",
        )
    )
    assert (made.name, made.size, made.stateful) == ("lab", 2, False), made
    service = pools.pool_service(made.id)
    vms = system.vms_service()
    members(system, ["lab-01", "lab-02"])
    changed = service.update(types.VmPool(size=3, comment="larger"))
    assert (changed.size, changed.comment) == (3, "larger")
    members(system, ["lab-01", "lab-02", "lab-03"])
    refused(lambda: service.update(types.VmPool(type=types.VmPoolType.MANUAL)), 400, "type")
    refused(lambda: service.update(types.VmPool(size=1)), 400, "surplus")
    vm = vms.vm_service(vms.list(search="name=lab-03")[0].id)
    refused(vm.remove, 409, "detach it from the pool first")
    vm.detach()
    members(system, ["lab-01", "lab-02"])
    assert vm.get().vm_pool is None and service.get().size == 2
    vm.remove()
    gone(vm)
    service.remove()
    gone(service)
    assert not vms.list(search="name=lab-*")


def places(system):
    centers, clusters = system.data_centers_service(), system.clusters_service()
    center = centers.add(types.DataCenter(name="by-sdk", description="one more", local=False))
    assert center.status == types.DataCenterStatus.UNINITIALIZED and center.version.major == 4
    service = centers.data_center_service(center.id)
    assert [one.name for one in service.networks_service().list()] == ["ovirtmgmt"]
    cluster = clusters.add(
        types.Cluster(
            name="by-sdk",
            data_center=types.DataCenter(name="by-sdk"),
            cpu=types.Cpu(type="Intel Conroe Family", architecture=types.Architecture.X86_64),
            memory_policy=types.MemoryPolicy(over_commit=types.MemoryOverCommit(percent=150)),
            ksm=types.Ksm(enabled=True),
            error_handling=types.ErrorHandling(on_error=types.MigrateOnError.MIGRATE_HIGHLY_AVAILABLE),
            migration=types.MigrationOptions(
                policy=types.MigrationPolicy(id="80554327-0569-496b-bdeb-fcbbf52b827c"),
                bandwidth=types.MigrationBandwidth(
                    assignment_method=types.MigrationBandwidthAssignmentMethod.CUSTOM, custom_value=1000
                ),
            ),
            scheduling_policy=types.SchedulingPolicy(name="evenly_distributed"),
            custom_scheduling_policy_properties=[types.Property(name="HighUtilization", value="70")],
            fencing_policy=types.FencingPolicy(
                enabled=True,
                skip_if_sd_active=types.SkipIfSdActive(enabled=True),
                skip_if_connectivity_broken=types.SkipIfConnectivityBroken(enabled=True, threshold=75),
            ),
        )
    )
    service = clusters.cluster_service(cluster.id)
    cluster = service.get()
    assert cluster.cpu.type == "Conroe" and cluster.memory_policy.over_commit.percent == 150 and cluster.ksm.enabled
    assert cluster.error_handling.on_error == types.MigrateOnError.MIGRATE_HIGHLY_AVAILABLE
    assert cluster.migration.bandwidth.custom_value == 1000
    assert cluster.fencing_policy.skip_if_connectivity_broken.threshold == 75
    assert [(one.name, one.value) for one in cluster.custom_scheduling_policy_properties] == [("HighUtilization", "70")]
    cluster = service.update(types.Cluster(comment="changed", ballooning_enabled=False, threads_as_cores=True))
    assert cluster.comment == "changed" and not cluster.ballooning_enabled and cluster.ksm.enabled
    refused(lambda: clusters.add(types.Cluster(name="by-sdk", data_center=center)), 409, "in use already")
    refused(lambda: service.update(types.Cluster(cpu=types.Cpu(type="Abacus"))), 400, "cpu.type")
    refused(centers.data_center_service(center.id).remove, 409, "by-sdk")
    service.remove()
    gone(service)
    service = centers.data_center_service(center.id)
    assert service.update(types.DataCenter(name="renamed", quota_mode=types.QuotaModeType.AUDIT)).name == "renamed"
    service.remove()
    gone(service)
    default = clusters.list(search="name=Default")[0]
    refused(clusters.cluster_service(default.id).remove, 409, "hosts are in it")


def members(system, names, seconds=60):
    """Until no task holds them any more: only then they are changed again."""
    end = time.time() + seconds
    vms, jobs = system.vms_service(), system.jobs_service()
    there = lambda: [vm.name for vm in vms.list(search="pool=lab sortby name")]
    while there() != names or any(job.status == types.JobStatus.STARTED for job in jobs.list()):
        assert time.time() < end, f"never {names}, but {there()}"
        time.sleep(0.2)


def refused(call, code, words):
    try:
        call()
    except sdk.Error as error:
        assert error.code == code and words in str(error), error
        return
    raise AssertionError(f"not refused with {words}")


def user():
    connection = connect("alice@internal", alice_password, headers={"Filter": "true"})
    system = connection.system_service()
    pools = system.vm_pools_service()
    pool = pools.list()[0]
    assert pool.name == "desktops"
    pools.pool_service(pool.id).allocate_vm()
    vm = system.vms_service().list()[0]
    service = system.vms_service().vm_service(vm.id)
    wait(service, types.VmStatus.UP)
    service.shutdown()
    gone(service)
    connection.close()


def stranger():
    try:
        connect("alice@internal", "wrong").test(raise_exception=True)
        raise AssertionError("a wrong password was taken")
    except sdk.AuthError:
        pass


administrator()
user()
stranger()
print("the SDK is content")
