//! Quotas: their list, their pages, and how other forms choose one.

mod form;

use super::card::{Detail, link, links, show, text};
use super::confirm::Question;
use super::permissions::{holder, link_to};
use super::{Listing, admin, changing, details, id, listing};
use crate::engine::permissions::may;
use crate::engine::quotas::{self, Details};
use crate::engine::{Cx, EngineError, catalog};
use crate::model::ids::{ObjectId, QuotaId};
use crate::model::page::ListQuery;
use crate::model::permission::{ObjectKind, Place};
use crate::model::quota::{PersonLimit, QuotaMode, QuotaView};
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::web::locale::Locale;
use crate::web::quota_bars::{self as bars, rows};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Field, Filled};
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use crate::web::{error, words};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

const LIST: &str = "/admin/quotas";

/// `/admin/quotas/…`, and the data centers' quota mode.
pub fn routes(config: &mut web::ServiceConfig) {
    form::routes(config);
    config
        .route("/admin/quotas", web::get().to(list))
        .route("/admin/quotas/{id}", web::get().to(detail))
        .route("/admin/quotas/{id}/remove", web::get().to(confirm))
        .route("/admin/quotas/{id}/remove", web::post().to(remove))
        .route("/admin/data_centers/{id}/quota_mode", web::post().to(set_mode))
        .route("/admin/templates/{id}/quota", web::post().to(assign_template))
        .route("/admin/disks/{id}/quota", web::post().to(assign_disk));
}

/// Where a data center's quotas count, and how.
pub fn mode_name(l: Locale, mode: QuotaMode) -> String {
    l.t(&format!("quota-mode-{mode}"))
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = quotas::list(&cx, &query).await.map(|page| page.map(|q| row(l, &q)));
    let columns = vec![
        (l.t("name"), "name"),
        (l.t("data-center"), "datacenter"),
        (l.t("quota-mode"), "enforcementtype"),
        (l.t("vcpus"), ""),
        (l.t("memory"), ""),
        (l.t("quota-storage"), ""),
        (l.t("description"), "description"),
    ];
    let makes = makes(&cx).await.unwrap_or(false);
    let actions = html! { @if makes { a class="pf-v6-c-button pf-m-primary" href="/admin/quotas/new" data-new="1" { (l.t("new-quota")) } } };
    let what = Listing { noun: "quotas", topics: "quota vm disk", columns, actions, bulk: None };
    listing(&http, &frame, &query, what, found)
}

/// There is a data center whose quotas he makes.
async fn makes(cx: &Cx) -> Result<bool, EngineError> {
    let centers = catalog::data_centers(cx, &details::all()).await?.rows;
    let permits = may::on(cx, centers.iter().map(|d| d.id.object()).collect()).await?;
    Ok(centers.iter().any(|d| permits.may(Action::ConfigureQuota, d.id.object())))
}

fn row(l: Locale, q: &QuotaView) -> Row {
    let config = &q.quota.config;
    Row {
        href: format!("{LIST}/{}", q.quota.id),
        cells: vec![
            text(&config.name),
            text(&q.quota.data_center_name),
            text(mode_name(l, q.quota.mode)),
            html! { @for share in &q.clusters { (bars::vcpus(l, &bars::place(share.cluster.as_ref()), share.used.vcpus, share.limit.vcpus)) } },
            html! { @for share in &q.clusters { (bars::memory(l, &bars::place(share.cluster.as_ref()), share.used.memory_mib, share.limit.memory_mib)) } },
            html! { @for share in &q.domains { (bars::storage(l, &bars::place(share.domain.as_ref()), share.used, share.gib)) } },
            text(&config.description),
        ],
        ..Row::default()
    }
}

fn facts(l: Locale, view: &QuotaView) -> Vec<(String, Markup)> {
    let (quota, config) = (&view.quota, &view.quota.config);
    let margin = |m: crate::model::quota::Margin| {
        let (threshold, grace) = (m.threshold.to_string(), m.grace.to_string());
        text(l.ta("quota-margin", &[("threshold", &threshold), ("grace", &grace)]))
    };
    vec![
        (l.t("description"), text(&config.description)),
        (l.t("data-center"), link("data_centers", quota.data_center, &quota.data_center_name)),
        (l.t("quota-mode"), text(mode_name(l, quota.mode))),
        (l.t("quota-cluster"), margin(config.cluster)),
        (l.t("quota-storage"), margin(config.storage)),
        (l.t("quota-person"), person(l, config.person)),
        ("ID".to_owned(), text(quota.id)),
    ]
}

fn person(l: Locale, limit: PersonLimit) -> Markup {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(limit.vcpus.map(|n| format!("{n} vCPU")));
    parts.extend(limit.memory_mib.map(parts::memory));
    parts.extend(limit.storage_gib.map(|n| format!("{n} GiB")));
    if parts.is_empty() { text(l.t("unlimited")) } else { text(parts.join(", ")) }
}

fn cards(frame: &Frame, found: &Details) -> Vec<Markup> {
    let l = frame.l;
    let Details { view, uses, consumers, people } = found;
    let limit = view.quota.config.person;
    let consumers = consumers.iter().map(|p| {
        html! { (holder(p.principal, &p.principal_name, p.is_group)) @if p.inherited { " (" (link_to(l, &Place { object: p.object, kind: p.object_kind, name: p.object_name.clone() })) ")" } }
    });
    let people = people.iter().map(|(who, name, used)| {
        html! {
            (link("users", *who, name))
            (bars::vcpus(l, "", used.vcpus, limit.vcpus)) (bars::memory(l, "", used.memory_mib, limit.memory_mib)) (bars::storage(l, "", used.bytes, limit.storage_gib))
        }
    });
    let vms = uses.vms.iter().map(|vm| {
        html! { (link("vms", vm.vm, &vm.name)) " " (vm.size.vcpus) " vCPU, " (parts::memory(vm.size.memory_mib)) @if !vm.runs { " (" (l.t("quota-does-not-run")) ")" } }
    });
    let disks =
        uses.disks.iter().map(|disk| html! { (link("disks", disk.disk, &disk.alias)) " " (parts::bytes(disk.bytes)) });
    vec![
        parts::card(&l.t("quota-cluster"), &rows::clusters(l, view)),
        parts::card(&l.t("quota-storage"), &rows::domains(l, view)),
        parts::card(&l.t("quota-consumers"), &links(l, consumers)),
        parts::card(&l.t("quota-people"), &links(l, people)),
        parts::card(&l.t("vms"), &links(l, vms)),
        parts::card(&l.t("disks"), &links(l, disks)),
    ]
}

async fn detail(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let found = quotas::details(&cx, id::<QuotaId>("quota", &path)?).await?;
        let quota = &found.view.quota;
        let may = may::on(&cx, vec![quota.id.object()]).await?.may(Action::ConfigureQuota, quota.id.object());
        let here = format!("{LIST}/{}", quota.id);
        let actions = html! {
            @if may && !quota.is_default { (parts::link_button(&format!("{here}/edit"), &l.t("edit"), "pf-m-primary")) }
            @if may { (parts::link_button(&format!("{LIST}/new?copy={}", quota.id), &l.t("copy"), "pf-m-secondary")) }
            @if may && !quota.is_default { (parts::link_button(&format!("{here}/remove"), &l.t("remove"), "pf-m-danger")) }
        };
        let notice = match quota.mode {
            QuotaMode::Disabled => parts::alert("info", &l.t("quota-mode-disabled-hint")),
            QuotaMode::Audit => parts::alert("info", &l.t("quota-mode-audit-hint")),
            QuotaMode::Enabled => html! {},
        };
        let detail = Detail {
            title: quota.config.name.clone(),
            actions,
            notice,
            facts: facts(l, &found.view),
            cards: cards(&frame, &found),
            ..Detail::default()
        };
        show(&cx, &frame, detail, "quota vm disk", ObjectKind::Quota, quota.id.object()).await
    };
    details::answer(&http, result.await)
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = quotas::get(&cx, id::<QuotaId>("quota", &path)?).await?;
        Ok(ask(&frame, &view, None))
    };
    details::answer(&http, result.await)
}

fn ask(frame: &Frame, view: &QuotaView, refused: Option<&str>) -> HttpResponse {
    let (l, here) = (frame.l, format!("{LIST}/{}", view.quota.id));
    let title = l.ta("confirm-remove-quota", &[("name", &view.quota.config.name)]);
    let text = html! {
        @if let Some(why) = refused { (parts::alert("danger", why)) }
        p { (l.t("confirm-remove-quota-text")) }
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
        let quota = id::<QuotaId>("quota", &path)?;
        match quotas::remove(&cx, quota).await {
            Err(why @ EngineError::Conflict(_)) => {
                Ok(ask(&frame, &quotas::get(&cx, quota).await?, Some(&words::error(frame.l, &why))))
            }
            other => other.map(|()| to(LIST)),
        }
    };
    details::answer(&http, result.await)
}

async fn set_mode(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        let word = values.get("mode").map_or("", String::as_str);
        let allowed = || QuotaMode::ALL.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(", ");
        let problem = |_| Problem::NotOneOf { value: word.chars().take(40).collect(), allowed: allowed() };
        let mode = word.parse().map_err(problem).map_err(|p| Invalid::new("quota_mode", p))?;
        quotas::set_mode(&cx, id("data center", &path)?, mode).await?;
        Ok(to(&format!("/admin/data_centers/{}", path.as_str())))
    };
    details::answer(&http, result.await)
}

/// A data center's mode, and what changes it.
pub fn mode_form(frame: &Frame, center: ObjectId, mode: QuotaMode, may: bool) -> Markup {
    let l = frame.l;
    html! {
        @if may {
            form class="vireo-inline vireo-actions" method="post" action={ "/admin/data_centers/" (center) "/quota_mode" } {
                (frame.csrf_field())
                select class="vireo-input" name="mode" aria-label=(l.t("quota-mode")) {
                    @for one in QuotaMode::ALL { option value=(one) selected[*one == mode] { (mode_name(l, *one)) } }
                }
                button class="pf-v6-c-button pf-m-small pf-m-secondary" type="submit" { (l.t("save")) }
            }
        } @else { (mode_name(l, mode)) }
    }
}

/// The quota that a form's field says; empty: none is said.
///
/// # Errors
/// It is no id.
pub fn read(values: &HashMap<String, String>, name: &str) -> Result<Option<QuotaId>, Invalid> {
    match values.get(name).map_or("", |text| text.trim()) {
        "" => Ok(None),
        text => {
            let none = |_| Invalid::new("quota", Problem::NoSuch { value: text.chars().take(64).collect() });
            text.parse().map(Some).map_err(none)
        }
    }
}

/// What a form offers: the quotas that the actor may use, and the one that something has; empty where quotas do not count.
///
/// # Errors
/// The database failed.
pub async fn choices(cx: &Cx, of: Option<ObjectId>) -> Result<Vec<Choice>, EngineError> {
    let mut all: Vec<Choice> =
        quotas::choices(cx).await?.into_iter().map(|quota| Choice::new(quota.id, quota.config.name)).collect();
    if let Some(object) = of.filter(|_| !all.is_empty())
        && let Some(has) = quotas::chosen(cx, vec![object]).await?.remove(&object)
    {
        match all.iter().position(|choice| choice.value == has.quota.to_string()) {
            // What it has stands first, and is what a form begins with.
            Some(at) => {
                let own = all.remove(at);
                all.insert(0, own);
            }
            None => all.insert(0, Choice::new(has.quota, has.name)),
        }
    }
    Ok(all)
}

/// The field of a form; nothing where quotas do not count.
pub fn field(l: Locale, filled: &Filled, choices: &[Choice]) -> Markup {
    let field = Field { l, label: l.t("quota"), name: "quota", field: "quota", hint: String::new() };
    html! { @if !choices.is_empty() { (field.choose(filled, choices)) } }
}

/// The same of a disk, which may count on what its VM counts on.
pub fn field_of_disk(l: Locale, filled: &Filled, name: &str, choices: &[Choice]) -> Markup {
    let field = Field { l, label: l.t("quota"), name, field: "quota", hint: String::new() };
    let own: Vec<Choice> = [Choice::new("", l.t("quota-as-vm"))].into_iter().chain(choices.iter().cloned()).collect();
    html! { @if !choices.is_empty() { (field.choose(filled, &own)) } }
}

/// What something counts on, and what changes it, on its page; nothing where quotas do not count.
///
/// # Errors
/// The database failed.
pub async fn fact(
    cx: &Cx,
    frame: &Frame,
    noun: &str,
    object: ObjectId,
    edit: Option<Action>,
) -> Result<Option<(String, Markup)>, EngineError> {
    let l = frame.l;
    let choices = choices(cx, Some(object)).await?;
    if choices.is_empty() {
        return Ok(None);
    }
    let has = quotas::chosen(cx, vec![object]).await?.remove(&object);
    let may = match edit {
        Some(action) => may::on(cx, vec![object]).await?.may(action, object),
        None => false,
    };
    let name = has.as_ref().map_or_else(|| text(l.t("quota-none-chosen")), |has| link("quotas", has.quota, &has.name));
    let change = html! {
        (name)
        @if may {
            form class="vireo-inline vireo-actions" method="post" action={ "/admin/" (noun) "/" (object) "/quota" } {
                (frame.csrf_field())
                select class="vireo-input" name="quota" aria-label=(l.t("quota")) { @for c in &choices { option value=(c.value) { (c.text) } } }
                button class="pf-v6-c-button pf-m-small pf-m-secondary" type="submit" { (l.t("quota-assign")) }
            }
        }
    };
    Ok(Some((l.t("quota"), change)))
}

async fn assign_template(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        let what = quotas::Choosable::Template(id("template", &path)?);
        let quota = read(&values, "quota")?.ok_or(Invalid::new("quota", Problem::Missing))?;
        quotas::assign(&cx, what, quota).await?;
        Ok(to(&format!("/admin/templates/{}", path.as_str())))
    };
    details::answer(&http, result.await)
}

async fn assign_disk(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        let what = quotas::Choosable::Disk(id("disk", &path)?);
        let quota = read(&values, "quota")?.ok_or(Invalid::new("quota", Problem::Missing))?;
        quotas::assign(&cx, what, quota).await?;
        Ok(to(&format!("/admin/disks/{}", path.as_str())))
    };
    details::answer(&http, result.await)
}
