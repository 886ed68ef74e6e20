//! Power management on a host's page: its fence agents, a test, and its power.

use super::super::confirm::done;
use super::super::vm_form::{field, hinted, parsed};
use super::super::{admin, changing, id};
use crate::engine::hosts::{fence, kdump};
use crate::engine::{Cx, EngineError, catalog};
use crate::model::fence::{FenceAgent, FenceType, NewFenceAgent};
use crate::model::host::HostView;
use crate::model::ids::{FenceAgentId, HostId};
use crate::web::admin::details;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

const SHOWN: [&str; 6] = ["type", "address", "username", "password", "options", "order"];

/// `/admin/hosts/{id}/fence_agents/…`, `/admin/hosts/{id}/power/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/hosts/{id}/fence_agents/new", web::get().to(new_page))
        .route("/admin/hosts/{id}/fence_agents/new", web::post().to(create))
        .route("/admin/hosts/{id}/fence_agents/{agent}/remove", web::post().to(remove))
        .route("/admin/hosts/{id}/kdump/{on}", web::post().to(listen))
        .route("/admin/hosts/{id}/power", web::get().to(status))
        .route("/admin/hosts/{id}/power/{type}", web::post().to(power));
}

/// The card of the host's page.
pub(super) fn card(frame: &Frame, h: &HostView, agents: &[FenceAgent], kdump: bool, edits: bool) -> Markup {
    let l = frame.l;
    let base = format!("/admin/hosts/{}", h.id);
    let content = html! {
        @if agents.is_empty() { p { (l.t("fence-none")) } }
        @else {
            ul class="pf-v6-c-list" data-fence-agents {
                @for agent in agents {
                    li {
                        (agent.place) ". " (agent.kind) " " (agent.address)
                        @if edits { " " (parts::post(frame, &format!("{base}/fence_agents/{}/remove", agent.id), &l.t("remove"), "pf-m-link pf-m-inline")) }
                    }
                }
            }
        }
        p { (l.t(if kdump { "kdump-on" } else { "kdump-off" })) }
        @if edits {
            div class="vireo-actions" {
                @if kdump { (parts::post(frame, &format!("{base}/kdump/false"), &l.t("kdump-listen-not"), "pf-m-secondary")) }
                @else { (parts::post(frame, &format!("{base}/kdump/true"), &l.t("kdump-listen"), "pf-m-secondary")) }
                (parts::link_button(&format!("{base}/fence_agents/new"), &l.t("fence-add"), "pf-m-secondary"))
                @if !agents.is_empty() { (parts::link_button(&format!("{base}/power"), &l.t("power"), "pf-m-secondary")) }
            }
        }
    };
    parts::card(&l.t("power-management"), &content)
}

async fn page(cx: &Cx, frame: &Frame, host: HostId, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let host = catalog::host(cx, host).await?;
    let title = l.ta("fence-new", &[("name", &host.name)]);
    let base = format!("/admin/hosts/{}", host.id);
    let fields = html! {
        p { (l.t("fence-text")) }
        (hinted(l, "fence-type", "type", "type", l.t("fence-type-hint")).input(filled, "text"))
        (field(l, "address", "address", "address").input(filled, "text"))
        (field(l, "user-name", "username", "username").input(filled, "text"))
        (field(l, "password", "password", "password").input(filled, "password"))
        (hinted(l, "fence-options", "options", "options", l.t("fence-options-hint")).input(filled, "text"))
        (hinted(l, "fence-order", "order", "order", l.t("fence-order-hint")).input(filled, "number"))
    };
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &format!("{base}/fence_agents/new"), &base, &l.t("create"), &filled.others(l, &SHOWN), &fields))
    };
    Ok(frame.page(&title, "", &content))
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        page(&cx, &frame, id("host", &path)?, &Filled::default()).await
    };
    details::answer(&http, result.await)
}

async fn create(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let host = id::<HostId>("host", &path)?;
        let get = |name: &str| values.get(name).cloned().unwrap_or_default();
        let mut wrong = Vec::new();
        let order = parsed(&values, "order", "order", &mut wrong);
        if !wrong.is_empty() {
            return page(&cx, &frame, host, &Filled { values, wrong }).await;
        }
        let new = NewFenceAgent {
            order,
            kind: get("type"),
            address: get("address"),
            user: get("username"),
            password: get("password"),
            options: get("options"),
        };
        match fence::add_agent(&cx, host, new).await {
            Ok(_) => Ok(to(&format!("/admin/hosts/{host}"))),
            Err(EngineError::Invalid(wrong)) => page(&cx, &frame, host, &Filled { values, wrong }).await,
            Err(error) => Err(error),
        }
    };
    details::answer(&http, result.await)
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let host = id::<HostId>("host", &path.0)?;
        fence::remove_agent(&cx, host, id::<FenceAgentId>("fence agent", &path.1)?).await?;
        Ok(format!("/admin/hosts/{host}"))
    })
    .await
}

async fn listen(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let host = id::<HostId>("host", &path.0)?;
        kdump::set(&cx, host, id::<bool>("kdump setting", &path.1)?).await?;
        Ok(format!("/admin/hosts/{host}"))
    })
    .await
}

/// What its agents say now, and what can be done.
async fn status(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let said = fence::status(&cx, host.id).await?;
        let l = frame.l;
        let base = format!("/admin/hosts/{}", host.id);
        let title = l.ta("power-of", &[("name", &host.name)]);
        let content = html! {
            (parts::heading(&title, &html! { (parts::status(l, host.status.as_str())) }, &html! {}))
            ul class="pf-v6-c-list" data-power {
                @for (kind, on) in &said {
                    li { strong { (kind) } " " @match on {
                        Ok(true) => { (l.t("power-on")) } Ok(false) => { (l.t("power-off")) }
                        Err(why) => { span class="vireo-error" { (words::error(l, why)) } }
                    } }
                }
            }
            p { (l.t("power-text")) }
            div class="vireo-actions" {
                @for wanted in FenceType::ALL.iter().filter(|wanted| fence::allowed(host.status, **wanted)) {
                    (parts::post(&frame, &format!("{base}/power/{wanted}"), &l.t(&format!("fence-{wanted}")), if *wanted == FenceType::Start { "pf-m-primary" } else { "pf-m-danger" }))
                }
                (parts::link_button(&base, &l.t("cancel"), "pf-m-link"))
            }
        };
        Ok(frame.page(&title, "", &content))
    };
    details::answer(&http, result.await)
}

async fn power(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let job = fence::power(&cx, id("host", &path.0)?, id::<FenceType>("power action", &path.1)?).await?;
        Ok(format!("/admin/jobs/{job}"))
    })
    .await
}
