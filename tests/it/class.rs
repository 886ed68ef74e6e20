//! A class of thirty clicks within one second, while VMs are being started ahead and the program is killed in the middle: each gets a VM of
//! his own. The guests are emulated: what counts is who gets which VM, not that each boots.

use crate::api::{Api, eventually, id_of};
use crate::portal::{Portal, between};
use crate::server::{Server, Start, processes};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PUPILS: usize = 30;
const PASSWORD: &str = "Secret-4-Class";

fn name(number: usize) -> String {
    format!("pupil-{number}")
}

/// A pool of small VMs that anybody may take of.
async fn class(admin: &Api, boss: &Portal) -> String {
    let body = json!({
        "name": "class-??", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"},
        "size": PUPILS, "max_user_vms": 1, "type": "automatic",
    });
    let (code, pool) = admin.post("/vmpools", body).await;
    assert_eq!(code, 201, "{pool}");
    let id = id_of(&pool);
    admin.nothing_is_locked().await;
    let vms = vms(admin).await;
    assert_eq!(vms.len(), PUPILS);
    for vm in &vms {
        // No system to boot: thirty would keep this machine busy for minutes.
        let small = json!({
            "memory": 64 << 20, "memory_policy": {"guaranteed": 64 << 20, "max": 64 << 20},
            "os": {"boot": {"devices": {"device": ["network"]}}},
        });
        assert_eq!(admin.put(&format!("/vms/{}", id_of(vm)), small).await.0, 200);
    }
    let (_, roles) = admin.get("/roles").await;
    let role = roles["role"].as_array().unwrap().iter().find(|r| r["name"] == "UserRole").map(id_of).unwrap();
    let everyone = id_of(&admin.get("/groups").await.1["group"][0]);
    let grant = [("role", role.as_str()), ("principal", &everyone), ("kind", "vm_pool"), ("object", &id)];
    assert_eq!(boss.post("/admin/permissions", &grant).await.0, 303);
    id
}

async fn vms(admin: &Api) -> Vec<Value> {
    admin.get("/vms?search=pool%3Dclass").await.1["vm"].as_array().cloned().unwrap_or_default()
}

async fn pupils(server: &Server, boss: &Portal) -> Vec<Portal> {
    let mut all = Vec::new();
    for number in 0..PUPILS {
        let user = name(number);
        let form = [
            ("user_name", user.as_str()),
            ("password", PASSWORD),
            ("first_name", ""),
            ("last_name", ""),
            ("email", ""),
        ];
        assert_eq!(boss.post("/admin/users/new", &form).await.0, 303);
        all.push(Portal::sign_in(server, &format!("{user}@internal"), PASSWORD).await);
    }
    all
}

/// The VM whose console the answer leads to.
fn given(answer: &(u16, String)) -> String {
    assert_eq!(answer.0, 303, "{answer:?}");
    between(&answer.1, "/user/vms/", "/console").unwrap_or_else(|| panic!("no console in {answer:?}"))
}

/// All click at once; the program is killed when the first have their answers.
async fn click_and_kill(
    server: Server,
    pupils: &[Portal],
    path: &str,
) -> (std::path::PathBuf, BTreeMap<usize, String>) {
    let answered = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let clicks: Vec<_> = pupils
        .iter()
        .cloned()
        .map(|pupil| {
            let (answered, path) = (answered.clone(), path.to_owned());
            tokio::spawn(async move {
                let answer = pupil.click(&path).await;
                answered.fetch_add(usize::from(answer.is_some()), Ordering::SeqCst);
                answer
            })
        })
        .collect();
    while answered.load(Ordering::SeqCst) < PUPILS / 3 && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let data = server.kill();
    let mut has = BTreeMap::new();
    for (number, click) in clicks.into_iter().enumerate() {
        if let Some(answer) = click.await.unwrap() {
            has.insert(number, given(&answer));
        }
    }
    (data, has)
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_pupils_get_a_vm_each() {
    let start = Start { demo: true, without_iso: true, ..Start::default() };
    let server = Server::start(&start);
    let admin = server.admin();
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let pool = class(&admin, &boss).await;
    let pupils = pupils(&server, &boss).await;
    assert_eq!(admin.put(&format!("/vmpools/{pool}"), json!({"prestarted_vms": 6})).await.0, 200);
    eventually("some run, others are being started", || async {
        vms(&admin).await.iter().filter(|vm| vm["status"] == "powering_up").count() >= 2
    })
    .await;

    let path = format!("/user/pools/{pool}/take");
    let (data, mut has) = click_and_kill(server, &pupils, &path).await;
    let told = has.clone();
    let server = Server::spawn(data, &start).ready();
    let admin = server.admin();
    let again = pupils.iter().enumerate().filter(|(number, _)| !told.contains_key(number));
    let again = again.map(|(number, pupil)| {
        let (pupil, path) = (pupil.at(&server), path.clone());
        async move { (number, pupil.click(&path).await.expect("it answers")) }
    });
    for (number, answer) in futures_util::future::join_all(again).await {
        has.insert(number, given(&answer));
    }

    let distinct: BTreeSet<&String> = has.values().collect();
    assert_eq!((has.len(), distinct.len()), (PUPILS, PUPILS), "no two share: {has:?}");
    for (number, vm) in &has {
        let user = format!("{}@internal", name(*number));
        let (_, his) = Api::new(&server.url, &user, PASSWORD, true).get("/vms").await;
        let his: Vec<String> = his["vm"].as_array().unwrap().iter().map(id_of).collect();
        assert_eq!(his, std::slice::from_ref(vm), "{user} has the one he was told, and no other");
    }
    for vm in vms(&admin).await {
        assert!(processes(&["qemu-system", &id_of(&vm)]).len() <= 1, "{vm}");
        assert_ne!(vm["status"], "down", "whoever took one sees it start: {vm}");
    }
}
