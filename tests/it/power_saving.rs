//! A cluster that saves power has its idle hosts go off, and wakes them when they are needed.

use crate::api::eventually;
use crate::fencing::{Board, SYSTEM};
use crate::lab::Lab;
use serde_json::{Value, json};

fn policy(reserve: u32) -> Value {
    let property = |name: &str, value: u32| json!({"name": name, "value": value.to_string()});
    let all = [property("EnableAutomaticHostPowerManagement", 1), property("HostsInReserve", reserve)];
    json!({"scheduling_policy": {"name": "power_saving"}, "custom_scheduling_policy_properties": {"property": all}})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_host_goes_off_and_is_woken_when_it_is_needed() {
    let mut lab = Lab::with_hosts(2).await;
    let cluster = lab.admin.get("/clusters").await.1["cluster"][0]["id"].as_str().unwrap().to_owned();
    let mut idle = 0;
    for index in 0..2 {
        if lab.host(index).await["spm"]["status"] != "spm" {
            idle = index;
        }
    }
    let (board, address) = Board::start(&lab, lab.hosts[idle].first_process());
    let option = |name: &str, value: &str| json!({"name": name, "value": value});
    let options = [option("ipport", "8443"), option("ssl_insecure", "1"), option("systems_uri", SYSTEM)];
    let agent = json!({"type": "redfish", "address": address, "username": "a", "password": "b", "options": {"option": options}});
    let host = format!("/hosts/{}", lab.hosts[idle].id);
    assert_eq!(lab.admin.post(&format!("{host}/fenceagents"), agent).await.0, 201);
    eventually("the board answers", || async {
        lab.admin.post(&format!("{host}/fence"), json!({"fence_type": "status"})).await.0 == 200
    })
    .await;

    // Nobody needs it. The engine is killed when it has just taken it out of use.
    let (code, set) = lab.admin.put(&format!("/clusters/{cluster}"), policy(0)).await;
    assert_eq!(code, 200, "{set}");
    lab.wait_for_host(idle, "maintenance").await;
    lab.restart_engine(Vec::new());
    lab.wait_for_host(idle, "down").await;
    assert!(lab.hosts[idle].went_off());
    board.went_off();
    assert!(lab.host(1 - idle).await["status"] == "up", "the last one stays");

    // One idle host is to be kept in reserve, and the other one gets a VM.
    let vm = lab.admin.small_vm("busy").await;
    lab.admin.act(&vm, "start").await;
    lab.admin.wait_for(&vm, &["powering_up", "up"]).await;
    let (code, set) = lab.admin.put(&format!("/clusters/{cluster}"), policy(1)).await;
    assert_eq!(code, 200, "{set}");
    eventually("it is told to come on", || async { board.wanted() == "On" }).await;
    lab.hosts[idle].pull_the_plug();
    lab.power_on(idle);
    lab.wait_for_host(idle, "up").await;
    let said = lab.admin.messages().await;
    let name = &lab.hosts[idle].name;
    assert!(said.iter().filter(|line| line.contains(name.as_str())).count() > 3, "{said:?}");
}
