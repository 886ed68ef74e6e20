//! Signing in through OpenID providers: a real one, and one that lies.

mod api;
mod browser;
mod hostile;
mod idp;
mod lies;
mod sign_in;
mod walker;

use crate::portal::Portal;
use crate::server::Server;
use idp::Idp;

/// Sets a provider up in the Admin Portal; its page.
async fn set_up(boss: &Portal, fields: &[(&'static str, String)]) -> String {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, page) = boss.post("/admin/providers/new", &fields).await;
    assert_eq!(status, 303, "{page}");
    let name = fields.iter().find(|f| f.0 == "name").unwrap().1;
    let (_, list) = boss.get("/admin/providers").await;
    let row = list.split("<tr").find(|row| row.contains(&format!(">{name}</a>"))).unwrap();
    crate::portal::between(row, "href=\"", "\"").unwrap()
}

/// An engine with a provider, and its administrator.
async fn with_provider(server: &Server, name: &str) -> (Portal, Idp, String) {
    let boss = Portal::sign_in(server, "admin@internal", &server.password("admin")).await;
    let idp = Idp::start(server, name);
    let page = set_up(&boss, &idp.fields()).await;
    (boss, idp, page)
}

/// What the events say, the newest first.
async fn events(server: &Server) -> String {
    server.admin().messages().await.join("\n")
}
