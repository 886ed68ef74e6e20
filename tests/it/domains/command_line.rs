//! `vireo domains` beside a running engine.

use super::{offered, vireo_domains};
use crate::directories::slapd::{PASSWORD, SEARCHER, SEARCHER_PASSWORD, Slapd};
use crate::server::{Server, Start, fresh_postgres};
use std::fs;
use vireo::model::domain::Transport;

async fn verbs(database: Option<&str>) {
    let server = Server::start(&Start { database, ..Start::default() });
    let slapd = Slapd::start();
    let domains = |arguments: &[&str]| vireo_domains(&server, database, arguments);
    let file = |name: &str, text: &str| {
        let path = server.data.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (password, wrong) = (file("bind", &format!("{SEARCHER_PASSWORD}\n")), file("wrong", "guess\n"));
    let (ca, other_ca) = (file("ca.pem", &slapd.ca_pem), server.data.join("pki/ca.pem").display().to_string());
    let here = slapd.server(Transport::Ldaps).to_string();
    let add = |more: &[&str]| {
        let given = ["add", "--domain=example.com", "--provider=openldap", "--user", SEARCHER];
        domains(&[&given, more].concat())
    };
    let good = ["--ldap-servers", here.as_str(), "--ca-file", &ca, "--password-file", &password];

    // Each failure with its own code, and the step it happened at.
    for (more, code, said) in [
        (vec!["--ldap-servers", "localhost:1", "--ca-file", &ca, "--password-file", &password], 8, "FAILED Connect"),
        (vec!["--ldap-servers", &here, "--ca-file", &other_ca, "--password-file", &password], 8, "not trusted"),
        (vec!["--ldap-servers", &here, "--ca-file", &ca, "--password-file", &wrong], 8, "FAILED Sign in for searches"),
        (vec!["--dns=127.0.0.1", "--ca-file", &ca, "--password-file", &password], 23, "FAILED Find servers"),
        (vec!["--ldap-servers", &here, "--password-file", "/nowhere"], 18, "/nowhere"),
        (vec!["--ldap-servers", "a:b", "--password-file", &password], 3, "servers"),
    ] {
        let (got, printed, complaint) = add(&more);
        assert!(got == code && format!("{printed}{complaint}").contains(said), "{more:?}: {got} {printed} {complaint}");
    }
    assert_eq!(domains(&["list"]).1, "");
    let (code, printed, complaint) = add(&good);
    assert_eq!(code, 0, "{printed} {complaint}");
    assert!(
        printed.contains("ok     Sign in for searches") && printed.contains("Added domain example.com"),
        "{printed}"
    );
    assert!(!format!("{printed}{complaint}").contains(SEARCHER_PASSWORD));
    assert_eq!(add(&good).0, 5);
    offered(&server, "example.com", true).await;

    let secret = file("alice", PASSWORD);
    let listed = domains(&["list"]).1;
    assert!(listed.contains("Domain: example.com\n\tProvider: OpenLDAP") && listed.contains(SEARCHER), "{listed}");
    let tried = domains(&["validate", "--domain=example.com", "--test-user=alice", "--test-password-file", &secret]);
    assert!(tried.0 == 0 && tried.1.contains("developers, staff, vdi") && tried.1.contains("is valid"), "{tried:?}");
    let tried = domains(&["validate", "--test-user=alice", "--test-password-file", &wrong]);
    assert!(tried.0 == 8 && tried.1.contains("FAILED Sign in as the user"), "{tried:?}");
    let tried = domains(&["validate", "--report", "--test-user=nobody"]);
    assert!(tried.0 == 8 && tried.1.contains("FAILED Find a user"), "{tried:?}");
    assert_eq!(domains(&["validate", "--domain=example.org"]).0, 6);

    // What is not named stays; a password that is kept goes to no other server.
    assert_eq!(domains(&["edit", "--domain=example.com", "--base-dn=dc=example,dc=com"]).0, 0);
    assert_eq!(domains(&["edit", "--domain=example.com", "--base-dn=dc=example,dc=org"]).0, 8);
    let plain = slapd.server(Transport::Plain).to_string();
    let moved = ["edit", "--domain=example.com", "--ldap-servers", &plain, "--transport=plain"];
    let (code, _, warned) = domains(&[&moved[..], &["--password-file", &password]].concat());
    assert!(code == 0 && warned.contains("in clear"), "{warned}");
    assert!(domains(&["list"]).1.contains("Transport: plain"));
    assert_eq!(domains(&["edit", "--domain=example.com", "--provider=novell"]).0, 3);
    assert_eq!(domains(&["edit", "--domain=example.org", "--provider=IPA"]).0, 6);

    assert!(domains(&["delete", "--domain=example.com"]).1.contains("Nothing was removed"));
    assert_eq!(domains(&["delete", "--domain=example.com", "--force"]).0, 0);
    assert_eq!(domains(&["delete", "--domain=example.com", "--force"]).0, 6);
    offered(&server, "example.com", false).await;
    assert!(!server.admin().messages().await.iter().any(|m| m.contains(SEARCHER_PASSWORD) || m.contains(PASSWORD)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_on_sqlite() {
    verbs(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_on_postgresql() {
    verbs(Some(&fresh_postgres())).await;
}
