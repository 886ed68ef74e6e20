//! Affinity labels: a VM runs only on hosts that have all of its labels.

use super::super::confirm::{done, saved};
use super::super::vm_form::{field, hinted};
use super::super::{Listing, admin, changing, details, id, listing};
use super::{lines, named, picked, things};
use crate::engine::permissions::may;
use crate::engine::scheduler::affinity;
use crate::engine::{Cx, EngineError};
use crate::model::ids::{AffinityLabelId, HostId, SYSTEM, VmId};
use crate::model::page::{ListQuery, Page};
use crate::model::role::Action;
use crate::model::scheduling::AffinityLabel;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;
use std::collections::HashMap;

const LIST: &str = "/admin/affinity_labels";
const HOST: &str = "host-";
const SHOWN: &[&str] = &["name", "vms", "hosts"];

/// `/admin/affinity_labels/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/affinity_labels", web::get().to(list))
        .route("/admin/affinity_labels/new", web::get().to(new_page))
        .route("/admin/affinity_labels/new", web::post().to(create))
        .route("/admin/affinity_labels/{id}", web::get().to(edit_page))
        .route("/admin/affinity_labels/{id}", web::post().to(update))
        .route("/admin/affinity_labels/{id}/remove", web::post().to(remove));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let may = match may::on(&cx, vec![SYSTEM]).await {
        Ok(permits) => permits.may(Action::TagManagement, SYSTEM),
        Err(e) => return error::page(&http, &e),
    };
    let row = |label: &AffinityLabel| Row {
        href: format!("{LIST}/{}", label.id),
        cells: vec![html! { (label.name) }, html! { (label.vms.len()) }, html! { (label.hosts.len()) }],
        ..Row::default()
    };
    let found = affinity::labels(&cx).await.map(|all| Page::whole(all.iter().map(row).collect()));
    let columns = ["name", "vms", "hosts"].map(|key| (l.t(key), "")).into();
    let actions = html! { @if may { a class="pf-v6-c-button pf-m-primary" href={ (LIST) "/new" } data-new="1" { (l.t("new-affinity-label")) } } };
    listing(&http, &frame, &query, Listing { noun: "affinity-labels", topics: "", columns, actions, bulk: None }, found)
}

async fn page(
    cx: &Cx,
    frame: &Frame,
    existing: Option<&AffinityLabel>,
    filled: &Filled,
) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let (_, hosts) = things(cx).await?;
    let fields = html! {
        (field(l, "name", "name", "name").input(filled, "text"))
        (hinted(l, "vms", "vms", "vms", l.t("label-vms-hint")).area(filled, 6))
        fieldset class="vireo-group" {
            legend { (l.t("hosts")) }
            @if let Some(error) = filled.error(l, "hosts") { p class="vireo-error" role="alert" { (error) } }
            @for (host, _, name) in &hosts {
                @let key = format!("{HOST}{host}");
                (Field { l, label: name.clone(), name: &key, field: "", hint: String::new() }.check(filled))
            }
        }
    };
    let (title, action, submit) = match existing {
        Some(label) => (label.name.clone(), format!("{LIST}/{}", label.id), l.t("save")),
        None => (l.t("new-affinity-label"), format!("{LIST}/new"), l.t("create")),
    };
    let remove = html! { @if let Some(label) = existing { (parts::post(frame, &format!("{LIST}/{}/remove", label.id), &l.t("remove"), "pf-m-danger")) } };
    let content = html! {
        (parts::heading(&title, &html! {}, &remove))
        p { (l.t("affinity-labels-text")) }
        (form(frame, &action, LIST, &submit, &filled.others(l, SHOWN), &fields))
    };
    Ok(frame.page(&title, "", &content))
}

type Read = (String, Vec<VmId>, Vec<HostId>);

async fn read(cx: &Cx, values: &HashMap<String, String>) -> Result<Read, EngineError> {
    let (vms, _) = things(cx).await?;
    let get = |name: &str| values.get(name).map(String::as_str).unwrap_or_default();
    let mut wrong = Vec::new();
    let vms = named(get("vms"), &vms, &mut wrong);
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    Ok((get("name").to_owned(), vms, picked::<HostId>(values, HOST)))
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        page(&cx, &frame, None, &Filled::default()).await
    };
    details::answer(&http, result.await)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let done = async {
            let (name, vms, hosts) = read(&cx, &values).await?;
            affinity::add_label(&cx, name, vms, hosts).await.map(|_| LIST.to_owned())
        };
        saved(done.await, values, async |filled| page(&cx, &frame, None, &filled).await).await
    };
    details::answer(&http, result.await)
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let label = affinity::label(&cx, id("affinity label", &path)?).await?;
        let (vms, _) = things(&cx).await?;
        let mut values: HashMap<String, String> =
            [("name".to_owned(), label.name.clone()), ("vms".to_owned(), lines(&label.vms, &vms))].into();
        values.extend(label.hosts.iter().map(|host| (format!("{HOST}{host}"), "1".to_owned())));
        page(&cx, &frame, Some(&label), &Filled { values, wrong: Vec::new() }).await
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
        let label = id::<AffinityLabelId>("affinity label", &path)?;
        let done = async {
            let (name, vms, hosts) = read(&cx, &values).await?;
            let new = |old| AffinityLabel { name, vms, hosts, ..old };
            affinity::edit_label(&cx, label, new).await.map(|()| LIST.to_owned())
        };
        let again = async |filled| page(&cx, &frame, Some(&affinity::label(&cx, label).await?), &filled).await;
        saved(done.await, values, again).await
    };
    details::answer(&http, result.await)
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        affinity::remove_label(&cx, id("affinity label", &path)?).await?;
        Ok(LIST.to_owned())
    })
    .await
}
