//! Making and changing pools.

use super::super::{admin, changing, id, quotas};
use super::{kind_name, state_name};
use crate::engine::permissions::may;
use crate::engine::{Cx, EngineError, catalog, pools};
use crate::model::ids::PoolId;
use crate::model::page::ListQuery;
use crate::model::pool::{NewPool, PoolKind, PoolUpdate, PoolView, Surplus};
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Field, Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::{error, words};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/admin/pools/new`, `/admin/pools/{id}/edit`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/pools/new", web::get().to(new_page))
        .route("/admin/pools/new", web::post().to(create))
        .route("/admin/pools/{id}/edit", web::get().to(edit_page))
        .route("/admin/pools/{id}/edit", web::post().to(edit));
}

/// What both forms show.
const SHOWN: [&str; 9] = [
    "name",
    "description",
    "comment",
    "template",
    "size",
    "prestarted_vms",
    "max_user_vms",
    "surplus",
    "use_latest_template_version",
];

fn shown(quotas: &[Choice]) -> Vec<&'static str> {
    SHOWN.into_iter().chain((!quotas.is_empty()).then_some("quota")).collect()
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let defaults = [("size", "1"), ("prestarted", "0"), ("max_user_vms", "1")];
    let values = defaults.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    match admin(&shared, &http).await {
        Ok((cx, frame)) => render_new(&http, &cx, &frame, Filled { values, wrong: Vec::new() }).await,
        Err(e) => error::page(&http, &e),
    }
}

/// The texts, which both forms have.
fn texts(frame: &Frame, filled: &Filled, name_hint: String) -> Markup {
    let l = frame.l;
    let field = |label: String, name, hint: String| Field { l, label, name, field: name, hint };
    html! {
        (field(l.t("name"), "name", name_hint).input(filled, "text"))
        (field(l.t("description"), "description", String::new()).input(filled, "text"))
        (field(l.t("comment"), "comment", String::new()).input(filled, "text"))
    }
}

/// Whether its VMs follow the template.
fn latest(frame: &Frame, filled: &Filled) -> Markup {
    let l = frame.l;
    let (label, hint) = (l.t("pool-use-latest"), l.t("pool-use-latest-hint"));
    Field { l, label, name: "use_latest", field: "use_latest_template_version", hint }.check(filled)
}

/// How many are started ahead, and how many one may have.
fn shares(frame: &Frame, filled: &Filled, hint: String) -> Markup {
    let l = frame.l;
    let field = |label: String, name, field, hint: String| Field { l, label, name, field, hint };
    html! {
        (field(l.t("prestarted"), "prestarted", "prestarted_vms", l.t("prestarted-hint")).input(filled, "number"))
        (field(l.t("max-user-vms"), "max_user_vms", "max_user_vms", hint).input(filled, "number"))
    }
}

async fn render_new(http: &HttpRequest, cx: &Cx, frame: &Frame, filled: Filled) -> HttpResponse {
    let all = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let usable = async {
        let all = catalog::templates(cx, &all).await?.rows;
        let permits = may::on(cx, all.iter().map(|t| t.id.object()).collect()).await?;
        let usable = all.into_iter().filter(|t| permits.may(Action::CreateVm, t.id.object()));
        let quotas = quotas::choices(cx, None).await?;
        Ok::<_, EngineError>((usable.map(|t| (t.id.to_string(), t.name)).collect::<Vec<_>>(), quotas))
    };
    let (templates, choices) = match usable.await {
        Ok(offer) => offer,
        Err(e) => return error::page(http, &e),
    };
    let l = frame.l;
    let kinds = PoolKind::ALL.iter().map(|kind| (kind.to_string(), kind_name(frame, *kind))).collect::<Vec<_>>();
    let field = |label: String, name, field, hint: String| Field { l, label, name, field, hint };
    let fields = html! {
        (texts(frame, &filled, l.t("pool-name-hint")))
        (field(l.t("template"), "template", "template", String::new()).select(&filled, &templates))
        (field(l.t("size"), "size", "size", String::new()).input(&filled, "number"))
        (shares(frame, &filled, String::new()))
        (field(l.t("pool-type"), "kind", "type", String::new()).select(&filled, &kinds))
        (field(l.t("stateful"), "stateful", "stateful", l.t("stateful-hint")).check(&filled))
        (field(l.t("instant-start"), "instant_start", "instant_start", l.t("instant-start-hint")).check(&filled))
        (latest(frame, &filled))
        (quotas::field(l, &filled, &choices))
    };
    let others = filled.others(l, &shown(&choices));
    let content = html! {
        (parts::heading(&l.t("new-pool"), &html! {}, &html! {}))
        (form(frame, "/admin/pools/new", "/admin/pools", &l.t("create"), &others, &fields))
    };
    frame.page(&l.t("new-pool"), "", &content)
}

pub(super) fn number(values: &HashMap<String, String>, name: &str, field: &'static str) -> Result<u32, Invalid> {
    let text = values.get(name).map_or("", String::as_str);
    text.trim().parse().map_err(|_| Invalid::new(field, Problem::NotANumber { value: text.chars().take(40).collect() }))
}

fn new_pool(values: &HashMap<String, String>) -> Result<NewPool, EngineError> {
    let get = |name: &str| values.get(name).cloned().unwrap_or_default();
    Ok(NewPool {
        name: get("name"),
        description: get("description"),
        comment: get("comment"),
        cluster: None,
        template: id("template", &get("template"))?,
        size: number(values, "size", "size")?,
        prestarted: number(values, "prestarted", "prestarted_vms")?,
        max_user_vms: number(values, "max_user_vms", "max_user_vms")?,
        kind: get("kind").parse().unwrap_or(PoolKind::Automatic),
        stateful: values.contains_key("stateful"),
        instant_start: values.contains_key("instant_start"),
        use_latest: values.contains_key("use_latest"),
        quota: quotas::read(values, "quota")?,
    })
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let (cx, frame, values) = match changing(&shared, &http, &body).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let result = match new_pool(&values) {
        Ok(new) => pools::create(&cx, new).await,
        Err(e) => Err(e),
    };
    match result {
        Ok(created) => to(&format!("/admin/pools/{}", created.id)),
        Err(why) => match Filled::again(values, why) {
            Ok(filled) => render_new(&http, &cx, &frame, filled).await,
            Err(e) => error::page(&http, &e),
        },
    }
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let pool = pools::get(&cx, id::<PoolId>("pool", &path)?).await?;
        let values = [
            ("name", pool.name.clone()),
            ("description", pool.description.clone()),
            ("comment", pool.comment.clone()),
            ("size", pool.size.to_string()),
            ("prestarted", pool.prestarted.to_string()),
            ("max_user_vms", pool.max_user_vms.to_string()),
            ("instant_start", u8::from(pool.instant_start).to_string()),
            ("use_latest", u8::from(pool.use_latest).to_string()),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value)).into();
        let choices = quotas::choices(&cx, Some(pool.id.object())).await?;
        Ok::<_, EngineError>(render_edit(&frame, &pool, &choices, &Filled { values, wrong: Vec::new() }, None))
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}

fn render_edit(
    frame: &Frame,
    pool: &PoolView,
    choices: &[Choice],
    filled: &Filled,
    refused: Option<String>,
) -> HttpResponse {
    let l = frame.l;
    let surplus = Surplus::ALL.iter().map(|s| (s.to_string(), l.t(&format!("surplus-{s}")))).collect::<Vec<_>>();
    let field = |label: String, name, hint: String| Field { l, label, name, field: name, hint };
    let fixed = |label: String, text: &str| field(label, "", String::new()).fixed(text);
    let fields = html! {
        (texts(frame, filled, l.t("pool-edit-name-hint")))
        (field(l.t("size"), "size", l.t("pool-size-hint")).input(filled, "number"))
        (field(l.t("pool-surplus"), "surplus", String::new()).select(filled, &surplus))
        (shares(frame, filled, l.t("max-user-vms-hint")))
        (field(l.t("instant-start"), "instant_start", l.t("instant-start-hint")).check(filled))
        @if !pool.stateful { (latest(frame, filled)) }
        (quotas::field(l, filled, choices))
        (fixed(l.t("pool-type"), &kind_name(frame, pool.kind)))
        (fixed(l.t("pool-state"), &state_name(frame, pool.stateful)))
        (fixed(l.t("cluster"), &pool.cluster_name))
        (fixed(l.t("template"), &pool.template_name))
        p class="vireo-hint" { (l.t("pool-fixed-hint")) }
    };
    let mut others = filled.others(l, &shown(choices));
    others.extend(refused);
    let (title, here) = (l.ta("edit-pool", &[("name", &pool.name)]), format!("/admin/pools/{}", pool.id));
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &format!("{here}/edit"), &here, &l.t("save"), &others, &fields))
    };
    frame.page(&title, "", &content)
}

fn change(values: &HashMap<String, String>) -> Result<PoolUpdate, EngineError> {
    Ok(PoolUpdate {
        name: values.get("name").cloned(),
        description: values.get("description").cloned(),
        comment: values.get("comment").cloned(),
        size: Some(number(values, "size", "size")?),
        prestarted: Some(number(values, "prestarted", "prestarted_vms")?),
        max_user_vms: Some(number(values, "max_user_vms", "max_user_vms")?),
        instant_start: Some(values.contains_key("instant_start")),
        surplus: values.get("surplus").and_then(|word| word.parse().ok()),
        use_latest: Some(values.contains_key("use_latest")),
        quota: quotas::read(values, "quota")?,
        ..PoolUpdate::default()
    })
}

async fn edit(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let pool = id::<PoolId>("pool", &path)?;
        let done = match change(&values) {
            Ok(change) => pools::update(&cx, pool, change).await,
            Err(e) => Err(e),
        };
        let why = match done {
            Ok(_) => return Ok(to(&format!("/admin/pools/{pool}"))),
            Err(why) => why,
        };
        let (filled, refused) = match Filled::again(values.clone(), why) {
            Ok(filled) => (filled, None),
            Err(why @ (EngineError::Conflict(_) | EngineError::Refused { .. })) => {
                (Filled { values, wrong: Vec::new() }, Some(words::error(frame.l, &why)))
            }
            Err(other) => return Err(other),
        };
        let view = pools::get(&cx, pool).await?;
        let choices = quotas::choices(&cx, Some(pool.object())).await?;
        Ok::<_, EngineError>(render_edit(&frame, &view, &choices, &filled, refused))
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}
