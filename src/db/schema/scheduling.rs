//! Tables of scheduling.

diesel::table! {
    scheduling_policy (id) {
        id -> Text,
        name -> Text,
        description -> Text,
        units -> Text,
    }
}

diesel::table! {
    affinity_group (id) {
        id -> Text,
        cluster_id -> Text,
        name -> Text,
        description -> Text,
        vms_affinity -> Text,
        vms_enforcing -> Bool,
        hosts_affinity -> Text,
        hosts_enforcing -> Bool,
    }
}

diesel::table! {
    affinity_group_vm (group_id, vm_id) {
        group_id -> Text,
        vm_id -> Text,
    }
}

diesel::table! {
    affinity_group_host (group_id, host_id) {
        group_id -> Text,
        host_id -> Text,
    }
}

diesel::table! {
    affinity_label (id) {
        id -> Text,
        name -> Text,
    }
}

diesel::table! {
    affinity_label_vm (label_id, vm_id) {
        label_id -> Text,
        vm_id -> Text,
    }
}

diesel::table! {
    affinity_label_host (label_id, host_id) {
        label_id -> Text,
        host_id -> Text,
    }
}

diesel::table! {
    vm_placement (vm_id) {
        vm_id -> Text,
        decided -> Timestamp,
        decision -> Text,
    }
}
