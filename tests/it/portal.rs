//! Somebody who uses the portals without a browser: a session cookie and the pages' CSRF token.

use crate::server::Server;

/// A signed-in session, or nobody's.
#[derive(Clone)]
pub struct Portal {
    http: reqwest::Client,
    url: String,
    pub cookie: String,
    pub csrf: String,
}

const FORM: &str = "application/x-www-form-urlencoded";

fn encode(fields: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(fields).unwrap()
}

/// Status and text.
pub type Page = (u16, String);

impl Portal {
    /// Somebody who has not signed in.
    pub fn nobody(server: &Server) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(crate::api::IDLE)
            .build()
            .unwrap();
        Self { http, url: server.url.clone(), cookie: String::new(), csrf: String::new() }
    }

    /// Signs in by the form, as a browser does.
    pub async fn sign_in(server: &Server, user: &str, password: &str) -> Self {
        let mut portal = Self::nobody(server);
        let form = [("user", user), ("password", password), ("then", "/")];
        let request =
            portal.http.post(format!("{}/sign-in", portal.url)).header("Content-Type", FORM).body(encode(&form));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 303, "{user} can sign in");
        let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
        for word in ["Secure", "HttpOnly", "SameSite"] {
            assert!(cookie.contains(word), "{word} is not in {cookie}");
        }
        portal.cookie = cookie.split(';').next().unwrap().to_owned();
        let (_, page) = portal.get("/user").await;
        portal.csrf = between(&page, "name=\"csrf-token\" content=\"", "\"").expect("pages carry the token");
        portal
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(self.http.get(format!("{}{path}", self.url))).await
    }

    /// A form with the token, in the header as the console's script sends it, and in the form as pages do.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend_from_slice(fields);
        let request = self.http.post(format!("{}{path}", self.url)).header("Content-Type", FORM).body(encode(&all));
        self.send(request.header("X-CSRF-Token", &self.csrf)).await
    }

    /// The same session at the program after a restart.
    pub fn at(&self, server: &Server) -> Self {
        Self { url: server.url.clone(), ..self.clone() }
    }

    /// Clicks a button; none: the program went away before it answered. The answer is its status and where it leads, or
    /// what it says.
    pub async fn click(&self, path: &str) -> Option<(u16, String)> {
        let form = encode(&[("csrf", self.csrf.as_str())]);
        let request = self.http.post(format!("{}{path}", self.url)).header("Content-Type", FORM).body(form);
        let answer = request.header("Cookie", &self.cookie).header("X-CSRF-Token", &self.csrf).send().await.ok()?;
        let (code, to) = (answer.status().as_u16(), answer.headers().get("location").cloned());
        let said = answer.text().await.ok()?;
        Some((code, to.map_or(said, |to| to.to_str().unwrap().to_owned())))
    }

    /// A file's bytes as a disk; its id.
    pub async fn upload(&self, alias: &str, file: &str) -> String {
        let bytes = std::fs::read(file).unwrap();
        let query = format!("alias={alias}&content=data&format=cow&bytes={}", bytes.len());
        let request = self.http.post(format!("{}/admin/disks/upload?{query}", self.url)).body(bytes);
        let (code, said) = self.send(request.header("X-CSRF-Token", &self.csrf)).await;
        assert_eq!(code, 200, "{said}");
        said
    }

    /// Sends a file as it is.
    pub async fn send_file(&self, path: &str, bytes: Vec<u8>) -> Page {
        let request = self.http.post(format!("{}{path}", self.url)).body(bytes);
        self.send(request.header("X-CSRF-Token", &self.csrf)).await
    }

    /// A form without the token: another site's.
    pub async fn post_foreign(&self, path: &str) -> Page {
        let none: [(&str, &str); 0] = [];
        self.send(self.http.post(format!("{}{path}", self.url)).header("Content-Type", FORM).body(encode(&none))).await
    }

    /// Only what kind of answer it is; the body is not waited for.
    pub async fn status(&self, method: &str, path: &str) -> u16 {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        let request = if self.cookie.is_empty() { request } else { request.header("Cookie", &self.cookie) };
        request.header("X-CSRF-Token", &self.csrf).send().await.unwrap().status().as_u16()
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Page {
        let request = if self.cookie.is_empty() { request } else { request.header("Cookie", &self.cookie) };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap_or_default())
    }
}

/// What stands between two texts.
pub fn between(text: &str, from: &str, to: &str) -> Option<String> {
    let start = text.find(from)? + from.len();
    let rest = &text[start..];
    Some(rest[..rest.find(to)?].to_owned())
}
