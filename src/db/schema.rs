//! The tables as diesel sees them; written to match `migrations/`.

mod class;
mod disks;
mod hosts;
mod icons;
mod people;
mod pools;
mod providers;
mod quotas;
mod scheduling;
mod tags;

pub use class::*;
pub use disks::*;
pub use hosts::*;
pub use icons::*;
pub use people::*;
pub use pools::*;
pub use providers::*;
pub use quotas::*;
pub use scheduling::*;
pub use tags::*;

diesel::table! {
    setting (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    counter (name) {
        name -> Text,
        value -> BigInt,
    }
}

diesel::table! {
    mac_pool (id) {
        id -> Text,
        name -> Text,
        description -> Text,
        is_default -> Bool,
    }
}

diesel::table! {
    mac_range (mac_pool_id, from_mac) {
        mac_pool_id -> Text,
        from_mac -> Text,
        to_mac -> Text,
    }
}

diesel::table! {
    data_center (id) {
        id -> Text,
        name -> Text,
        description -> Text,
        comment -> Text,
        is_local -> Bool,
        compatibility -> Text,
        quota_mode -> Text,
    }
}

diesel::table! {
    cluster (id) {
        id -> Text,
        data_center_id -> Text,
        mac_pool_id -> Text,
        name -> Text,
        description -> Text,
        comment -> Text,
        compatibility -> Text,
        settings -> Text,
    }
}

diesel::table! {
    host (id) {
        id -> Text,
        cluster_id -> Text,
        name -> Text,
        comment -> Text,
        address -> Text,
        port -> Integer,
        status -> Text,
        status_reason -> Text,
        facts -> Text,
        last_seen -> Nullable<Timestamp>,
        generation -> BigInt,
        fingerprint -> Text,
        certificate_ends -> Nullable<Timestamp>,
        spm_priority -> Integer,
    }
}

diesel::table! {
    storage_domain (id) {
        id -> Text,
        data_center_id -> Nullable<Text>,
        host_id -> Nullable<Text>,
        name -> Text,
        description -> Text,
        comment -> Text,
        kind -> Text,
        storage_type -> Text,
        status -> Text,
        is_master -> Bool,
        path -> Text,
        total_bytes -> BigInt,
        available_bytes -> BigInt,
        generation -> BigInt,
    }
}

diesel::table! {
    network (id) {
        id -> Text,
        data_center_id -> Text,
        name -> Text,
        description -> Text,
        comment -> Text,
        vlan_id -> Nullable<Integer>,
        mtu -> Integer,
        vm_network -> Bool,
    }
}

diesel::table! {
    vnic_profile (id) {
        id -> Text,
        network_id -> Text,
        name -> Text,
        description -> Text,
    }
}

diesel::table! {
    instance_type (id) {
        id -> Text,
        name -> Text,
        description -> Text,
        memory_mib -> BigInt,
        max_memory_mib -> BigInt,
        sockets -> Integer,
        cores -> Integer,
        threads -> Integer,
        settings -> Text,
    }
}

diesel::table! {
    template (id) {
        id -> Text,
        cluster_id -> Nullable<Text>,
        name -> Text,
        description -> Text,
        comment -> Text,
        os -> Text,
        kind -> Text,
        memory_mib -> BigInt,
        max_memory_mib -> BigInt,
        guaranteed_memory_mib -> BigInt,
        sockets -> Integer,
        cores -> Integer,
        threads -> Integer,
        display -> Text,
        boot -> Text,
        status -> Text,
        created -> Timestamp,
        base_template_id -> Nullable<Text>,
        version_number -> Integer,
        version_name -> Text,
        sealed -> Bool,
        settings -> Text,
    }
}

diesel::table! {
    seal_log (template_id) {
        template_id -> Text,
        job_id -> Text,
        log -> Text,
    }
}

diesel::table! {
    first_run (object_id) {
        object_id -> Text,
        settings -> Text,
        password -> Text,
        secrets -> Text,
        revision -> Integer,
    }
}

diesel::table! {
    first_run_done (vm_id) {
        vm_id -> Text,
        revision -> Integer,
    }
}

diesel::table! {
    run_once (vm_id) {
        vm_id -> Text,
        settings -> Text,
        stateless -> Bool,
    }
}

diesel::table! {
    vm_pool (id) {
        id -> Text,
        cluster_id -> Text,
        template_id -> Text,
        name -> Text,
        description -> Text,
        comment -> Text,
        name_mask -> Text,
        kind -> Text,
        stateful -> Bool,
        size -> Integer,
        prestarted -> Integer,
        max_user_vms -> Integer,
        prestart_failures -> Integer,
        prestart_wait -> Nullable<Timestamp>,
        prestart_reason -> Text,
        instant_start -> Bool,
        use_latest -> Bool,
        locked_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    vm (id) {
        id -> Text,
        cluster_id -> Text,
        template_id -> Text,
        instance_type_id -> Nullable<Text>,
        vm_pool_id -> Nullable<Text>,
        name -> Text,
        description -> Text,
        comment -> Text,
        os -> Text,
        kind -> Text,
        memory_mib -> BigInt,
        max_memory_mib -> BigInt,
        guaranteed_memory_mib -> BigInt,
        sockets -> Integer,
        cores -> Integer,
        threads -> Integer,
        display -> Text,
        boot -> Text,
        stateless -> Bool,
        delete_protected -> Bool,
        cd_disk_id -> Nullable<Text>,
        created -> Timestamp,
        allow_override -> Bool,
        use_latest -> Bool,
        settings -> Text,
    }
}

diesel::table! {
    vm_run (vm_id) {
        vm_id -> Text,
        intent -> Text,
        observed -> Text,
        agent_connected -> Bool,
        status -> Text,
        status_reason -> Text,
        host_id -> Nullable<Text>,
        addresses -> Text,
        fqdn -> Text,
        guest_os -> Text,
        started -> Nullable<Timestamp>,
        stopped -> Nullable<Timestamp>,
        generation -> BigInt,
        launched -> Text,
        waits -> Bool,
        migrating_to -> Nullable<Text>,
    }
}

diesel::table! {
    pool_assignment (vm_id) {
        vm_id -> Text,
        vm_pool_id -> Text,
        user_id -> Text,
        permission_id -> Nullable<Text>,
        taken -> Timestamp,
        ends -> Bool,
        locked_until -> Nullable<Timestamp>,
        hand -> Nullable<Timestamp>,
    }
}

diesel::table! {
    nic (id) {
        id -> Text,
        vm_id -> Text,
        name -> Text,
        mac -> Text,
        vnic_profile_id -> Nullable<Text>,
        model -> Text,
        linked -> Bool,
        position -> Integer,
        plugged -> Bool,
    }
}

diesel::table! {
    event (id) {
        id -> BigInt,
        code -> Text,
        severity -> Text,
        message -> Text,
        detail -> Text,
        time -> Timestamp,
        user_id -> Nullable<Text>,
        user_name -> Nullable<Text>,
        vm_id -> Nullable<Text>,
        vm_name -> Nullable<Text>,
        host_id -> Nullable<Text>,
        host_name -> Nullable<Text>,
        template_id -> Nullable<Text>,
        template_name -> Nullable<Text>,
        vm_pool_id -> Nullable<Text>,
        vm_pool_name -> Nullable<Text>,
        cluster_id -> Nullable<Text>,
        cluster_name -> Nullable<Text>,
        storage_domain_id -> Nullable<Text>,
        storage_domain_name -> Nullable<Text>,
        job_id -> Nullable<Text>,
        correlation_id -> Text,
    }
}

diesel::table! {
    job (id) {
        id -> Text,
        kind -> Text,
        version -> Integer,
        args -> Text,
        subject -> Text,
        status -> Text,
        owner_id -> Nullable<Text>,
        error -> Text,
        correlation_id -> Text,
        started -> Timestamp,
        ended -> Nullable<Timestamp>,
        engine_id -> Text,
        lease_until -> Timestamp,
        undoing -> Bool,
    }
}

diesel::table! {
    job_step (job_id, number) {
        job_id -> Text,
        number -> Integer,
        name -> Text,
        status -> Text,
        progress -> Nullable<Integer>,
    }
}

diesel::table! {
    job_lock (object_id) {
        object_id -> Text,
        job_id -> Text,
    }
}

diesel::joinable!(mac_range -> mac_pool (mac_pool_id));
diesel::joinable!(cluster -> data_center (data_center_id));
diesel::joinable!(cluster -> mac_pool (mac_pool_id));
diesel::joinable!(host -> cluster (cluster_id));
diesel::joinable!(storage_domain -> data_center (data_center_id));
diesel::joinable!(quota -> data_center (data_center_id));
diesel::joinable!(storage_domain -> host (host_id));
diesel::joinable!(network -> data_center (data_center_id));
diesel::joinable!(vnic_profile -> network (network_id));
diesel::joinable!(template -> cluster (cluster_id));
diesel::joinable!(vm_pool -> cluster (cluster_id));
diesel::joinable!(vm_pool -> template (template_id));
diesel::joinable!(vm -> cluster (cluster_id));
diesel::joinable!(vm -> template (template_id));
diesel::joinable!(vm -> instance_type (instance_type_id));
diesel::joinable!(vm -> vm_pool (vm_pool_id));
diesel::joinable!(vm_run -> vm (vm_id));
diesel::joinable!(vm_run -> host (host_id));
diesel::joinable!(pool_assignment -> vm (vm_id));
diesel::joinable!(pool_assignment -> vm_pool (vm_pool_id));
diesel::joinable!(disk -> storage_domain (storage_domain_id));
diesel::joinable!(image -> disk (disk_id));
diesel::joinable!(vm_disk -> disk (disk_id));
diesel::joinable!(vm_disk -> vm (vm_id));
diesel::joinable!(template_disk -> disk (disk_id));
diesel::joinable!(template_disk -> template (template_id));
diesel::joinable!(nic -> vm (vm_id));
diesel::joinable!(nic -> vnic_profile (vnic_profile_id));
diesel::joinable!(role_permit -> role (role_id));
diesel::joinable!(permission -> role (role_id));
diesel::joinable!(session -> users (user_id));
diesel::joinable!(password_history -> users (user_id));
diesel::joinable!(group_member -> user_group (group_id));
diesel::joinable!(console_ticket -> session (session_id));
diesel::joinable!(console_ticket -> vm (vm_id));
diesel::joinable!(snapshot_image -> snapshot (snapshot_id));
diesel::joinable!(snapshot_image -> disk (disk_id));
diesel::joinable!(snapshot_image -> image (image_id));
diesel::joinable!(pool_memory -> storage_domain (storage_domain_id));
diesel::joinable!(pool_memory_layer -> pool_memory (memory_id));
diesel::joinable!(job_step -> job (job_id));
diesel::joinable!(job_lock -> job (job_id));

diesel::allow_tables_to_appear_in_same_query! {
    quota, quota_cluster_limit, quota_storage_limit, quota_choice, pool_reservation, pool_memory, pool_memory_layer, class_gift, class_gift_seen, class_delivery,
    snapshot, snapshot_image, setting, counter, mac_pool, mac_range, data_center, cluster, host, host_invitation, ha_restart, fence_agent, fence_wait, host_kdump, vm_lease, vm_io_pause, cluster_rest, cluster_rest_vm, storage_domain,
    domain, network, vnic_profile, instance_type, template, seal_log, run_once, first_run, first_run_done,
    vm_pool, vm, vm_run, pool_assignment, disk, image, vm_disk, template_disk, nic, users, user_group,
    group_member, password_history, role, role_permit, permission, object_ancestor, session, console_ticket,
    data_center_spm, host_rest, host_upgrade, cluster_upgrade, affinity_group, affinity_group_vm, affinity_group_host, affinity_label, affinity_label_vm, affinity_label_host, vm_placement, scheduling_policy, tag, tag_use, tag_above,
    event, job, job_step, job_lock, openid_provider, openid_flow, openid_session, kerberos, icon,
}
