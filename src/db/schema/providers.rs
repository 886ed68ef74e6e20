//! Tables of OpenID providers and of Kerberos.

diesel::table! {
    openid_provider (id) {
        id -> Text,
        name -> Text,
        label -> Text,
        issuer -> Text,
        client_id -> Text,
        client_secret -> Text,
        scopes -> Text,
        user_name_claim -> Text,
        first_name_claim -> Text,
        last_name_claim -> Text,
        email_claim -> Text,
        groups_claim -> Text,
        ca_pem -> Text,
        api_audience -> Text,
        sign_out -> Bool,
        enabled -> Bool,
        generation -> BigInt,
    }
}

diesel::table! {
    openid_flow (state_hash) {
        state_hash -> Text,
        browser_hash -> Text,
        provider_id -> Text,
        nonce -> Text,
        verifier -> Text,
        redirect_uri -> Text,
        then_path -> Text,
        source_ip -> Text,
        expires -> Timestamp,
    }
}

diesel::table! {
    openid_session (session_id) {
        session_id -> Text,
        provider_id -> Text,
        id_token -> Text,
    }
}

diesel::table! {
    kerberos (domain_id) {
        domain_id -> Text,
        keytab -> Text,
        generation -> BigInt,
    }
}
