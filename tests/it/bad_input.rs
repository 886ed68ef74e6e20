//! What comes in from outside and cannot be: each is refused with a sentence that names the field, and leaves nothing behind.

use crate::api::{Answer, Api, eventually, id_of, small_vm};
use crate::server::{Server, Start};
use serde_json::{Value, json};

fn detail(document: &Value) -> String {
    let fault = if document["fault"].is_null() { document } else { &document["fault"] };
    fault["detail"].as_str().unwrap_or_default().to_owned()
}

/// Refused with this status, and with all these words.
fn refused(answer: &Answer, code: u16, words: &[&str]) {
    let text = detail(&answer.1);
    assert_eq!(answer.0, code, "{}", answer.1);
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

fn with(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut body = small_vm(name);
    change(&mut body);
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_vm() {
    let server = Server::start(&Start::default());
    let admin = server.admin();

    let typo = with("a", |b| b["memroy"] = json!(1 << 30));
    refused(&admin.post("/vms", typo).await, 400, &["memroy", "no field"]);
    let typo = with("a", |b| b["memory_policy"] = json!({"gauranteed": 1 << 26}));
    refused(&admin.post("/vms", typo).await, 400, &["gauranteed", "no field"]);
    refused(&admin.post("/vms", small_vm(&"n".repeat(256))).await, 400, &["name", "longer than 64"]);
    refused(&admin.post("/vms", small_vm("a b<c>")).await, 400, &["name"]);
    refused(&admin.post("/vms", with("a", |b| b["memory"] = json!("much"))).await, 400, &["memory", "much"]);
    refused(&admin.post("/vms", with("a", |b| b["memory"] = json!(-1))).await, 400, &["memory"]);
    refused(
        &admin.post("/vms", with("a", |b| b["cluster"] = json!({"name": "Nowhere"}))).await,
        400,
        &["cluster", "Nowhere"],
    );
    refused(&admin.post("/vms", json!({"description": "no name"})).await, 400, &["name", "cluster", "template"]);
    let huge =
        with("a", |b| b["disk_attachments"]["disk_attachment"][0]["disk"]["provisioned_size"] = json!(1_u64 << 62));
    refused(&admin.post("/vms", huge).await, 400, &["size"]);

    let id = admin.small_vm("a").await;
    refused(&admin.post("/vms", small_vm("a")).await, 409, &["a", "name"]);
    let second = admin.small_vm("b").await;
    refused(&admin.put(&format!("/vms/{second}"), json!({"name": "a"})).await, 409, &["a", "name"]);
    refused(&admin.put(&format!("/vms/{id}"), json!({"nmae": "c"})).await, 400, &["nmae"]);
    refused(&admin.get("/vms?search=status%3D%3D%3D").await, 400, &["search"]);
    refused(&admin.get("/vms/not-an-id").await, 404, &["not-an-id"]);

    let (_, all) = admin.get("/vms").await;
    assert_eq!(all["vm"].as_array().unwrap().len(), 2, "nothing half-done stays behind");
    let (_, disks) = admin.get("/disks").await;
    assert_eq!(disks["disk"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_documents() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    let bomb =
        "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><vm><name>&b;</name></vm>";
    let deep = "{\"a\":".repeat(5000) + "1" + "}".repeat(5000).as_str();
    let large = format!("<vm><name>{}</name></vm>", "n".repeat(2 << 20));
    for (kind, body, code) in [
        ("application/xml", "<vm><name>a".to_owned(), 400),
        ("application/xml", bomb.to_owned(), 400),
        ("application/json", deep, 400),
        ("application/json", "[1, 2".to_owned(), 400),
        ("application/xml", large, 413),
    ] {
        let (got, text) = admin.post_text("/vms", kind, body.into_bytes()).await;
        assert_eq!(got, code, "{text}");
    }
    let (got, text) = admin.post_text("/vms", "application/xml", vec![b'<', 0xff, 0xfe, b'>']).await;
    assert!(got == 400 && text.contains("UTF-8"), "{got} {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let admin = server.admin();

    let id = admin.small_vm("too-large").await;
    let beyond = json!({"memory": 1_u64 << 41, "memory_policy": {"max": 1_u64 << 41, "guaranteed": 1_u64 << 41}});
    assert_eq!(admin.put(&format!("/vms/{id}"), beyond).await.0, 200);
    refused(&admin.post(&format!("/vms/{id}/start"), json!({})).await, 400, &["memory"]);
    assert_eq!(admin.status(&id).await, "down");

    let bare = with("bare", |b| b["disk_attachments"] = json!({}));
    let (code, vm) = admin.post("/vms", bare).await;
    assert_eq!(code, 202, "{vm}");
    admin.wait(&id_of(&vm), "down").await;
    refused(
        &admin.post(&format!("/vms/{}/start", id_of(&vm)), json!({})).await,
        409,
        &["bare", "no disk to boot from"],
    );

    // A CD whose file is gone.
    let (_, isos) = admin.get("/disks").await;
    let iso = isos["disk"].as_array().unwrap().iter().find(|d| d["content_type"] == "iso").map(id_of).unwrap();
    let on_cd = with("on-cd", |b| {
        b["cdroms"] = json!({"cdrom": [{"file": {"id": iso}}]});
        b["os"] = json!({"boot": {"devices": {"device": ["cdrom", "hd"]}}});
    });
    let (code, vm) = admin.post("/vms", on_cd).await;
    assert_eq!(code, 202, "{vm}");
    let id = id_of(&vm);
    admin.wait(&id, "down").await;
    remove_image(&server, &iso);
    let answer = admin.post(&format!("/vms/{id}/start"), json!({})).await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    admin.wait(&id, "down").await;
    eventually("an event says that the CD is gone", || async {
        admin.messages().await.iter().any(|m| m.contains("the CD in its drive is gone (demo.iso)"))
    })
    .await;
    admin.nothing_is_locked().await;
}

fn remove_image(server: &Server, disk: &str) {
    for domain in std::fs::read_dir(server.data.join("storage")).unwrap().flatten() {
        let folder = domain.path().join("images").join(disk);
        if folder.exists() {
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_administrators_remove_the_same_vm() {
    let server = Server::start(&Start::default());
    let admin = server.admin();
    for round in 0..5 {
        let id = admin.small_vm(&format!("twice-{round}")).await;
        let path = format!("/vms/{id}");
        let (one, two) = tokio::join!(admin.delete(&path), admin.delete(&path));
        let mut codes = [one.0, two.0];
        codes.sort_unstable();
        assert!(codes[0] == 200 && [404, 409].contains(&codes[1]), "{one:?} {two:?}");
        admin.wait(&id, "404").await;
    }
    admin.nothing_is_locked().await;
    assert_eq!(crate::kill::disk_folders(&server.data), Vec::<String>::new(), "all images are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_wrong_passwords() {
    let server = Server::start(&Start { demo: true, ..Start::default() });
    let guess = |user: &'static str, n: usize| {
        Api::from_address([127, 0, 0, 2], &server.url, user, &format!("guess-{n}"), true)
    };
    let guesses = async {
        let mut codes = Vec::new();
        for block in 0..20 {
            let asked = (0..50).map(|n| {
                let api = guess("alice@internal", block * 50 + n);
                async move { api.get("/vms").await.0 }
            });
            codes.extend(futures_util::future::join_all(asked).await);
        }
        codes
    };
    let (codes, others) = tokio::join!(guesses, async {
        let mut slowest = std::time::Duration::ZERO;
        for _ in 0..10 {
            let start = std::time::Instant::now();
            assert_eq!(server.admin().get("/vms?max=1").await.0, 200, "others sign in meanwhile");
            slowest = slowest.max(start.elapsed());
        }
        slowest
    });
    assert_eq!(codes.len(), 1000);
    // Twenty are looked at; then the guesser's address is turned away before anything is.
    let count = |code: u16| codes.iter().filter(|c| **c == code).count();
    assert!(count(401) >= 20 && count(401) + count(429) == 1000, "{} {}", count(401), count(429));
    assert!(count(401) <= 60, "a minute or two at most: {}", count(401));
    assert!(others.as_secs() < 20, "others waited {others:?}");
    // Locked after five: the right password does not help now either.
    let (code, answer) = server.alice().get("/vms").await;
    let told = answer["detail"].as_str().unwrap_or_default();
    assert!([401, 429].contains(&code) && (told.contains("locked") || told.contains("too many")), "{code} {answer}");
    let locked: Vec<_> =
        server.admin().messages().await.into_iter().filter(|m| m.contains("is locked after")).collect();
    assert_eq!(locked.len(), 1, "one event tells of it: {locked:?}");
}
