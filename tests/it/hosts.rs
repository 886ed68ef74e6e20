//! Several hosts: machines join, guests move between them, hosts are emptied and go.

use crate::lab::Lab;
use serde_json::json;

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
