//! The times that a pool is kept for somebody: on its page, and the form for a new one.

use super::super::confirm::done;
use super::super::{admin, changing, id};
use super::form::number;
use crate::engine::pools::reservations::{self, ReservationView};
use crate::engine::{Cx, EngineError, pools};
use crate::model::ids::{PoolId, ReservationId};
use crate::model::pool::PoolView;
use crate::model::reservation::{self, NewReservation, Weekdays};
use crate::model::valid::{Invalid, Problem};
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/admin/pools/{id}/reservations/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/pools/{id}/reservations/new", web::get().to(new_page))
        .route("/admin/pools/{id}/reservations/new", web::post().to(create))
        .route("/admin/pools/{id}/reservations/{reservation}/remove", web::post().to(remove));
}

/// What the form shows.
const SHOWN: [&str; 7] = ["principal", "weekdays", "from", "until", "time_zone", "lead_minutes", "prestarted_vms"];

/// The card of a pool's page.
pub(super) fn card(frame: &Frame, pool: &PoolView, all: &[ReservationView], edits: bool) -> Markup {
    let l = frame.l;
    let base = format!("/admin/pools/{}/reservations", pool.id);
    html! {
        @if all.is_empty() { p { (l.t("reservations-none")) } }
        @else {
            ul class="pf-v6-c-list" data-reservations {
                @for one in all { li { (line(frame, one, &base, edits)) } }
            }
        }
        @if edits { p { (parts::link_button(&format!("{base}/new"), &l.t("reservation-add"), "pf-m-secondary")) } }
    }
}

fn line(frame: &Frame, one: &ReservationView, base: &str, edits: bool) -> Markup {
    let (l, what) = (frame.l, &one.reservation.what);
    let days: Vec<String> = (0..7)
        .filter(|day| what.weekdays.contains(*day))
        .map(|day| l.t(&format!("day-{}", Weekdays::NAMES[day])))
        .collect();
    let (from, until) = (what.from.to_string(), what.until.to_string());
    let values = [
        ("who", one.who.as_str()),
        ("days", &days.join(", ")),
        ("from", &from),
        ("until", &until),
        ("zone", &what.time_zone),
    ];
    html! {
        (l.ta("reservation-line", &values))
        @if what.prestarted > 0 { " " (l.ta("reservation-prestarts", &[("count", &what.prestarted.to_string()), ("minutes", &what.lead_minutes.to_string())])) }
        @if what.shuts_down { " " (l.t("reservation-ends")) }
        @if let Some(next) = one.next { " " (l.t("reservation-next")) " " (parts::time(next.begins)) }
        @if edits { " " (parts::post(frame, &format!("{base}/{}/remove", one.reservation.id), &l.t("remove"), "pf-m-link pf-m-inline")) }
    }
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let pool = pools::get(&cx, id::<PoolId>("pool", &path)?).await?;
        let zone = reservation::own_time_zone();
        let size = pool.size.to_string();
        let defaults = [
            ("from", "09:00"),
            ("until", "10:30"),
            ("time_zone", zone.as_str()),
            ("lead_minutes", "15"),
            ("prestarted", &size),
            ("shuts_down", "1"),
        ];
        let values = defaults.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        render(&cx, &frame, &pool, &Filled { values, wrong: Vec::new() }).await
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn render(cx: &Cx, frame: &Frame, pool: &PoolView, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let here = format!("/admin/pools/{}", pool.id);
    let title = l.ta("reserve-pool", &[("name", &pool.name)]);
    let takers = reservations::candidates(cx, pool.id).await?;
    if takers.is_empty() {
        let again = parts::link_button(&here, &pool.name, "pf-m-primary");
        return Ok(frame.page(&title, "", &parts::empty(&title, &l.t("reservation-nobody"), &again)));
    }
    let takers: Vec<(String, String)> = takers.into_iter().map(|one| (one.id.to_string(), one.name)).collect();
    let field = |label: &str, name, field, hint: String| Field { l, label: l.t(label), name, field, hint };
    let fields = html! {
        (field("reservation-who", "principal", "principal", l.t("reservation-who-hint")).select(filled, &takers))
        (days(frame, filled))
        (field("reservation-from", "from", "from", String::new()).input(filled, "time"))
        (field("reservation-until", "until", "until", String::new()).input(filled, "time"))
        (field("time-zone", "time_zone", "time_zone", l.t("time-zone-hint")).input(filled, "text"))
        (field("reservation-prestarted", "prestarted", "prestarted_vms", String::new()).input(filled, "number"))
        (field("reservation-lead", "lead_minutes", "lead_minutes", l.t("reservation-lead-hint")).input(filled, "number"))
        (field("reservation-shuts-down", "shuts_down", "shuts_down", l.t("reservation-shuts-down-hint")).check(filled))
    };
    let others = filled.others(l, &SHOWN);
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &format!("{here}/reservations/new"), &here, &l.t("reservation-add"), &others, &fields))
    };
    Ok(frame.page(&title, "", &content))
}

fn days(frame: &Frame, filled: &Filled) -> Markup {
    let l = frame.l;
    html! {
        fieldset class="vireo-group" {
            legend { (l.t("reservation-days")) }
            @for name in Weekdays::NAMES {
                label class="vireo-check" for={ "day-" (name) } {
                    input type="checkbox" id={ "day-" (name) } name=(name) value="1" checked[filled.get(name) == "1"];
                    span { (l.t(&format!("day-{name}"))) }
                }
            }
            @if let Some(error) = filled.error(l, "weekdays") { p class="vireo-error" { (error) } }
        }
    }
}

fn new_reservation(values: &HashMap<String, String>) -> Result<NewReservation, EngineError> {
    let get = |name: &str| values.get(name).map_or("", String::as_str);
    let time = |field: &'static str| {
        let bad = |()| Invalid::new(field, Problem::NotATimeOfDay { value: get(field).chars().take(40).collect() });
        get(field).parse().map_err(bad)
    };
    let none = |_| Invalid::new("principal", Problem::Missing);
    let chosen = (0..7).filter(|day| values.contains_key(Weekdays::NAMES[*day]));
    Ok(NewReservation {
        principal: get("principal").parse().map_err(none)?,
        weekdays: chosen.fold(Weekdays::default(), Weekdays::with),
        from: time("from")?,
        until: time("until")?,
        time_zone: get("time_zone").trim().to_owned(),
        lead_minutes: number(values, "lead_minutes", "lead_minutes")?,
        prestarted: number(values, "prestarted", "prestarted_vms")?,
        shuts_down: values.contains_key("shuts_down"),
    })
}

async fn create(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let pool = id::<PoolId>("pool", &path)?;
        let done = match new_reservation(&values) {
            Ok(new) => reservations::add(&cx, pool, new).await,
            Err(e) => Err(e),
        };
        match done {
            Ok(_) => Ok(to(&format!("/admin/pools/{pool}"))),
            Err(EngineError::Invalid(wrong)) => {
                let view = pools::get(&cx, pool).await?;
                render(&cx, &frame, &view, &Filled { values, wrong }).await
            }
            Err(other) => Err(other),
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    done(&shared, &http, &body, async |cx| {
        let (pool, one) = (id::<PoolId>("pool", &path.0)?, id::<ReservationId>("reservation", &path.1)?);
        reservations::remove(&cx, pool, one).await?;
        Ok(format!("/admin/pools/{pool}"))
    })
    .await
}
