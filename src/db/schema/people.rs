//! Tables of people: users, groups, roles, permissions, sessions, second factors.

diesel::table! {
    users (id) {
        id -> Text,
        user_name -> Text,
        domain -> Text,
        first_name -> Text,
        last_name -> Text,
        email -> Text,
        password_hash -> Nullable<Text>,
        failures -> Integer,
        locked_until -> Nullable<Timestamp>,
        last_sign_in -> Nullable<Timestamp>,
        created -> Timestamp,
        department -> Text,
        title -> Text,
        description -> Text,
        disabled -> Bool,
        valid_from -> Nullable<Timestamp>,
        valid_to -> Nullable<Timestamp>,
        login_hours -> Text,
        password_valid_to -> Nullable<Timestamp>,
        must_change_password -> Bool,
        locked_at -> Nullable<Timestamp>,
        last_failure -> Nullable<Timestamp>,
        last_failure_ip -> Text,
        external_id -> Nullable<Text>,
        active -> Bool,
    }
}

diesel::table! {
    password_history (user_id, replaced) {
        user_id -> Text,
        replaced -> Timestamp,
        password_hash -> Text,
    }
}

diesel::table! {
    group_member (group_id, member_id) {
        group_id -> Text,
        member_id -> Text,
    }
}

diesel::table! {
    user_group (id) {
        id -> Text,
        name -> Text,
        domain -> Text,
        description -> Text,
        external_id -> Nullable<Text>,
        active -> Bool,
    }
}

diesel::table! {
    role (id) {
        id -> Text,
        name -> Text,
        description -> Text,
        is_admin -> Bool,
        views_children -> Bool,
        mutable -> Bool,
        generation -> BigInt,
    }
}

diesel::table! {
    role_permit (role_id, action) {
        role_id -> Text,
        action -> Text,
    }
}

diesel::table! {
    permission (id) {
        id -> Text,
        role_id -> Text,
        principal_id -> Text,
        object_id -> Text,
        object_kind -> Text,
        created -> Timestamp,
    }
}

diesel::table! {
    object_ancestor (object_id, ancestor_id) {
        object_id -> Text,
        ancestor_id -> Text,
    }
}

diesel::table! {
    session (id) {
        id -> Text,
        secret_hash -> Text,
        user_id -> Text,
        kind -> Text,
        source_ip -> Text,
        created -> Timestamp,
        last_active -> Timestamp,
        method -> Text,
    }
}

diesel::table! {
    pending_sign_in (secret_hash) {
        secret_hash -> Text,
        user_id -> Text,
        expires -> Timestamp,
    }
}

diesel::table! {
    totp (user_id) {
        user_id -> Text,
        sealed_secret -> Text,
        confirmed -> Bool,
        last_step -> BigInt,
        created -> Timestamp,
    }
}

diesel::table! {
    recovery_code (user_id, code_hash) {
        user_id -> Text,
        code_hash -> Text,
    }
}

diesel::table! {
    passkey (id) {
        id -> Text,
        user_id -> Text,
        name -> Text,
        credential_id -> Text,
        static_state -> Text,
        dynamic_state -> Text,
        created -> Timestamp,
        last_used -> Nullable<Timestamp>,
    }
}

diesel::table! {
    console_ticket (secret_hash) {
        secret_hash -> Text,
        session_id -> Text,
        vm_id -> Text,
        expires -> Timestamp,
        console_id -> Text,
        kind -> Text,
        take_over -> Bool,
        entry -> Text,
    }
}

diesel::table! {
    domain (id) {
        id -> Text,
        name -> Text,
        provider -> Text,
        servers -> Text,
        transport -> Text,
        ca_pem -> Nullable<Text>,
        bind_name -> Nullable<Text>,
        bind_password -> Nullable<Text>,
        base_dn -> Nullable<Text>,
        dns -> Nullable<Text>,
        generation -> BigInt,
        created -> Timestamp,
    }
}

diesel::table! {
    user_preference (user_id) {
        user_id -> Text,
        console -> Text,
        protocol -> Text,
        full_screen -> Bool,
        auto_connect -> Bool,
    }
}
