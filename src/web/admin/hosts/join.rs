//! A host is added: the form, and the command that makes a machine this host.

use super::super::vm_form::field;
use super::super::{admin, changing, id};
use crate::engine::hosts::enrol::{self, Invited};
use crate::engine::{Cx, EngineError, catalog};
use crate::model::host::NewHost;
use crate::model::ids::HostId;
use crate::web::admin::details;
use crate::web::join;
use crate::web::server::Shared;
use crate::web::ui::form::{Choice, Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;

const LIST: &str = "/admin/hosts";
const SHOWN: [&str; 4] = ["name", "comment", "cluster", "address"];

/// `/admin/hosts/new`, `/admin/hosts/{id}/invite`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/hosts/new", web::get().to(new_page))
        .route("/admin/hosts/new", web::post().to(create))
        .route("/admin/hosts/{id}/invite", web::post().to(invite));
}

async fn page(cx: &Cx, frame: &Frame, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let clusters = catalog::clusters(cx, &details::all()).await?.rows;
    let clusters: Vec<Choice> = clusters.iter().map(|c| Choice::new(c.id, &c.name)).collect();
    let fields = html! {
        p { (l.t("new-host-text")) " " a href="/admin/hosts/ssh" { (l.t("new-host-by-ssh")) } }
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "comment", "comment", "comment").input(filled, "text"))
        (field(l, "cluster", "cluster", "cluster").choose(filled, &clusters))
        (Field { hint: l.t("host-address-hint"), ..field(l, "address", "address", "address") }.input(filled, "text"))
    };
    let title = l.t("new-host");
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &format!("{LIST}/new"), LIST, &l.t("create"), &filled.others(l, &SHOWN), &fields))
    };
    Ok(frame.page(&title, "", &content))
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        page(&cx, &frame, &Filled::default()).await
    };
    details::answer(&http, result.await)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let get = |name: &str| values.get(name).cloned().unwrap_or_default();
        let cluster = if get("cluster").is_empty() { None } else { Some(id("cluster", &get("cluster"))?) };
        let new = NewHost { name: get("name"), comment: get("comment"), address: get("address"), cluster };
        match enrol::add(&cx, new).await {
            Ok(invited) => shown(&cx, &frame, &http, &invited).await,
            Err(EngineError::Invalid(wrong)) => page(&cx, &frame, &Filled { values, wrong }).await,
            Err(error) => Err(error),
        }
    };
    details::answer(&http, result.await)
}

async fn invite(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, _) = changing(&shared, &http, &body).await?;
        let invited = enrol::invite(&cx, id::<HostId>("host", &path)?).await?;
        shown(&cx, &frame, &http, &invited).await
    };
    details::answer(&http, result.await)
}

/// The command, once: only the hash of its secret is kept.
async fn shown(cx: &Cx, frame: &Frame, http: &HttpRequest, invited: &Invited) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let host = catalog::host(cx, invited.host).await?;
    let title = l.ta("join-host", &[("name", &host.name)]);
    let command = join::command(&join::base(http), &invited.token);
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        p { (l.t("join-host-text")) }
        p { (parts::copied(l, "join-command", &command)) }
        p { (l.t("join-host-once")) " " (parts::time(invited.expires)) }
        div class="vireo-actions" { (parts::link_button(&format!("{LIST}/{}", host.id), &l.t("join-host-watch"), "pf-m-primary")) }
    };
    Ok(frame.page(&title, "", &content))
}
