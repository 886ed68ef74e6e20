//! The form that an OpenID provider is set up with; its test keeps nothing.

use super::super::{admin, changing, details, id};
use super::at_provider;
use crate::engine::providers;
use crate::engine::{Cx, EngineError};
use crate::model::ids::ProviderId;
use crate::model::provider::{Discovery, Draft, NewSecret, ProviderView, Secret, USUAL_CLAIMS, USUAL_SCOPES};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled};
use crate::web::ui::{Frame, parts};
use crate::web::{error, words};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/admin/providers/new`, `/admin/providers/{id}/edit`
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/providers/new", web::get().to(new_page))
        .route("/admin/providers/new", web::post().to(add))
        .route("/admin/providers/{id}/edit", web::get().to(edit_page))
        .route("/admin/providers/{id}/edit", web::post().to(edit));
}

/// What the form is for.
struct Purpose {
    /// None: a new one.
    provider: Option<ProviderView>,
    /// What the test found.
    tested: Option<Result<Discovery, String>>,
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        // Who may not add one need not fill in the form first.
        providers::list(&cx).await?;
        let mut values: HashMap<String, String> =
            CLAIMS.iter().zip(USUAL_CLAIMS).map(|((name, _), usual)| ((*name).to_owned(), usual.to_owned())).collect();
        for (name, value) in [("scopes", USUAL_SCOPES), ("sign_out", "1"), ("enabled", "1")] {
            values.insert(name.to_owned(), value.to_owned());
        }
        let purpose = Purpose { provider: None, tested: None };
        Ok(page(&frame, &http, &Filled { values, wrong: Vec::new() }, &purpose))
    };
    details::answer(&http, result.await)
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let provider = providers::get(&cx, id("OpenID provider", &path)?).await?;
        let values = values(&provider);
        let purpose = Purpose { provider: Some(provider), tested: None };
        Ok(page(&frame, &http, &Filled { values, wrong: Vec::new() }, &purpose))
    };
    details::answer(&http, result.await)
}

fn values(p: &ProviderView) -> HashMap<String, String> {
    let word = |yes: bool| if yes { "1" } else { "" }.to_owned();
    [
        ("name", p.name.clone()),
        ("label", p.label.clone()),
        ("issuer", p.issuer.clone()),
        ("client_id", p.client_id.clone()),
        ("scopes", p.scopes.clone()),
        ("user_name_claim", p.claims.user_name.clone()),
        ("first_name_claim", p.claims.first_name.clone()),
        ("last_name_claim", p.claims.last_name.clone()),
        ("email_claim", p.claims.email.clone()),
        ("groups_claim", p.claims.groups.clone()),
        ("ca_pem", p.ca_pem.clone()),
        ("api_audience", p.api_audience.clone()),
        ("sign_out", word(p.sign_out)),
        ("enabled", word(p.enabled)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

const CLAIMS: [(&str, &str); 5] = [
    ("user_name_claim", "user-name"),
    ("first_name_claim", "first-name"),
    ("last_name_claim", "last-name"),
    ("email_claim", "email"),
    ("groups_claim", "groups"),
];

fn fields(frame: &Frame, filled: &Filled, purpose: &Purpose) -> Markup {
    let l = frame.l;
    let field = |name: &'static str, label: String, hint: String| Field { l, label, name, field: name, hint };
    let secret_hint = match &purpose.provider {
        Some(p) if p.has_secret => l.t("secret-keep-hint"),
        _ => l.t("secret-hint"),
    };
    html! {
        @if let Some(p) = &purpose.provider {
            (field("name", l.t("name"), String::new()).fixed(&p.name))
            (field("issuer", l.t("issuer"), String::new()).fixed(&p.issuer))
            input type="hidden" name="name" value=(p.name);
            input type="hidden" name="issuer" value=(p.issuer);
        } @else {
            (field("name", l.t("name"), l.t("provider-name-hint")).input(filled, "text"))
            (field("issuer", l.t("issuer"), l.t("issuer-hint")).input(filled, "url"))
        }
        (field("label", l.t("provider-label"), l.t("provider-label-hint")).input(filled, "text"))
        (field("client_id", l.t("client-id"), String::new()).input(filled, "text"))
        (field("client_secret", l.t("client-secret"), secret_hint).input(filled, "password"))
        @if purpose.provider.as_ref().is_some_and(|p| p.has_secret) {
            (field("no_secret", l.t("no-secret"), l.t("no-secret-hint")).check(filled))
        }
        (field("scopes", l.t("scopes"), l.t("scopes-hint")).input(filled, "text"))
        fieldset class="vireo-group" {
            legend { (l.t("provider-claims")) }
            div class="vireo-row" {
                @for (name, label) in CLAIMS { (field(name, l.t(label), String::new()).input(filled, "text")) }
            }
        }
        (field("ca_pem", l.t("ca-certificate"), l.t("ca-hint")).area(filled, 4))
        (field("api_audience", l.t("api-audience"), l.t("api-audience-hint")).input(filled, "text"))
        (field("sign_out", l.t("provider-sign-out"), l.t("provider-sign-out-hint")).check(filled))
        (field("enabled", l.t("provider-enabled"), String::new()).check(filled))
    }
}

fn page(frame: &Frame, http: &HttpRequest, filled: &Filled, purpose: &Purpose) -> HttpResponse {
    let l = frame.l;
    let (title, action, back) = match &purpose.provider {
        Some(p) => {
            (l.t("edit-provider"), format!("/admin/providers/{}/edit", p.id), format!("/admin/providers/{}", p.id))
        }
        None => (l.t("new-provider"), "/admin/providers/new".to_owned(), "/admin/providers".to_owned()),
    };
    let named = filled.get("name").trim().to_lowercase();
    let name = if named.is_empty() || filled.is_wrong("name") { "NAME".to_owned() } else { named };
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (at_provider(l, http, &name))
        form class="pf-v6-c-form pf-m-horizontal vireo-form" method="post" action=(action) novalidate {
            (frame.csrf_field())
            @if let Some(found) = &purpose.tested { (tested(frame, found)) }
            (fields(frame, filled, purpose))
            div class="vireo-actions vireo-form-actions" {
                button class="pf-v6-c-button pf-m-primary" type="submit" name="do" value="submit" id="save" { (l.t("save")) }
                button class="pf-v6-c-button pf-m-secondary" type="submit" name="do" value="test" id="test" { (l.t("test-provider")) }
                a class="pf-v6-c-button pf-m-link" href=(back) { (l.t("cancel")) }
            }
        }
    };
    frame.page(&title, "", &content)
}

fn tested(frame: &Frame, found: &Result<Discovery, String>) -> Markup {
    let l = frame.l;
    let found = match found {
        Ok(found) => found,
        Err(why) => return parts::alert("danger", why),
    };
    let keys = found.keys.to_string();
    let has = |yes: bool| l.t(if yes { "yes" } else { "no" });
    let text = l.ta(
        "provider-found",
        &[
            ("authorization", &found.authorization_endpoint),
            ("keys", &keys),
            ("userinfo", &has(found.userinfo)),
            ("introspection", &has(found.introspection)),
            ("leave", &has(found.sign_out)),
        ],
    );
    parts::alert("success", &text)
}

/// The form's fields; without a word about the secret it stays.
fn draft(values: &HashMap<String, String>) -> Draft {
    let get = |name: &str| values.get(name).map(|v| v.trim().to_owned()).unwrap_or_default();
    let is = |name: &str| values.contains_key(name);
    let secret = get("client_secret");
    let client_secret = match (is("no_secret"), secret.is_empty()) {
        (true, _) => NewSecret::None,
        (false, true) => NewSecret::Kept,
        (false, false) => NewSecret::Set(Secret(secret)),
    };
    Draft {
        name: get("name"),
        label: get("label"),
        issuer: get("issuer"),
        client_id: get("client_id"),
        client_secret,
        scopes: get("scopes"),
        user_name_claim: get("user_name_claim"),
        first_name_claim: get("first_name_claim"),
        last_name_claim: get("last_name_claim"),
        email_claim: get("email_claim"),
        groups_claim: get("groups_claim"),
        ca_pem: get("ca_pem"),
        api_audience: get("api_audience"),
        sign_out: is("sign_out"),
        enabled: is("enabled"),
    }
}

async fn add(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let (cx, frame, values) = match changing(&shared, &http, &body).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    submitted(&cx, &frame, &http, values, None).await
}

async fn edit(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let provider = providers::get(&cx, id("OpenID provider", &path)?).await?;
        Ok((cx, frame, values, provider))
    };
    match result.await {
        Ok((cx, frame, values, provider)) => submitted(&cx, &frame, &http, values, Some(provider)).await,
        Err(e) => error::page(&http, &e),
    }
}

/// Tested or kept; the form comes back with what is wrong. (A secret that was typed must be typed again: pages never carry one.)
async fn submitted(
    cx: &Cx,
    frame: &Frame,
    http: &HttpRequest,
    values: HashMap<String, String>,
    provider: Option<ProviderView>,
) -> HttpResponse {
    let draft = draft(&values);
    let mut purpose = Purpose { provider, tested: None };
    if values.get("do").is_some_and(|what| what == "test") {
        let wrong = match providers::test(cx, &draft).await {
            Ok(found) => {
                purpose.tested = Some(Ok(found));
                Vec::new()
            }
            Err(EngineError::Invalid(wrong)) => wrong,
            Err(EngineError::Provider(why)) => {
                purpose.tested = Some(Err(words::error(frame.l, &EngineError::Provider(why))));
                Vec::new()
            }
            Err(e) => return error::page(http, &e),
        };
        return page(frame, http, &Filled { values, wrong }, &purpose);
    }
    let kept: Result<ProviderId, EngineError> = match purpose.provider.as_ref().map(|p| p.id) {
        None => providers::add(cx, draft).await,
        Some(id) => providers::edit(cx, id, draft).await.map(|()| id),
    };
    match kept {
        Ok(id) => to(&format!("/admin/providers/{id}")),
        Err(EngineError::Invalid(wrong)) => page(frame, http, &Filled { values, wrong }, &purpose),
        Err(e) => error::page(http, &e),
    }
}
