//! A real KDC of MIT's for the realm EXAMPLE.COM, on a port of its own; it ends with the test.

use crate::server::fresh_dir;
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const PASSWORD: &str = "Passw0rd!";

/// A KDC at work, with a keytab of HTTP/localhost.
pub struct Kdc {
    pub dir: PathBuf,
    child: Child,
}

impl Kdc {
    /// With a principal for each of these people.
    pub fn start(people: &[&str]) -> Self {
        let dir = fresh_dir();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = dir.display();
        fs::write(
            dir.join("krb5.conf"),
            format!(
                "[libdefaults]\n default_realm = EXAMPLE.COM\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
                 dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n\
                 [realms]\n EXAMPLE.COM = {{\n  kdc = 127.0.0.1:{port}\n }}\n[domain_realm]\n localhost = EXAMPLE.COM\n"
            ),
        )
        .unwrap();
        fs::write(
            dir.join("kdc.conf"),
            format!(
                "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
                 [realms]\n EXAMPLE.COM = {{\n  database_name = {at}/principal\n  key_stash_file = {at}/stash\n  \
                 acl_file = {at}/acl\n  supported_enctypes = aes256-cts-hmac-sha1-96:normal\n }}\n\
                 [logging]\n kdc = FILE:{at}/kdc.log\n"
            ),
        )
        .unwrap();
        done(
            &with(&dir, "/usr/sbin/kdb5_util")
                .args(["create", "-s", "-r", "EXAMPLE.COM", "-P", "master"])
                .output()
                .unwrap(),
        );
        let mut script = String::from("addprinc -randkey HTTP/localhost\nktadd -k @DIR@/http.keytab HTTP/localhost\n");
        for name in people {
            script.push_str(&format!("addprinc -pw {PASSWORD} {name}\n"));
        }
        let mut admin =
            with(&dir, "/usr/sbin/kadmin.local").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let script = script.replace("@DIR@", &at.to_string());
        admin.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(admin.wait().unwrap().success());
        let child =
            with(&dir, "/usr/sbin/krb5kdc").arg("-n").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "the KDC does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { dir, child }
    }

    pub fn keytab(&self) -> Vec<u8> {
        fs::read(self.dir.join("http.keytab")).unwrap()
    }

    /// What whoever has this person's ticket has in his environment.
    pub fn environment(&self, who: &str) -> Vec<(&'static str, String)> {
        let cache = self.dir.join(format!("{}.ticket", who.replace('/', "-")));
        vec![
            ("KRB5_CONFIG", self.dir.join("krb5.conf").display().to_string()),
            ("KRB5CCNAME", format!("FILE:{}", cache.display())),
        ]
    }

    /// Gets a person's ticket.
    pub fn kinit(&self, who: &str) {
        let mut child = Command::new("kinit")
            .arg(who)
            .envs(self.environment(who))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Gets the service's own ticket.
    pub fn kinit_service(&self) {
        let keytab = self.dir.join("http.keytab");
        let who = "HTTP/localhost";
        done(&Command::new("kinit").arg("-kt").arg(keytab).arg(who).envs(self.environment(who)).output().unwrap());
    }

    /// curl with a person's ticket: the whole talk, and what came.
    pub fn curl(&self, who: &str, arguments: &[&str]) -> (String, String) {
        let mut command = Command::new("curl");
        command.args(["-skv", "--negotiate", "-u", ":"]).args(arguments).envs(self.environment(who));
        let out = command.output().unwrap();
        (String::from_utf8_lossy(&out.stderr).into_owned(), String::from_utf8_lossy(&out.stdout).into_owned())
    }
}

impl Drop for Kdc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn with(dir: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("KRB5_CONFIG", dir.join("krb5.conf")).env("KRB5_KDC_PROFILE", dir.join("kdc.conf"));
    command
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
