//! Tables of tags.

diesel::table! {
    tag (id) {
        id -> Text,
        parent_id -> Nullable<Text>,
        name -> Text,
        description -> Text,
    }
}

diesel::table! {
    tag_use (object_id, tag_id) {
        object_id -> Text,
        tag_id -> Text,
    }
}

diesel::table! {
    // A view.
    tag_above (tag_id, above_id) {
        tag_id -> Text,
        above_id -> Text,
    }
}
