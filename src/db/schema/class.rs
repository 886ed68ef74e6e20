//! What teachers give to their classes.

diesel::table! {
    class_gift (id) {
        id -> Text,
        vm_pool_id -> Text,
        user_id -> Nullable<Text>,
        kind -> Text,
        content -> Text,
        bytes -> BigInt,
        sender -> Text,
        created -> Timestamp,
        expires -> Timestamp,
    }
}

diesel::table! {
    class_gift_seen (gift_id, user_id) {
        gift_id -> Text,
        user_id -> Text,
    }
}

diesel::table! {
    class_delivery (gift_id, vm_id) {
        gift_id -> Text,
        vm_id -> Text,
        done -> Bool,
        detail -> Text,
        tries -> Integer,
    }
}
