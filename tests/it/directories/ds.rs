//! The LDAP client on 389-ds: as Red Hat Directory Server, and with IPA's tree and what of IPA's schema it needs.

use super::{free_port, hurried, names, run};
use crate::server::fresh_dir;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use vireo::directories::ldap::Directory;
use vireo::model::domain::{
    DirectoryConfig, DirectoryTrouble, Provider, ServerAddress, Servers, SignInRefusal, Transport,
};

pub(super) const PASSWORD: &str = "Passw0rd!";
const MANAGER: (&str, &str) = ("cn=Directory Manager", "Secret.123");
const PEOPLE: &str = "cn=users,cn=accounts,dc=example,dc=com";
const GROUPS: &str = "cn=groups,cn=accounts,dc=example,dc=com";

/// An instance of 389-ds. Its folders are where the package has them, under a name of its own.
pub(super) struct Ds {
    name: String,
    port: u16,
    secure_port: u16,
    dir: PathBuf,
}

impl Ds {
    pub(super) fn start() -> Self {
        let name = format!("vireo{}", std::process::id());
        let ds = Self { name, port: free_port(), secure_port: free_port(), dir: fresh_dir() };
        let inf = include_str!("../../directories/ds.inf")
            .replace("@NAME@", &ds.name)
            .replace("@PORT@", &ds.port.to_string())
            .replace("@SECURE_PORT@", &ds.secure_port.to_string())
            .replace("@PASSWORD@", MANAGER.1);
        let (file, tool) = (ds.dir.join("ds.inf"), ds.dir.join("ds-create.py"));
        fs::write(&file, inf).unwrap();
        fs::write(&tool, include_str!("../../directories/ds-create.py")).unwrap();
        run("/usr/bin/python3", &[tool.to_str().unwrap(), file.to_str().unwrap()]);
        ds.modify(include_str!("../../directories/ipa-schema.ldif"));
        ds.modify(&tree());
        ds
    }

    fn modify(&self, ldif: &str) {
        let url = format!("ldap://127.0.0.1:{}", self.port);
        let mut command = Command::new("ldapmodify");
        command.args(["-x", "-H", &url, "-D", MANAGER.0, "-w", MANAGER.1]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(ldif.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{ldif}");
    }

    pub(super) fn config(&self, provider: Provider) -> DirectoryConfig {
        DirectoryConfig {
            name: "example.com".to_owned(),
            provider,
            servers: Servers::List(vec![ServerAddress { host: "localhost".to_owned(), port: Some(self.secure_port) }]),
            transport: Transport::Ldaps,
            ca_pem: Some(fs::read_to_string(format!("/etc/dirsrv/slapd-{}/ca.crt", self.name)).unwrap()),
            bind_name: Some("rhvadmin".to_owned()),
            bind_password: Some(PASSWORD.to_owned()),
            base_dn: None,
            dns: None,
        }
    }
}

impl Drop for Ds {
    fn drop(&mut self) {
        let pid_file = format!("/run/dirsrv/slapd-{}.pid", self.name);
        if let Some(pid) = fs::read_to_string(&pid_file).ok().and_then(|text| text.trim().parse().ok()) {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
            while nix::sys::signal::kill(pid, None).is_ok() {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        }
        for above in
            ["/etc/dirsrv", "/var/lib/dirsrv", "/var/log/dirsrv", "/var/lock/dirsrv", "/dev/shm", "/run/dirsrv", "/run"]
        {
            remove_named(Path::new(above), &self.name);
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Removes what is called like the instance.
fn remove_named(above: &Path, name: &str) {
    for entry in fs::read_dir(above).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().contains(&format!("slapd-{name}")) {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}

fn tree() -> String {
    let mut out = String::from(
        "dn: dc=example,dc=com\nchangetype: modify\nadd: aci\naci: (targetattr!=\"userPassword\")(version 3.0; \
         acl \"read\"; allow (read,search,compare) userdn=\"ldap:///anyone\";)\n\n",
    );
    for (dn, cn) in [("cn=accounts,dc=example,dc=com", "accounts"), (PEOPLE, "users"), (GROUPS, "groups")] {
        let _ = write!(out, "dn: {dn}\nchangetype: add\nobjectClass: nsContainer\ncn: {cn}\n\n");
    }
    for (name, more) in [
        ("rhvadmin", ""),
        ("alice", "title: Engineer\n"),
        ("disabled", "nsAccountLock: TRUE\n"),
        ("accountexpired", "krbPrincipalExpiration: 20200101000000Z\n"),
        ("pwexpired", "krbPasswordExpiration: 20200101000000Z\n"),
        ("guessed", ""),
        ("mustchange", ""),
    ] {
        let _ = write!(
            out,
            "dn: uid={name},{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: krbPrincipalAux\n\
             objectClass: ipaObject\nuid: {name}\ncn: {name}\ngivenName: {name}\nsn: Example\nmail: {name}@example.com\n\
             ipaUniqueID: {}\nuserPassword: {PASSWORD}\n{more}\n",
            uuid::Uuid::new_v4()
        );
    }
    let _ = write!(
        out,
        "dn: uid=staged,{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: ipaObject\nuid: staged\ncn: staged\n\
         sn: Example\nipaUniqueID: autogenerate\nuserPassword: {PASSWORD}\n\n"
    );
    for (name, member) in [
        ("developers", format!("uid=alice,{PEOPLE}")),
        ("staff", format!("cn=developers,{GROUPS}")),
        ("vdi", format!("cn=staff,{GROUPS}")),
    ] {
        let _ = write!(
            out,
            "dn: cn={name},{GROUPS}\nchangetype: add\nobjectClass: ipaUserGroup\nobjectClass: ipaObject\ncn: {name}\n\
             ipaUniqueID: {}\nmember: {member}\n\n",
            uuid::Uuid::new_v4()
        );
    }
    for (name, member) in [("unique", format!("uid=alice,{PEOPLE}")), ("unique-above", format!("cn=unique,{GROUPS}"))] {
        let _ = write!(
            out,
            "dn: cn={name},{GROUPS}\nchangetype: add\nobjectClass: groupOfUniqueNames\ncn: {name}\nuniqueMember: {member}\n\n"
        );
    }
    out
}

#[tokio::test]
async fn people_of_ipa_and_of_rhds() {
    let ds = Ds::start();
    as_ipa(&ds).await;
    as_rhds(&ds).await;
}

async fn as_ipa(ds: &Ds) {
    let directory = Directory::new(ds.config(Provider::Ipa)).unwrap();
    let alice = directory.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!((alice.user_name.as_str(), alice.title.as_str()), ("alice", "Engineer"));
    assert_eq!(names(&alice.groups), ["developers", "staff", "vdi"]);
    let told = |refusal| Err(DirectoryTrouble::SignIn(refusal));
    for (name, password, expected) in [
        ("alice", "wrong", told(SignInRefusal::WrongPassword)),
        ("nobody", PASSWORD, told(SignInRefusal::WrongPassword)),
        ("staged", PASSWORD, told(SignInRefusal::WrongPassword)),
        ("accountexpired", PASSWORD, told(SignInRefusal::AccountExpired)),
        ("accountexpired", "wrong", told(SignInRefusal::WrongPassword)),
        ("pwexpired", PASSWORD, told(SignInRefusal::PasswordExpired)),
        // The server says so whatever the password is.
        ("disabled", PASSWORD, Err(DirectoryTrouble::Unproven(SignInRefusal::Disabled))),
        ("disabled", "wrong", Err(DirectoryTrouble::Unproven(SignInRefusal::Disabled))),
    ] {
        assert_eq!(directory.sign_in(name, password).await, expected, "{name} {password}");
    }
    let found = directory.find_people("", 100).await.unwrap().rows;
    assert_eq!(found.len(), 7, "the staged one is nobody yet: {found:?}");
    let ids: Vec<String> = found.into_iter().map(|person| person.external_id).collect();
    let mut out: Vec<(String, SignInRefusal)> = directory
        .by_ids(&ids)
        .await
        .unwrap()
        .into_iter()
        .filter_map(|one| one.usable.err().map(|why| (one.person.user_name, why)))
        .collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    let disabled = ("disabled".to_owned(), SignInRefusal::Disabled);
    assert_eq!(out, [("accountexpired".to_owned(), SignInRefusal::AccountExpired), disabled]);
    let kerberos = directory.person("disabled").await;
    assert_eq!(kerberos, told(SignInRefusal::Disabled));
    let there = directory.clock().await.unwrap().unwrap();
    assert!((there - time::OffsetDateTime::now_utc()).abs() < time::Duration::seconds(5), "{there}");
    let wrong = DirectoryConfig { bind_password: Some("wrong".to_owned()), ..ds.config(Provider::Ipa) };
    let refused = hurried(wrong).person("alice").await;
    assert!(matches!(refused, Err(DirectoryTrouble::BindRefused { .. })), "{refused:?}");
}

async fn as_rhds(ds: &Ds) {
    let directory = Directory::new(ds.config(Provider::Rhds)).unwrap();
    let alice = directory.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!(alice.external_id.matches('-').count(), 3, "nsUniqueId: {}", alice.external_id);
    assert_eq!(names(&alice.groups), ["unique", "unique-above"]);
    assert_eq!(directory.by_ids(std::slice::from_ref(&alice.external_id)).await.unwrap()[0].person, alice);

    // Its own rules of passwords.
    ds.modify(
        "dn: cn=config\nchangetype: modify\nreplace: passwordLockout\npasswordLockout: on\n-\n\
         replace: passwordMaxFailure\npasswordMaxFailure: 3\n-\nreplace: passwordMustChange\npasswordMustChange: on\n-\n\
         replace: passwordExp\npasswordExp: on\n\n",
    );
    ds.modify(&format!(
        "dn: uid=mustchange,{PEOPLE}\nchangetype: modify\nreplace: userPassword\nuserPassword: {PASSWORD}\n\n\
         dn: uid=pwexpired,{PEOPLE}\nchangetype: modify\nreplace: passwordExpirationTime\npasswordExpirationTime: 20200101000000Z\n\n"
    ));
    let told = |refusal| Err(DirectoryTrouble::SignIn(refusal));
    assert_eq!(directory.sign_in("mustchange", PASSWORD).await, told(SignInRefusal::MustChange));
    assert_eq!(directory.sign_in("mustchange", "wrong").await, told(SignInRefusal::WrongPassword));
    assert_eq!(directory.sign_in("pwexpired", PASSWORD).await, told(SignInRefusal::PasswordExpired));
    assert_eq!(directory.sign_in("pwexpired", "wrong").await, told(SignInRefusal::WrongPassword));
    for _ in 0..3 {
        let _ = directory.sign_in("guessed", "wrong").await;
    }
    let locked = Err(DirectoryTrouble::Unproven(SignInRefusal::Locked));
    assert_eq!(directory.sign_in("guessed", PASSWORD).await, locked);
    assert_eq!(directory.find_people("", 3).await.unwrap().rows.len(), 3);
    assert!(directory.find_people("", 3).await.unwrap().more);
}
