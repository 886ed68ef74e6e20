//! Real directories: OpenLDAP, 389-ds, Samba's Active Directory, and servers that mean ill.

mod browser;
mod ds;
mod hostile;
mod samba;
mod sign_in;
pub mod slapd;
mod slapd_tests;

use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;
use vireo::directories::ldap::{Directory, Patience};
use vireo::model::clock::SystemClock;
use vireo::model::domain::DirectoryConfig;

/// Names in the certificates of the directories of tests.
const NAMES: &[&str] = &["localhost", "127.0.0.1", "127.0.10.1", "dc1.ad.example.test"];

/// A fresh certificate authority in `dir`, with `ca.pem`, `engine.pem` and `engine-key.pem`.
fn certificates(dir: &Path) -> String {
    let names: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
    let pki = vireo::hosts::pki::Pki::open_or_create(dir, &names).unwrap();
    pki.ca_pem().unwrap()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A directory that is not waited for for long.
fn hurried(config: DirectoryConfig) -> Directory {
    let patience =
        Patience { connect: Duration::from_secs(2), answer: Duration::from_secs(2), whole: Duration::from_secs(8) };
    Directory::with_patience(config, patience, Arc::new(SystemClock)).unwrap()
}

/// Runs a tool to its end; what it prints.
fn run(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{program} {arguments:?}: {text}{}", String::from_utf8_lossy(&out.stderr));
    text
}

/// Waits until something listens there.
fn wait_for_port(address: &str, child: &mut Child) {
    for _ in 0..1200 {
        if std::net::TcpStream::connect(address).is_ok() {
            return;
        }
        if let Some(status) = child.try_wait().unwrap() {
            panic!("{address}: the server has ended: {status}");
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("nothing listens on {address}");
}

fn signal(child: &Child, signal: nix::sys::signal::Signal) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, signal).unwrap();
}

/// Group names, in their order.
fn names(groups: &[vireo::model::directory::DirectoryGroup]) -> Vec<&str> {
    let mut names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    names.sort_unstable();
    names
}
