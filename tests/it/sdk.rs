//! oVirt's own Python SDK, from PyPI, against the running program.

use crate::server::{Server, Start};
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn ovirts_own_sdk_is_content() {
    let python = std::env::var("VIREO_TEST_PYTHON").expect("VIREO_TEST_PYTHON is set by make test");
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let out = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/flow.py"))
        .arg(format!("https://localhost:{}/ovirt-engine/api", server.port))
        .arg(server.data.join("pki/ca.pem"))
        .args([server.password("admin"), server.password("alice")])
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && text.contains("content"), "{text}");
}
