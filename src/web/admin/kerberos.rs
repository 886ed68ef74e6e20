//! Which domains take Kerberos tickets, and with which keytab.

use super::card::links;
use super::confirm::done;
use super::{admin, changing, details, id};
use crate::engine::EngineError;
use crate::engine::kerberos;
use crate::model::ids::DomainId;
use crate::model::kerberos::KerberosView;
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/kerberos`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/kerberos", web::get().to(page))
        .route("/admin/kerberos", web::post().to(set))
        .route("/admin/kerberos/{id}/remove", web::post().to(remove));
}

async fn page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let all = kerberos::list(&cx).await?;
        Ok(show(&frame, &all, &Filled::default()))
    };
    details::answer(&http, result.await)
}

/// What needs a directory's domain, where there is none yet.
pub(super) fn no_domain(frame: &Frame) -> Markup {
    let l = frame.l;
    let next = parts::link_button("/admin/directory_domains/new", &l.t("new-domain"), "pf-m-primary");
    parts::empty(&l.t("no-domain"), &l.t("no-domain-hint"), &next)
}

fn show(frame: &Frame, all: &[KerberosView], filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let content = html! {
        (parts::heading(&l.t("kerberos"), &html! {}, &html! {}))
        p { (l.t("kerberos-hint")) }
        @if all.is_empty() { (no_domain(frame)) } @else {
            div class="vireo-grid" {
                @for k in all.iter().filter(|k| k.principals.is_some()) { (taken(frame, k)) }
                (parts::card(&l.t("kerberos-set"), &form(frame, all, filled)))
            }
        }
    };
    frame.page(&l.t("kerberos"), "", &content)
}

fn taken(frame: &Frame, k: &KerberosView) -> Markup {
    let l = frame.l;
    let names = k.principals.iter().flatten().map(|name| html! { code { (name) } });
    parts::card(
        &k.domain_name,
        &html! {
            (links(l, names))
            (parts::post(frame, &format!("/admin/kerberos/{}/remove", k.domain), &l.t("remove"), "pf-m-danger"))
        },
    )
}

fn form(frame: &Frame, all: &[KerberosView], filled: &Filled) -> Markup {
    let l = frame.l;
    let field = |name: &'static str, label: String, hint: String| Field { l, label, name, field: name, hint };
    let domains: Vec<(String, String)> = all.iter().map(|k| (k.domain.to_string(), k.domain_name.clone())).collect();
    html! {
        form class="pf-v6-c-form" method="post" action="/admin/kerberos" novalidate {
            (frame.csrf_field())
            (field("domain", l.t("kerberos-domain"), String::new()).select(filled, &domains))
            div class="pf-v6-c-form__group" data-file-into="keytab" hidden {
                label class="pf-v6-c-form__label" for="keytab-file" { span class="pf-v6-c-form__label-text" { (l.t("keytab-file")) } }
                input class="vireo-input" type="file" id="keytab-file";
            }
            (field("keytab", l.t("keytab"), l.t("keytab-hint")).area(filled, 4))
            div class="vireo-actions" {
                button class="pf-v6-c-button pf-m-primary" type="submit" id="save" { (l.t("save")) }
            }
        }
    }
}

async fn set(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let get = |name: &str| values.get(name).map_or("", String::as_str);
        let set = match id::<DomainId>("domain", get("domain")) {
            Ok(domain) => kerberos::set(&cx, domain, get("keytab")).await,
            // Who may not set any hears that first.
            Err(none) => kerberos::list(&cx).await.and(Err(none)),
        };
        let (wrong, why) = match set {
            Ok(()) => return Ok(to("/admin/kerberos")),
            Err(EngineError::Invalid(wrong)) => (wrong, String::new()),
            Err(EngineError::Kerberos(why)) => (Vec::new(), crate::web::openid_words::kerberos(frame.l, &why)),
            Err(other) => return Err(other),
        };
        if !why.is_empty() {
            return Ok(error::show(&http, actix_web::http::StatusCode::BAD_REQUEST, &why));
        }
        // Keys are not sent back, not even wrong ones.
        let values = values.into_iter().filter(|(name, _)| name == "domain").collect();
        Ok(show(&frame, &kerberos::list(&cx).await?, &Filled { values, wrong }))
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
        kerberos::remove(&cx, id("domain", &path)?).await?;
        Ok("/admin/kerberos".to_owned())
    })
    .await
}
