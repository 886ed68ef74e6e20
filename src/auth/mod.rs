//! Who may: sign-in, sessions, permissions.
