//! OpenID providers: the list, one of them with its groups, removal.

mod form;

use super::card::{links, text};
use super::confirm::{Question, done};
use super::{admin, changing, details, id};
use crate::engine::EngineError;
use crate::engine::providers::{self, groups};
use crate::model::ids::ProviderId;
use crate::model::provider::ProviderView;
use crate::model::user::GroupView;
use crate::web::error;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::providers::{SIGNED_OUT, own_url, redirect_path};
use crate::web::sign_in::to;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/providers`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/providers", web::get().to(list))
        .configure(form::routes)
        .route("/admin/providers/{id}", web::get().to(show))
        .route("/admin/providers/{id}/groups", web::post().to(add_group))
        .route("/admin/providers/{id}/groups/{group}/remove", web::post().to(remove_group))
        .route("/admin/providers/{id}/remove", web::get().to(confirm))
        .route("/admin/providers/{id}/remove", web::post().to(remove));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let new = parts::link_button("/admin/providers/new", &l.t("new-provider"), "pf-m-primary");
        let all = providers::list(&cx).await?;
        let content = html! {
            (parts::heading(&l.t("providers"), &html! {}, &new))
            @if all.is_empty() { (parts::empty(&l.t("empty-providers"), &l.t("providers-hint"), &html! {})) } @else { (table(l, &all)) }
        };
        Ok(frame.page(&l.t("providers"), "event", &content))
    };
    details::answer(&http, result.await)
}

fn table(l: Locale, all: &[ProviderView]) -> Markup {
    let head = ["name", "provider-label", "issuer", "provider-enabled", "provider-api"].map(|key| match key {
        "name" => l.t("name"),
        "provider-label" => l.t("provider-label"),
        "issuer" => l.t("issuer"),
        "provider-enabled" => l.t("provider-enabled"),
        _ => l.t("provider-api"),
    });
    let word = |yes: bool| l.t(if yes { "yes" } else { "no" });
    html! {
        div class="vireo-scroll" {
            table class="pf-v6-c-table pf-m-compact pf-m-grid-md" aria-label=(l.t("providers")) {
                thead class="pf-v6-c-table__thead" { tr class="pf-v6-c-table__tr" {
                    @for title in &head { th class="pf-v6-c-table__th" scope="col" { (title) } }
                } }
                tbody class="pf-v6-c-table__tbody" {
                    @for p in all {
                        tr class="pf-v6-c-table__tr" {
                            td class="pf-v6-c-table__td" data-label=(head[0]) { a href={ "/admin/providers/" (p.id) } { (p.name) } }
                            td class="pf-v6-c-table__td" data-label=(head[1]) { (p.label) }
                            td class="pf-v6-c-table__td" data-label=(head[2]) { (p.issuer) }
                            td class="pf-v6-c-table__td" data-label=(head[3]) { (word(p.enabled)) }
                            td class="pf-v6-c-table__td" data-label=(head[4]) { (word(!p.api_audience.is_empty())) }
                        }
                    }
                }
            }
        }
    }
}

/// What is to be entered at the provider.
fn at_provider(l: Locale, http: &HttpRequest, name: &str) -> Markup {
    let own = |path: &str| own_url(http, path).unwrap_or_default();
    let rows = [
        (l.t("redirect-uri"), parts::copied(l, "redirect-uri", &own(&redirect_path(name)))),
        (l.t("signed-out-uri"), parts::copied(l, "signed-out-uri", &own(SIGNED_OUT))),
    ];
    parts::card(&l.t("at-provider"), &parts::facts(&rows))
}

fn facts(l: Locale, p: &ProviderView) -> Vec<(String, Markup)> {
    let word = |yes: bool| text(l.t(if yes { "yes" } else { "no" }));
    let claims = [&p.claims.user_name, &p.claims.first_name, &p.claims.last_name, &p.claims.email, &p.claims.groups];
    vec![
        (l.t("name"), text(&p.name)),
        (l.t("provider-label"), text(&p.label)),
        (l.t("issuer"), text(&p.issuer)),
        (l.t("client-id"), text(&p.client_id)),
        (l.t("client-secret"), text(l.t(if p.has_secret { "secret-set" } else { "secret-none" }))),
        (l.t("scopes"), text(format!("openid {}", p.scopes))),
        (l.t("provider-claims"), text(claims.map(String::as_str).join(", "))),
        (l.t("ca-certificate"), text(l.t(if p.ca_pem.is_empty() { "ca-system" } else { "ca-own" }))),
        (l.t("api-audience"), text(&p.api_audience)),
        (l.t("provider-sign-out"), word(p.sign_out)),
        (l.t("provider-enabled"), word(p.enabled)),
    ]
}

async fn show(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let p = providers::get(&cx, id("OpenID provider", &path)?).await?;
        let known = groups::list(&cx, p.id).await?;
        let actions = html! {
            (parts::link_button(&format!("/admin/providers/{}/edit", p.id), &l.t("edit"), "pf-m-secondary"))
            (parts::link_button(&format!("/admin/providers/{}/remove", p.id), &l.t("remove"), "pf-m-danger"))
        };
        let content = html! {
            (parts::heading(&p.label, &html! {}, &actions))
            div class="vireo-grid" {
                (parts::card(&l.t("general"), &parts::facts(&facts(l, &p))))
                (at_provider(l, &http, &p.name))
                (groups_card(&frame, &p, &known))
            }
        };
        Ok(frame.page(&p.label, "group", &content))
    };
    details::answer(&http, result.await)
}

fn groups_card(frame: &Frame, p: &ProviderView, known: &[GroupView]) -> Markup {
    let l = frame.l;
    let line = |g: &GroupView| {
        let path = format!("/admin/providers/{}/groups/{}/remove", p.id, g.id);
        html! { (g.name) "@" (g.domain) " " (parts::post(frame, &path, &l.t("remove"), "pf-m-secondary")) }
    };
    let content = html! {
        p { (l.t("provider-groups-hint")) }
        (links(l, known.iter().map(line)))
        form class="vireo-search" method="post" action={ "/admin/providers/" (p.id) "/groups" } {
            (frame.csrf_field())
            input class="vireo-input" name="group" required maxlength="255" aria-label=(l.t("provider-group"));
            button class="pf-v6-c-button pf-m-secondary pf-m-small" type="submit" { (l.t("add")) }
        }
    };
    parts::card(&l.t("groups"), &content)
}

async fn add_group(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result: Result<ProviderId, EngineError> = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        let provider = id("OpenID provider", &path)?;
        groups::add(&cx, provider, values.get("group").map_or("", String::as_str)).await?;
        Ok(provider)
    }
    .await;
    match result {
        Ok(provider) => to(&format!("/admin/providers/{provider}")),
        Err(e) => error::page(&http, &e),
    }
}

async fn remove_group(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let provider: ProviderId = id("OpenID provider", &path.0)?;
        groups::remove(&cx, provider, id("group", &path.1)?).await?;
        Ok(format!("/admin/providers/{provider}"))
    })
    .await
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let p = providers::get(&cx, id("OpenID provider", &path)?).await?;
        let title = l.ta("confirm-remove-provider", &[("name", &p.name)]);
        let text = html! { p { (l.ta("confirm-remove-provider-text", &[("name", &p.name)])) } };
        let back = format!("/admin/providers/{}", p.id);
        let button = Some((format!("{back}/remove"), l.t("remove"), "pf-m-danger"));
        Ok(Question { title, text, button, back, topics: "" }.page(&frame))
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
        providers::remove(&cx, id("OpenID provider", &path)?).await?;
        Ok("/admin/providers".to_owned())
    })
    .await
}
