//! A whole cluster goes down in order and comes back with what ran in it, whatever becomes of the engine meanwhile.

use crate::api::id_of;
use crate::lab::Lab;
use serde_json::json;
use std::time::{Duration, Instant};

async fn told(lab: &Lab, words: &str) {
    let end = Instant::now() + Duration::from_secs(240);
    while !lab.admin.messages().await.iter().any(|message| message.contains(words)) {
        assert!(Instant::now() < end, "nobody told {words:?}: {:?}", lab.admin.messages().await);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_shut_down_and_started_as_a_whole() {
    let settings = || vec![("VIREO_SHUTDOWN_TIMEOUT", "15".to_owned())];
    let mut lab = Lab::with_hosts_and(2, settings()).await;
    let (_, clusters) = lab.admin.get("/clusters?search=name%3DDefault").await;
    let cluster = format!("/clusters/{}", id_of(&clusters["cluster"][0]));
    let (ordinary, important) = (lab.demo_vm("ordinary").await, lab.demo_vm("important").await);
    let marked = json!({"high_availability": {"enabled": true, "priority": 100}});
    assert_eq!(lab.admin.put(&format!("/vms/{important}"), marked).await.0, 200);
    let deaf = lab.admin.small_vm("deaf").await;
    for vm in [&ordinary, &important] {
        lab.admin.act(vm, "start").await;
        lab.admin.wait(vm, "up").await;
    }
    // One that hears nothing: its firmware finds nothing to boot.
    lab.admin.act(&deaf, "start").await;
    lab.admin.wait_for(&deaf, &["powering_up", "up"]).await;

    // It does not go, and is named; nothing is pulled, and nothing of the rest is done.
    let (code, refused) = lab.admin.post(&format!("{cluster}/start"), json!({})).await;
    assert_eq!(code, 409, "it was not shut down: {refused}");
    let (code, answer) = lab.admin.post(&format!("{cluster}/shutdown"), json!({})).await;
    assert_eq!(code, 200, "{answer}");
    let (code, refused) = lab.admin.post(&format!("{cluster}/shutdown"), json!({})).await;
    assert_eq!(code, 409, "once is enough: {refused}");
    told(&lab, "still run: deaf").await;
    assert_eq!(lab.admin.status(&important).await, "up", "the highly available ones come after the ordinary ones");
    lab.admin.act(&deaf, "stop").await;
    lab.admin.wait(&deaf, "down").await;

    // Again, and the engine is killed in the middle of it.
    let (code, answer) = lab.admin.post(&format!("{cluster}/shutdown"), json!({})).await;
    assert_eq!(code, 200, "{answer}");
    lab.restart_engine(settings());
    lab.admin = lab.server.admin();
    told(&lab, "Cluster Default was shut down").await;
    for index in 0..2 {
        assert!(lab.hosts[index].went_off());
        assert_eq!(lab.host(index).await["status"], "down");
        lab.hosts[index].pull_the_plug();
    }
    let (code, refused) = lab.admin.post(&format!("/vms/{ordinary}/start"), json!({})).await;
    assert!(code == 409 && refused.to_string().contains("was shut down"), "{refused}");

    // Somebody switches them on, and all is as before.
    let (code, answer) = lab.admin.post(&format!("{cluster}/start"), json!({})).await;
    assert_eq!(code, 200, "{answer}");
    for index in 0..2 {
        lab.power_on(index);
    }
    told(&lab, "Cluster Default was started").await;
    for vm in [&ordinary, &important] {
        lab.admin.wait(vm, "up").await;
        assert_eq!(lab.really_on(vm).len(), 1);
    }
    lab.wait_for_hosts("up").await;
}
