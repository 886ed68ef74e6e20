//! Lists of what is only looked at: hosts, data centers, clusters, networks, domains, templates, events, jobs, …

use super::card::text;
use super::{Listing, admin, changing, id, listing};
use crate::engine::permissions::may;
use crate::engine::{Cx, EngineError, catalog, events, jobs};
use crate::model::cluster::ClusterView;
use crate::model::data_center::DataCenterView;
use crate::model::event::{About, EventCode, EventView, Severity};
use crate::model::host::HostView;
use crate::model::ids::ObjectId;
use crate::model::mac_pool::MacPoolView;
use crate::model::network::{NetworkView, VnicProfileView};
use crate::model::page::{ListQuery, Page};
use crate::model::permission::{ObjectKind, Place};
use crate::model::storage_domain::StorageDomainView;
use crate::model::template::TemplateView;
use crate::web::error;
use crate::web::icons;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::told::{permission, told};
use crate::web::ui::list::Row;
use crate::web::ui::parts;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

type Query = web::Query<ListQuery>;

/// A list page: where, what it is called, what keeps it fresh, its columns, and each row.
macro_rules! list_page {
    ($name:ident, $title:literal, $topics:literal, $list:path, [$(($column:literal, $sort:literal)),+], $row:expr) => {
        async fn $name(shared: web::Data<Shared>, http: HttpRequest, query: Query) -> HttpResponse {
            let (cx, frame) = match admin(&shared, &http).await {
                Ok(entered) => entered,
                Err(e) => return error::page(&http, &e),
            };
            let l = frame.l;
            let row: fn(Locale, _) -> Row = $row;
            let actions = match new_button(&cx, l, $title).await {
                Ok(button) => button,
                Err(e) => return error::page(&http, &e),
            };
            let found = $list(&cx, &query).await.map(|page| page.map(|one| row(l, one)));
            let what = Listing { noun: $title, topics: $topics, columns: vec![$((l.t($column), $sort)),+], actions, bulk: None };
            listing(&http, &frame, &query, what, found)
        }
    };
}

/// The same for what comes whole.
macro_rules! whole_page {
    ($name:ident, $title:literal, $list:path, [$($column:literal),+], $row:expr) => {
        async fn $name(shared: web::Data<Shared>, http: HttpRequest, query: Query) -> HttpResponse {
            let (cx, frame) = match admin(&shared, &http).await {
                Ok(entered) => entered,
                Err(e) => return error::page(&http, &e),
            };
            let l = frame.l;
            let row: fn(Locale, _) -> Row = $row;
            let found = $list(&cx).await.map(|all| {
                let rows: Vec<Row> = all.into_iter().map(|one| row(l, one)).collect();
                Page::whole(rows)
            });
            let what = Listing { noun: $title, topics: "", columns: vec![$((l.t($column), "")),+], actions: html! {}, bulk: None };
            listing(&http, &frame, &query, what, found)
        }
    };
}

/// Paths of these lists.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/hosts", web::get().to(hosts))
        .route("/admin/data_centers", web::get().to(data_centers))
        .route("/admin/clusters", web::get().to(clusters))
        .route("/admin/domains", web::get().to(domains))
        .route("/admin/networks", web::get().to(networks))
        .route("/admin/profiles", web::get().to(profiles))
        .route("/admin/mac_pools", web::get().to(mac_pools))
        .route("/admin/templates", web::get().to(templates))
        .route("/admin/events", web::get().to(event_list))
        .route("/admin/jobs", web::get().to(job_list))
        .route("/admin/jobs/{id}/retry", web::post().to(retry));
}

/// Leads to the form for a new one, where there is one and the actor may fill it in.
async fn new_button(cx: &Cx, l: Locale, list: &str) -> Result<Markup, EngineError> {
    let makes = may::makes(cx).await?;
    let (offered, href, text) = match list {
        "hosts" => (makes.host, "/admin/hosts/new", "new-host"),
        "data-centers" => (makes.data_center, "/admin/data_centers/new", "new-data-center"),
        "clusters" => (makes.cluster, "/admin/clusters/new", "new-cluster"),
        "networks" => (makes.network, "/admin/networks/new", "new-network"),
        "domains" => (makes.domain, "/admin/domains/new", "new-storage-domain"),
        _ => return Ok(html! {}),
    };
    Ok(html! { @if offered { a class="pf-v6-c-button pf-m-primary" href=(href) data-new="1" { (l.t(text)) } } })
}

fn row(href: String, cells: Vec<Markup>) -> Row {
    Row { href, cells, ..Row::default() }
}

/// What has no page of its own leads to its permissions.
fn permissions_of(kind: ObjectKind, object: ObjectId) -> String {
    super::permissions::page_of(&Place { object, kind, name: String::new() })
}

/// With what there is to do about it.
fn host_status(l: Locale, h: &HostView) -> Markup {
    html! {
        (parts::status(l, h.status.as_str()))
        @if h.upgrade.found.is_something() { " " (parts::label(&l.t("upgrade-available"), "pf-m-blue")) }
    }
}

list_page!(
    hosts,
    "hosts",
    "host vm stats",
    catalog::hosts,
    [
        ("name", "name"),
        ("status", "status"),
        ("address", "address"),
        ("cluster", "cluster"),
        ("vms", ""),
        ("memory", ""),
        ("cpu", "")
    ],
    |l, h: HostView| row(
        format!("/admin/hosts/{}", h.id),
        vec![
            text(&h.name),
            host_status(l, &h),
            text(&h.address),
            text(&h.cluster_name),
            text(h.active_vms),
            text(parts::memory(h.facts.memory_mib)),
            text(format!("{} × {}", h.facts.cpus(), h.facts.cpu_model)),
        ]
    )
);
list_page!(
    data_centers,
    "data-centers",
    "data_center host storage_domain",
    catalog::data_centers,
    [("name", "name"), ("status", ""), ("storage-type", ""), ("compatibility", ""), ("description", "description")],
    |l, d: DataCenterView| row(
        format!("/admin/data_centers/{}", d.id),
        vec![
            text(&d.name),
            parts::status(l, d.status.as_str()),
            text(if d.local { l.t("local") } else { l.t("shared") }),
            text(&d.compatibility),
            text(&d.description),
        ]
    )
);
list_page!(
    clusters,
    "clusters",
    "cluster host vm",
    catalog::clusters,
    [
        ("name", "name"),
        ("data-center", "datacenter"),
        ("compatibility", ""),
        ("cpu-type", ""),
        ("hosts", ""),
        ("vms", ""),
        ("description", "description")
    ],
    |l, c: ClusterView| row(
        format!("/admin/clusters/{}", c.id),
        vec![
            text(&c.name),
            text(&c.data_center_name),
            text(&c.compatibility),
            text(super::clusters::cpu_name(l, &c.settings.cpu_type)),
            text(c.hosts),
            text(c.vms),
            text(&c.description),
        ]
    )
);
list_page!(
    domains,
    "domains",
    "storage_domain disk",
    catalog::storage_domains,
    [
        ("name", "name"),
        ("status", "status"),
        ("domain-type", "type"),
        ("storage-type", ""),
        ("data-center", "datacenter"),
        ("total-space", ""),
        ("free-space", ""),
        ("path", "")
    ],
    |l, d: StorageDomainView| row(
        format!("/admin/domains/{}", d.id),
        vec![
            text(&d.name),
            parts::status(l, d.status.as_str()),
            text(l.t(&format!("domain-kind-{}", d.kind))),
            text(d.storage_type),
            text(&d.data_center_name),
            text(parts::bytes(d.total_bytes)),
            text(parts::bytes(d.available_bytes)),
            text(&d.path),
        ]
    )
);
list_page!(
    networks,
    "networks",
    "network",
    catalog::networks,
    [("name", "name"), ("data-center", "datacenter"), ("vlan", ""), ("mtu", ""), ("description", "description")],
    |l, n: NetworkView| row(
        format!("/admin/networks/{}", n.id),
        vec![
            text(&n.name),
            text(&n.data_center_name),
            text(n.vlan_id.map_or("-".to_owned(), |v| v.to_string())),
            text(if n.mtu == 0 { l.t("default") } else { n.mtu.to_string() }),
            text(&n.description),
        ]
    )
);
list_page!(
    templates,
    "templates",
    "template vm",
    catalog::templates,
    [
        ("name", "name"),
        ("template-version", ""),
        ("status", "status"),
        ("cluster", "cluster"),
        ("template-vms", "vms"),
        ("pools", ""),
        ("template-versions", ""),
        ("description", "description")
    ],
    |l, t: TemplateView| row(
        format!("/admin/templates/{}", t.id),
        vec![
            html! { @if t.version.number > 1 { span class="vireo-hint" aria-hidden="true" { "↳ " } } (icons::small(t.icons)) " " (t.name) },
            text(super::templates::version_text(&t.version)),
            parts::status(l, t.status.as_str()),
            text(&t.cluster_name),
            text(t.vms),
            text(t.pools),
            text(t.versions),
            text(&t.description),
        ]
    )
);
whole_page!(
    profiles,
    "profiles",
    catalog::vnic_profiles,
    ["name", "network", "data-center", "description"],
    |_, p: VnicProfileView| row(
        permissions_of(ObjectKind::VnicProfile, p.id.object()),
        vec![text(&p.name), text(&p.network_name), text(&p.data_center_name), text(&p.description)]
    )
);
whole_page!(mac_pools, "mac-pools", catalog::mac_pools, ["name", "ranges", "description"], |_, p: MacPoolView| row(
    permissions_of(ObjectKind::MacPool, p.id.object()),
    vec![text(&p.name), html! { @for (from, to) in &p.ranges { p { (from) " – " (to) } } }, text(&p.description),]
));
async fn event_list(shared: web::Data<Shared>, http: HttpRequest, query: Query) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = events::list(&cx, &query, None).await.map(|page| {
        page.map(|e| {
            let sentence = html! { a href={ "/admin/events/" (e.id) } { (event_text(l, &e)) } };
            row(String::new(), vec![severity(l, e.severity), parts::time(e.time), sentence, text(&e.correlation_id)])
        })
    });
    let columns = vec![(l.t("severity"), ""), (l.t("time"), ""), (l.t("message"), ""), (l.t("correlation-id"), "")];
    listing(
        &http,
        &frame,
        &query,
        Listing { noun: "events", topics: "event", columns, actions: html! {}, bulk: None },
        found,
    )
}

/// How grave an event is, in its colour.
pub fn severity(l: Locale, severity: Severity) -> Markup {
    let colour = match severity {
        Severity::Normal => "",
        Severity::Warning => "pf-m-orange",
        Severity::Error | Severity::Alert => "pf-m-red",
    };
    parts::label(&l.t(&format!("severity-{severity}")), colour)
}

/// An event's sentence in the reader's language.
pub fn event_text(l: Locale, event: &EventView) -> String {
    fn name<Id>(of: &Option<(Id, String)>) -> &str {
        of.as_ref().map_or("", |(_, name)| name)
    }
    let About { user, vm, host, template, pool, cluster, storage_domain } = &event.about;
    let user = match name(user) {
        "" => l.t("the-engine"),
        user => user.to_owned(),
    };
    let detail = match event.code {
        EventCode::PermissionAdded | EventCode::PermissionRemoved => permission(l, &event.detail),
        _ => told(l, &event.detail),
    };
    l.ta(
        &format!("event-{}", event.code),
        &[
            ("user", &user),
            ("vm", name(vm)),
            ("host", name(host)),
            ("template", name(template)),
            ("pool", name(pool)),
            ("cluster", name(cluster)),
            ("storage_domain", name(storage_domain)),
            ("detail", &detail),
        ],
    )
}

async fn job_list(shared: web::Data<Shared>, http: HttpRequest, query: Query) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = jobs::list(&cx).await.map(|all| {
        let rows: Vec<Row> = all
            .into_iter()
            .map(|j| {
                let done = j.steps.iter().filter(|s| s.status.as_str() == "finished").count();
                let again = (j.status == crate::model::job::JobStatus::Stuck).then(|| {
                    parts::post(&frame, &format!("/admin/jobs/{}/retry", j.id), &l.t("retry"), "pf-m-secondary")
                });
                row(
                    format!("/admin/jobs/{}", j.id),
                    vec![
                        text(format!("{} {}", l.t(&format!("job-{}", j.kind)), j.subject)),
                        html! { (parts::status(l, j.status.as_str())) @if let Some(again) = again { (again) } },
                        text(format!("{done} / {}", j.steps.len())),
                        parts::time(j.started),
                        text(&j.owner_name),
                        text(told(l, &j.error)),
                    ],
                )
            })
            .collect();
        Page::whole(rows)
    });
    let columns = ["job", "status", "steps", "started", "user", "message"].map(|c| (l.t(c), "")).into();
    listing(
        &http,
        &frame,
        &query,
        Listing { noun: "jobs", topics: "job", columns, actions: html! {}, bulk: None },
        found,
    )
}

async fn retry(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        jobs::retry(&cx, id("job", &path)?).await
    };
    match result.await {
        Ok(()) => to("/admin/jobs"),
        Err(e) => error::page(&http, &e),
    }
}
