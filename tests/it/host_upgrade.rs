//! Hosts are upgraded with a real apt, and their agents replaced by the engine's real program, whatever dies on the way.

use crate::api::{eventually, id_of};
use crate::lab::Lab;
use crate::lab_packages::{PACKAGE, lab_with_old_hosts};
use crate::portal::Portal;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

async fn begin(lab: &Lab, index: usize, body: Value) -> String {
    let (code, answer) = lab.admin.post(&format!("/hosts/{}/upgrade", lab.hosts[index].id), body).await;
    assert_eq!(code, 200, "{answer}");
    answer["job"]["id"].as_str().unwrap_or_else(|| panic!("no job in {answer}")).to_owned()
}

async fn ended(lab: &Lab, job: &str) -> Value {
    let end = Instant::now() + Duration::from_secs(300);
    loop {
        let (_, view) = lab.admin.get(&format!("/jobs/{job}")).await;
        if view["status"] != "started" {
            return view;
        }
        assert!(Instant::now() < end, "it does not end: {view}; {:?}", lab.admin.messages().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn succeeds(lab: &Lab, job: &str) {
    let view = ended(lab, job).await;
    assert_eq!(view["status"], "finished", "{view}; {:?}", lab.admin.messages().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_upgraded_while_its_guest_is_elsewhere() {
    let (lab, repository) = lab_with_old_hosts(2, vec![("VIREO_UPGRADE_CHECK", "24".to_owned())]).await;
    let vm = lab.demo_vm("wanderer").await;
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    let here = lab.whereabouts(&vm).await.unwrap();

    // The engine has asked by itself: so far the agent alone is old.
    eventually("it is known that the agent is old", || async { lab.host(here).await["update_available"] == "true" })
        .await;
    let path = format!("/hosts/{}", lab.hosts[here].id);
    repository.publish("2.0", "exit 0");
    let (code, answer) = lab.admin.post(&format!("{path}/upgradecheck"), json!({})).await;
    assert_eq!(code, 200, "{answer}");
    let told = lab.admin.messages().await;
    assert!(told.iter().any(|m| m.contains("can be upgraded: vireo, vireo-lab-tool")), "{told:?}");
    let portal = Portal::sign_in(&lab.server, "admin@internal", &lab.server.password("admin")).await;
    let page = format!("/admin{path}");
    let (_, shown) = portal.get(&page).await;
    for word in [PACKAGE, "2.0", "Its agent is another program"] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    assert!(portal.get("/admin/hosts").await.1.contains("Upgrade available"));

    let job = begin(&lab, here, json!({})).await;
    succeeds(&lab, &job).await;
    assert_eq!((lab.whereabouts(&vm).await, lab.really_on(&vm)), (Some(1 - here), vec![1 - here]));
    assert_eq!(lab.admin.status(&vm).await, "up");
    let host = &lab.hosts[here];
    assert_eq!(host.package(), "2.0 installed");
    assert!(host.has_the_engines_program() && host.runs(Path::new(env!("CARGO_BIN_EXE_vireo"))));
    let view = lab.host(here).await;
    assert!(view["status"] == "up" && view["update_available"] == "false", "{view}");
    let (_, shown) = portal.get(&format!("/admin/jobs/{job}")).await;
    assert!(shown.contains("Setting up vireo-lab-tool (2.0)"), "{shown}");
    eventually("nothing is left beside it", || async {
        let beside = host.program.as_ref().unwrap().parent().unwrap().read_dir().unwrap();
        beside.count() == 1
    })
    .await;
    // The guest goes back to the new agent, and its own agent is replaced with no harm to what runs there.
    lab.admin.act(&vm, "migrate").await;
    lab.admin.wait(&vm, "up").await;
    assert_eq!(lab.really_on(&vm), vec![here]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_fails_leaves_the_host_in_maintenance() {
    let (lab, repository) = lab_with_old_hosts(1, Vec::new()).await;
    repository.publish("2.0", "echo 'the disk of this tool is on fire' >&2; exit 3");
    let job = begin(&lab, 0, json!({})).await;
    let view = ended(&lab, &job).await;
    assert_eq!(view["status"], "failed", "{view}");
    let host = lab.host(0).await;
    assert_eq!(host["status"], "maintenance", "{host}");
    assert!(host["status_detail"].as_str().unwrap().contains("package manager"), "{host}");
    let told = lab.admin.messages().await;
    assert!(told.iter().any(|m| m.contains("The upgrade of host host1 failed") && m.contains(PACKAGE)), "{told:?}");
    assert_eq!(lab.hosts[0].package(), "2.0 half-configured");
    assert!(!lab.hosts[0].has_the_engines_program(), "what comes after it was not done");
    let portal = Portal::sign_in(&lab.server, "admin@internal", &lab.server.password("admin")).await;
    let (_, shown) = portal.get(&format!("/admin/hosts/{}", lab.hosts[0].id)).await;
    assert!(shown.contains("the disk of this tool is on fire"), "{shown}");

    // A second one ends what is half done.
    repository.publish("2.1", "exit 0");
    let job = begin(&lab, 0, json!({})).await;
    succeeds(&lab, &job).await;
    assert_eq!(lab.hosts[0].package(), "2.1 installed");
    assert!(lab.hosts[0].has_the_engines_program());
    let host = lab.host(0).await;
    assert!(host["status"] == "maintenance" && host["status_detail"].is_null(), "it rested before: {host}");
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_go_on_when_the_agent_dies() {
    let (mut lab, repository) = lab_with_old_hosts(1, Vec::new()).await;
    let (begun, go) = (lab.shared.join("begun"), lab.shared.join("go"));
    let postinst = format!("touch {}; until [ -e {} ]; do sleep 0.1; done; exit 0", begun.display(), go.display());
    repository.publish("2.0", &postinst);
    let job = begin(&lab, 0, json!({})).await;
    eventually("its installation has begun", || async { begun.exists() }).await;
    lab.hosts[0].kill_agent();
    fs::write(&go, "").unwrap();
    eventually("it goes on without the agent", || async { lab.hosts[0].package() == "2.0 installed" }).await;
    lab.hosts[0].start_agent();
    succeeds(&lab, &job).await;
    assert_eq!(lab.host(0).await["status"], "up");
    assert!(lab.hosts[0].has_the_engines_program());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_survives_the_engines_death_in_each_step() {
    let (mut lab, repository) = lab_with_old_hosts(1, Vec::new()).await;
    let mut version = 1;
    for step in ["empty", "upgrade_packages", "replace_program", "restart_host", "return_host"] {
        for moment in ["before", "after"] {
            version += 1;
            repository.publish(&format!("{version}.0"), "exit 0");
            lab.hosts[0].kill_agent();
            lab.hosts[0].older_program();
            lab.hosts[0].start_agent();
            let place = format!("upgrade_host:{step}:{moment}");
            lab.restart_engine(vec![("VIREO_TEST_PAUSE", place.clone())]);
            lab.wait_for_host(0, "up").await;
            let job = begin(&lab, 0, json!({})).await;
            lab.server.wait_for_line(&format!("paused at {place}"), Duration::from_secs(90));
            lab.restart_engine(Vec::new());
            succeeds(&lab, &job).await;
            assert_eq!(lab.host(0).await["status"], "up", "{place}");
            assert_eq!(lab.hosts[0].package(), format!("{version}.0 installed"), "{place}");
            assert!(lab.hosts[0].runs(Path::new(env!("CARGO_BIN_EXE_vireo"))), "{place}");
        }
    }
}

/// A file that hosts are given as their program.
fn program(lab: &Path, text: &str) {
    fs::write(lab, text).unwrap();
    fs::set_permissions(lab, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_work_is_put_back() {
    let bad = crate::server::fresh_dir().join("bad");
    let own = |bad: &Path| vec![("VIREO_HOST_PROGRAM", bad.display().to_string())];
    program(&bad, "this is no program\n");
    let (mut lab, _repository) = lab_with_old_hosts(1, own(&bad)).await;
    let old = lab.hosts[0].dir().join("old");
    fs::copy(lab.hosts[0].program.as_ref().unwrap(), &old).unwrap();

    // One that cannot even be started takes nobody's place.
    let view = ended(&lab, &begin(&lab, 0, json!({})).await).await;
    assert_eq!(view["status"], "failed", "{view}");
    let told = lab.admin.messages().await;
    assert!(told.iter().any(|m| m.contains("cannot be started here")), "{told:?}");
    assert!(lab.hosts[0].runs(&old));

    // One that ends at once, and one that hangs: the former one is back within its minute, and answers.
    for broken in ["exit 1", "exec sleep 600"] {
        let agent = lab.hosts[0].agents();
        program(&bad, &format!("#!/bin/sh\n[ \"$1\" = --version ] && exit 0\n{broken}\n"));
        lab.restart_engine(own(&bad));
        let job = begin(&lab, 0, json!({})).await;
        let view = ended(&lab, &job).await;
        assert_eq!(view["status"], "failed", "{broken}: {view}");
        let told = lab.admin.messages().await;
        assert!(told.iter().any(|m| m.contains("had its former agent put back")), "{broken}: {told:?}");
        assert!(lab.hosts[0].runs(&old), "{broken}");
        assert_ne!(lab.hosts[0].agents(), agent, "{broken}: it was started anew");
        assert_eq!(lab.host(0).await["status"], "maintenance");
        let (code, answer) = lab.admin.post(&format!("/hosts/{}/upgradecheck", lab.hosts[0].id), json!({})).await;
        assert_eq!(code, 200, "{broken}: it answers: {answer}");
    }
    fs::remove_dir_all(bad.parent().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_needs_it_is_restarted_if_that_is_wanted() {
    let (mut lab, repository) = lab_with_old_hosts(1, Vec::new()).await;
    repository.publish("2.0", "touch /run/reboot-required; exit 0");
    let job = begin(&lab, 0, json!({"reboot": true})).await;
    eventually("it goes off", || {
        let off = lab.hosts[0].went_off();
        async move { off }
    })
    .await;
    lab.hosts[0].pull_the_plug();
    let _ = fs::remove_file(lab.hosts[0].dir().join("run/reboot-required"));
    lab.hosts[0].has_packages = false;
    lab.power_on(0);
    succeeds(&lab, &job).await;
    assert_eq!(lab.host(0).await["status"], "up");
    let told = lab.admin.messages().await;
    assert!(told.iter().any(|m| m.contains("is restarted, for its upgrade needs that")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_upgraded_one_host_after_another() {
    let (mut lab, repository) = lab_with_old_hosts(3, Vec::new()).await;
    let (_, clusters) = lab.admin.get("/clusters?search=name%3DDefault").await;
    let cluster = format!("/clusters/{}", id_of(&clusters["cluster"][0]));
    let vm = lab.demo_vm("inhabitant").await;
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    repository.publish("2.0", "exit 0");

    // A guest that may not move is named beforehand, and nothing begins.
    let pinned = json!({"placement_policy": {"affinity": "pinned"}});
    assert_eq!(lab.admin.put(&format!("/vms/{vm}"), pinned).await.0, 200);
    let (code, refused) = lab.admin.post(&format!("{cluster}/upgrade"), json!({})).await;
    assert!(code == 409 && refused.to_string().contains("inhabitant"), "{refused}");
    let free = json!({"placement_policy": {"affinity": "migratable"}});
    assert_eq!(lab.admin.put(&format!("/vms/{vm}"), free).await.0, 200);

    let (code, answer) = lab.admin.post(&format!("{cluster}/upgrade"), json!({})).await;
    assert_eq!(code, 200, "{answer}");
    let job = id_of(&answer["job"]);
    let (code, refused) = lab.admin.post(&format!("{cluster}/upgrade"), json!({})).await;
    assert_eq!(code, 409, "once is enough: {refused}");
    let portal = Portal::sign_in(&lab.server, "admin@internal", &lab.server.password("admin")).await;
    let (mut most, mut numbers, mut killed) = (0, std::collections::BTreeSet::new(), false);
    let end = Instant::now() + Duration::from_secs(400);
    loop {
        let (_, course) = lab.admin.get(&format!("{cluster}/upgrade")).await;
        let turns = course["host_upgrades"]["host_upgrade"].as_array().unwrap();
        let running = turns.iter().filter(|turn| turn["status"] == "running").count();
        let mut resting = 0;
        for index in 0..3 {
            let status = lab.host(index).await["status"].clone();
            resting += usize::from(status == "maintenance" || status == "preparing_for_maintenance");
        }
        most = most.max(running).max(resting);
        if !killed {
            let portal = portal.at(&lab.server);
            let (_, page) = portal.get(&format!("/admin{cluster}/upgrade")).await;
            if let Some(said) = crate::portal::between(&page, "data-progress>", "<") {
                numbers.insert(said.chars().take(6).collect::<String>());
            }
        }
        // In the middle of the second one the engine is killed.
        if !killed && turns.iter().filter(|turn| turn["status"] == "done").count() == 1 && running == 1 {
            killed = true;
            lab.restart_engine(Vec::new());
        }
        if course["running"] == "false" {
            break;
        }
        assert!(Instant::now() < end, "{course}; {:?}", lab.admin.messages().await);
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    succeeds(&lab, &job).await;
    assert!(killed && most == 1, "never two at once: {most}");
    assert!(numbers.contains("1 of 3"), "{numbers:?}");
    lab.wait_for_hosts("up").await;
    for host in &lab.hosts {
        assert_eq!(host.package(), "2.0 installed");
        assert!(host.has_the_engines_program());
    }
    assert_eq!((lab.admin.status(&vm).await.as_str(), lab.really_on(&vm).len()), ("up", 1));
    let told = lab.admin.messages().await;
    assert!(told.iter().any(|m| m.contains("Cluster Default was upgraded")), "{told:?}");
}
