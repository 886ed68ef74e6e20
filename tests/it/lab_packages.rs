//! Lab hosts with packages of their own: dpkg's and apt's folders and /usr are layers over this machine's, apt knows one repository only, and
//! that has one small package in versions that a test makes. The agent runs from a file of the host's own.

use crate::lab::{Lab, LabHost};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const PACKAGE: &str = "vireo-lab-tool";

/// What hosts upgrade from.
pub struct Repository {
    dir: PathBuf,
}

fn done(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{command:?}: {said} {}", String::from_utf8_lossy(&done.stderr));
    said
}

impl Repository {
    /// An empty one.
    pub fn new(lab: &Lab) -> Self {
        let dir = lab.shared.parent().unwrap().join("repository");
        fs::create_dir_all(&dir).unwrap();
        let repository = Self { dir };
        repository.publish("1.0", "exit 0");
        repository
    }

    fn build(&self, version: &str, postinst: &str) -> PathBuf {
        let root = self.dir.join(format!("root-{version}"));
        fs::create_dir_all(root.join("DEBIAN")).unwrap();
        fs::create_dir_all(root.join("usr/share").join(PACKAGE)).unwrap();
        fs::write(root.join("usr/share").join(PACKAGE).join("version"), version).unwrap();
        let control = format!(
            "Package: {PACKAGE}\nVersion: {version}\nArchitecture: all\nMaintainer: Lab <lab@example.com>\nDescription: a tool\n"
        );
        fs::write(root.join("DEBIAN/control"), control).unwrap();
        fs::write(root.join("DEBIAN/postinst"), format!("#!/bin/sh\n{postinst}\n")).unwrap();
        fs::set_permissions(root.join("DEBIAN/postinst"), fs::Permissions::from_mode(0o755)).unwrap();
        let file = self.dir.join(format!("{PACKAGE}_{version}_all.deb"));
        done(Command::new("dpkg-deb").args(["--root-owner-group", "-Zgzip", "--build"]).arg(&root).arg(&file));
        fs::remove_dir_all(&root).unwrap();
        file
    }

    /// A newer version, and what its installation does at its end.
    pub fn publish(&self, version: &str, postinst: &str) {
        self.build(version, postinst);
        let index = done(Command::new("dpkg-scanpackages").args(["--multiversion", "."]).current_dir(&self.dir));
        let aside = self.dir.join("Packages.new");
        fs::write(&aside, index).unwrap();
        fs::rename(&aside, self.dir.join("Packages")).unwrap();
    }
}

impl LabHost {
    /// Gives it packages of its own, with the first version installed.
    pub fn own_packages(&mut self, repository: &Repository) {
        let script = format!(
            "set -e; for f in usr etc/apt var/lib/apt var/cache/apt var/lib/dpkg var/log; do l={dir}/layers/$f; mkdir -p $l/upper $l/work; \
             mount -t overlay overlay -o lowerdir=/$f,upperdir=$l/upper,workdir=$l/work /$f; done; \
             rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/preferences.d/* /var/lib/apt/lists/*; \
             echo 'deb [trusted=yes] file:{repo} ./' > /etc/apt/sources.list; \
             dpkg -i {repo}/{PACKAGE}_1.0_all.deb",
            dir = self.dir().display(),
            repo = repository.dir.display(),
        );
        done(self.command("sh").args(["-c", &script]));
        self.has_packages = true;
    }

    /// Another program than the tested one, that does the same: an agent's of an earlier version.
    pub fn older_program(&mut self) {
        let program = self.dir().join("program/vireo");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        let aside = program.with_extension("new");
        fs::copy(env!("CARGO_BIN_EXE_vireo"), &aside).unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&aside).unwrap();
        std::io::Write::write_all(&mut file, b"an earlier version").unwrap();
        drop(file);
        fs::rename(&aside, &program).unwrap();
        self.program = Some(program);
    }

    /// Its program's bytes are those of the tested one.
    pub fn has_the_engines_program(&self) -> bool {
        same(self.program.as_ref().unwrap(), Path::new(env!("CARGO_BIN_EXE_vireo")))
    }

    /// Its agent's process runs from these bytes, whatever has its name.
    pub fn runs(&self, program: &Path) -> bool {
        let agents = self.agents();
        assert_eq!(agents.len(), 1, "one agent: {agents:?}");
        same(Path::new(&format!("/proc/{}/exe", agents[0])), program)
    }

    /// Processes of its agent.
    pub fn agents(&self) -> Vec<i32> {
        let dir = format!("VIREO_DATA={}\0", self.dir().display());
        let own = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = line.split(|b| *b == 0);
            let agent = words.next().is_some_and(|w| w.ends_with(b"vireo")) && words.next() == Some(b"host");
            let guard = words.next() == Some(b"guard");
            agent && !guard && fs::read_to_string(format!("/proc/{pid}/environ")).unwrap_or_default().contains(&dir)
        };
        crate::server::processes(&["vireo host"]).into_iter().filter(own).collect()
    }

    /// The version of the package that is installed, and how it is.
    pub fn package(&self) -> String {
        let query = ["-W", "-f", "${Version} ${db:Status-Status}", PACKAGE];
        done(self.command("dpkg-query").args(query)).trim().to_owned()
    }
}

fn same(one: &Path, other: &Path) -> bool {
    done(Command::new("sha256sum").arg(one)).split(' ').next()
        == done(Command::new("sha256sum").arg(other)).split(' ').next()
}

/// A lab whose hosts have packages and an older program.
pub async fn lab_with_old_hosts(count: usize, environment: Vec<(&'static str, String)>) -> (Lab, Repository) {
    let mut lab = Lab::start_with(environment).await;
    let repository = Repository::new(&lab);
    for _ in 0..count {
        let mut host = lab.plug_in();
        host.own_packages(&repository);
        host.older_program();
        lab.add(host).await;
    }
    lab.wait_for_hosts("up").await;
    lab.add_storage().await;
    (lab, repository)
}
