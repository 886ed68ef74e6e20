//! A golden image as an administrator keeps it, with a real guest: he edits the master VM, seals it as the next version, and the pool
//! follows by itself. What is killed in the middle leaves nothing behind.

use crate::api::{Api, eventually, id_of};
use crate::portal::Portal;
use crate::server::{Server, Start, kill_process, processes};
use crate::snapshots::Guest;
use serde_json::{Value, json};
use std::time::Duration;

/// All that belongs to one machine.
const OWN: [&str; 7] = [
    "/etc/machine-id",
    "/etc/hostname",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/udev/rules.d/70-persistent-net.rules",
    "/var/log/messages",
    "/var/lib/dhcp/dhclient.eth0.leases",
    "/var/lib/systemd/random-seed",
];
const MARK: &str = "/root/mark";

fn start() -> Start<'static> {
    let appliance = concat!(env!("CARGO_MANIFEST_DIR"), "/target/seal").to_owned();
    assert!(std::path::Path::new(&appliance).join("README.fixed").exists(), "make target/seal/README.fixed");
    let environment = vec![("LIBGUESTFS_PATH", appliance)];
    Start { demo: true, without_iso: true, environment, ..Start::default() }
}

fn golden(master: &str, base: &str) -> Value {
    json!({
        "name": "demo-linux", "vm": {"id": master},
        "version": {"base_template": {"id": base}, "version_name": "spring"},
    })
}

/// The process that seals in this server's storage.
async fn sealing(server: &Server) -> i32 {
    let storage = server.data.join("storage").display().to_string();
    let find = || processes(&["virt-sysprep --no-network", &storage]).first().copied();
    eventually("it is being sealed", || async { find().is_some() }).await;
    find().unwrap()
}

async fn job_of(admin: &Api, words: &str) -> Value {
    let (_, jobs) = admin.get("/jobs").await;
    let found = jobs["job"].as_array().unwrap().iter().find(|j| j["description"].as_str().unwrap().contains(words));
    found.cloned().unwrap_or_default()
}

async fn template(admin: &Api, number: &str) -> Value {
    let (_, all) = admin.get("/templates?search=name%3Ddemo-linux").await;
    let found = all["template"].as_array().unwrap().iter().find(|t| t["version"]["version_number"] == number);
    found.cloned().unwrap_or_default()
}

/// The VM with what belongs to it alone, edited and down.
async fn edited(server: &Server, admin: &Api) -> String {
    let body = json!({"name": "master", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}});
    let vm = id_of(&admin.post("/vms", body).await.1);
    admin.wait(&vm, "down").await;
    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    let guest = Guest { server, vm: vm.clone() };
    guest.ready().await;
    for file in OWN {
        guest.run(&format!("mkdir -p $(dirname {file}); echo 0123456789abcdef0123456789abcdef > {file}")).await;
    }
    guest.write(MARK, "new");
    admin.act(&vm, "stop").await;
    admin.wait(&vm, "down").await;
    vm
}

async fn takes(server: &Server, admin: &Api, pool: &str) -> String {
    let (code, taken) = admin.post(&format!("/vmpools/{pool}/allocatevm"), json!({})).await;
    assert_eq!(code, 200, "{taken}");
    let vm = id_of(&taken["vm"]);
    admin.wait(&vm, "up").await;
    admin.nothing_is_locked().await;
    assert!(server.data.exists());
    vm
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_follows_its_golden_image() {
    let mut server = Server::start(&start());
    let mut admin = server.admin();
    let base = id_of(&template(&admin, "1").await);
    let body = json!({
        "name": "lab", "cluster": {"name": "Default"}, "template": {"id": base}, "size": 1,
        "use_latest_template_version": true,
    });
    let (code, pool) = admin.post("/vmpools", body).await;
    assert!(code == 201 && pool["use_latest_template_version"] == "true", "{pool}");
    let pool = id_of(&pool);
    admin.nothing_is_locked().await;
    let desk = takes(&server, &admin, &pool).await;
    let master = edited(&server, &admin).await;

    // virt-sysprep is killed: no template, a task that says why, and the VM as it was.
    let (code, begun) = admin.post("/templates?seal=true", golden(&master, &base)).await;
    assert_eq!(code, 202, "{begun}");
    let sysprep = sealing(&server).await;
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    eventually("it has said something", || async {
        let job = job_of(&admin, "Creating template demo-linux/2").await;
        boss.get(&format!("/admin/jobs/{}", id_of(&job))).await.1.contains("Examining the guest")
    })
    .await;
    kill_process(sysprep);
    admin.nothing_is_locked().await;
    assert!(template(&admin, "2").await.is_null());
    let failed = job_of(&admin, "Creating template demo-linux/2").await;
    assert_eq!(failed["status"], "failed", "{failed}");
    let (_, page) = boss.get(&format!("/admin/jobs/{}", id_of(&failed))).await;
    assert!(page.contains("virt-sysprep failed") && page.contains("Examining the guest"), "{page}");

    // The whole program is killed: the next one copies anew and seals that.
    let (code, begun) = admin.post("/templates?seal=true", golden(&master, &base)).await;
    assert_eq!(code, 202, "{begun}");
    let second = id_of(&begun);
    let old = sealing(&server).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    server = Server::spawn(server.kill(), &Start { demo: false, ..start() }).ready();
    admin = server.admin();
    eventually("the old one is gone", || async { processes(&["virt-sysprep --no-network"]).iter().all(|p| *p != old) })
        .await;
    let path = format!("/templates/{second}");
    let sealed = || async { admin.get(&path).await.1["status"] == "ok" };
    for _ in 0..4 {
        if sealed().await {
            break;
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    eventually("the template is there", sealed).await;
    admin.nothing_is_locked().await;
    let (_, made) = admin.get(&path).await;
    let version = &made["version"];
    assert_eq!((&made["name"], &version["version_name"]), (&json!("demo-linux"), &json!("spring")), "{made}");
    assert_eq!(version["base_template"]["id"], base.as_str(), "{made}");
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let (code, log) = boss.get(&format!("/admin/templates/{second}/seal_log")).await;
    assert!(code == 200 && log.contains("\"ssh-hostkeys\""), "{code} {log}");

    // The desk that runs stays; its pool says so. When it comes back it is made anew.
    let (_, page) = boss.get(&format!("/admin/pools/{pool}")).await;
    assert!(page.contains("demo-linux/2") && page.contains("1 VMs are of another version"), "{page}");
    admin.act(&desk, "stop").await;
    let of = || async { admin.get(&format!("/vms/{desk}")).await.1["template"]["id"].clone() };
    eventually("it followed", || async { of().await == second.as_str() }).await;
    admin.nothing_is_locked().await;
    let desk = takes(&server, &admin, &pool).await;
    let guest = Guest { server: &server, vm: desk.clone() };
    guest.ready().await;
    assert_eq!(guest.read(MARK), "new");
    for file in OWN {
        let kept = guest.run(&format!("cat {file}")).await;
        assert!(!kept.contains("0123456789abcdef"), "{file}: {kept}");
    }
    assert_eq!(guest.run("cat /etc/hostname").await.trim(), "localhost");

    // The master kept all of its own, and nothing goes that others lie on.
    let (code, used) = admin.delete(&path).await;
    let why = used["detail"].as_str().unwrap_or_default();
    assert!(code == 409 && why.contains("lab-1"), "{used}");
    let (_, page) = boss.get(&format!("/admin/templates/{base}/remove")).await;
    assert!(page.contains("demo-linux/2") && page.contains("master"), "{page}");
    admin.act(&desk, "stop").await;
    admin.act(&master, "start").await;
    admin.wait(&master, "up").await;
    let guest = Guest { server: &server, vm: master.clone() };
    guest.ready().await;
    for file in OWN {
        assert!(guest.run(&format!("cat {file}")).await.contains("0123456789abcdef"), "{file}");
    }
}

/// The files on a disc, read by a program that is not ours.
fn on_disc(iso: &std::path::Path, folder: &std::path::Path) -> Vec<String> {
    let out = std::process::Command::new("xorriso")
        .args(["-osirrox", "on", "-indev"])
        .arg(iso)
        .args(["-pvd_info", "-extract", "/"])
        .arg(folder)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success() && said.contains("'cidata'"), "{said}");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    ["meta-data", "user-data", "network-config"].map(read).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_told_once_who_it_is() {
    let server = Server::start(&Start { demo: true, without_iso: true, ..Start::default() });
    let admin = server.admin();
    let told = json!({
        "host_name": "told-by-us", "timezone": "Europe/Berlin", "user_name": "student", "root_password": "s3cret!",
        "authorized_ssh_keys": "ssh-ed25519 AAAAC3Nz student@lab", "dns_servers": "192.0.2.53", "custom_script": "#!/bin/sh\ntrue",
        "nic_configurations": {"nic_configuration": [{
            "name": "nic1", "boot_protocol": "static",
            "ip": {"address": "192.0.2.10", "netmask": "255.255.255.0", "gateway": "192.0.2.1"},
        }]},
    });
    let body = json!({
        "name": "guest", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}, "initialization": told,
    });
    let (code, made) = admin.post("/vms", body).await;
    assert_eq!(code, 202, "{made}");
    let vm = id_of(&made);
    admin.wait(&vm, "down").await;
    let (_, view) = admin.get(&format!("/vms/{vm}")).await;
    let said = &view["initialization"];
    assert!(said["host_name"] == "told-by-us" && said["root_password"].is_null(), "{view}");
    assert_eq!(said["nic_configurations"]["nic_configuration"][0]["ip"]["netmask"], "255.255.255.0", "{view}");

    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    let guest = Guest { server: &server, vm: vm.clone() };
    guest.ready().await;
    assert_eq!(guest.run("hostname").await.trim(), "told-by-us");
    guest.write(MARK, "here to stay");
    // Under `up` the agent's data lies in a folder of its own.
    let disc = crate::server::find_file(&server.data, &format!("{vm}.iso")).expect("the disc is there");
    let folder = crate::server::fresh_dir();
    let files = on_disc(&disc, &folder);
    assert!(files[1].contains("student:$6$") && !files[1].contains("s3cret!"), "{}", files[1]);
    assert!(
        files[1].contains("ssh-ed25519 AAAAC3Nz student@lab") && files[1].contains("text/x-shellscript"),
        "{}",
        files[1]
    );
    assert!(files[2].contains("192.0.2.10/24") && files[2].contains("192.0.2.53"), "{}", files[2]);
    let _ = std::fs::remove_dir_all(folder);

    // It knows: at its second start there is no disc. Told something else, it is told again.
    admin.act(&vm, "stop").await;
    admin.wait(&vm, "down").await;
    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    guest.ready().await;
    assert_eq!(guest.run("hostname").await.trim(), "guest");
    assert!(!disc.exists(), "the secrets on it are not kept");
    admin.act(&vm, "stop").await;
    admin.wait(&vm, "down").await;
    let (code, wrong) = admin.put(&format!("/vms/{vm}"), json!({"initialization": {"custom_script": "a: [b"}})).await;
    assert!(code == 400 && wrong["detail"].as_str().unwrap_or_default().contains("YAML"), "{wrong}");
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let page = format!("/admin/vms/{vm}/first_run");
    let (_, text) = boss.get(&page).await;
    assert!(text.contains("The guest was told this") && text.contains("value=\"told-by-us\""), "{text}");
    let form = [("enabled", "1"), ("host_name", "named-anew"), ("cards", "nic1"), ("script", "")];
    let (code, text) = boss.post(&page, &form).await;
    assert!(code == 200 && text.contains("is not a network card") && text.contains("named-anew"), "{code} {text}");
    let form = [("enabled", "1"), ("host_name", "named-anew"), ("cards", "nic1 dhcp"), ("script", "")];
    assert_eq!(boss.post(&page, &form).await.0, 303);
    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    guest.ready().await;
    assert_eq!(guest.run("hostname").await.trim(), "named-anew");
    admin.act(&vm, "stop").await;
    admin.wait(&vm, "down").await;
    runs_once(&admin, &guest, &boss).await;
}

/// Another display, paused, forgetting everything, told anew: this one time.
async fn runs_once(admin: &Api, guest: &Guest<'_>, boss: &Portal) {
    let vm = &guest.vm;
    for (once, words) in [
        (json!({"vm": {"os": {"kernel": "/etc/shadow"}}}), "kernel"),
        (json!({"vm": {"memory": 1}}), "memory"),
        (json!({"vm": {"placement_policy": {"hosts": {"host": [{"id": vm}]}}}}), "placement_policy.hosts"),
        (json!({"vm": {"cdroms": {"cdrom": [{"file": {"id": vm}}]}}}), "cdrom"),
    ] {
        let (code, refused) = admin.post(&format!("/vms/{vm}/start"), once.clone()).await;
        assert!(code == 400 && refused.to_string().contains(words), "{once}: {code} {refused}");
    }
    let once = json!({
        "pause": true, "use_cloud_init": true,
        "vm": {"stateless": true, "display": {"type": "spice"}, "os": {"boot": {"devices": {"device": ["hd", "network"]}}}},
    });
    let (code, begun) = admin.post(&format!("/vms/{vm}/start"), once).await;
    assert_eq!(code, 200, "{begun}");
    admin.wait(vm, "paused").await;
    admin.nothing_is_locked().await;
    let (_, page) = boss.get(&format!("/admin/vms/{vm}")).await;
    assert!(page.contains("This run was configured for one time"), "{page}");
    admin.act(vm, "start").await;
    admin.wait(vm, "up").await;
    guest.ready().await;
    let (_, view) = admin.get(&format!("/vms/{vm}")).await;
    assert!(view["run_once"] == "true" && view["stateless"] == "false", "{view}");
    assert_eq!(guest.run("hostname").await.trim(), "named-anew", "told again");
    guest.write("/root/once", "here");
    admin.act(vm, "stop").await;
    admin.wait(vm, "down").await;

    let form = [("cd", "none"), ("boot", "hd"), ("host", ""), ("display", "")];
    assert_eq!(boss.post(&format!("/admin/vms/{vm}/run_once"), &form).await.0, 303);
    admin.wait(vm, "up").await;
    guest.ready().await;
    assert_eq!(guest.run("hostname; ls /root").await.trim(), "guest\nmark", "nothing of the other run is left");
    admin.act(vm, "stop").await;
    admin.wait(vm, "down").await;
    let (_, view) = admin.get(&format!("/vms/{vm}")).await;
    assert!(view["run_once"] == "false" && view["display"]["type"] == "vnc", "{view}");
    told_otherwise(admin, guest, boss).await;
}

/// Another name, this one time: by the portal, and by the API.
async fn told_otherwise(admin: &Api, guest: &Guest<'_>, boss: &Portal) {
    let vm = &guest.vm;
    let page = format!("/admin/vms/{vm}/run_once");
    let (_, shown) = boss.get(&page).await;
    assert!(shown.contains("value=\"named-anew\""), "it begins with what the VM says: {shown}");
    let (code, shown) = boss.post(&page, &[("enabled", "1"), ("host_name", "a b")]).await;
    assert!(code == 200 && shown.contains("value=\"a b\""), "{code} {shown}");
    assert_eq!(boss.post(&page, &[("enabled", "1"), ("host_name", "exam")]).await.0, 303);
    admin.wait(vm, "up").await;
    guest.ready().await;
    assert_eq!(guest.run("hostname").await.trim(), "exam");
    admin.act(vm, "stop").await;
    admin.wait(vm, "down").await;
    let (_, view) = admin.get(&format!("/vms/{vm}")).await;
    assert_eq!(view["initialization"]["host_name"], "named-anew", "{view}");
    let once = json!({"vm": {"initialization": {"host_name": "test"}}});
    assert_eq!(admin.post(&format!("/vms/{vm}/start"), once).await.0, 200);
    admin.wait(vm, "up").await;
    guest.ready().await;
    assert_eq!(guest.run("hostname").await.trim(), "test");
    admin.act(vm, "stop").await;
    admin.wait(vm, "down").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_seal_is_named_before_anything_is_made() {
    // A host without the package: its programs are those of this one but for virt-sysprep.
    let folder = crate::server::fresh_dir();
    for dir in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
        for file in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if file.file_name() != "virt-sysprep" {
                let _ = std::os::unix::fs::symlink(file.path(), folder.join(file.file_name()));
            }
        }
    }
    let environment = vec![("PATH", folder.display().to_string())];
    let server = Server::start(&Start { demo: true, without_iso: true, environment, ..Start::default() });
    let admin = server.admin();
    let body = json!({"name": "master", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}});
    let vm = id_of(&admin.post("/vms", body).await.1);
    admin.wait(&vm, "down").await;
    let before = crate::kill::disk_folders(&server.data).len();
    let (code, refused) = admin.post("/templates?seal=true", json!({"name": "golden", "vm": {"id": vm}})).await;
    let why = refused["detail"].as_str().or(refused["fault"]["detail"].as_str()).unwrap_or_default();
    assert!(code == 409 && why.contains("guestfs-tools"), "{refused}");
    assert_eq!(crate::kill::disk_folders(&server.data).len(), before);
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let form = [("what", "template"), ("name", "golden"), ("seal", "1")];
    let (code, page) = boss.post(&format!("/admin/vms/{vm}/copy"), &form).await;
    assert!(code == 200 && page.contains("guestfs-tools") && page.contains("value=\"golden\""), "{code} {page}");
    let form = [("what", "template"), ("name", "golden")];
    assert_eq!(boss.post(&format!("/admin/vms/{vm}/copy"), &form).await.0, 303);
    admin.nothing_is_locked().await;
    let _ = std::fs::remove_dir_all(folder);
}
