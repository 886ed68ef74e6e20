//! Pools in the Admin Portal.

use super::permissions;
use super::{Listing, admin, changing, id, listing};
use crate::engine::permissions::may;
use crate::engine::{EngineError, catalog, pools};
use crate::model::ids::PoolId;
use crate::model::page::ListQuery;
use crate::model::permission::ObjectKind;
use crate::model::pool::{NewPool, PoolKind, PoolView};
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::list::Row;
use crate::web::ui::{Frame, parts};
use crate::web::vm_pages;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/admin/pools`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/pools", web::get().to(list))
        .route("/admin/pools/new", web::get().to(new_page))
        .route("/admin/pools/new", web::post().to(create))
        .route("/admin/pools/{id}", web::get().to(detail))
        .route("/admin/pools/{id}/remove", web::get().to(confirm))
        .route("/admin/pools/{id}/remove", web::post().to(remove));
}

async fn list(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<ListQuery>) -> HttpResponse {
    let (cx, frame) = match admin(&shared, &http).await {
        Ok(entered) => entered,
        Err(e) => return error::page(&http, &e),
    };
    let l = frame.l;
    let found = pools::list(&cx, &query).await.map(|page| {
        page.map(|p| Row {
            href: format!("/admin/pools/{}", p.id),
            cells: vec![
                html! { (p.name) },
                html! { (p.size) },
                html! { (p.assigned) },
                html! { (p.running) },
                html! { (p.free) },
                html! { (p.template_name) },
                html! { (p.description) },
            ],
            ..Row::default()
        })
    });
    let columns = vec![
        (l.t("name"), "name"),
        (l.t("size"), "size"),
        (l.t("assigned-vms"), "assigned_vm_count"),
        (l.t("running-vms"), "running_vm_count"),
        (l.t("free-vms"), ""),
        (l.t("template"), "template"),
        (l.t("description"), "description"),
    ];
    let new = may::makes(&cx).await.is_ok_and(|makes| makes.pool);
    let actions = html! { @if new { a class="pf-v6-c-button pf-m-primary" href="/admin/pools/new" data-new="1" { (l.t("new-pool")) } } };
    listing(&http, &frame, &query, Listing { noun: "pools", topics: "vm_pool vm", columns, actions, bulk: None }, found)
}

async fn detail(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let pool = id::<PoolId>("pool", &path)?;
        let view = pools::get(&cx, pool).await?;
        let vms = pools::vms(&cx, pool).await?;
        let permissions = permissions::card(&cx, &frame, ObjectKind::Pool, pool.object()).await?;
        let permits = may::on(&cx, vec![pool.object()]).await?;
        Ok::<_, EngineError>((frame, view, vms, permissions, permits.may(Action::DeleteVmPool, pool.object())))
    };
    match result.await {
        Ok((frame, view, vms, permissions, removes)) => {
            let l = frame.l;
            let remove = html! { @if removes { (parts::link_button(&format!("/admin/pools/{}/remove", view.id), &l.t("remove"), "pf-m-danger")) } };
            let content = html! {
                (parts::heading(&view.name, &html! {}, &remove))
                div class="vireo-grid" {
                    (parts::card(&l.t("general"), &facts(&frame, &view)))
                    (parts::card(&l.t("vms"), &html! {
                        ul class="pf-v6-c-list pf-m-plain" { @for vm in &vms { li { a href={ "/admin/vms/" (vm.id) } { (vm.name) } " " (parts::status(l, vm.status.as_str())) " " (vm_pages::buttons(&frame, vm)) } } }
                    }))
                    div class="vireo-wide" { (permissions) }
                }
            };
            frame.page(&view.name, "vm_pool vm", &content)
        }
        Err(e) => error::page(&http, &e),
    }
}

fn facts(frame: &Frame, p: &PoolView) -> Markup {
    let l = frame.l;
    let number = |n: u32| html! { (n) };
    parts::facts(&[
        (l.t("description"), html! { (p.description) }),
        (l.t("cluster"), html! { (p.cluster_name) }),
        (l.t("template"), html! { (p.template_name) }),
        (
            l.t("pool-type"),
            html! { (match p.kind { PoolKind::Automatic => l.t("pool-automatic"), PoolKind::Manual => l.t("pool-manual") }) },
        ),
        (l.t("size"), number(p.size)),
        (l.t("assigned-vms"), number(p.assigned)),
        (l.t("running-vms"), number(p.running)),
        (l.t("prestarted"), number(p.prestarted)),
        (l.t("max-user-vms"), number(p.max_user_vms)),
    ])
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let defaults = [("size", "1"), ("prestarted", "0"), ("max_user_vms", "1")];
    let values = defaults.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    match admin(&shared, &http).await {
        Ok((cx, frame)) => render(&http, &cx, &frame, Filled { values, wrong: Vec::new() }).await,
        Err(e) => error::page(&http, &e),
    }
}

async fn render(http: &HttpRequest, cx: &crate::engine::Cx, frame: &Frame, filled: Filled) -> HttpResponse {
    let all = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let usable = async {
        let all = catalog::templates(cx, &all).await?.rows;
        let permits = may::on(cx, all.iter().map(|t| t.id.object()).collect()).await?;
        let usable = all.into_iter().filter(|t| permits.may(Action::CreateVm, t.id.object()));
        Ok::<_, EngineError>(usable.map(|t| (t.id.to_string(), t.name)).collect::<Vec<_>>())
    };
    let templates = match usable.await {
        Ok(templates) => templates,
        Err(e) => return error::page(http, &e),
    };
    let l = frame.l;
    let kinds = [("automatic", l.t("pool-automatic")), ("manual", l.t("pool-manual"))].map(|(v, t)| (v.to_owned(), t));
    let field = |label: String, name, field, hint: String| Field { l, label, name, field, hint };
    let fields = html! {
        (field(l.t("name"), "name", "name", l.t("pool-name-hint")).input(&filled, "text"))
        (field(l.t("description"), "description", "description", String::new()).input(&filled, "text"))
        (field(l.t("template"), "template", "template", String::new()).select(&filled, &templates))
        (field(l.t("size"), "size", "size", String::new()).input(&filled, "number"))
        (field(l.t("prestarted"), "prestarted", "prestarted_vms", l.t("prestarted-hint")).input(&filled, "number"))
        (field(l.t("max-user-vms"), "max_user_vms", "max_user_vms", String::new()).input(&filled, "number"))
        (field(l.t("pool-type"), "kind", "type", String::new()).select(&filled, &kinds))
        (field(l.t("stateful"), "stateful", "stateful", l.t("stateful-hint")).check(&filled))
    };
    let others = filled.others(l, &["name", "description", "template", "size", "prestarted_vms", "max_user_vms"]);
    let content = html! {
        (parts::heading(&l.t("new-pool"), &html! {}, &html! {}))
        (form(frame, "/admin/pools/new", "/admin/pools", &l.t("create"), &others, &fields))
    };
    frame.page(&l.t("new-pool"), "", &content)
}

fn new_pool(values: &HashMap<String, String>) -> Result<NewPool, EngineError> {
    let get = |name: &str| values.get(name).cloned().unwrap_or_default();
    let number = |name: &str, field| {
        let text = get(name);
        text.trim()
            .parse()
            .map_err(|_| Invalid::new(field, Problem::NotANumber { value: text.chars().take(40).collect() }))
    };
    Ok(NewPool {
        name: get("name"),
        description: get("description"),
        comment: String::new(),
        cluster: None,
        template: id("template", &get("template"))?,
        size: number("size", "size")?,
        prestarted: number("prestarted", "prestarted_vms")?,
        max_user_vms: number("max_user_vms", "max_user_vms")?,
        kind: get("kind").parse().unwrap_or(PoolKind::Automatic),
        stateful: values.contains_key("stateful"),
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
        Err(EngineError::Invalid(wrong)) => render(&http, &cx, &frame, Filled { values, wrong }).await,
        Err(e) => error::page(&http, &e),
    }
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let pool = id::<PoolId>("pool", &path)?;
        Ok::<_, EngineError>((pools::get(&cx, pool).await?, pools::vms(&cx, pool).await?, frame))
    };
    match result.await {
        Ok((pool, vms, frame)) => {
            let l = frame.l;
            let title = l.ta("confirm-remove-pool", &[("name", &pool.name)]);
            let content = html! {
                (parts::heading(&title, &html! {}, &html! {}))
                p { (l.ta("confirm-remove-pool-text", &[("count", &vms.len().to_string())])) }
                ul class="pf-v6-c-list" { @for vm in &vms { li { (vm.name) } } }
                div class="vireo-actions" {
                    (parts::post(&frame, &format!("/admin/pools/{}/remove", pool.id), &l.t("remove"), "pf-m-danger"))
                    (parts::link_button("/admin/pools", &l.t("cancel"), "pf-m-link"))
                }
            };
            frame.page(&title, "", &content)
        }
        Err(e) => error::page(&http, &e),
    }
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(&shared, &http, &body).await?;
        pools::remove(&cx, id::<PoolId>("pool", &path)?).await
    };
    match result.await {
        Ok(_) => to("/admin/pools"),
        Err(e) => error::page(&http, &e),
    }
}
