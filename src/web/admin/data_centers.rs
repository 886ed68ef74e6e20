//! Data centers: their pages, made, changed, removed.

use super::card::{Detail, link, links, show, text};
use super::confirm::{Question, saved};
use super::vm_form::{field, hinted};
use super::{admin, changing, details, id, quotas};
use crate::engine::permissions::may;
use crate::engine::{Cx, EngineError, catalog, data_centers, quotas as engine_quotas};
use crate::model::data_center::{DataCenterConfig, DataCenterView, LEVELS};
use crate::model::ids::DataCenterId;
use crate::model::permission::ObjectKind;
use crate::model::quota::QuotaMode;
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

const LIST: &str = "/admin/data_centers";
const SHOWN: &[&str] = &["name", "description", "comment", "version", "quota_mode"];

/// `/admin/data_centers/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/data_centers/new", web::get().to(new_page))
        .route("/admin/data_centers/new", web::post().to(create))
        .route("/admin/data_centers/{id}", web::get().to(detail))
        .route("/admin/data_centers/{id}/edit", web::get().to(edit_page))
        .route("/admin/data_centers/{id}/edit", web::post().to(update))
        .route("/admin/data_centers/{id}/remove", web::get().to(confirm))
        .route("/admin/data_centers/{id}/remove", web::post().to(remove));
}

async fn detail(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let d = catalog::data_center(&cx, id::<DataCenterId>("data center", &path)?).await?;
        let permits = may::on(&cx, vec![d.id.object()]).await?;
        let edits = permits.may(Action::EditStoragePoolConfiguration, d.id.object());
        let here = format!("{LIST}/{}", d.id);
        let actions = html! {
            @if permits.may(Action::CreateCluster, d.id.object()) { (parts::link_button(&format!("/admin/clusters/new?data_center={}", d.id), &l.t("new-cluster"), "pf-m-secondary")) }
            @if edits { (parts::link_button(&format!("{here}/edit"), &l.t("edit"), "pf-m-primary")) }
            @if permits.may(Action::DeleteStoragePool, d.id.object()) { (parts::link_button(&format!("{here}/remove"), &l.t("remove"), "pf-m-danger")) }
        };
        let facts = vec![
            (l.t("status"), parts::status(l, d.status.as_str())),
            (l.t("description"), text(&d.description)),
            (l.t("comment"), text(&d.comment)),
            (l.t("storage-type"), text(if d.local { l.t("local") } else { l.t("shared") })),
            (l.t("compatibility"), text(&d.compatibility)),
            (l.t("quota-mode"), quotas::mode_form(&frame, d.id.object(), d.quota_mode, edits)),
            ("ID".to_owned(), text(d.id)),
        ];
        let cards = cards(&cx, &frame, d.id).await?;
        let state = Some(d.status.as_str());
        let detail = Detail { title: d.name, state, actions, facts, cards, ..Detail::default() };
        show(&cx, &frame, detail, "data_center storage_domain host cluster", ObjectKind::DataCenter, d.id.object())
            .await
    };
    details::answer(&http, result.await)
}

async fn cards(cx: &Cx, frame: &Frame, id: DataCenterId) -> Result<Vec<Markup>, EngineError> {
    let l = frame.l;
    let domains = catalog::storage_domains(cx, &details::all()).await?.rows;
    let clusters = catalog::clusters(cx, &details::all()).await?.rows;
    let networks = catalog::networks(cx, &details::all()).await?.rows;
    let quotas = engine_quotas::list(cx, &details::all()).await?.rows;
    let domains = domains.iter().filter(|s| s.data_center == Some(id)).map(|s| {
        html! { (link("domains", s.id, &s.name)) " " (parts::status(l, s.status.as_str())) " " (parts::bytes(s.available_bytes)) " / " (parts::bytes(s.total_bytes)) }
    });
    let clusters = clusters.iter().filter(|c| c.data_center == id).map(|c| link("clusters", c.id, &c.name));
    let networks = networks.iter().filter(|n| n.data_center == id).map(|n| link("networks", n.id, &n.name));
    let quotas = quotas.iter().filter(|q| q.quota.data_center == id);
    let quotas = quotas.map(|q| link("quotas", q.quota.id, &q.quota.config.name));
    Ok(vec![
        parts::card(&l.t("domains"), &links(l, domains)),
        parts::card(&l.t("clusters"), &links(l, clusters)),
        parts::card(&l.t("networks"), &links(l, networks)),
        parts::card(&l.t("quotas"), &links(l, quotas)),
    ])
}

/// The form; `existing`: of one that is there.
fn page(frame: &Frame, existing: Option<&DataCenterView>, refused: Option<&str>, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let levels: Vec<Choice> = LEVELS.iter().map(|level| Choice::new(level, level)).collect();
    let kinds = [Choice::new("shared", l.t("shared")), Choice::new("local", l.t("local"))];
    let modes: Vec<Choice> = QuotaMode::ALL.iter().map(|mode| Choice::new(mode, quotas::mode_name(l, *mode))).collect();
    let fields = html! {
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "description", "description", "description").input(filled, "text"))
        (field(l, "comment", "comment", "comment").input(filled, "text"))
        (hinted(l, "storage-type", "storage", "local", l.t("data-center-storage-hint")).choose(filled, &kinds))
        (field(l, "compatibility", "compatibility", "version").choose(filled, &levels))
        (field(l, "quota-mode", "quota_mode", "quota_mode").choose(filled, &modes))
    };
    let (title, action, back, submit) = match existing {
        Some(view) => {
            let here = format!("{LIST}/{}", view.id);
            (view.name.clone(), format!("{here}/edit"), here, l.t("save"))
        }
        None => (l.t("new-data-center"), format!("{LIST}/new"), LIST.to_owned(), l.t("create")),
    };
    let mut others = filled.others(l, SHOWN);
    others.extend(refused.map(ToOwned::to_owned));
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &action, &back, &submit, &others, &fields))
    };
    frame.page(&title, "", &content)
}

fn values_of(config: &DataCenterConfig) -> HashMap<String, String> {
    [
        ("name", config.name.clone()),
        ("description", config.description.clone()),
        ("comment", config.comment.clone()),
        ("storage", if config.local { "local" } else { "shared" }.to_owned()),
        ("compatibility", config.compatibility.clone()),
        ("quota_mode", config.quota_mode.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn read(values: &HashMap<String, String>) -> Result<DataCenterConfig, EngineError> {
    let text = |name: &str| values.get(name).cloned().unwrap_or_default();
    let word = text("quota_mode");
    let allowed = QuotaMode::ALL.iter().map(|mode| mode.as_str()).collect::<Vec<_>>().join(", ");
    let quota_mode =
        word.parse().map_err(|_| Invalid::new("quota_mode", Problem::NotOneOf { value: word, allowed }))?;
    Ok(DataCenterConfig {
        name: text("name"),
        description: text("description"),
        comment: text("comment"),
        local: text("storage") == "local",
        compatibility: text("compatibility"),
        quota_mode,
    })
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (_, frame) = admin(&shared, &http).await?;
        Ok(page(&frame, None, None, &Filled { values: values_of(&DataCenterConfig::default()), wrong: Vec::new() }))
    };
    details::answer(&http, result.await)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let done = async { data_centers::add(&cx, read(&values)?).await.map(|made| format!("{LIST}/{made}")) };
        saved(done.await, values, async |filled| Ok(page(&frame, None, None, &filled))).await
    };
    details::answer(&http, result.await)
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = catalog::data_center(&cx, id::<DataCenterId>("data center", &path)?).await?;
        let filled = Filled { values: values_of(&view.config()), wrong: Vec::new() };
        Ok(page(&frame, Some(&view), None, &filled))
    };
    details::answer(&http, result.await)
}

async fn update(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let view = catalog::data_center(&cx, id::<DataCenterId>("data center", &path)?).await?;
        let done = async {
            let new = read(&values)?;
            data_centers::edit(&cx, view.id, move |_| Ok(new)).await.map(|()| format!("{LIST}/{}", view.id))
        };
        match done.await {
            Err(why @ EngineError::Conflict(_)) => {
                let filled = Filled { values, wrong: Vec::new() };
                Ok(page(&frame, Some(&view), Some(&words::error(frame.l, &why)), &filled))
            }
            done => saved(done, values, async |filled| Ok(page(&frame, Some(&view), None, &filled))).await,
        }
    };
    details::answer(&http, result.await)
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        Ok(ask(&frame, &catalog::data_center(&cx, id("data center", &path)?).await?, None))
    };
    details::answer(&http, result.await)
}

fn ask(frame: &Frame, view: &DataCenterView, refused: Option<&str>) -> HttpResponse {
    let (l, here) = (frame.l, format!("{LIST}/{}", view.id));
    let title = l.ta("confirm-remove-data-center", &[("name", &view.name)]);
    let text = html! {
        @if let Some(why) = refused { (parts::alert("danger", why)) }
        p { (l.t("confirm-remove-data-center-text")) }
    };
    let button = Some((format!("{here}/remove"), l.t("remove"), "pf-m-danger"));
    Question { title, text, button, back: here, topics: "" }.page(frame)
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, _) = changing(&shared, &http, &body).await?;
        let center = id::<DataCenterId>("data center", &path)?;
        match data_centers::remove(&cx, center).await {
            Err(why @ EngineError::Conflict(_)) => {
                let view = catalog::data_center(&cx, center).await?;
                Ok(ask(&frame, &view, Some(&words::error(frame.l, &why))))
            }
            other => other.map(|()| to(LIST)),
        }
    };
    details::answer(&http, result.await)
}
