//! What guests are told at their first start: of a VM, a template, a pool.

use super::{admin, changing, details, id};
use crate::engine::EngineError;
use crate::engine::first_run::{self, Of, Password, Shown};
use crate::model::first_run::Written;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/admin/{vms|templates|pools}/{id}/first_run`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/vms/{id}/first_run", web::get().to(vm))
        .route("/admin/vms/{id}/first_run", web::post().to(set_vm))
        .route("/admin/templates/{id}/first_run", web::get().to(template))
        .route("/admin/templates/{id}/first_run", web::post().to(set_template))
        .route("/admin/pools/{id}/first_run", web::get().to(pool))
        .route("/admin/pools/{id}/first_run", web::post().to(set_pool));
}

/// Names of the form's fields, with the engine's.
const FIELDS: [(&str, &str); 9] = [
    ("host_name", "host_name"),
    ("time_zone", "timezone"),
    ("user", "user_name"),
    ("password", "root_password"),
    ("keys", "authorized_ssh_keys"),
    ("dns_servers", "dns_servers"),
    ("dns_search", "dns_search"),
    ("cards", "nic_configurations"),
    ("script", "custom_script"),
];

/// Where its own page is.
fn page_of(of: Of) -> String {
    match of {
        Of::Vm(id) => format!("/admin/vms/{id}"),
        Of::Template(id) => format!("/admin/templates/{id}"),
        Of::Pool(id) => format!("/admin/pools/{id}"),
    }
}

fn filled(shown: Option<&Shown>) -> HashMap<String, String> {
    let Some(shown) = shown else { return HashMap::new() };
    let written = shown.settings.written();
    let values = [
        ("enabled", "1".to_owned()),
        ("host_name", written.host_name),
        ("time_zone", written.time_zone),
        ("user", written.user),
        ("keys", written.keys),
        ("dns_servers", written.dns_servers),
        ("dns_search", written.dns_search),
        ("cards", written.cards),
        ("script", written.script),
    ];
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

fn fields(frame: &Frame, filled: &Filled, has_password: bool) -> Markup {
    let l = frame.l;
    let field = |name: &'static str, hint: String| {
        let of = FIELDS.iter().find(|f| f.0 == name).map_or("", |f| f.1);
        Field { l, label: l.t(&format!("first-run-{}", name.replace('_', "-"))), name, field: of, hint }
    };
    let plain = |name| field(name, String::new());
    html! {
        (Field { l, label: l.t("first-run-enabled"), name: "enabled", field: "", hint: l.t("first-run-enabled-hint") }.check(filled))
        (field("host_name", l.t("first-run-host-name-hint")).input(filled, "text"))
        (field("time_zone", l.t("first-run-time-zone-hint")).input(filled, "text"))
        (field("user", l.t("first-run-user-hint")).input(filled, "text"))
        (field("password", if has_password { l.t("first-run-password-kept") } else { String::new() }).input(filled, "password"))
        @if has_password {
            (Field { l, label: l.t("first-run-forget-password"), name: "forget_password", field: "", hint: String::new() }.check(filled))
        }
        (field("keys", l.t("first-run-keys-hint")).area(filled, 3))
        (plain("dns_servers").input(filled, "text"))
        (plain("dns_search").input(filled, "text"))
        (field("cards", l.t("first-run-cards-hint")).area(filled, 3))
        (field("script", l.t("first-run-script-hint")).area(filled, 8))
    }
}

fn page(frame: &Frame, of: Of, name: &str, shown: Option<&Shown>, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let title = l.t("first-run");
    let shown_fields: Vec<&str> = FIELDS.iter().map(|f| f.1).collect();
    let others = filled.others(l, &shown_fields);
    let here = page_of(of);
    let told = match (of, shown) {
        (Of::Vm(_), Some(shown)) => Some(if shown.told { "first-run-told" } else { "first-run-not-told" }),
        _ => None,
    };
    let content = html! {
        (parts::heading(&title, &html! { span class="vireo-name" { (name) } }, &html! {}))
        p { (l.t("first-run-text")) }
        @if let Some(told) = told { (parts::alert("info", &l.t(told))) }
        (form(frame, &format!("{here}/first_run"), &here, &l.t("save"), &others, &fields(frame, filled, shown.is_some_and(|s| s.has_password))))
    };
    frame.page(&title, "", &content)
}

async fn show(shared: web::Data<Shared>, http: HttpRequest, of: Result<Of, EngineError>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let of = of?;
        let (name, shown) = first_run::get(&cx, of).await?;
        let filled = Filled { values: filled(shown.as_ref()), wrong: Vec::new() };
        Ok(page(&frame, of, &name, shown.as_ref(), &filled))
    };
    details::answer(&http, result.await)
}

fn wanted(values: &HashMap<String, String>) -> Option<(Written, Password)> {
    if !values.contains_key("enabled") {
        return None;
    }
    let get = |name: &str| values.get(name).cloned().unwrap_or_default();
    let password = match get("password") {
        text if !text.is_empty() => Password::Set(text),
        _ if values.contains_key("forget_password") => Password::Forget,
        _ => Password::Keep,
    };
    let written = Written {
        host_name: get("host_name"),
        time_zone: get("time_zone"),
        user: get("user"),
        keys: get("keys"),
        dns_servers: get("dns_servers"),
        dns_search: get("dns_search"),
        cards: get("cards"),
        script: get("script"),
    };
    Some((written, password))
}

async fn set(
    shared: web::Data<Shared>,
    http: HttpRequest,
    of: Result<Of, EngineError>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let of = of?;
        match first_run::set(&cx, of, wanted(&values)).await {
            Ok(()) => Ok(to(&page_of(of))),
            Err(EngineError::Invalid(wrong)) => {
                let (name, shown) = first_run::get(&cx, of).await?;
                Ok(page(&frame, of, &name, shown.as_ref(), &Filled { values, wrong }))
            }
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}

macro_rules! pages { ($($show:ident, $set:ident, $variant:ident, $kind:literal;)+) => { $(
    async fn $show(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
        show(shared, http, id($kind, &path).map(Of::$variant)).await
    }
    async fn $set(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
        set(shared, http, id($kind, &path).map(Of::$variant), body).await
    }
)+ } }

pages! {
    vm, set_vm, Vm, "VM";
    template, set_template, Template, "template";
    pool, set_pool, Pool, "pool";
}
