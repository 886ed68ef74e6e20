//! Somebody who calls the REST API, and looks at the pages by hand.

use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The server ends a connection that was idle for five seconds: none is used again near that moment.
pub const IDLE: Duration = Duration::from_secs(3);

/// Somebody who calls the API with JSON.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    pub base: String,
    user: String,
    password: String,
    filter: bool,
}

/// An answer: its status and its document.
pub type Answer = (u16, Value);

impl Api {
    pub fn new(url: &str, user: &str, password: &str, filter: bool) -> Self {
        // A server on another address is called from wherever the way there begins.
        let here = if url.contains("127.0.0.1") { [127, 0, 0, 1] } else { [0, 0, 0, 0] };
        Self::from_address(here, url, user, password, filter)
    }

    /// Somebody at another address.
    pub fn from_address(address: [u8; 4], url: &str, user: &str, password: &str, filter: bool) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).pool_idle_timeout(IDLE);
        let http = builder.local_address(std::net::IpAddr::from(address)).build().unwrap();
        Self {
            http,
            base: format!("{url}/ovirt-engine/api"),
            user: user.to_owned(),
            password: password.to_owned(),
            filter,
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.basic_auth(&self.user, Some(&self.password)).header("Accept", "application/json");
        let request = if self.filter { request.header("Filter", "true") } else { request };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.http.post(format!("{}{path}", self.base)).json(&body)).await
    }
    /// A body as it is; the answer as text.
    pub async fn post_text(&self, path: &str, kind: &str, body: Vec<u8>) -> (u16, String) {
        let request = self.http.post(format!("{}{path}", self.base)).header("Content-Type", kind).body(body);
        let response = request.basic_auth(&self.user, Some(&self.password)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.http.put(format!("{}{path}", self.base)).json(&body)).await
    }
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.http.delete(format!("{}{path}", self.base))).await
    }

    /// The VM's state.
    pub async fn status(&self, vm: &str) -> String {
        let (code, document) = self.get(&format!("/vms/{vm}")).await;
        if code == 200 { document["status"].as_str().unwrap_or_default().to_owned() } else { format!("{code}") }
    }

    /// Waits until the VM is in this state; returns all states it went through.
    pub async fn wait(&self, vm: &str, wanted: &str) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(120);
        let mut seen: Vec<String> = Vec::new();
        while Instant::now() < end {
            let status = self.status(vm).await;
            if seen.last() != Some(&status) {
                seen.push(status.clone());
            }
            if status == wanted {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("VM {vm} was never {wanted}, but {seen:?}; events: {:?}", self.messages().await);
    }

    /// The same person without the filter: an administrator's view.
    pub fn unfiltered(&self) -> Self {
        Self { filter: false, ..self.clone() }
    }

    /// The same person's own view.
    pub fn filtered(&self) -> Self {
        Self { filter: true, ..self.clone() }
    }

    /// Only what kind of answer it is.
    pub async fn status_only(&self, method: &str, path: &str) -> u16 {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.base));
        self.send(request).await.0
    }

    /// An action on a VM that must be accepted.
    pub async fn act(&self, vm: &str, action: &str) {
        let (code, answer) = self.post(&format!("/vms/{vm}/{action}"), json!({})).await;
        assert_eq!(code, 200, "{action}: {answer}");
    }

    /// Waits until the VM is in one of these states; returns it.
    pub async fn wait_for(&self, vm: &str, wanted: &[&str]) -> String {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let status = self.status(vm).await;
            if wanted.contains(&status.as_str()) {
                return status;
            }
            assert!(
                Instant::now() < end,
                "VM {vm} is {status}, never one of {wanted:?}; events: {:?}",
                self.messages().await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the VM was in one state and is in another; returns all states it went through.
    pub async fn wait_through(&self, vm: &str, through: &str, wanted: &str) -> Vec<String> {
        let mut seen = self.wait(vm, through).await;
        seen.extend(self.wait(vm, wanted).await);
        seen
    }

    /// No task holds anything, and none is at work.
    pub async fn nothing_is_locked(&self) {
        eventually("no task is at work, no VM and no disk is locked", || async {
            let rows = |answer: Value, key: &str| answer[key].as_array().cloned().unwrap_or_default();
            let jobs = rows(self.get("/jobs").await.1, "job");
            // Of a VM that has just stopped, the way back to its pool may begin at this moment.
            let (vms, disks) = (rows(self.get("/vms").await.1, "vm"), rows(self.get("/disks").await.1, "disk"));
            jobs.iter().all(|job| job["status"] != "started")
                && vms.iter().all(|vm| vm["status"] != "image_locked")
                && disks.iter().all(|disk| disk["status"] == "ok")
        })
        .await;
    }

    /// The newest events' sentences.
    pub async fn messages(&self) -> Vec<String> {
        let (_, events) = self.get("/events?max=15").await;
        let all = events["event"].as_array().cloned().unwrap_or_default();
        all.iter().map(|e| e["description"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Makes an empty VM with a small disk, and waits until it is there.
    pub async fn small_vm(&self, name: &str) -> String {
        let (code, vm) = self.post("/vms", small_vm(name)).await;
        assert_eq!(code, 202, "{vm}");
        let id = vm["id"].as_str().unwrap().to_owned();
        self.wait(&id, "down").await;
        id
    }
}

/// The id in a document.
pub fn id_of(document: &Value) -> String {
    document["id"].as_str().unwrap_or_else(|| panic!("no id in {document}")).to_owned()
}

/// Asks until it is so, for a minute.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    let end = Instant::now() + Duration::from_secs(60);
    while !so().await {
        assert!(Instant::now() < end, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A VM with 64 MiB and an empty disk.
pub fn small_vm(name: &str) -> Value {
    serde_json::json!({
        "name": name, "cluster": {"name": "Default"}, "template": {"name": "Blank"}, "memory": 64 << 20,
        "memory_policy": {"max": 128 << 20, "guaranteed": 64 << 20},
        "disk_attachments": {"disk_attachment": [{"bootable": true, "interface": "virtio", "disk": {"provisioned_size": 64 << 20}}]},
    })
}
