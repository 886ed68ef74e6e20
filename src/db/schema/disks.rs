//! Tables of disks, their layers, and snapshots.

diesel::table! {
    disk (id) {
        id -> Text,
        storage_domain_id -> Text,
        alias -> Text,
        description -> Text,
        content -> Text,
        format -> Text,
        sparse -> Bool,
        virtual_bytes -> BigInt,
        actual_bytes -> BigInt,
        status -> Text,
        created -> Timestamp,
    }
}

diesel::table! {
    image (id) {
        id -> Text,
        disk_id -> Text,
        parent_id -> Nullable<Text>,
        is_active -> Bool,
        is_stateless -> Bool,
        format -> Text,
        created -> Timestamp,
        made -> Bool,
        memory_id -> Nullable<Text>,
    }
}

diesel::table! {
    vm_disk (disk_id) {
        disk_id -> Text,
        vm_id -> Text,
        position -> Integer,
        interface -> Text,
        bootable -> Bool,
        read_only -> Bool,
        active -> Bool,
    }
}

diesel::table! {
    template_disk (disk_id) {
        disk_id -> Text,
        template_id -> Text,
        position -> Integer,
        interface -> Text,
        bootable -> Bool,
    }
}

diesel::table! {
    snapshot (id) {
        id -> Text,
        vm_id -> Text,
        description -> Text,
        kind -> Text,
        previewed -> Bool,
        broken -> Bool,
        config -> Text,
        memory_disk_id -> Nullable<Text>,
        restore_memory -> Bool,
        created -> Timestamp,
    }
}

diesel::table! {
    snapshot_image (snapshot_id, disk_id) {
        snapshot_id -> Text,
        disk_id -> Text,
        image_id -> Text,
        actual_bytes -> BigInt,
    }
}
