//! Scheduling policies: a list, one's page, a copy, an own one.

use super::super::card::text;
use super::super::confirm::{Question, done, saved};
use super::super::{Listing, admin, changing, details, id, listing};
use super::policy_form::{fields, read, shown, values_of};
use crate::engine::permissions::may;
use crate::engine::scheduler::policies;
use crate::engine::{Cx, EngineError};
use crate::model::ids::{SYSTEM, SchedulingPolicyId};
use crate::model::page::{ListQuery, Page};
use crate::model::role::Action;
use crate::model::scheduling::{NONE, SchedulingPolicy};
use crate::web::error;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::ui::form::{Filled, form};
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

const LIST: &str = "/admin/scheduling_policies";

/// `/admin/scheduling_policies/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/scheduling_policies", web::get().to(list))
        .route("/admin/scheduling_policies/new", web::get().to(new_page))
        .route("/admin/scheduling_policies/new", web::post().to(create))
        .route("/admin/scheduling_policies/{id}", web::get().to(page))
        .route("/admin/scheduling_policies/{id}", web::post().to(update))
        .route("/admin/scheduling_policies/{id}/copy", web::get().to(copy_page))
        .route("/admin/scheduling_policies/{id}/remove", web::get().to(confirm))
        .route("/admin/scheduling_policies/{id}/remove", web::post().to(remove));
}

async fn may_change(cx: &Cx) -> Result<bool, EngineError> {
    Ok(may::on(cx, vec![SYSTEM]).await?.may(Action::EditStoragePoolConfiguration, SYSTEM))
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = policies::list(&cx).await.map(|all| Page::whole(all.iter().map(|one| row(l, one)).collect()));
    let columns = ["name", "balancing", "description"].map(|key| (l.t(key), "")).into();
    let actions = match may_change(&cx).await {
        Ok(may) => {
            html! { @if may { a class="pf-v6-c-button pf-m-primary" href={ (LIST) "/new" } data-new="1" { (l.t("new-scheduling-policy")) } } }
        }
        Err(e) => return error::page(&http, &e),
    };
    listing(
        &http,
        &frame,
        &query,
        Listing { noun: "scheduling-policies", topics: "", columns, actions, bulk: None },
        found,
    )
}

/// What it is for: oVirt's own have a sentence.
fn about(l: Locale, policy: &SchedulingPolicy) -> String {
    if policy.locked { l.t(&format!("policy-about-{}", policy.name)) } else { policy.description.clone() }
}

fn row(l: Locale, policy: &SchedulingPolicy) -> Row {
    let balance = l.t(&format!("balance-{}", policy.balance));
    Row {
        href: format!("{LIST}/{}", policy.id),
        cells: vec![html! { (policy.name) }, html! { (balance) }, html! { (about(l, policy)) }],
        ..Row::default()
    }
}

fn named(path: &str) -> Result<SchedulingPolicyId, EngineError> {
    id("scheduling policy", path)
}

/// The form of a new one, or of one that may be changed.
fn edited(frame: &Frame, existing: Option<&SchedulingPolicy>, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let (title, action, submit) = match existing {
        Some(policy) => (policy.name.clone(), format!("{LIST}/{}", policy.id), l.t("save")),
        None => (l.t("new-scheduling-policy"), format!("{LIST}/new"), l.t("create")),
    };
    let actions = html! {
        @if let Some(policy) = existing {
            (parts::link_button(&format!("{LIST}/{}/copy", policy.id), &l.t("copy"), "pf-m-secondary")) " "
            (parts::link_button(&format!("{LIST}/{}/remove", policy.id), &l.t("remove"), "pf-m-danger"))
        }
    };
    let content = html! {
        (parts::heading(&title, &html! {}, &actions))
        (form(frame, &action, LIST, &submit, &filled.others(l, &shown()), &fields(l, filled)))
    };
    frame.page(&title, "", &content)
}

async fn page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let (policy, clusters) = policies::get(&cx, named(&path)?).await?;
        let may = may_change(&cx).await?;
        if may && !policy.locked {
            return Ok(edited(&frame, Some(&policy), &Filled { values: values_of(&policy), wrong: Vec::new() }));
        }
        Ok(frame.page(&policy.name, "", &looked_at(&frame, &policy, &clusters, may)))
    };
    details::answer(&http, result.await)
}

/// One that is not changed here.
fn looked_at(frame: &Frame, policy: &SchedulingPolicy, clusters: &[String], may: bool) -> Markup {
    let l = frame.l;
    let copy = html! { @if may { (parts::link_button(&format!("{LIST}/{}/copy", policy.id), &l.t("copy"), "pf-m-secondary")) } };
    let numbers = policy.reads().into_iter().map(|property| {
        let value = policy.properties.get(&property).copied().or(property.usual());
        let value = value.map_or_else(|| "–".to_owned(), |n| n.to_string());
        (property.to_string(), html! { strong { (value) } " " (l.t(&format!("property-about-{property}"))) })
    });
    let numbers: Vec<(String, Markup)> = numbers.collect();
    let unit = |name: &str| html! { strong { (name) } " – " (l.t(&format!("unit-{name}"))) };
    html! {
        (parts::heading(&policy.name, &html! {}, &copy))
        @if policy.locked { (parts::alert("info", &l.t("policy-locked"))) }
        p { (about(l, policy)) }
        div class="vireo-grid" {
            (parts::card(&l.t("filters"), &html! { ul class="pf-v6-c-list" { @for one in &policy.filters { li { (unit(one.as_str())) } } } }))
            (parts::card(&l.t("weights"), &html! { ul class="pf-v6-c-list" { @for (one, factor) in &policy.weights { li { (factor) " × " (unit(one.as_str())) } } } }))
            (parts::card(&l.t("balancing"), &text(l.t(&format!("balance-{}", policy.balance)))))
            (parts::card(&l.t("properties"), &parts::facts(&numbers)))
            (parts::card(&l.t("clusters"), &html! { @if clusters.is_empty() { (l.t("none")) } @else { (clusters.join(", ")) } }))
        }
    }
}

async fn of(shared: &Shared, http: &HttpRequest, model: SchedulingPolicyId) -> Result<HttpResponse, EngineError> {
    let (cx, frame) = admin(shared, http).await?;
    let policy = SchedulingPolicy { name: String::new(), ..policies::model(&cx, model).await? };
    Ok(edited(&frame, None, &Filled { values: values_of(&policy), wrong: Vec::new() }))
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    details::answer(&http, of(&shared, &http, NONE).await)
}

async fn copy_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async { of(&shared, &http, named(&path)?).await };
    details::answer(&http, result.await)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let done = async { policies::add(&cx, read(&values)?).await.map(|_| LIST.to_owned()) };
        saved(done.await, values, async |filled| Ok(edited(&frame, None, &filled))).await
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
        let id = named(&path)?;
        let done = async {
            let new = read(&values)?;
            policies::edit(&cx, id, |_| new).await.map(|()| LIST.to_owned())
        };
        let again = async |filled| Ok(edited(&frame, Some(&policies::get(&cx, id).await?.0), &filled));
        saved(done.await, values, again).await
    };
    details::answer(&http, result.await)
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let (policy, _) = policies::get(&cx, named(&path)?).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-scheduling-policy", &[("name", &policy.name)]);
        let button = Some((format!("{LIST}/{}/remove", policy.id), l.t("remove"), "pf-m-danger"));
        Ok(Question { title, text: html! {}, button, back: LIST.to_owned(), topics: "" }.page(&frame))
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
        policies::remove(&cx, named(&path)?).await?;
        Ok(LIST.to_owned())
    })
    .await
}
