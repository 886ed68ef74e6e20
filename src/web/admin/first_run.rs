//! What guests are told at their first start: of a VM, a template, a pool.

use super::{admin, changing, details, id};
use crate::engine::EngineError;
use crate::engine::first_run::{self, Asked, Of, Password, Said};
use crate::model::first_run::Written;
use crate::model::sysprep::WrittenWindows;
use crate::model::system::AnswerFile;
use crate::web::locale::Locale;
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
pub const FIELDS: [(&str, &str); 20] = [
    ("host_name", "host_name"),
    ("time_zone", "timezone"),
    ("user", "user_name"),
    ("password", "root_password"),
    ("keys", "authorized_ssh_keys"),
    ("dns_servers", "dns_servers"),
    ("dns_search", "dns_search"),
    ("cards", "nic_configurations"),
    ("script", "custom_script"),
    ("organization", "org_name"),
    ("product_key", "windows_license_key"),
    ("input_locale", "input_locale"),
    ("ui_language", "ui_language"),
    ("system_locale", "system_locale"),
    ("user_locale", "user_locale"),
    ("workgroup", "workgroup"),
    ("domain", "domain"),
    ("unit", "active_directory_ou"),
    ("domain_user", "domain.user.user_name"),
    ("domain_password", "domain.user.password"),
];

/// Where its own page is.
fn page_of(of: Of) -> String {
    match of {
        Of::Vm(id) => format!("/admin/vms/{id}"),
        Of::Template(id) => format!("/admin/templates/{id}"),
        Of::Pool(id) => format!("/admin/pools/{id}"),
    }
}

/// What is kept, as the form's fields.
pub fn filled(asked: &Asked) -> HashMap<String, String> {
    let Some(shown) = &asked.shown else { return HashMap::new() };
    let written = shown.settings.written();
    let windows = written.windows;
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
        ("organization", windows.organization),
        ("product_key", windows.product_key),
        ("input_locale", windows.input_locale),
        ("ui_language", windows.ui_language),
        ("system_locale", windows.system_locale),
        ("user_locale", windows.user_locale),
        ("workgroup", windows.workgroup),
        ("domain", windows.domain),
        ("unit", windows.unit),
        ("domain_user", windows.domain_user),
    ];
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

fn field(l: Locale, name: &'static str, hint: String) -> Field<'static> {
    let of = FIELDS.iter().find(|f| f.0 == name).map_or("", |f| f.1);
    Field { l, label: l.t(&format!("first-run-{}", name.replace('_', "-"))), name, field: of, hint }
}

fn check(l: Locale, label: &str, name: &'static str, hint: String) -> Field<'static> {
    Field { l, label: l.t(label), name, field: "", hint }
}

/// A password that is kept is not shown.
fn password(l: Locale, name: &'static str, forget: &'static str, kept: bool, filled: &Filled) -> Markup {
    html! {
        (field(l, name, if kept { l.t("first-run-password-kept") } else { String::new() }).input(filled, "password"))
        @if kept { (check(l, "first-run-forget-password", forget, String::new()).check(filled)) }
    }
}

fn fields(l: Locale, asked: &Asked, filled: &Filled) -> Markup {
    let enabled = if asked.file.is_some() { "first-run-sysprep" } else { "first-run-enabled" };
    html! {
        (check(l, enabled, "enabled", l.t("first-run-enabled-hint")).check(filled))
        (told_fields(l, asked, filled))
    }
}

/// What the guest is told.
pub fn told_fields(l: Locale, asked: &Asked, filled: &Filled) -> Markup {
    let kept = asked.shown.as_ref().is_some_and(|s| s.has_password);
    let zone = if asked.file.is_some() { "first-run-windows-zone-hint" } else { "first-run-time-zone-hint" };
    html! {
        (field(l, "host_name", l.t("first-run-host-name-hint")).input(filled, "text"))
        (field(l, "time_zone", l.t(zone)).input(filled, "text"))
        @match asked.file {
            Some(file) => {
                (field(l, "user", l.t("first-run-windows-user-hint")).input(filled, "text"))
                (password(l, "password", "forget_password", kept, filled))
                (windows(l, asked, file, filled))
            }
            None => {
                (field(l, "user", l.t("first-run-user-hint")).input(filled, "text"))
                (password(l, "password", "forget_password", kept, filled))
                (field(l, "keys", l.t("first-run-keys-hint")).area(filled, 3))
                (field(l, "dns_servers", String::new()).input(filled, "text"))
                (field(l, "dns_search", String::new()).input(filled, "text"))
                (field(l, "cards", l.t("first-run-cards-hint")).area(filled, 3))
                (field(l, "script", l.t("first-run-script-hint")).area(filled, 8))
            }
        }
    }
}

/// What only Windows is told.
fn windows(l: Locale, asked: &Asked, file: AnswerFile, filled: &Filled) -> Markup {
    let kept = asked.shown.as_ref().is_some_and(|s| s.has_domain_password);
    let hint = match file {
        AnswerFile::SysprepInf => "first-run-inf-hint",
        AnswerFile::Unattend { .. } => "first-run-unattend-hint",
    };
    html! {
        (field(l, "organization", String::new()).input(filled, "text"))
        (field(l, "product_key", l.t("first-run-product-key-hint")).input(filled, "text"))
        (field(l, "input_locale", l.t("first-run-locale-hint")).input(filled, "text"))
        @for name in ["ui_language", "system_locale", "user_locale"] { (field(l, name, String::new()).input(filled, "text")) }
        (field(l, "workgroup", String::new()).input(filled, "text"))
        (field(l, "domain", l.t("first-run-domain-hint")).input(filled, "text"))
        (field(l, "unit", l.t("first-run-unit-hint")).input(filled, "text"))
        (field(l, "domain_user", l.t("first-run-domain-user-hint")).input(filled, "text"))
        (password(l, "domain_password", "forget_domain_password", kept, filled))
        (field(l, "script", l.t(hint)).area(filled, 8))
    }
}

fn page(frame: &Frame, of: Of, asked: &Asked, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let title = l.t("first-run");
    let shown_fields: Vec<&str> = FIELDS.iter().map(|f| f.1).collect();
    let others = filled.others(l, &shown_fields);
    let here = page_of(of);
    let told = match (of, &asked.shown) {
        (Of::Vm(_), Some(shown)) => Some(if shown.told { "first-run-told" } else { "first-run-not-told" }),
        _ => None,
    };
    let text = match asked.file {
        None => "first-run-text",
        Some(AnswerFile::SysprepInf) => "first-run-inf-text",
        Some(AnswerFile::Unattend { .. }) => "first-run-unattend-text",
    };
    let content = html! {
        (parts::heading(&title, &html! { span class="vireo-name" { (asked.name) } }, &html! {}))
        p { (l.t(text)) }
        @if let Some(told) = told { (parts::alert("info", &l.t(told))) }
        (form(frame, &format!("{here}/first_run"), &here, &l.t("save"), &others, &fields(l, asked, filled)))
    };
    frame.page(&title, "", &content)
}

async fn show(shared: web::Data<Shared>, http: HttpRequest, of: Result<Of, EngineError>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let of = of?;
        let asked = first_run::get(&cx, of).await?;
        Ok(page(&frame, of, &asked, &Filled { values: filled(&asked), wrong: Vec::new() }))
    };
    details::answer(&http, result.await)
}

/// What the form says, if it is to be said.
pub fn wanted(values: &HashMap<String, String>) -> Option<Said> {
    if !values.contains_key("enabled") {
        return None;
    }
    let get = |name: &str| values.get(name).cloned().unwrap_or_default();
    let password = |name: &str, forget: &str| match get(name) {
        text if !text.is_empty() => Password::Set(text),
        _ if values.contains_key(forget) => Password::Forget,
        _ => Password::Keep,
    };
    let windows = WrittenWindows {
        organization: get("organization"),
        product_key: get("product_key"),
        input_locale: get("input_locale"),
        ui_language: get("ui_language"),
        system_locale: get("system_locale"),
        user_locale: get("user_locale"),
        workgroup: get("workgroup"),
        domain: get("domain"),
        unit: get("unit"),
        domain_user: get("domain_user"),
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
        windows,
    };
    let (password, domain_password) =
        (password("password", "forget_password"), password("domain_password", "forget_domain_password"));
    Some(Said { written, password, domain_password })
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
                let asked = first_run::get(&cx, of).await?;
                Ok(page(&frame, of, &asked, &Filled { values, wrong }))
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
