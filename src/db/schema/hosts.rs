//! Tables of hosts, besides the hosts themselves.

diesel::table! {
    host_invitation (host_id) {
        host_id -> Text,
        secret_hash -> Text,
        expires -> Timestamp,
        fingerprint -> Text,
    }
}

diesel::table! {
    ha_restart (vm_id) {
        vm_id -> Text,
        since -> Timestamp,
        tries -> Integer,
        next_try -> Timestamp,
    }
}

diesel::table! {
    host_ssh (host_id) {
        host_id -> Text,
        port -> Integer,
        user_name -> Text,
        fingerprint -> Text,
    }
}

diesel::table! {
    fence_agent (id) {
        id -> Text,
        host_id -> Text,
        place -> Integer,
        kind -> Text,
        address -> Text,
        user_name -> Text,
        password -> Text,
        options -> Text,
    }
}

diesel::table! {
    data_center_spm (data_center_id) {
        data_center_id -> Text,
        host_id -> Text,
    }
}

diesel::table! {
    fence_wait (host_id) {
        host_id -> Text,
        next_try -> Timestamp,
    }
}

diesel::table! {
    vm_lease (vm_id) {
        vm_id -> Text,
        host_id -> Text,
        held -> Bool,
    }
}

diesel::table! {
    vm_io_pause (vm_id) {
        vm_id -> Text,
        since -> Timestamp,
    }
}

diesel::table! {
    cluster_rest (cluster_id) {
        cluster_id -> Text,
        called_off -> Bool,
    }
}

diesel::table! {
    cluster_rest_vm (vm_id) {
        vm_id -> Text,
        cluster_id -> Text,
    }
}

diesel::table! {
    host_kdump (host_id) {
        host_id -> Text,
        heard -> Nullable<Timestamp>,
    }
}

diesel::table! {
    host_rest (host_id) {
        host_id -> Text,
    }
}

diesel::table! {
    host_upgrade (host_id) {
        host_id -> Text,
        checked -> Nullable<Timestamp>,
        refreshed -> Nullable<Timestamp>,
        found -> Text,
        told -> Text,
        job_id -> Nullable<Text>,
        log -> Text,
    }
}

diesel::table! {
    cluster_upgrade (cluster_id) {
        cluster_id -> Text,
        called_off -> Bool,
        course -> Text,
    }
}
