//! A browser without a screen: cookies by origin, redirects one by one.

use crate::portal::between;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub url: String,
    pub status: u16,
    /// Where it leads, made whole.
    pub location: Option<String>,
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// Somebody with a browser.
#[derive(Clone)]
pub struct Walker {
    http: reqwest::Client,
    cookies: Arc<Mutex<HashMap<String, HashMap<String, String>>>>,
}

fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

impl Walker {
    pub fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .pool_idle_timeout(crate::api::IDLE)
            .tls_danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { http, cookies: Arc::default() }
    }

    async fn send(&self, url: &str, request: reqwest::RequestBuilder) -> Answer {
        let jar = self.cookies.lock().unwrap().get(&origin(url)).cloned().unwrap_or_default();
        let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header("Cookie", cookies.join("; ")).send().await.unwrap();
        for set in answer.headers().get_all("set-cookie") {
            let (name, value) = set.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            let mut all = self.cookies.lock().unwrap();
            all.entry(origin(url)).or_default().insert(name.to_owned(), value.to_owned());
        }
        let headers: HashMap<String, String> = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let location = headers.get("location").map(|to| match to.starts_with('/') {
            true => format!("{}{to}", origin(url)),
            false => to.clone(),
        });
        let status = answer.status().as_u16();
        Answer { url: url.to_owned(), status, location, headers, body: answer.text().await.unwrap() }
    }

    pub async fn get(&self, url: &str) -> Answer {
        self.send(url, self.http.get(url)).await
    }

    pub async fn post(&self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(fields).unwrap();
        let request = self.http.post(url).header("Content-Type", "application/x-www-form-urlencoded").body(body);
        self.send(url, request).await
    }

    /// Follows where an answer leads, up to a page or an address that begins with `stop`.
    pub async fn follow(&self, mut answer: Answer, stop: &str) -> Answer {
        for _ in 0..12 {
            let Some(to) = answer.location.clone() else { return answer };
            if !stop.is_empty() && to.starts_with(stop) {
                return answer;
            }
            answer = self.get(&to).await;
        }
        panic!("redirected for ever: {answer:?}");
    }

    /// Goes to the provider and signs in there as `user`; stops before the engine hears of it.
    pub async fn at_provider(&self, engine: &str, provider: &str, then: &str, user: &str) -> String {
        let query = serde_urlencoded::to_string([("then", then)]).unwrap();
        let start = self.get(&format!("{engine}/sign-in/openid/{provider}?{query}")).await;
        assert_eq!(start.status, 303, "{}", start.body);
        let back = format!("{engine}/sign-in/openid/{provider}/callback");
        let page = self.follow(start, &back).await;
        let last = match between(&page.body, "action=\"", "\"") {
            // The provider knows him already.
            None => page,
            Some(action) => {
                let login = self.post(&format!("{}{action}", origin(&page.url)), &[("login", user)]).await;
                self.follow(login, &back).await
            }
        };
        last.location.unwrap_or_else(|| panic!("the provider leads nowhere: {} {}", last.url, last.body))
    }

    /// The whole way; the page at its end.
    pub async fn sign_in(&self, engine: &str, provider: &str, then: &str, user: &str) -> Answer {
        let back = self.at_provider(engine, provider, then, user).await;
        let entered = self.get(&back).await;
        self.follow(entered, "").await
    }

    /// Signs out with the page's token; what the engine answers.
    pub async fn sign_out(&self, engine: &str) -> Answer {
        let page = self.get(&format!("{engine}/user")).await;
        let csrf = between(&page.body, "name=\"csrf-token\" content=\"", "\"").unwrap();
        self.post(&format!("{engine}/sign-out"), &[("csrf", &csrf)]).await
    }
}
