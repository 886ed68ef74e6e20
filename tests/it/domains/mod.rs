//! Directory domains as administrators make them, on a real slapd: at the command line beside a running engine, and by the wizard, each of
//! whose failures is walked into.

mod command_line;
mod people;
mod wizard;

use crate::directories::slapd::{SEARCHER, SEARCHER_PASSWORD, Slapd};
use crate::portal::Portal;
use crate::server::Server;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use vireo::model::domain::Transport;

/// Exit code, what it printed, what it complained of.
fn vireo_domains(server: &Server, database: Option<&str>, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vireo"));
    command.arg("domains").arg("--data").arg(&server.data);
    if let Some(url) = database {
        command.args(["--database", url]);
    }
    let out = command.args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (out.status.code().unwrap(), text(&out.stdout), text(&out.stderr))
}

/// The running engine offers these domains at its sign-in page.
async fn offered(server: &Server, domain: &str, there: bool) {
    let option = format!("<option value=\"{domain}\"");
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let (_, page) = Portal::nobody(server).get("/sign-in").await;
        if page.contains(&option) == there {
            return;
        }
        assert!(Instant::now() < end, "the engine does not notice: {page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn boss(server: &Server) -> Portal {
    Portal::sign_in(server, "admin@internal", &server.password("admin")).await
}

/// A domain on this slapd, by the command line.
fn kept(server: &Server, slapd: &Slapd) {
    let (secret, ca) = (server.data.join("bind"), server.data.join("directory-ca.pem"));
    fs::write(&secret, SEARCHER_PASSWORD).unwrap();
    fs::write(&ca, &slapd.ca_pem).unwrap();
    let here = slapd.server(Transport::Ldaps).to_string();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let done = vireo_domains(
        server,
        None,
        &[
            "add",
            "--domain=example.com",
            "--provider=OpenLDAP",
            "--user",
            SEARCHER,
            "--ldap-servers",
            &here,
            "--ca-file",
            &text(&ca),
            "--password-file",
            &text(&secret),
        ],
    );
    assert_eq!(done.0, 0, "{done:?}");
}
