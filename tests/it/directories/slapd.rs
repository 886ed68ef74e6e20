//! A slapd of one's own: started in a moment, ended with the test.

use super::{certificates, free_port, run, signal, wait_for_port};
use crate::server::fresh_dir;
use nix::sys::signal::Signal;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use vireo::model::domain::{DirectoryConfig, Provider, ServerAddress, Servers, Transport};

/// What everybody in it signs in with.
pub const PASSWORD: &str = "Passw0rd!";
/// Who may search it.
pub const SEARCHER: &str = "cn=searcher,dc=example,dc=com";
pub const SEARCHER_PASSWORD: &str = "Search3r!";
const CONF: &str = include_str!("../../directories/slapd.conf");
const LDIF: &str = include_str!("../../directories/slapd.ldif");

/// How it is to be.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// So many more people: u00000, u00001, …
    pub people: usize,
    /// Entries that an unpaged search may give.
    pub limit: usize,
    /// Whether one may search without a name.
    pub anonymous: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { people: 0, limit: 500, anonymous: false }
    }
}

/// A running slapd with alice, bob and others in dc=example,dc=com (tests/directories/slapd.ldif).
pub struct Slapd {
    pub dir: PathBuf,
    /// LDAP and StartTLS.
    pub port: u16,
    pub ldaps_port: u16,
    pub ca_pem: String,
    child: Option<Child>,
}

impl Slapd {
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Self {
        let dir = fresh_dir();
        fs::create_dir_all(dir.join("db")).unwrap();
        let ca_pem = certificates(&dir.join("tls"));
        let anonymous = if setup.anonymous { "by anonymous read" } else { "by anonymous none" };
        let conf = CONF
            .replace("@DIR@", dir.to_str().unwrap())
            .replace("@LIMIT@", &setup.limit.to_string())
            .replace("@ANONYMOUS@", anonymous);
        fs::write(dir.join("slapd.conf"), conf).unwrap();
        let mut ldif = LDIF.to_owned();
        for n in 0..setup.people {
            let _ = write!(
                ldif,
                "dn: uid=u{n:05},ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: u{n:05}\ncn: User {n}\n\
                 givenName: User\nsn: Number{n}\nmail: u{n:05}@example.com\nuserPassword: {PASSWORD}\n\n"
            );
        }
        let (seed, conf) = (dir.join("seed.ldif"), dir.join("slapd.conf"));
        fs::write(&seed, ldif).unwrap();
        run("/usr/sbin/slapadd", &["-q", "-f", conf.to_str().unwrap(), "-l", seed.to_str().unwrap()]);
        let mut slapd = Self { dir, port: free_port(), ldaps_port: free_port(), ca_pem, child: None };
        slapd.resume();
        slapd
    }

    /// Starts it (again) on its ports.
    pub fn resume(&mut self) {
        let urls = format!("ldap://127.0.0.1:{}/ ldaps://127.0.0.1:{}/", self.port, self.ldaps_port);
        let conf = self.dir.join("slapd.conf");
        let mut command = Command::new("/usr/sbin/slapd");
        command
            .args(["-f", conf.to_str().unwrap(), "-h", &urls, "-d", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        wait_for_port(&format!("127.0.0.1:{}", self.ldaps_port), &mut child);
        self.child = Some(child);
    }

    /// Ends it; its data stay.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A stopped process does not hear SIGTERM.
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    /// It takes connections but answers nothing until [`Slapd::thaw`].
    pub fn freeze(&self) {
        signal(self.child.as_ref().unwrap(), Signal::SIGSTOP);
    }

    pub fn thaw(&self) {
        signal(self.child.as_ref().unwrap(), Signal::SIGCONT);
    }

    /// Changes it as its administrator (LDIF with `changetype`).
    pub fn modify(&self, ldif: &str) {
        let url = format!("ldap://127.0.0.1:{}/", self.port);
        let mut command = Command::new("ldapmodify");
        command.args(["-x", "-H", &url, "-D", "cn=admin,dc=example,dc=com", "-w", "secret"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(ldif.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{ldif}");
    }

    /// One of its servers, by the name that stands in its certificate.
    pub fn server(&self, transport: Transport) -> ServerAddress {
        let port = if transport == Transport::Ldaps { self.ldaps_port } else { self.port };
        ServerAddress { host: "localhost".to_owned(), port: Some(port) }
    }

    /// How a domain example.com on it is configured.
    pub fn config(&self, transport: Transport) -> DirectoryConfig {
        DirectoryConfig {
            name: "example.com".to_owned(),
            provider: Provider::OpenLdap,
            servers: Servers::List(vec![self.server(transport)]),
            transport,
            ca_pem: Some(self.ca_pem.clone()),
            bind_name: Some(SEARCHER.to_owned()),
            bind_password: Some(SEARCHER_PASSWORD.to_owned()),
            base_dn: None,
            dns: None,
        }
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
