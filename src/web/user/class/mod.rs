//! A teacher's classes: all screens on one page, one of them to watch or to help at, what is told and given.

mod page;
mod tell;

use crate::engine::vms::Size;
use crate::engine::{Cx, EngineError, class};
use crate::model::class::{ClassView, Student};
use crate::model::console::Entry;
use crate::model::ids::{PoolId, VmId};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::{Portal, parts};
use crate::web::vm_pages::{enter, picture, vm_id};
use crate::web::{console_page, csrf, error};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;
use serde::Deserialize;

/// Paths of it.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/user/class", web::get().to(list))
        .route("/user/pools/{id}/class", web::get().to(show))
        .route("/user/pools/{id}/class/confirm/end", web::get().to(confirm_end))
        .route("/user/pools/{id}/class/tell", web::get().to(tell::page))
        .route("/user/pools/{id}/class/tell", web::post().to(tell::tell))
        .route("/user/pools/{id}/class/link", web::post().to(tell::link))
        .route("/user/pools/{id}/class/file", web::post().to(tell::file))
        .route("/user/pools/{id}/class/gifts/{gift}/remove", web::post().to(tell::remove))
        .route("/user/pools/{id}/class/vms/{vm}/screen.jpg", web::get().to(small))
        .route("/user/pools/{id}/class/vms/{vm}/screen.png", web::get().to(whole))
        .route("/user/pools/{id}/class/vms/{vm}/watch", web::get().to(watch))
        .route("/user/pools/{id}/class/vms/{vm}/help", web::get().to(help))
        .route("/user/pools/{id}/class/vms/{vm}/confirm/{action}", web::get().to(confirm))
        .route("/user/pools/{id}/class/vms/{vm}/{action}", web::post().to(act_on))
        .route("/user/pools/{id}/class/{action}", web::post().to(act));
}

fn pool_id(text: &str) -> Result<PoolId, EngineError> {
    text.parse().map_err(|_| EngineError::NotFound { kind: "pool", id: text.chars().take(64).collect() })
}

fn no_action<T>(word: &str) -> Result<T, EngineError> {
    Err(EngineError::NotFound { kind: "action", id: word.chars().take(64).collect() })
}

fn address(pool: PoolId) -> String {
    format!("/user/pools/{pool}/class")
}

async fn list(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(&shared, &http, Portal::User).await?;
        Ok::<_, EngineError>((class::list(&cx).await?, frame))
    };
    match result.await {
        // Who has one class wants to see it.
        Ok((all, _)) if all.len() == 1 => to(&address(all[0].id)),
        Ok((all, frame)) => frame.page(&frame.l.t("classes"), "vm_pool class", &page::list(&frame, &all)),
        Err(e) => error::page(&http, &e),
    }
}

#[derive(Debug, Deserialize)]
struct Wanted {
    sort: Option<String>,
}

async fn show(
    shared: web::Data<Shared>,
    http: HttpRequest,
    id: web::Path<String>,
    wanted: web::Query<Wanted>,
) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(&shared, &http, Portal::User).await?;
        Ok::<_, EngineError>((class::get(&cx, pool_id(&id)?).await?, frame))
    };
    match result.await {
        Ok((view, frame)) => {
            let content = page::class(&frame, view, wanted.sort.as_deref().unwrap_or_default());
            frame.page(&frame.l.t("class"), "vm vm_pool class", &content)
        }
        Err(e) => error::page(&http, &e),
    }
}

async fn act(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, Portal::User).await?;
        csrf::check(&http, &csrf::fields(&body))?;
        let pool = pool_id(&path.0)?;
        match path.1.as_str() {
            "lock" => class::lock_all(&cx, pool, true).await?,
            "unlock" => class::lock_all(&cx, pool, false).await?,
            "end" => class::end(&cx, pool).await?,
            other => return no_action(other),
        }
        Ok(pool)
    };
    match result.await {
        Ok(pool) => to(&address(pool)),
        Err(e) => error::page(&http, &e),
    }
}

async fn act_on(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String, String)>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, Portal::User).await?;
        csrf::check(&http, &csrf::fields(&body))?;
        let (pool, vm) = (pool_id(&path.0)?, vm_id(&path.1)?);
        match path.2.as_str() {
            "lock" => class::lock_one(&cx, pool, vm, true).await?,
            "unlock" => class::lock_one(&cx, pool, vm, false).await?,
            "seen" => class::hand_seen(&cx, pool, vm).await?,
            "reset" => drop(class::reset(&cx, pool, vm).await?),
            "fresh" => class::fresh(&cx, pool, vm).await?,
            other => return no_action(other),
        }
        Ok(pool)
    };
    match result.await {
        Ok(pool) => to(&address(pool)),
        Err(e) => error::page(&http, &e),
    }
}

async fn student(cx: &Cx, pool: PoolId, vm: VmId) -> Result<(ClassView, Student), EngineError> {
    let view = class::get(cx, pool).await?;
    let found = view.students.iter().find(|student| student.vm.id == vm).cloned();
    let none = || EngineError::NotFound { kind: "VM", id: vm.to_string() };
    Ok((view, found.ok_or_else(none)?))
}

/// What will be lost.
async fn confirm(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<(String, String, String)>,
) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(&shared, &http, Portal::User).await?;
        let (_, student) = student(&cx, pool_id(&path.0)?, vm_id(&path.1)?).await?;
        Ok::<_, EngineError>((student, frame))
    };
    let (student, frame) = match result.await {
        Ok(found) => found,
        Err(e) => return error::page(&http, &e),
    };
    let names = [("name", student.vm.name.as_str()), ("user", student.full_name.as_str())];
    let l = frame.l;
    let (title, text) = match path.2.as_str() {
        "reset" => (l.ta("class-confirm-reset", &names), l.t("class-confirm-reset-text")),
        "fresh" => (l.ta("class-confirm-fresh", &names), l.t("class-confirm-fresh-text")),
        _ => return error::no_such_page(http.clone()).await,
    };
    let base = format!("/user/pools/{}/class", path.0);
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        p { (text) }
        div class="vireo-actions" {
            (parts::post(&frame, &format!("{base}/vms/{}/{}", student.vm.id, path.2), &title, "pf-m-danger"))
            (parts::link_button(&base, &l.t("cancel"), "pf-m-link"))
        }
    };
    frame.page(&title, "", &content)
}

async fn confirm_end(shared: web::Data<Shared>, http: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(&shared, &http, Portal::User).await?;
        Ok::<_, EngineError>((class::get(&cx, pool_id(&id)?).await?, frame))
    };
    match result.await {
        Ok((view, frame)) => {
            let (l, base) = (frame.l, address(view.pool.id));
            let title = l.ta("class-confirm-end", &[("pool", &view.pool.name)]);
            let content = html! {
                (parts::heading(&title, &html! {}, &html! {}))
                p { (l.t("class-confirm-end-text")) }
                div class="vireo-actions" {
                    (parts::post(&frame, &format!("{base}/end"), &title, "pf-m-danger"))
                    (parts::link_button(&base, &l.t("cancel"), "pf-m-link"))
                }
            };
            frame.page(&title, "", &content)
        }
        Err(e) => error::page(&http, &e),
    }
}

async fn screen(shared: &Shared, http: &HttpRequest, path: &(String, String), size: Size) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(shared, http, Portal::User).await?;
        class::picture(&cx, pool_id(&path.0)?, vm_id(&path.1)?, size).await
    };
    match result.await {
        Ok(screen) => picture(http, screen, if size == Size::Small { "image/jpeg" } else { "image/png" }),
        Err(e) => HttpResponse::build(crate::web::api::fault::status(&e)).finish(),
    }
}

async fn small(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    screen(&shared, &http, &path, Size::Small).await
}

async fn whole(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    screen(&shared, &http, &path, Size::Whole).await
}

async fn watch(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    console(&shared, &http, &path, Entry::Watch).await
}

async fn help(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    console(&shared, &http, &path, Entry::Help).await
}

async fn console(shared: &Shared, http: &HttpRequest, path: &(String, String), entry: Entry) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(shared, http, Portal::User).await?;
        let (pool, vm) = (pool_id(&path.0)?, vm_id(&path.1)?);
        class::seat(&cx, vm, entry).await?;
        let (view, student) = student(&cx, pool, vm).await?;
        Ok::<_, EngineError>((view, student, frame))
    };
    match result.await {
        Ok((view, student, frame)) if entry == Entry::Watch && !console_page::is_shared(student.vm.display) => {
            let content = page::pictures(&frame, &view, &student);
            frame.page(&student.vm.name, "vm class", &content)
        }
        Ok((view, student, frame)) => {
            let (key, names) =
                (if entry == Entry::Watch { "class-watching" } else { "class-helping" }, &student.full_name);
            let title = format!("{} ({})", frame.l.ta(key, &[("name", names)]), student.vm.name);
            console_page::of_teacher(&frame, &student.vm, entry, &title, &address(view.pool.id))
        }
        Err(e) => error::page(http, &e),
    }
}
