//! The certified npm `oidc-provider`, started for a test on a port of its own.

use crate::server::{Server, fresh_dir};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use vireo::hosts::Pki;

/// A certificate authority of the test's, with a certificate for `localhost`.
pub struct Authority {
    pub dir: PathBuf,
    pub ca_pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let dir = fresh_dir();
        let pki = Pki::open_or_create(&dir.join("pki"), &["localhost".to_owned()]).unwrap();
        pki.issue_host(&dir.join("server"), "provider", &["localhost".to_owned()]).unwrap();
        Self { ca_pem: pki.ca_pem().unwrap(), dir }
    }

    pub fn certificate(&self) -> PathBuf {
        self.dir.join("server/host.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.dir.join("server/host-key.pem")
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A provider at work; it ends with the test.
pub struct Idp {
    pub name: String,
    pub issuer: String,
    pub authority: Authority,
    port: u16,
    engine: String,
    child: Child,
}

impl Idp {
    /// A provider for the engine's provider of this name.
    pub fn start(server: &Server, name: &str) -> Self {
        let authority = Authority::new();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = spawn(&authority, port, &server.url, name);
        let issuer = format!("https://localhost:{port}");
        Self { name: name.to_owned(), issuer, authority, port, engine: server.url.clone(), child }
    }

    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The same provider with other keys and nobody signed in.
    pub fn restart(&mut self) {
        self.stop();
        self.child = spawn(&self.authority, self.port, &self.engine, &self.name);
    }

    /// The fields that set it up in the engine.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let text = |text: &str| text.to_owned();
        vec![
            ("name", self.name.clone()),
            ("label", format!("The {}", self.name)),
            ("issuer", self.issuer.clone()),
            ("client_id", text("vireo")),
            ("client_secret", text("vireo-secret")),
            ("scopes", text("profile email groups")),
            ("user_name_claim", text("preferred_username")),
            ("first_name_claim", text("given_name")),
            ("last_name_claim", text("family_name")),
            ("email_claim", text("email")),
            ("groups_claim", text("groups")),
            ("ca_pem", self.authority.ca_pem.clone()),
            ("api_audience", text("urn:vireo:api")),
            ("sign_out", text("1")),
            ("enabled", text("1")),
        ]
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it; Node sometimes hangs on a busy machine before it runs anything, and then is started again.
fn spawn(authority: &Authority, port: u16, engine: &str, name: &str) -> Child {
    for _ in 0..4 {
        let (mut child, ready) = try_spawn(authority, port, engine, name);
        if ready.recv_timeout(std::time::Duration::from_secs(20)).is_ok() {
            return child;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    panic!("the provider does not start");
}

fn try_spawn(authority: &Authority, port: u16, engine: &str, name: &str) -> (Child, std::sync::mpsc::Receiver<()>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oidc/idp.mjs");
    assert!(script.exists(), "make test installs the provider");
    let mut command = Command::new("node");
    command.arg(script).arg(port.to_string()).args([authority.certificate(), authority.key()]).args([engine, name]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let (sender, ready) = std::sync::mpsc::channel();
    // Somebody reads to the end: a full pipe would stop it.
    std::thread::spawn(move || {
        for line in lines {
            if line.starts_with("ready") {
                let _ = sender.send(());
            }
        }
    });
    (child, ready)
}
