//! Several hosts: machines join, guests move between them, hosts are emptied and go.

use crate::lab::Lab;
use crate::portal::Portal;
use serde_json::json;
use std::time::{Duration, Instant};

/// Waits until a VM is where it should be, there only, and up.
async fn settled(lab: &Lab, vm: &str, at: usize) {
    lab.admin.wait(vm, "up").await;
    let said = lab.admin.messages().await;
    assert_eq!(lab.whereabouts(vm).await, Some(at), "{said:?}");
    assert_eq!(lab.really_on(vm), [at], "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_move_and_hosts_are_emptied() {
    let mut lab = Lab::with_hosts(2).await;
    let vm = lab.demo_vm("wanderer").await;
    lab.admin.act(&vm, "start").await;
    lab.admin.wait(&vm, "up").await;
    let first = lab.whereabouts(&vm).await.unwrap();
    let second = 1 - first;
    assert_eq!(lab.really_on(&vm), [first]);

    // By hand, to the only other host.
    lab.admin.act(&vm, "migrate").await;
    assert_eq!(lab.admin.status(&vm).await, "migrating");
    settled(&lab, &vm, second).await;
    let said = lab.admin.messages().await;
    assert!(said.iter().any(|m| m.contains("was moved to host") && m.contains("downtime")), "{said:?}");

    assert_eq!(lab.hosts[first].virsh(&["list", "--all"]).trim(), "", "nothing of it is left where it was");

    // A host that is told to be where it is already.
    let (code, refused) =
        lab.admin.post(&format!("/vms/{vm}/migrate"), json!({"host": {"id": lab.hosts[second].id}})).await;
    assert_eq!(code, 409, "{refused}");

    // Emptied: the VM goes back, and the host takes none.
    let path = format!("/hosts/{}", lab.hosts[second].id);
    let (code, answer) = lab.admin.post(&format!("{path}/deactivate"), json!({})).await;
    assert_eq!(code, 200, "{answer}");
    lab.wait_for_host(second, "maintenance").await;
    settled(&lab, &vm, first).await;
    let (code, refused) = lab.admin.post(&format!("/vms/{vm}/migrate"), json!({})).await;
    assert_eq!(code, 409, "{refused}");
    assert!(refused.to_string().contains("maintenance"), "{refused}");

    // The last one cannot be emptied, and says why.
    let last = format!("/hosts/{}", lab.hosts[first].id);
    let (code, refused) = lab.admin.post(&format!("{last}/deactivate"), json!({})).await;
    assert_eq!(code, 409, "{refused}");
    assert!(refused.to_string().contains("wanderer") && refused.to_string().contains("maintenance"), "{refused}");
    assert_eq!(lab.host(first).await["status"], "up");

    // Back, and gone.
    lab.admin.post(&format!("{path}/activate"), json!({})).await;
    lab.wait_for_host(second, "up").await;
    let (code, refused) = lab.admin.delete(&path).await;
    assert_eq!(code, 409, "{refused}");
    lab.admin.post(&format!("{path}/deactivate"), json!({})).await;
    lab.wait_for_host(second, "maintenance").await;
    let (code, answer) = lab.admin.delete(&path).await;
    assert_eq!(code, 200, "{answer}");
    assert_eq!(lab.admin.get(&path).await.0, 404);
    lab.hosts[second].pull_the_plug();
    settled(&lab, &vm, first).await;
}

/// Waits until the VM is up, in one place only, and nothing holds it; where that is.
async fn one_home(lab: &Lab, vm: &str) -> usize {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        lab.admin.wait(vm, "up").await;
        let (said, really) = (lab.whereabouts(vm).await, lab.really_on(vm));
        assert!(really.len() < 3, "{really:?}");
        if really.len() == 1 && said == Some(really[0]) && lab.admin.status(vm).await == "up" {
            return really[0];
        }
        let events = lab.admin.messages().await;
        assert!(Instant::now() < end, "said to be on {said:?}, is on {really:?}: {events:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Sends it off slowly, and waits until it is on its way.
async fn slowly(lab: &Lab, vm: &str) {
    let (code, answer) = lab.admin.post(&format!("/vms/{vm}/migrate"), json!({"bandwidth": 2})).await;
    assert_eq!(code, 200, "{answer}");
    let end = Instant::now() + Duration::from_secs(30);
    // Both have a QEMU of it: the target's waits for its memory.
    while lab.really_on(vm).len() < 2 {
        let events = lab.admin.messages().await;
        assert!(Instant::now() < end, "{}: {events:?}", lab.admin.status(vm).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(lab.admin.status(vm).await, "migrating");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_a_guest_runs_in_one_place() {
    let mut lab = Lab::with_hosts(2).await;
    let vm = lab.demo_vm("survivor").await;
    lab.admin.act(&vm, "start").await;
    let mut here = one_home(&lab, &vm).await;

    slowly(&lab, &vm).await;
    lab.admin.act(&vm, "cancelmigration").await;
    assert_eq!(one_home(&lab, &vm).await, here, "it was called back");

    for target in [false, true] {
        slowly(&lab, &vm).await;
        let victim = if target { 1 - here } else { here };
        lab.hosts[victim].kill_agent();
        tokio::time::sleep(Duration::from_secs(1)).await;
        lab.hosts[victim].start_agent();
        lab.wait_for_host(victim, "up").await;
        here = one_home(&lab, &vm).await;
    }

    slowly(&lab, &vm).await;
    lab.hosts[1 - here].cable(false);
    tokio::time::sleep(Duration::from_secs(5)).await;
    lab.hosts[1 - here].cable(true);
    here = one_home(&lab, &vm).await;

    slowly(&lab, &vm).await;
    let libvirtd = lab.hosts[here].processes("libvirtd");
    assert_eq!(libvirtd.len(), 1);
    crate::server::kill_process(libvirtd[0]);
    here = one_home(&lab, &vm).await;
    lab.wait_for_hosts("up").await;

    for place in ["move:before", "move:after", "settle:before", "settle:after"] {
        let place = format!("migrate_vm:{place}");
        lab.restart_engine(vec![("VIREO_TEST_PAUSE", place.clone())]);
        lab.wait_for_hosts("up").await;
        lab.admin.act(&vm, "migrate").await;
        lab.server.wait_for_line(&format!("paused at {place}"), Duration::from_secs(60));
        lab.restart_engine(Vec::new());
        let now = one_home(&lab, &vm).await;
        assert_eq!(now, 1 - here, "{place}");
        here = now;
        lab.admin.nothing_is_locked().await;
    }

    // The guest itself ends on its way.
    slowly(&lab, &vm).await;
    crate::server::kill_process(lab.hosts[here].guests(&vm)[0]);
    lab.admin.wait(&vm, "down").await;
    lab.admin.nothing_is_locked().await;
    assert_eq!(lab.really_on(&vm), Vec::<usize>::new());
    lab.admin.act(&vm, "start").await;
    one_home(&lab, &vm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_on_a_dead_host_comes_back_elsewhere_once() {
    let mut lab = Lab::with_hosts(2).await;
    let vm = lab.demo_vm("important").await;
    let plain = lab.demo_vm("plain").await;
    let marked = json!({"high_availability": {"enabled": true, "priority": 50}});
    let (code, answer) = lab.admin.put(&format!("/vms/{vm}"), marked).await;
    assert_eq!(code, 200, "{answer}");
    lab.admin.act(&vm, "start").await;
    let here = one_home(&lab, &vm).await;
    let other = 1 - here;
    lab.admin.act(&plain, "start").await;
    if one_home(&lab, &plain).await != here {
        lab.admin.act(&plain, "migrate").await;
        assert_eq!(one_home(&lab, &plain).await, here);
    }

    // Its QEMU dies: it is started again, without a word from anybody.
    crate::server::kill_process(lab.hosts[here].guests(&vm)[0]);
    lab.admin.wait_for(&vm, &["wait_for_launch", "powering_up"]).await;
    let again = one_home(&lab, &vm).await;
    if again != here {
        lab.admin.act(&vm, "migrate").await;
        assert_eq!(one_home(&lab, &vm).await, here);
    }

    // The plug is pulled: nobody knows, nothing is started, until somebody has looked.
    let path = format!("/hosts/{}", lab.hosts[here].id);
    let confirm = json!({"fence_type": "manual"});
    let (code, refused) = lab.admin.post(&format!("{path}/fence"), confirm.clone()).await;
    assert_eq!(code, 409, "a host that is up is not called off: {refused}");
    lab.hosts[here].pull_the_plug();
    lab.wait_for_host(here, "non_responsive").await;
    assert_eq!(lab.admin.status(&vm).await, "unknown");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(lab.really_on(&vm), Vec::<usize>::new());
    let (code, answer) = lab.admin.post(&format!("{path}/fence"), confirm).await;
    assert_eq!(code, 200, "{answer}");
    assert_eq!(one_home(&lab, &vm).await, other);
    assert_eq!(lab.admin.status(&plain).await, "down", "who is not marked stays down");
    assert_eq!(lab.host(here).await["status"], "down");

    // It has power again, and is a host as before.
    lab.power_on(here);
    lab.wait_for_host(here, "up").await;
    assert_eq!(one_home(&lab, &vm).await, other);
    assert_eq!(lab.really_on(&plain), Vec::<usize>::new());
}

/// To maintenance.
async fn put_aside(lab: &Lab, index: usize) {
    let (code, answer) = lab.admin.post(&format!("/hosts/{}/deactivate", lab.hosts[index].id), json!({})).await;
    assert_eq!(code, 200, "{answer}");
    lab.wait_for_host(index, "maintenance").await;
}

/// The machine joins as a host again, with a new command.
async fn joins_anew(lab: &mut Lab, index: usize, name: &str) {
    let (code, made) = lab.admin.post("/hosts", json!({ "name": name })).await;
    assert_eq!(code, 201, "{made}");
    lab.hosts[index].id = made["id"].as_str().unwrap().to_owned();
    lab.hosts[index].join(made["join_command"].as_str().unwrap());
    lab.wait_for_host(index, "up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_of_a_removed_host_leaves() {
    let mut lab = Lab::start().await;
    lab.add_host().await;
    lab.wait_for_hosts("up").await;
    assert_eq!(lab.hosts[0].agent_files().len(), 4);
    put_aside(&lab, 0).await;
    let portal = Portal::sign_in(&lab.server, "admin@internal", &lab.server.password("admin")).await;
    let page = |id: &str| format!("/admin/hosts/{id}/remove");
    let (_, text) = portal.get(&page(&lab.hosts[0].id)).await;
    assert!(text.contains("Its agent is told to leave"), "{text}");
    let path = format!("/hosts/{}", lab.hosts[0].id);
    let (code, answer) = lab.admin.delete(&path).await;
    assert_eq!((code, lab.admin.get(&path).await.0), (200, 404), "{answer}");
    let end = Instant::now() + Duration::from_secs(30);
    while !lab.hosts[0].agent_ended() {
        assert!(Instant::now() < end, "it runs on: {}", lab.hosts[0].log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(lab.hosts[0].agent_files(), [""; 0]);

    // The machine is a host again. This time the engine dies before, and after, the agent was told.
    joins_anew(&mut lab, 0, "again").await;
    for place in ["remove_host:leave:before", "remove_host:leave:after"] {
        put_aside(&lab, 0).await;
        lab.restart_engine(vec![("VIREO_TEST_PAUSE", place.to_owned())]);
        lab.wait_for_host(0, "maintenance").await;
        // It is called again.
        let portal = Portal::sign_in(&lab.server, "admin@internal", &lab.server.password("admin")).await;
        let end = Instant::now() + Duration::from_secs(30);
        while !portal.get(&page(&lab.hosts[0].id)).await.1.contains("Its agent is told to leave") {
            assert!(Instant::now() < end, "it is not called");
        }
        let (admin, path) = (lab.server.admin(), format!("/hosts/{}", lab.hosts[0].id));
        let asked = tokio::spawn(async move { admin.delete(&path).await });
        lab.server.wait_for_line(&format!("paused at {place}"), Duration::from_secs(60));
        asked.abort();
        lab.restart_engine(Vec::new());
        let path = format!("/hosts/{}", lab.hosts[0].id);
        let end = Instant::now() + Duration::from_secs(60);
        while lab.admin.get(&path).await.0 != 404 || !lab.hosts[0].agent_ended() {
            assert!(Instant::now() < end, "{place}: it is not removed: {:?}", lab.admin.messages().await);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(lab.hosts[0].agent_files(), [""; 0], "{place}");
        joins_anew(&mut lab, 0, &format!("after-{}", place.len())).await;
    }

    // One that does not answer runs on, and the page says so before.
    put_aside(&lab, 0).await;
    lab.hosts[0].cable(false);
    let portal = Portal::sign_in(&lab.server, "admin@internal", &lab.server.password("admin")).await;
    let (_, text) = portal.get(&page(&lab.hosts[0].id)).await;
    assert!(text.contains("its agent will run on, without effect"), "{text}");
    let path = format!("/hosts/{}", lab.hosts[0].id);
    let (code, answer) = lab.admin.delete(&path).await;
    assert_eq!((code, lab.admin.get(&path).await.0), (200, 404), "{answer}");
    lab.hosts[0].cable(true);
    assert!(!lab.hosts[0].agent_ended() && lab.hosts[0].agent_files().len() == 4);
    let said = lab.admin.messages().await;
    assert!(said.iter().any(|m| m.contains("could not be told to leave")), "{said:?}");
    let mut stop = lab.hosts[0].command(env!("CARGO_BIN_EXE_vireo"));
    assert!(stop.env("VIREO_DATA", lab.hosts[0].dir()).args(["host", "stop"]).status().unwrap().success());
    assert!(lab.hosts[0].agent_ended());
}
