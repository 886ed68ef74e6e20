//! A user of the internal domain: state, edit, unlock, a new password, no second factor any more.

use super::card::text;
use super::confirm::done;
use super::{admin, changing, details, id};
use crate::engine::internal::accounts::{self, Edit};
use crate::engine::internal::passwords::{self, Reset};
use crate::engine::{EngineError, factors as engine_factors};
use crate::model::clock::{self, Timestamp};
use crate::model::factor::Factors;
use crate::model::ids::UserId;
use crate::model::user::AccountView;
use crate::model::valid::Invalid;
use crate::web::error;
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/admin/users/{id}/edit`, `/password`, `/unlock`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/users/{id}/edit", web::get().to(edit_page))
        .route("/admin/users/{id}/edit", web::post().to(edit))
        .route("/admin/users/{id}/password", web::get().to(password_page))
        .route("/admin/users/{id}/password", web::post().to(reset))
        .route("/admin/users/{id}/factors/reset", web::post().to(reset_factors))
        .route("/admin/users/{id}/unlock", web::post().to(unlock));
}

/// What a user's page says of his account.
pub fn facts(l: Locale, account: &AccountView, factors: &Factors, now: Timestamp) -> Vec<(String, Markup)> {
    let time = |time: Option<Timestamp>| time.map_or_else(|| text("-"), parts::time);
    let validity = &account.validity;
    let failure = html! { (time(account.last_failure)) " " (account.user.last_failure_ip) };
    let locked = validity.locked_until.filter(|until| *until > now);
    vec![
        (l.t("department"), text(&account.department)),
        (l.t("job-title"), text(&account.title)),
        (l.t("description"), text(&account.description)),
        (l.t("groups"), text(account.groups.join(", "))),
        (l.t("disabled"), text(l.t(if validity.disabled { "yes" } else { "no" }))),
        (l.t("valid-from"), time(validity.valid_from)),
        (l.t("valid-to"), time(validity.valid_to)),
        (l.t("password-valid-to"), time(validity.password_valid_to)),
        (l.t("locked-at"), time(locked.and(account.user.locked_at))),
        (l.t("locked-until"), time(locked)),
        (l.t("last-failure"), failure),
        (l.t("second-factor"), second_factor(l, factors)),
    ]
}

fn second_factor(l: Locale, factors: &Factors) -> Markup {
    html! {
        @if let Some(since) = factors.codes { (l.t("codes")) " " (parts::time(since)) " " }
        @for key in &factors.passkeys { (l.t("passkey")) " " (key.name) " " }
        @if !factors.any() { "-" }
    }
}

/// What may be done with the account.
pub fn actions(frame: &Frame, account: &AccountView, factors: &Factors, now: Timestamp) -> Markup {
    let (l, path) = (frame.l, format!("/admin/users/{}", account.user.id));
    html! {
        @if account.validity.locked_until.is_some_and(|until| until > now) {
            (parts::post(frame, &format!("{path}/unlock"), &l.t("unlock"), "pf-m-primary"))
        }
        (parts::link_button(&format!("{path}/edit"), &l.t("edit"), "pf-m-secondary"))
        (parts::link_button(&format!("{path}/password"), &l.t("reset-password"), "pf-m-secondary"))
        @if factors.any() { (parts::post(frame, &format!("{path}/factors/reset"), &l.t("reset-factors"), "pf-m-secondary")) }
    }
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let account = accounts::get(&cx, id("user", &path)?).await?;
        let time = |time: Option<Timestamp>| time.map(clock::show).unwrap_or_default();
        let values = [
            ("user_name", account.user.user_name.clone()),
            ("first_name", account.user.first_name.clone()),
            ("last_name", account.user.last_name.clone()),
            ("email", account.user.email.clone()),
            ("department", account.department.clone()),
            ("title", account.title.clone()),
            ("description", account.description.clone()),
            ("valid_from", time(account.validity.valid_from)),
            ("valid_to", time(account.validity.valid_to)),
            ("login_hours", account.validity.login_hours.as_str().to_owned()),
            ("disabled", if account.validity.disabled { "1" } else { "" }.to_owned()),
        ];
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(edit_form(&frame, account.user.id, &Filled { values, wrong: Vec::new() }))
    };
    details::answer(&http, result.await)
}

const EDITED: [(&str, &str); 10] = [
    ("user_name", "user-name"),
    ("first_name", "first-name"),
    ("last_name", "last-name"),
    ("email", "email"),
    ("department", "department"),
    ("title", "job-title"),
    ("description", "description"),
    ("valid_from", "valid-from"),
    ("valid_to", "valid-to"),
    ("login_hours", "login-hours"),
];

fn edit_form(frame: &Frame, user: UserId, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let back = format!("/admin/users/{user}");
    let hint = |name: &str| match name {
        "valid_from" | "valid_to" => l.t("time-hint"),
        "login_hours" => l.t("login-hours-hint"),
        _ => String::new(),
    };
    // The engine calls the first name as oVirt's API does.
    let engines = |name: &'static str| if name == "first_name" { "name" } else { name };
    let fields = html! {
        @for (name, label) in EDITED {
            (Field { l, label: l.t(label), name, field: engines(name), hint: hint(name) }.input(filled, "text"))
        }
        (Field { l, label: l.t("disabled"), name: "disabled", field: "disabled", hint: l.t("disabled-hint") }.check(filled))
    };
    let shown: Vec<&str> = EDITED.iter().map(|(name, _)| engines(name)).collect();
    let title = l.t("edit-user");
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &format!("{back}/edit"), &back, &l.t("save"), &filled.others(l, &shown), &fields))
    };
    frame.page(&title, "", &content)
}

/// The form's fields, or what is wrong with each.
fn read(values: &HashMap<String, String>) -> Result<Edit, Vec<Invalid>> {
    let get = |name: &str| values.get(name).map(|v| v.trim().to_owned());
    let mut wrong = Vec::new();
    let mut time = |name: &'static str| match get(name).filter(|text| !text.is_empty()) {
        None => Some(None),
        Some(text) => clock::parse(name, &text).map_err(|one| wrong.push(one)).ok().map(Some),
    };
    let (valid_from, valid_to) = (time("valid_from"), time("valid_to"));
    let login_hours = get("login_hours").unwrap_or_default().parse().map_err(|one| wrong.push(one)).ok();
    let edit = Edit {
        user_name: get("user_name"),
        first_name: get("first_name"),
        last_name: get("last_name"),
        email: get("email"),
        department: get("department"),
        title: get("title"),
        description: get("description"),
        disabled: Some(get("disabled").as_deref() == Some("1")),
        valid_from,
        valid_to,
        login_hours,
        password_valid_to: None,
    };
    if wrong.is_empty() { Ok(edit) } else { Err(wrong) }
}

async fn edit(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let user = id::<UserId>("user", &path)?;
        let done = match read(&values) {
            Ok(edit) => accounts::edit(&cx, user, edit).await,
            Err(wrong) => Err(EngineError::Invalid(wrong)),
        };
        match done {
            Ok(()) => Ok(to(&format!("/admin/users/{user}"))),
            Err(EngineError::Invalid(wrong)) => Ok(edit_form(&frame, user, &Filled { values, wrong })),
            Err(other) => Err(other),
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn password_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let account = accounts::get(&cx, id("user", &path)?).await?;
        let values = HashMap::from([("must_change".to_owned(), "1".to_owned())]);
        Ok(password_form(&frame, &account, &Filled { values, wrong: Vec::new() }))
    };
    details::answer(&http, result.await)
}

fn password_form(frame: &Frame, account: &AccountView, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let back = format!("/admin/users/{}", account.user.id);
    let fields = html! {
        (Field { l, label: l.t("new-password"), name: "password", field: "password", hint: l.t("reset-password-hint") }.input(filled, "password"))
        (Field { l, label: l.t("must-change"), name: "must_change", field: "must_change", hint: String::new() }.check(filled))
    };
    let title = l.ta("reset-password-of", &[("name", &account.user.principal())]);
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &format!("{back}/password"), &back, &l.t("reset-password"), &filled.others(l, &["password"]), &fields))
    };
    frame.page(&title, "", &content)
}

async fn reset(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let user = id::<UserId>("user", &path)?;
        let new = Reset {
            password: values.get("password").cloned().unwrap_or_default(),
            must_change: values.get("must_change").is_some_and(|v| v == "1"),
            ..Reset::default()
        };
        match passwords::reset(&cx, user, new).await {
            Ok(()) => Ok(to(&format!("/admin/users/{user}"))),
            Err(EngineError::Invalid(wrong)) => {
                let account = accounts::get(&cx, user).await?;
                Ok(password_form(&frame, &account, &Filled { values, wrong }))
            }
            Err(other) => Err(other),
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn unlock(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let user = id::<UserId>("user", &path)?;
        accounts::unlock(&cx, user).await?;
        // Back to the list, if the button stood there.
        let referer = http.headers().get("referer").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let from_list = referer.split_once("/admin/").is_some_and(|(_, rest)| rest.split('?').next() == Some("users"));
        Ok(if from_list { "/admin/users".to_owned() } else { format!("/admin/users/{user}") })
    })
    .await
}

async fn reset_factors(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let user = id::<UserId>("user", &path)?;
        engine_factors::reset(&cx, user).await?;
        Ok(format!("/admin/users/{user}"))
    })
    .await
}
