//! A provider that lies: it answers whatever a test wants, over TLS, and signs with a key of its own (ES256).

use super::idp::Authority;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair, KeyPair as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

/// What is answered at a path: after a while, so many bytes of a body with this status.
#[derive(Clone)]
pub struct Says {
    pub status: u16,
    pub body: Vec<u8>,
    pub after: Duration,
}

impl Says {
    pub fn json(value: &Value) -> Self {
        Self { status: 200, body: value.to_string().into_bytes(), after: Duration::ZERO }
    }
}

/// The liar.
pub struct Hostile {
    pub issuer: String,
    pub authority: Authority,
    key: EcdsaKeyPair,
    says: Arc<Mutex<HashMap<String, Says>>>,
    /// How often each path was asked for.
    pub asked: Arc<Mutex<HashMap<String, usize>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hostile {
    /// Honest at first.
    pub async fn start() -> Self {
        let authority = Authority::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ES256, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ES256, pkcs8.as_ref(), &SystemRandom::new()).unwrap();
        let (says, asked) = (Arc::default(), Arc::default());
        let task = tokio::spawn(serve(listener, acceptor(&authority), Arc::clone(&says), Arc::clone(&asked)));
        let hostile = Self { issuer, authority, key, says, asked, task };
        hostile.say("/.well-known/openid-configuration", Says::json(&hostile.metadata()));
        hostile.say("/jwks", Says::json(&json!({"keys": [hostile.jwk()]})));
        hostile
    }

    pub fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
            "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
        })
    }

    pub fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        json!({"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256", "x": part(1..33), "y": part(33..65)})
    }

    pub fn say(&self, path: &str, says: Says) {
        self.says.lock().unwrap().insert(path.to_owned(), says);
    }

    pub fn times(&self, path: &str) -> usize {
        self.asked.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    /// Good claims for this nonce.
    pub fn claims(&self, nonce: &str) -> Value {
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        json!({
            "iss": self.issuer, "aud": "vireo", "sub": "7", "exp": now + 300, "iat": now, "nonce": nonce,
            "preferred_username": "eve",
        })
    }

    /// A token with this head and these claims, rightly signed.
    pub fn token(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// What the token endpoint says next.
    pub fn gives(&self, id_token: &str) {
        let tokens = json!({"access_token": "at", "token_type": "Bearer", "id_token": id_token});
        self.say("/token", Says::json(&tokens));
    }
}

pub fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(authority.certificate()).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(authority.key()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

type Shared<T> = Arc<Mutex<HashMap<String, T>>>;

/// One request per connection.
async fn serve(listener: tokio::net::TcpListener, tls: TlsAcceptor, says: Shared<Says>, asked: Shared<usize>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tls, says, asked) = (tls.clone(), Arc::clone(&says), Arc::clone(&asked));
        tokio::spawn(async move {
            let Ok(mut stream) = tls.accept(stream).await else { return };
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !whole(&request) {
                match stream.read(&mut piece).await {
                    Ok(n) if n > 0 => request.extend_from_slice(&piece[..n]),
                    _ => return,
                }
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let path = text.split_whitespace().nth(1).unwrap_or_default().to_owned();
            *asked.lock().unwrap().entry(path.clone()).or_default() += 1;
            let nothing = Says { status: 404, body: Vec::new(), after: Duration::ZERO };
            let answer = says.lock().unwrap().get(&path).cloned().unwrap_or(nothing);
            tokio::time::sleep(answer.after).await;
            let head = format!(
                "HTTP/1.1 {} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nLocation: https://evil.example/\r\nConnection: close\r\n\r\n",
                answer.status,
                answer.body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &answer.body].concat()).await;
            let _ = stream.shutdown().await;
        });
    }
}

/// Head and body have come.
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
