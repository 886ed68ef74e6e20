//! Tables of quotas.

diesel::table! {
    quota (id) {
        id -> Text,
        data_center_id -> Text,
        name -> Text,
        description -> Text,
        is_default -> Bool,
        threshold_cluster -> Integer,
        grace_cluster -> Integer,
        threshold_storage -> Integer,
        grace_storage -> Integer,
        person_vcpus -> Nullable<BigInt>,
        person_memory_mib -> Nullable<BigInt>,
        person_storage_gib -> Nullable<BigInt>,
    }
}

diesel::table! {
    quota_cluster_limit (id) {
        id -> Text,
        quota_id -> Text,
        cluster_id -> Nullable<Text>,
        vcpus -> Nullable<BigInt>,
        memory_mib -> Nullable<BigInt>,
    }
}

diesel::table! {
    quota_storage_limit (id) {
        id -> Text,
        quota_id -> Text,
        storage_domain_id -> Nullable<Text>,
        gib -> Nullable<BigInt>,
    }
}

diesel::table! {
    quota_choice (object_id) {
        object_id -> Text,
        quota_id -> Text,
    }
}
