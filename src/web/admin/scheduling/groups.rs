//! Affinity groups of a cluster.

use super::super::confirm::{Question, done, saved};
use super::super::vm_form::{field, hinted};
use super::super::{admin, changing, details, id};
use super::{lines, named, picked, things};
use crate::engine::permissions::may;
use crate::engine::scheduler::affinity;
use crate::engine::{Cx, EngineError, catalog};
use crate::model::ids::{AffinityGroupId, ClusterId, HostId};
use crate::model::role::Action;
use crate::model::scheduling::{Affinity, AffinityGroup, AffinityRule};
use crate::model::valid::Invalid;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::ui::form::{Choice, Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

const HOST: &str = "host-";
const SHOWN: &[&str] = &["name", "description", "vms", "hosts"];

/// `/admin/clusters/{id}/affinity_groups/new`, `/admin/affinity_groups/{id}`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/clusters/{id}/affinity_groups/new", web::get().to(new_page))
        .route("/admin/clusters/{id}/affinity_groups/new", web::post().to(create))
        .route("/admin/affinity_groups/{id}", web::get().to(edit_page))
        .route("/admin/affinity_groups/{id}", web::post().to(update))
        .route("/admin/affinity_groups/{id}/remove", web::get().to(confirm))
        .route("/admin/affinity_groups/{id}/remove", web::post().to(remove));
}

/// A rule in words.
fn rule(l: Locale, family: &str, rule: AffinityRule) -> String {
    let what = l.t(&format!("{family}-{}", rule.affinity));
    if rule.affinity == Affinity::Disabled || !rule.enforcing {
        what
    } else {
        l.ta("affinity-enforced", &[("rule", &what)])
    }
}

/// The groups on their cluster's page.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn card(cx: &Cx, frame: &Frame, cluster: ClusterId) -> Result<Markup, EngineError> {
    let l = frame.l;
    let groups = affinity::groups(cx, cluster).await?;
    let may = may::on(cx, vec![cluster.object()]).await?.may(Action::ManipulateAffinityGroups, cluster.object());
    Ok(parts::card(
        &l.t("affinity-groups"),
        &html! {
            @if groups.is_empty() { p { (l.t("empty-affinity-groups")) } }
            ul class="pf-v6-c-list pf-m-plain" role="list" {
                @for group in &groups {
                    li {
                        a href={ "/admin/affinity_groups/" (group.id) } { (group.name) } ": "
                        (l.ta("affinity-vms", &[("count", &group.vms.len().to_string()), ("rule", &rule(l, "affinity", group.vms_rule))]))
                        @if group.hosts_rule.affinity != Affinity::Disabled {
                            "; " (l.ta("affinity-hosts", &[("count", &group.hosts.len().to_string()), ("rule", &rule(l, "affinity-hosts", group.hosts_rule))]))
                        }
                    }
                }
            }
            @if may { (parts::link_button(&format!("/admin/clusters/{cluster}/affinity_groups/new"), &l.t("new-affinity-group"), "pf-m-secondary")) }
        },
    ))
}

/// The form of a new group, or of one that is there.
async fn page(
    cx: &Cx,
    frame: &Frame,
    cluster: ClusterId,
    existing: Option<&AffinityGroup>,
    filled: &Filled,
) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let (_, hosts) = things(cx).await?;
    let own = catalog::cluster(cx, cluster).await?;
    let back = format!("/admin/clusters/{cluster}");
    let affinities = |family: &str| -> Vec<Choice> {
        Affinity::ALL.iter().map(|one| Choice::new(one, l.t(&format!("{family}-{one}")))).collect()
    };
    let fields = html! {
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "description", "description", "description").input(filled, "text"))
        (field(l, "cluster", "cluster", "").fixed(&own.name))
        fieldset class="vireo-group" {
            legend { (l.t("vms")) }
            (field(l, "affinity-rule", "vms_affinity", "").choose(filled, &affinities("affinity")))
            (hinted(l, "enforcing", "vms_enforcing", "", l.t("enforcing-hint")).check(filled))
            (hinted(l, "vms", "vms", "vms", l.t("affinity-vms-hint")).area(filled, 6))
        }
        fieldset class="vireo-group" {
            legend { (l.t("hosts")) }
            (field(l, "affinity-rule", "hosts_affinity", "").choose(filled, &affinities("affinity-hosts")))
            (hinted(l, "enforcing", "hosts_enforcing", "", l.t("enforcing-hosts-hint")).check(filled))
            @if let Some(error) = filled.error(l, "hosts") { p class="vireo-error" role="alert" { (error) } }
            @for (host, _, name) in hosts.iter().filter(|host| host.1 == cluster) {
                @let key = format!("{HOST}{host}");
                (Field { l, label: name.clone(), name: &key, field: "", hint: String::new() }.check(filled))
            }
        }
    };
    let (title, action, submit) = match existing {
        Some(group) => (group.name.clone(), format!("/admin/affinity_groups/{}", group.id), l.t("save")),
        None => (l.t("new-affinity-group"), format!("/admin/clusters/{cluster}/affinity_groups/new"), l.t("create")),
    };
    let remove = html! { @if let Some(group) = existing { (parts::link_button(&format!("/admin/affinity_groups/{}/remove", group.id), &l.t("remove"), "pf-m-danger")) } };
    let content = html! {
        (parts::heading(&title, &html! {}, &remove))
        (form(frame, &action, &back, &submit, &filled.others(l, SHOWN), &fields))
    };
    Ok(frame.page(&title, "", &content))
}

async fn read(cx: &Cx, cluster: ClusterId, values: &HashMap<String, String>) -> Result<AffinityGroup, EngineError> {
    let get = |name: &str| values.get(name).cloned().unwrap_or_default();
    let rule = |prefix: &str| AffinityRule {
        affinity: get(&format!("{prefix}_affinity")).parse().unwrap_or(Affinity::Disabled),
        enforcing: get(&format!("{prefix}_enforcing")) == "1",
    };
    let (vms, _) = things(cx).await?;
    let mut wrong: Vec<Invalid> = Vec::new();
    let group = AffinityGroup {
        id: AffinityGroupId::fixed(0),
        cluster,
        name: get("name"),
        description: get("description"),
        vms_rule: rule("vms"),
        hosts_rule: rule("hosts"),
        vms: named(&get("vms"), &vms, &mut wrong),
        hosts: picked::<HostId>(values, HOST),
    };
    if wrong.is_empty() { Ok(group) } else { Err(EngineError::Invalid(wrong)) }
}

async fn values_of(cx: &Cx, group: &AffinityGroup) -> Result<HashMap<String, String>, EngineError> {
    let (vms, _) = things(cx).await?;
    let yes = |on: bool| if on { "1" } else { "" }.to_owned();
    let mut values: HashMap<String, String> = [
        ("name", group.name.clone()),
        ("description", group.description.clone()),
        ("vms_affinity", group.vms_rule.affinity.to_string()),
        ("vms_enforcing", yes(group.vms_rule.enforcing)),
        ("hosts_affinity", group.hosts_rule.affinity.to_string()),
        ("hosts_enforcing", yes(group.hosts_rule.enforcing)),
        ("vms", lines(&group.vms, &vms)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    values.extend(group.hosts.iter().map(|host| (format!("{HOST}{host}"), "1".to_owned())));
    Ok(values)
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let values = [("vms_affinity", "positive"), ("hosts_affinity", "disabled")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        page(&cx, &frame, id("cluster", &path)?, None, &Filled { values, wrong: Vec::new() }).await
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
        let cluster = id::<ClusterId>("cluster", &path)?;
        let done = async { affinity::add_group(&cx, read(&cx, cluster, &values).await?).await };
        let done = done.await.map(|_| format!("/admin/clusters/{cluster}"));
        saved(done, values, async |filled| page(&cx, &frame, cluster, None, &filled).await).await
    };
    details::answer(&http, result.await)
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let group = affinity::group(&cx, id("affinity group", &path)?).await?;
        let filled = Filled { values: values_of(&cx, &group).await?, wrong: Vec::new() };
        page(&cx, &frame, group.cluster, Some(&group), &filled).await
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
        let group = affinity::group(&cx, id("affinity group", &path)?).await?;
        let done = async {
            let new = read(&cx, group.cluster, &values).await?;
            affinity::edit_group(&cx, group.id, |_| new).await
        };
        let done = done.await.map(|()| format!("/admin/clusters/{}", group.cluster));
        saved(done, values, async |filled| page(&cx, &frame, group.cluster, Some(&group), &filled).await).await
    };
    details::answer(&http, result.await)
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let group = affinity::group(&cx, id("affinity group", &path)?).await?;
        let l = frame.l;
        let title = l.ta("confirm-remove-affinity-group", &[("name", &group.name)]);
        let base = format!("/admin/affinity_groups/{}", group.id);
        let text =
            html! { p { (l.ta("confirm-remove-affinity-group-text", &[("count", &group.vms.len().to_string())])) } };
        let button = Some((format!("{base}/remove"), l.t("remove"), "pf-m-danger"));
        Ok(Question { title, text, button, back: base, topics: "" }.page(&frame))
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
        let group = affinity::group(&cx, id("affinity group", &path)?).await?;
        affinity::remove_group(&cx, group.id).await?;
        Ok(format!("/admin/clusters/{}", group.cluster))
    })
    .await
}
