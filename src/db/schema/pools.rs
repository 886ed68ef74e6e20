//! Tables of pools, besides the pools themselves.

diesel::table! {
    pool_reservation (id) {
        id -> Text,
        vm_pool_id -> Text,
        principal_id -> Text,
        weekdays -> Integer,
        from_minute -> Integer,
        until_minute -> Integer,
        time_zone -> Text,
        lead_minutes -> Integer,
        prestarted -> Integer,
        shuts_down -> Bool,
    }
}

diesel::table! {
    pool_memory (id) {
        id -> Text,
        vm_pool_id -> Text,
        state -> Text,
        make -> Text,
        storage_domain_id -> Text,
        disk_id -> Text,
        bytes -> BigInt,
        reason -> Text,
        failures -> Integer,
        next_try -> Nullable<Timestamp>,
        changed -> Timestamp,
    }
}

diesel::table! {
    pool_memory_layer (memory_id, image_id) {
        memory_id -> Text,
        image_id -> Text,
        disk_id -> Text,
        below_image_id -> Text,
    }
}
