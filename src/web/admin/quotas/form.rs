//! Adding, copying and changing quotas: oVirt's dialog, and what each person may use.

use super::super::{admin, changing, details, id};
use super::LIST;
use crate::engine::{Cx, EngineError, catalog, quotas};
use crate::model::cluster::ClusterView;
use crate::model::ids::{DataCenterId, QuotaId};
use crate::model::quota::{ClusterLimit, Margin, PersonLimit, QuotaConfig, QuotaView, Shares};
use crate::model::storage_domain::StorageDomainView;
use crate::model::valid::{Invalid, Problem};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

type Values = HashMap<String, String>;

/// `/admin/quotas/new`, `/admin/quotas/{id}/edit`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/quotas/new", web::get().to(new_page))
        .route("/admin/quotas/new", web::post().to(create))
        .route("/admin/quotas/{id}/edit", web::get().to(edit_page))
        .route("/admin/quotas/{id}/edit", web::post().to(update));
}

const SHOWN: &[&str] = &[
    "name",
    "description",
    "data_center",
    "cluster_soft_limit_pct",
    "cluster_hard_limit_pct",
    "storage_soft_limit_pct",
    "storage_hard_limit_pct",
    "person.vcpus",
    "person.memory",
    "person.storage",
];

/// What the form offers.
struct Offer {
    /// Of the data center that is chosen, or of all.
    clusters: Vec<ClusterView>,
    domains: Vec<StorageDomainView>,
    centers: Vec<Choice>,
}

async fn offer(cx: &Cx, center: Option<DataCenterId>) -> Result<Offer, EngineError> {
    let mut clusters = catalog::clusters(cx, &details::all()).await?.rows;
    let mut domains = catalog::storage_domains(cx, &details::all()).await?.rows;
    let centers = catalog::data_centers(cx, &details::all()).await?.rows;
    clusters.retain(|c| center.is_none_or(|center| c.data_center == center));
    domains.retain(|d| d.data_center.is_some() && center.is_none_or(|center| d.data_center == Some(center)));
    Ok(Offer { clusters, domains, centers: centers.iter().map(|d| Choice::new(d.id, &d.name)).collect() })
}

fn limited<'a>(frame: &Frame, label: &str, name: &'a str, field: &'a str) -> Field<'a> {
    let l = frame.l;
    Field { l, label: l.t(label), name, field, hint: l.t("quota-empty-hint") }
}

fn percent(frame: &Frame, filled: &Filled, name: &str, field: &str, grace: bool) -> Markup {
    let l = frame.l;
    let (label, hint) =
        if grace { ("quota-grace", "quota-grace-hint") } else { ("quota-threshold", "quota-threshold-hint") };
    Field { l, label: l.t(label), name, field, hint: l.t(hint) }.input(filled, "number")
}

/// One limit of all, or one of each that is chosen.
fn whole_or_each(frame: &Frame, filled: &Filled, name: &str, all: String, each: String) -> Markup {
    let l = frame.l;
    let choices = [Choice::new("all", all), Choice::new("each", each)];
    Field { l, label: l.t("quota-limits"), name, field: "", hint: String::new() }.choose(filled, &choices)
}

fn cluster_section(frame: &Frame, offer: &Offer, filled: &Filled) -> Markup {
    let l = frame.l;
    html! {
        h2 class="pf-v6-c-title pf-m-lg" { (l.t("quota-cluster")) }
        (percent(frame, filled, "cluster_threshold", "cluster_soft_limit_pct", false))
        (percent(frame, filled, "cluster_grace", "cluster_hard_limit_pct", true))
        (whole_or_each(frame, filled, "clusters", l.t("quota-all-clusters"), l.t("quota-some-clusters")))
        div class="vireo-quota-place" data-whole="clusters" {
            (limited(frame, "quota-all-vcpus", "vcpus", "").input(filled, "number"))
            (limited(frame, "quota-all-memory", "memory", "").input(filled, "number"))
        }
        @for c in &offer.clusters {
            @let own = format!("c_{}", c.id);
            fieldset class="vireo-quota-place" data-each="clusters" {
                (Field { l, label: l.ta("quota-in-cluster", &[("name", &c.name)]), name: &own, field: "", hint: String::new() }.check(filled))
                (limited(frame, "vcpus", &format!("{own}_vcpus"), "").input(filled, "number"))
                (limited(frame, "memory-mib", &format!("{own}_memory"), "").input(filled, "number"))
            }
        }
    }
}

fn storage_section(frame: &Frame, offer: &Offer, filled: &Filled) -> Markup {
    let l = frame.l;
    html! {
        h2 class="pf-v6-c-title pf-m-lg" { (l.t("quota-storage")) }
        (percent(frame, filled, "storage_threshold", "storage_soft_limit_pct", false))
        (percent(frame, filled, "storage_grace", "storage_hard_limit_pct", true))
        (whole_or_each(frame, filled, "domains", l.t("quota-all-domains"), l.t("quota-some-domains")))
        div class="vireo-quota-place" data-whole="domains" { (limited(frame, "quota-all-storage", "gib", "").input(filled, "number")) }
        @for d in &offer.domains {
            @let own = format!("d_{}", d.id);
            fieldset class="vireo-quota-place" data-each="domains" {
                (Field { l, label: l.ta("quota-on-domain", &[("name", &d.name)]), name: &own, field: "", hint: String::new() }.check(filled))
                (limited(frame, "size-gib", &format!("{own}_gib"), "").input(filled, "number"))
            }
        }
    }
}

fn page(frame: &Frame, offer: &Offer, existing: Option<&QuotaView>, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let field = |label, name, field| Field { l, label: l.t(label), name, field, hint: String::new() };
    let fields = html! {
        (field("name", "name", "name").input(filled, "text"))
        (field("description", "description", "description").input(filled, "text"))
        @match existing {
            Some(view) => (field("data-center", "", "").fixed(&view.quota.data_center_name)),
            None => (field("data-center", "data_center", "data_center").choose(filled, &offer.centers)),
        }
        (cluster_section(frame, offer, filled))
        (storage_section(frame, offer, filled))
        h2 class="pf-v6-c-title pf-m-lg" { (l.t("quota-person")) }
        p class="vireo-hint" { (l.t("quota-person-hint")) }
        (limited(frame, "vcpus", "person_vcpus", "person.vcpus").input(filled, "number"))
        (limited(frame, "memory-mib", "person_memory", "person.memory").input(filled, "number"))
        (limited(frame, "size-gib", "person_gib", "person.storage").input(filled, "number"))
    };
    let (title, action, back, submit) = match existing {
        Some(view) => {
            let here = format!("{LIST}/{}", view.quota.id);
            (view.quota.config.name.clone(), format!("{here}/edit"), here, l.t("save"))
        }
        None => (l.t("new-quota"), format!("{LIST}/new"), LIST.to_owned(), l.t("create")),
    };
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &action, &back, &submit, &filled.others(l, SHOWN), &fields))
    };
    frame.page(&title, "", &content)
}

fn text(n: Option<u64>) -> String {
    n.map(|n| n.to_string()).unwrap_or_default()
}

fn values_of(config: &QuotaConfig) -> Values {
    let mut values: Values = [
        ("name", config.name.clone()),
        ("description", config.description.clone()),
        ("cluster_threshold", config.cluster.threshold.to_string()),
        ("cluster_grace", config.cluster.grace.to_string()),
        ("storage_threshold", config.storage.threshold.to_string()),
        ("storage_grace", config.storage.grace.to_string()),
        ("person_vcpus", text(config.person.vcpus)),
        ("person_memory", text(config.person.memory_mib)),
        ("person_gib", text(config.person.storage_gib)),
        ("clusters", if config.clusters.is_whole() { "all" } else { "each" }.to_owned()),
        ("domains", if config.domains.is_whole() { "all" } else { "each" }.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let mut put = |name: String, value: String| drop(values.insert(name, value));
    match &config.clusters {
        Shares::All(limit) => {
            put("vcpus".to_owned(), text(limit.vcpus));
            put("memory".to_owned(), text(limit.memory_mib));
        }
        Shares::Each(all) => {
            for (id, limit) in all {
                put(format!("c_{id}"), "1".to_owned());
                put(format!("c_{id}_vcpus"), text(limit.vcpus));
                put(format!("c_{id}_memory"), text(limit.memory_mib));
            }
        }
    }
    match &config.domains {
        Shares::All(gib) => put("gib".to_owned(), text(*gib)),
        Shares::Each(all) => {
            for (id, gib) in all {
                put(format!("d_{id}"), "1".to_owned());
                put(format!("d_{id}_gib"), text(*gib));
            }
        }
    }
    values
}

/// The form's numbers, and what is wrong with them.
struct Reader<'a> {
    values: &'a Values,
    wrong: Vec<Invalid>,
}

impl Reader<'_> {
    fn text(&self, name: &str) -> String {
        self.values.get(name).cloned().unwrap_or_default()
    }

    /// Empty: no limit.
    fn limit(&mut self, name: &str, field: &'static str) -> Option<u64> {
        let text = self.values.get(name).map_or("", |v| v.trim());
        if text.is_empty() {
            return None;
        }
        let value = text.parse().ok();
        if value.is_none() {
            self.wrong.push(Invalid::new(field, Problem::NotANumber { value: text.chars().take(40).collect() }));
        }
        value
    }

    fn percent(&mut self, name: &str, field: &'static str, usual: u32) -> u32 {
        let said = self.limit(name, field);
        said.map_or(usual, |n| u32::try_from(n).unwrap_or(u32::MAX))
    }

    /// The ids of the boxes that are ticked: `c_<id>`.
    fn ticked<Id: std::str::FromStr + Ord>(&self, prefix: &str) -> Vec<Id> {
        let mut all: Vec<Id> = self.values.keys().filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect();
        all.sort();
        all
    }
}

fn read(values: &Values) -> Result<QuotaConfig, EngineError> {
    let mut r = Reader { values, wrong: Vec::new() };
    let usual = Margin::default();
    let cluster = Margin {
        threshold: r.percent("cluster_threshold", "cluster_soft_limit_pct", usual.threshold),
        grace: r.percent("cluster_grace", "cluster_hard_limit_pct", usual.grace),
    };
    let storage = Margin {
        threshold: r.percent("storage_threshold", "storage_soft_limit_pct", usual.threshold),
        grace: r.percent("storage_grace", "storage_hard_limit_pct", usual.grace),
    };
    let clusters = if r.text("clusters") == "each" {
        let mut each = Vec::new();
        for id in r.ticked("c_") {
            let vcpus = r.limit(&format!("c_{id}_vcpus"), "vcpu_limit");
            let memory_mib = r.limit(&format!("c_{id}_memory"), "memory_limit");
            each.push((id, ClusterLimit { vcpus, memory_mib }));
        }
        Shares::Each(each)
    } else {
        let vcpus = r.limit("vcpus", "vcpu_limit");
        Shares::All(ClusterLimit { vcpus, memory_mib: r.limit("memory", "memory_limit") })
    };
    let domains = if r.text("domains") == "each" {
        let mut each = Vec::new();
        for id in r.ticked("d_") {
            let gib = r.limit(&format!("d_{id}_gib"), "limit");
            each.push((id, gib));
        }
        Shares::Each(each)
    } else {
        Shares::All(r.limit("gib", "limit"))
    };
    let person = PersonLimit {
        vcpus: r.limit("person_vcpus", "person.vcpus"),
        memory_mib: r.limit("person_memory", "person.memory"),
        storage_gib: r.limit("person_gib", "person.storage"),
    };
    let (name, description) = (r.text("name"), r.text("description"));
    if !r.wrong.is_empty() {
        return Err(EngineError::Invalid(r.wrong));
    }
    Ok(QuotaConfig { name, description, cluster, storage, clusters, domains, person })
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<Values>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let values = match query.get("copy") {
            Some(text) => {
                let copied = quotas::get(&cx, id::<QuotaId>("quota", text)?).await?;
                let mut values = values_of(&copied.quota.config);
                values.insert("data_center".to_owned(), copied.quota.data_center.to_string());
                values.insert("name".to_owned(), format!("Copy_of_{}", copied.quota.config.name));
                values
            }
            None => {
                let usual = Margin::default();
                let (threshold, grace) = (usual.threshold.to_string(), usual.grace.to_string());
                [
                    ("cluster_threshold", threshold.clone()),
                    ("cluster_grace", grace.clone()),
                    ("storage_threshold", threshold),
                    ("storage_grace", grace),
                ]
                .map(|(name, value)| (name.to_owned(), value))
                .into()
            }
        };
        Ok(page(&frame, &offer(&cx, None).await?, None, &Filled { values, wrong: Vec::new() }))
    };
    details::answer(&http, result.await)
}

fn center(values: &Values) -> Result<DataCenterId, EngineError> {
    let text = values.get("data_center").map_or("", String::as_str);
    let none = |_| Invalid::new("data_center", Problem::NoSuch { value: text.chars().take(64).collect() });
    Ok(text.parse().map_err(none)?)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let done = match read(&values).and_then(|new| Ok((center(&values)?, new))) {
            Ok((center, new)) => quotas::add(&cx, center, new).await,
            Err(e) => Err(e),
        };
        match done {
            Ok(quota) => Ok(to(&format!("{LIST}/{quota}"))),
            Err(EngineError::Invalid(wrong)) => {
                Ok(page(&frame, &offer(&cx, None).await?, None, &Filled { values, wrong }))
            }
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = quotas::get(&cx, id::<QuotaId>("quota", &path)?).await?;
        let filled = Filled { values: values_of(&view.quota.config), wrong: Vec::new() };
        Ok(page(&frame, &offer(&cx, Some(view.quota.data_center)).await?, Some(&view), &filled))
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
        let quota = id::<QuotaId>("quota", &path)?;
        let done = match read(&values) {
            Ok(new) => quotas::edit(&cx, quota, move |_| new).await,
            Err(e) => Err(e),
        };
        match done {
            Ok(()) => Ok(to(&format!("{LIST}/{quota}"))),
            Err(EngineError::Invalid(wrong)) => {
                let view = quotas::get(&cx, quota).await?;
                let offer = offer(&cx, Some(view.quota.data_center)).await?;
                Ok(page(&frame, &offer, Some(&view), &Filled { values, wrong }))
            }
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}
