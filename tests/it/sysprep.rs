//! What a Windows is told at its first start, read by a real guest from its disc, and by another program from its floppy.

use crate::api::id_of;
use crate::portal::Portal;
use crate::server::{Server, Start, find_file};
use crate::snapshots::Guest;
use serde_json::json;

fn told() -> serde_json::Value {
    json!({
        "host_name": "lab-??", "timezone": "Europe/Berlin", "user_name": "teacher", "root_password": "s3<ret&",
        "org_name": "School & Co", "input_locale": "de-DE", "domain": "school.example",
        "active_directory_ou": "OU=Labs,DC=school,DC=example",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_windows_finds_its_answer_file() {
    let environment = vec![("VIREO_LOG", "debug".to_owned())];
    let server = Server::start(&Start { demo: true, without_iso: true, environment, ..Start::default() });
    let admin = server.admin();
    let desk = |told: serde_json::Value| {
        json!({
            "name": "desk-7", "cluster": {"name": "Default"}, "template": {"name": "demo-linux"}, "os": {"type": "windows_10x64"},
            "initialization": told, "domain": {"user": {"user_name": "joiner", "password": "j0in!"}},
        })
    };
    // What a Windows cannot be told makes no VM.
    let (code, refused) = admin.post("/vms", desk(json!({"dns_servers": "192.0.2.53"}))).await;
    assert!(code == 400 && refused.to_string().contains("Windows"), "{code} {refused}");
    let (code, made) = admin.post("/vms", desk(told())).await;
    assert_eq!(code, 202, "{made}");
    let vm = id_of(&made);
    admin.wait(&vm, "down").await;
    let (_, view) = admin.get(&format!("/vms/{vm}")).await;
    let said = &view["initialization"];
    assert!(said["org_name"] == "School & Co" && said["domain"] == "school.example", "{view}");
    assert!(!view.to_string().contains("s3<ret") && !view.to_string().contains("j0in"), "{view}");

    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    let guest = Guest { server: &server, vm: vm.clone() };
    guest.ready().await;
    let text = guest.run("mount -t iso9660 -o ro /dev/sr1 /mnt && cat /mnt/unattend.xml").await;
    for part in [
        "<ComputerName>lab-07<",
        "<Value>s3&lt;ret&amp;<",
        "<JoinDomain>school.example<",
        "<TimeZone>W. Europe Standard Time<",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(guest.run("cmp /mnt/unattend.xml /mnt/Autounattend.xml && echo same").await.trim(), "same");
    admin.act(&vm, "stop").await;
    admin.wait(&vm, "down").await;
    let said = server.said();
    assert!(!said.is_empty() && !said.contains("s3<ret") && !said.contains("j0in!"), "{said}");

    // An older one, and an answer file of its own, by the portal.
    let (code, view) = admin.put(&format!("/vms/{vm}"), json!({"os": {"type": "windows_xp"}})).await;
    assert_eq!(code, 200, "{view}");
    let boss = Portal::sign_in(&server, "admin@internal", &server.password("admin")).await;
    let page = format!("/admin/vms/{vm}/first_run");
    let (_, shown) = boss.get(&page).await;
    assert!(shown.contains("Use Sysprep") && shown.contains("value=\"OU=Labs,DC=school,DC=example\""), "{shown}");
    let form = [("enabled", "1"), ("workgroup", "LAB"), ("script", "no answer file"), ("time_zone", "Europe/Istanbul")];
    let (code, shown) = boss.post(&page, &form).await;
    assert!(
        code == 200 && shown.contains("is no answer file") && shown.contains("is not a time zone"),
        "{code} {shown}"
    );
    let script = "[UserData]\nComputerName=$ComputerName$\n[Identification]\nJoinWorkgroup=$JoinWorkgroup$";
    let form = [("enabled", "1"), ("workgroup", "LAB"), ("script", script)];
    assert_eq!(boss.post(&page, &form).await.0, 303);
    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    let floppy = find_file(&server.data, &format!("{vm}.img")).expect("the floppy is there");
    let read = std::process::Command::new("mtype").arg("-i").arg(&floppy).arg("::sysprep.inf").output().unwrap();
    let wanted = "[UserData]\r\nComputerName=desk-7\r\n[Identification]\r\nJoinWorkgroup=LAB\r\n";
    assert_eq!(String::from_utf8_lossy(&read.stdout), wanted);
    admin.act(&vm, "stop").await;
    admin.wait(&vm, "down").await;
    admin.act(&vm, "start").await;
    admin.wait(&vm, "up").await;
    assert!(!floppy.exists(), "the secrets on it are not kept");
    admin.act(&vm, "stop").await;
}
