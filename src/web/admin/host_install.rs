//! Hosts are added and installed again by SSH: the forms, with the machine's key to be compared before anything secret is sent.

use super::vm_form::field;
use super::{admin, changing, details, id};
use crate::engine::hosts::install;
use crate::engine::{Created, Cx, EngineError, catalog};
use crate::model::host::NewHost;
use crate::model::host_install::{ROOT, SSH_PORT, SshAccess, SshLogin, SshMethod};
use crate::model::ids::HostId;
use crate::model::valid::{Invalid, Problem};
use crate::web::join;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Field, Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

const LIST: &str = "/admin/hosts";
const NEW: &str = "/admin/hosts/ssh";
const SHOWN: [&str; 8] =
    ["name", "comment", "cluster", "address", "ssh.port", "ssh.user", "ssh.fingerprint", "root_password"];

/// `/admin/hosts/ssh`, `/admin/hosts/{id}/reinstall`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route(NEW, web::get().to(new_page))
        .route(NEW, web::post().to(create))
        .route("/admin/hosts/{id}/reinstall", web::get().to(again_page))
        .route("/admin/hosts/{id}/reinstall", web::post().to(again));
}

type Values = HashMap<String, String>;

/// What the form begins with.
fn usual() -> Values {
    let all = [("port", SSH_PORT.to_string()), ("user", ROOT.to_owned()), ("login", SshMethod::Password.to_string())];
    all.map(|(name, value)| (name.to_owned(), value)).into()
}

/// How to log in: the fields that both forms have.
fn access_fields(cx: &Cx, frame: &Frame, filled: &Filled, pinned: bool) -> Result<Markup, EngineError> {
    let l = frame.l;
    let with = |hint: &str, label: &str, name: &'static str, of: &'static str| Field {
        hint: l.t(hint),
        ..field(l, label, name, of)
    };
    let logins: Vec<Choice> =
        SshMethod::ALL.iter().map(|one| Choice::new(one, l.t(&format!("ssh-login-{one}")))).collect();
    let hint = if pinned { "ssh-fingerprint-pinned" } else { "ssh-fingerprint-hint" };
    let fetch = html! {
        div class="pf-v6-c-form__group" { div class="pf-v6-c-form__group-control" {
            button class="pf-v6-c-button pf-m-secondary" type="submit" name="do" value="fetch" id="fetch" { (l.t("ssh-fetch")) }
        } }
    };
    Ok(html! {
        (field(l, "ssh-port", "port", "ssh.port").input(filled, "number"))
        (with(hint, "ssh-fingerprint", "fingerprint", "ssh.fingerprint").input(filled, "text"))
        (fetch)
        (with("ssh-user-hint", "ssh-user", "user", "ssh.user").input(filled, "text"))
        (field(l, "ssh-login", "login", "ssh.authentication_method").choose(filled, &logins))
        (with("ssh-password-hint", "password", "password", "root_password").input(filled, "password"))
        (with("ssh-install-missing-hint", "ssh-install-missing", "install_missing", "install_missing").check(filled))
        div class="pf-v6-c-form__group" {
            div class="pf-v6-c-form__group-label" { span class="pf-v6-c-form__label-text" { (l.t("ssh-public-key")) } }
            div class="pf-v6-c-form__group-control" {
                code class="vireo-fixed" data-engine-key { (install::public_key(cx)?) }
                div class="pf-v6-c-form__helper-text" { (l.t("ssh-public-key-hint")) }
            }
        }
    })
}

/// The whole page; `found`: the key that was just fetched.
fn shown(
    frame: &Frame,
    (title, text, action, back): (&str, &str, &str, &str),
    filled: &Filled,
    found: Option<&str>,
    fields: &Markup,
) -> HttpResponse {
    let l = frame.l;
    let fields = html! {
        // Who presses Enter means the form, not the first button in it.
        button type="submit" name="do" value="submit" hidden {}
        @if let Some(found) = found { (parts::alert("info", &l.ta("ssh-fetched", &[("found", found)]))) }
        (fields)
    };
    let content = html! {
        (parts::heading(title, &html! {}, &html! {}))
        p { (text) }
        (form(frame, action, back, &l.t("install"), &filled.others(l, &SHOWN), &fields))
    };
    frame.page(title, "", &content)
}

async fn page(cx: &Cx, frame: &Frame, filled: &Filled, found: Option<&str>) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let clusters = catalog::clusters(cx, &details::all()).await?.rows;
    let clusters: Vec<Choice> = clusters.iter().map(|c| Choice::new(c.id, &c.name)).collect();
    let fields = html! {
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "comment", "comment", "comment").input(filled, "text"))
        (field(l, "cluster", "cluster", "cluster").choose(filled, &clusters))
        (field(l, "address", "address", "address").input(filled, "text"))
        (access_fields(cx, frame, filled, false)?)
    };
    let (title, text) = (l.t("install-host"), l.t("install-host-text"));
    Ok(shown(frame, (&title, &text, NEW, LIST), filled, found, &fields))
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        page(&cx, &frame, &Filled { values: usual(), wrong: Vec::new() }, None).await
    };
    details::answer(&http, result.await)
}

fn get<'a>(values: &'a Values, name: &str) -> &'a str {
    values.get(name).map_or("", |value| value.trim())
}

/// 0, which the engine refuses by the field's name, for what is no port.
fn port(values: &Values) -> u16 {
    get(values, "port").parse().unwrap_or_default()
}

/// How the form says that the machine is to be logged in to. The password leaves the values: it is sent to no page.
fn access(http: &HttpRequest, values: &mut Values) -> SshAccess {
    let password = values.remove("password").unwrap_or_default();
    let login = match get(values, "login").parse() {
        Ok(SshMethod::PublicKey) => SshLogin::EngineKey,
        _ => SshLogin::Password(password),
    };
    SshAccess {
        port: port(values),
        user: get(values, "user").to_owned(),
        login,
        fingerprint: get(values, "fingerprint").to_owned(),
        install_missing: get(values, "install_missing") == "1",
        engine: join::base(http),
    }
}

/// What the form is shown with again.
enum Again {
    Fetched(String),
    Wrong(Vec<Invalid>),
}

impl Again {
    /// A refusal belongs to the form that asked for it; what else went wrong has a page of its own.
    fn of(frame: &Frame, result: Result<String, EngineError>) -> Result<Self, EngineError> {
        match result {
            Ok(found) => Ok(Self::Fetched(found)),
            Err(EngineError::Invalid(wrong)) => Ok(Self::Wrong(wrong)),
            Err(error @ EngineError::Ssh(_)) => {
                let because = words::error(frame.l, &error);
                Ok(Self::Wrong(vec![Invalid::new("address", Problem::Other { because })]))
            }
            Err(other) => Err(other),
        }
    }

    fn fill(self, mut values: Values) -> (Filled, Option<String>) {
        match self {
            Self::Fetched(found) => {
                values.insert("fingerprint".to_owned(), found.clone());
                (Filled { values, wrong: Vec::new() }, Some(found))
            }
            Self::Wrong(wrong) => (Filled { values, wrong }, None),
        }
    }
}

/// To the steps, as they are done.
fn follow(made: Created<HostId>) -> HttpResponse {
    to(&format!("/admin/jobs/{}", made.job))
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, mut values) = changing(&shared, &http, &body).await?;
        let access = access(&http, &mut values);
        let text = |name: &str| get(&values, name).to_owned();
        let cluster = if get(&values, "cluster").is_empty() { None } else { Some(id("cluster", &text("cluster"))?) };
        let again = if get(&values, "do") == "fetch" {
            Again::of(&frame, install::fingerprint(&cx, cluster, &text("address"), access.port).await)?
        } else {
            let new = NewHost { name: text("name"), comment: text("comment"), address: text("address"), cluster };
            match install::add(&cx, new, access).await {
                Ok(made) => return Ok(follow(made)),
                Err(error) => Again::of(&frame, Err(error))?,
            }
        };
        let (filled, found) = again.fill(values);
        page(&cx, &frame, &filled, found.as_deref()).await
    };
    details::answer(&http, result.await)
}

async fn again_shown(
    cx: &Cx,
    frame: &Frame,
    host: HostId,
    filled: &Filled,
    found: Option<&str>,
) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let host = catalog::host(cx, host).await?;
    let page = format!("{LIST}/{}", host.id);
    let (title, text) = (l.ta("reinstall-host", &[("name", &host.name)]), l.t("reinstall-host-text"));
    let fields = html! {
        (field(l, "address", "address", "address").fixed(&host.address))
        (access_fields(cx, frame, filled, found.is_none() && !filled.get("fingerprint").is_empty())?)
    };
    Ok(shown(frame, (&title, &text, &format!("{page}/reinstall"), &page), filled, found, &fields))
}

async fn again_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = id::<HostId>("host", &path)?;
        let mut values = usual();
        if let Some(last) = install::last_access(&cx, host).await? {
            let known = [("port", last.port.to_string()), ("user", last.user), ("fingerprint", last.fingerprint)];
            values.extend(known.map(|(name, value)| (name.to_owned(), value)));
        }
        again_shown(&cx, &frame, host, &Filled { values, wrong: Vec::new() }, None).await
    };
    details::answer(&http, result.await)
}

async fn again(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, mut values) = changing(&shared, &http, &body).await?;
        let host = id::<HostId>("host", &path)?;
        let access = access(&http, &mut values);
        let again = if get(&values, "do") == "fetch" {
            let row = catalog::host(&cx, host).await?;
            Again::of(&frame, install::fingerprint(&cx, Some(row.cluster), &row.address, access.port).await)?
        } else {
            match install::reinstall(&cx, host, access).await {
                Ok(made) => return Ok(follow(made)),
                Err(error) => Again::of(&frame, Err(error))?,
            }
        };
        let (filled, found) = again.fill(values);
        again_shown(&cx, &frame, host, &filled, found.as_deref()).await
    };
    details::answer(&http, result.await)
}
