//! The LDAP client on Active Directory: a domain controller of Samba's, with its DNS.

use super::{certificates, hurried, names, run, wait_for_port};
use crate::server::fresh_dir;
use base64::Engine as _;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use vireo::directories::ldap::Directory;
use vireo::model::domain::{
    DirectoryConfig, DirectoryTrouble, Provider, ServerAddress, Servers, SignInRefusal, Transport,
};

/// Its ports are fixed, so it has an address of its own in the tests' network.
const ADDRESS: &str = "127.0.10.1";
const ADMINISTRATOR: (&str, &str) = ("administrator@AD.EXAMPLE.TEST", "Adm1n-Passw0rd");
pub(super) const PASSWORD: &str = "Us3r-Passw0rd";
const BASE: &str = "DC=ad,DC=example,DC=test";

/// A forest of one domain controller.
pub(super) struct Samba {
    dir: PathBuf,
    ca_pem: String,
    child: Option<Child>,
}

impl Samba {
    pub(super) fn start() -> Self {
        let dir = fresh_dir();
        let target = dir.join("dc");
        let base = dir.join("base.conf");
        // Without this Debian's own smb.conf would leak in.
        fs::write(
            &base,
            "[global]\n\tnetbios name = DC1\n\trealm = AD.EXAMPLE.TEST\n\tworkgroup = ADX\n\
             \tserver role = active directory domain controller\n",
        )
        .unwrap();
        run(
            "samba-tool",
            &[
                "domain",
                "provision",
                "-s",
                base.to_str().unwrap(),
                "--realm=AD.EXAMPLE.TEST",
                "--domain=ADX",
                "--server-role=dc",
                "--dns-backend=SAMBA_INTERNAL",
                &format!("--adminpass={}", ADMINISTRATOR.1),
                "--host-name=dc1",
                &format!("--host-ip={ADDRESS}"),
                &format!("--targetdir={}", target.display()),
                &format!("--option=posix:eadb={}/eadb.tdb", dir.display()),
                &format!("--option=interfaces={ADDRESS}/8"),
                "--option=bind interfaces only=yes",
            ],
        );
        let ca_pem = certificates(&dir.join("tls"));
        let tls = target.join("private/tls");
        fs::create_dir_all(&tls).unwrap();
        for (from, to, mode) in
            [("ca.pem", "ca.pem", 0o644), ("engine.pem", "cert.pem", 0o644), ("engine-key.pem", "key.pem", 0o600)]
        {
            fs::copy(dir.join("tls").join(from), tls.join(to)).unwrap();
            fs::set_permissions(tls.join(to), fs::Permissions::from_mode(mode)).unwrap();
        }
        let database = format!("--URL=tdb://{}/private/sam.ldb", target.display());
        run("samba-tool", &["domain", "passwordsettings", "set", "--account-lockout-threshold=3", &database]);
        let mut samba = Self { dir, ca_pem, child: None };
        samba.resume();
        samba.modify(&people());
        samba.stop();
        samba.age_password("PwExpired");
        samba.resume();
        samba
    }

    fn resume(&mut self) {
        let (target, run_dir) = (self.dir.join("dc"), self.dir.join("run"));
        fs::create_dir_all(&run_dir).unwrap();
        let option = |name: &str, value: String| format!("--option={name}={value}");
        let mut command = Command::new("/usr/sbin/samba");
        command.args([
            "-i",
            "-M",
            "single",
            "-s",
            target.join("etc/smb.conf").to_str().unwrap(),
            "--debug-stdout",
            "-d",
            "1",
        ]);
        command.args([
            option("interfaces", format!("{ADDRESS}/8")),
            option("bind interfaces only", "yes".to_owned()),
            option("server services", "ldap cldap kdc dns".to_owned()),
            option("dns forwarder", "127.0.0.1:1".to_owned()),
            option("allow dns updates", "disabled".to_owned()),
            option("pid directory", run_dir.display().to_string()),
            option("ncalrpc dir", run_dir.join("ncalrpc").display().to_string()),
            option("ntp signd socket directory", run_dir.join("ntp").display().to_string()),
            option("winbindd socket directory", run_dir.join("wb").display().to_string()),
            option("log file", run_dir.join("log").display().to_string()),
        ]);
        let out = fs::File::create(self.dir.join("samba.log")).unwrap();
        // It ends when its standard input does.
        command.stdin(Stdio::piped()).stdout(out.try_clone().unwrap()).stderr(out);
        let mut child = command.spawn().unwrap();
        wait_for_port(&format!("{ADDRESS}:636"), &mut child);
        wait_for_port(&format!("{ADDRESS}:53"), &mut child);
        self.child = Some(child);
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            super::signal(&child, nix::sys::signal::Signal::SIGTERM);
            child.wait().unwrap();
        }
    }

    fn modify(&self, ldif: &str) {
        let mut command = Command::new("ldapmodify");
        command.args(["-x", "-H", &format!("ldaps://{ADDRESS}"), "-D", ADMINISTRATOR.0, "-w", ADMINISTRATOR.1]);
        command.env("LDAPTLS_CACERT", self.dir.join("tls/ca.pem"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(ldif.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{ldif}");
    }

    /// LDAP does not let anybody set when a password was set.
    fn age_password(&self, name: &str) {
        let code = format!(
            "import sys\nfrom samba.samdb import SamDB\nfrom samba.auth import system_session\nfrom samba.param import LoadParm\nimport ldb\n\
             lp = LoadParm(); lp.load(sys.argv[1])\n\
             db = ldb.Ldb(sys.argv[2])\nm = ldb.Message(ldb.Dn(db, 'CN={name},CN=Users,{BASE}'))\n\
             m['pwdLastSet'] = ldb.MessageElement('129000000000000000', ldb.FLAG_MOD_REPLACE, 'pwdLastSet')\ndb.modify(m)\n"
        );
        let dc = self.dir.join("dc");
        let file = dc.join(format!("private/sam.ldb.d/{}.ldb", BASE.to_uppercase()));
        run("/usr/bin/python3", &["-c", &code, dc.join("etc/smb.conf").to_str().unwrap(), file.to_str().unwrap()]);
    }

    pub(super) fn config(&self, servers: Servers, transport: Transport) -> DirectoryConfig {
        DirectoryConfig {
            name: "ad.example.test".to_owned(),
            provider: Provider::ActiveDirectory,
            servers,
            transport,
            ca_pem: Some(self.ca_pem.clone()),
            bind_name: Some("alice".to_owned()),
            bind_password: Some(PASSWORD.to_owned()),
            base_dn: None,
            dns: Some(ADDRESS.parse().unwrap()),
        }
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.dir.join("samba.log")).unwrap_or_default());
        }
        self.stop();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn people() -> String {
    let base64 = base64::engine::general_purpose::STANDARD;
    let password: Vec<u8> = format!("\"{PASSWORD}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let password = base64.encode(password);
    let never = format!("logonHours:: {}\n", base64.encode([0; 21]));
    let mut out = String::new();
    for (cn, name, flags, more) in [
        ("Alice", "alice", 512, ""),
        ("Bob", "bob", 512, ""),
        ("O'Hara (x)", "ohara", 512, ""),
        ("Disabled", "disabled", 514, ""),
        ("Expired", "expired", 512, "accountExpires: 116444736000000000\n"),
        ("MustChange", "mustchange", 512, "pwdLastSet: 0\n"),
        ("PwExpired", "pwexpired", 512, ""),
        ("Guessed", "guessed", 512, ""),
        ("Hours", "hours", 512, never.as_str()),
        ("Elsewhere", "elsewhere", 512, "userWorkstations: NOPE\n"),
    ] {
        let _ = write!(
            out,
            "dn: CN={cn},CN=Users,{BASE}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n\
             userPrincipalName: {name}.upn@ad.example.test\ngivenName: {cn}\nsn: Test\ndisplayName: {cn} Test\n\
             mail: {name}@example.test\ndepartment: QA\ntitle: Tester\nunicodePwd:: {password}\n\
             userAccountControl: {flags}\n{more}\n"
        );
    }
    for (name, members) in
        [("Developers", vec!["Alice", "O'Hara (x)"]), ("AllStaff", vec!["Developers"]), ("VDIUsers", vec!["AllStaff"])]
    {
        let _ =
            write!(out, "dn: CN={name},CN=Users,{BASE}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\n");
        for member in members {
            let _ = writeln!(out, "member: CN={member},CN=Users,{BASE}");
        }
        out.push('\n');
    }
    out
}

#[tokio::test]
async fn people_of_active_directory() {
    let samba = Samba::start();
    found_by_the_dns(&samba).await;
    let address = ServerAddress { host: "dc1.ad.example.test".to_owned(), port: None };
    let config = samba.config(Servers::List(vec![address]), Transport::Ldaps);
    let directory = Directory::new(config.clone()).unwrap();
    names_and_groups(&directory).await;
    refusals(&directory).await;
    standings(&samba, &directory).await;
    let plain = DirectoryConfig { transport: Transport::Plain, ..config };
    let refused = hurried(plain).person("alice").await;
    assert!(matches!(refused, Err(DirectoryTrouble::Refused { code: 8, .. })), "no passwords in clear: {refused:?}");
}

async fn found_by_the_dns(samba: &Samba) {
    for transport in [Transport::Ldaps, Transport::StartTls] {
        let config = samba.config(Servers::Srv, transport);
        let steps = hurried(config.clone()).check(Some("alice"), Some(PASSWORD)).await;
        assert!(steps.len() == 6 && steps.iter().all(|step| step.outcome.is_ok()), "{steps:?}");
        let elsewhere = DirectoryConfig { name: "nowhere.ad.example.test".to_owned(), ..config };
        let trouble = hurried(elsewhere).person("alice").await.unwrap_err();
        assert!(matches!(trouble, DirectoryTrouble::NoSrv { .. }), "{trouble}");
    }
}

async fn names_and_groups(directory: &Directory) {
    let alice = directory.sign_in("alice", PASSWORD).await.unwrap();
    assert_eq!((alice.user_name.as_str(), alice.department.as_str()), ("alice", "QA"));
    assert!(uuid::Uuid::parse_str(&alice.external_id).is_ok(), "{}", alice.external_id);
    let groups = names(&alice.groups);
    for group in ["Developers", "AllStaff", "VDIUsers", "Domain Users"] {
        assert!(groups.contains(&group), "{group} is not in {groups:?}");
    }
    for name in ["ALICE", "alice@ad.example.test", "Alice.UPN@AD.example.test", "ADX\\alice", "adx\\Alice"] {
        assert_eq!(directory.sign_in(name, PASSWORD).await.as_ref(), Ok(&alice), "{name}");
    }
    for name in [
        "OTHER\\alice",
        "alice@other.example.test",
        "*",
        "\\alice",
        "ADX\\*",
        "CN=Alice,CN=Users,DC=ad,DC=example,DC=test",
    ] {
        let refused = directory.sign_in(name, PASSWORD).await;
        assert_eq!(refused, Err(SignInRefusal::WrongPassword.into()), "{name}");
    }
    assert_eq!(directory.sign_in("ohara", PASSWORD).await.unwrap().first_name, "O'Hara (x)");
    let found = directory.find_people("ali tes", 10).await.unwrap();
    assert_eq!(found.rows.iter().map(|one| one.user_name.as_str()).collect::<Vec<_>>(), ["alice"]);
    let found = directory.find_groups("vdi", 10).await.unwrap().rows;
    assert_eq!(names(&found), ["VDIUsers"]);
    assert_eq!(directory.groups_by_ids(&[found[0].external_id.clone()]).await.unwrap(), found);
    let there = directory.clock().await.unwrap().unwrap();
    assert!((there - time::OffsetDateTime::now_utc()).abs() < time::Duration::seconds(5), "{there}");
}

async fn refusals(directory: &Directory) {
    let told = |refusal| Err(DirectoryTrouble::SignIn(refusal));
    for (name, password, expected) in [
        ("bob", "wrong", told(SignInRefusal::WrongPassword)),
        ("bob", "", told(SignInRefusal::WrongPassword)),
        ("nobody", PASSWORD, told(SignInRefusal::WrongPassword)),
        ("disabled", PASSWORD, told(SignInRefusal::Disabled)),
        ("disabled", "wrong", told(SignInRefusal::WrongPassword)),
        ("expired", PASSWORD, told(SignInRefusal::AccountExpired)),
        ("mustchange", PASSWORD, told(SignInRefusal::MustChange)),
        ("mustchange", "wrong", told(SignInRefusal::WrongPassword)),
        ("pwexpired", PASSWORD, told(SignInRefusal::PasswordExpired)),
        ("hours", PASSWORD, told(SignInRefusal::Hours)),
        ("elsewhere", PASSWORD, told(SignInRefusal::Restricted)),
    ] {
        assert_eq!(directory.sign_in(name, password).await, expected, "{name} {password}");
    }
    for _ in 0..3 {
        let _ = directory.sign_in("guessed", "wrong").await;
    }
    let locked = directory.sign_in("guessed", PASSWORD).await;
    assert_eq!(locked, Err(DirectoryTrouble::Unproven(SignInRefusal::Locked)));
}

async fn standings(samba: &Samba, directory: &Directory) {
    let all = directory.find_people("test", 100).await.unwrap().rows;
    let ids: Vec<String> = all.iter().map(|one| one.external_id.clone()).collect();
    assert_eq!(ids.len(), 10);
    let mut out: Vec<(String, SignInRefusal)> = directory
        .by_ids(&ids)
        .await
        .unwrap()
        .into_iter()
        .filter_map(|one| one.usable.err().map(|why| (one.person.user_name, why)))
        .collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    let disabled = ("disabled".to_owned(), SignInRefusal::Disabled);
    assert_eq!(out, [disabled, ("expired".to_owned(), SignInRefusal::AccountExpired)]);
    samba.modify(&format!("dn: CN=Bob,CN=Users,{BASE}\nchangetype: delete\n"));
    let left = directory.by_ids(&ids).await.unwrap();
    assert_eq!(left.len(), 9);
    assert!(left.iter().all(|one| one.person.user_name != "bob"));
}
