//! What this machine is called.

/// Its host name.
pub fn host_name() -> String {
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Every name and address a browser may know this engine by: they go into its certificate.
pub fn certificate_names() -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(ToOwned::to_owned).into();
    let own = host_name();
    // A host name with characters that no certificate takes is left out: localhost and the addresses remain.
    if own.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')) && !names.contains(&own) {
        names.push(own);
    }
    names
}
