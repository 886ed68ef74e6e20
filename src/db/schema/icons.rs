//! Pictures of VMs and templates.

diesel::table! {
    icon (object_id) {
        object_id -> Text,
        small_id -> Text,
        large_id -> Text,
        media_type -> Text,
        small -> Text,
        large -> Text,
    }
}
