//! An own role: made anew or as a copy, and changed; its permits are boxes in oVirt's tree.

use super::super::{admin, changing, details, id};
use crate::engine::permissions::may;
use crate::engine::roles::{self, Edit};
use crate::engine::{Cx, EngineError};
use crate::model::ids::RoleId;
use crate::model::permit_tree::TREE;
use crate::model::role::{Action, RoleConfig, RoleView};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/admin/roles/new`, `/admin/roles/{id}/copy`, `/admin/roles/{id}/edit`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/roles/new", web::get().to(new_page))
        .route("/admin/roles/new", web::post().to(create))
        .route("/admin/roles/{id}/copy", web::get().to(copy_page))
        .route("/admin/roles/{id}/edit", web::get().to(edit_page))
        .route("/admin/roles/{id}/edit", web::post().to(change));
}

/// Which form: its title, where it goes, and the role that is changed.
struct Shown<'a> {
    title: String,
    action: String,
    edited: Option<&'a RoleView>,
}

async fn show(cx: &Cx, frame: &Frame, shown: &Shown<'_>, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let super_user = may::makes(cx).await?.super_user;
    let field = |key: &str, name| Field { l, label: l.t(key), name, field: name, hint: String::new() };
    let kinds = [("user", l.t("role-user")), ("admin", l.t("role-admin"))].map(|(v, t)| (v.to_owned(), t));
    let kinds = if super_user { &kinds[..] } else { &kinds[..1] };
    let below = Field { hint: l.t("views-children-hint"), ..field("views-children", "views_children") };
    let fields = html! {
        (field("name", "name").input(filled, "text"))
        (field("description", "description").input(filled, "text"))
        @match shown.edited {
            Some(r) => {
                (field("role-type", "kind").fixed(&super::kind(l, r)))
                input type="hidden" name="generation" value=(filled.get("generation"));
            }
            None => ({ Field { hint: l.t("role-kind-hint"), ..field("role-type", "kind") } }.select(filled, kinds)),
        }
        (below.check(filled))
        (boxes(frame, filled, shown.edited.map_or(super_user, |r| r.admin)))
    };
    let back = shown.edited.map_or_else(|| "/admin/roles".to_owned(), |r| format!("/admin/roles/{}", r.id));
    let content = html! {
        (parts::heading(&shown.title, &html! {}, &html! {}))
        (form(frame, &shown.action, &back, &l.t("save"), &filled.others(l, &["name", "description"]), &fields))
    };
    Ok(frame.page(&shown.title, "", &content))
}

/// The permits; those for administrators only where the role can be one.
fn boxes(frame: &Frame, filled: &Filled, admin: bool) -> Markup {
    let l = frame.l;
    let one = |action: Action| {
        let name = format!("permit-{action}");
        html! {
            label class="vireo-check" for=(name) {
                input type="checkbox" id=(name) name=(name) value="1" checked[action == Action::Login || filled.get(&name) == "1"] disabled[action == Action::Login];
                span { (l.t(&name)) @if !action.for_user_roles() { " (" (l.t("admin-permit-mark")) ")" } }
            }
        }
    };
    html! {
        p class="vireo-hint" { (l.t("login-permit-hint")) }
        @for (branch, parts) in TREE {
            @let offered: Vec<_> = parts.iter().filter(|(_, actions)| admin || actions.iter().any(|a| a.for_user_roles())).collect();
            @if !offered.is_empty() {
                fieldset class="vireo-group" {
                    legend { (l.t(&format!("permits-{branch}"))) }
                    @for (part, actions) in offered {
                        div role="group" aria-label=(l.t(&format!("permits-part-{part}"))) {
                            p class="vireo-name" { (l.t(&format!("permits-part-{part}"))) }
                            @for action in actions.iter().filter(|a| admin || a.for_user_roles()) { (one(*action)) }
                        }
                    }
                }
            }
        }
    }
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        show(&cx, &frame, &fresh(&frame), &Filled::default()).await
    };
    details::answer(&http, result.await)
}

fn fresh(frame: &Frame) -> Shown<'static> {
    Shown { title: frame.l.t("new-role"), action: "/admin/roles/new".to_owned(), edited: None }
}

async fn copy_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let r = roles::get(&cx, id::<RoleId>("role", &path)?).await?;
        let mut values = current(&r);
        values.insert("name".to_owned(), format!("{}-2", r.name));
        values.insert("description".to_owned(), super::about(frame.l, &r));
        let shown = Shown { title: frame.l.ta("copy-of-role", &[("name", &r.name)]), ..fresh(&frame) };
        show(&cx, &frame, &shown, &Filled { values, wrong: Vec::new() }).await
    };
    details::answer(&http, result.await)
}

/// A role as the form has it. What oVirt's own user roles hold beyond other user roles is no part of a copy.
fn current(r: &RoleView) -> HashMap<String, String> {
    let mut values: HashMap<String, String> = r
        .actions
        .iter()
        .filter(|a| r.admin || a.for_user_roles())
        .map(|a| (format!("permit-{a}"), "1".to_owned()))
        .collect();
    let mut set = |name: &str, value: &str| values.insert(name.to_owned(), value.to_owned());
    set("name", &r.name);
    set("description", &r.description);
    set("kind", if r.admin { "admin" } else { "user" });
    set("generation", &r.generation.to_string());
    if r.views_children {
        set("views_children", "1");
    }
    values
}

fn permits(values: &HashMap<String, String>) -> Vec<Action> {
    Action::ALL.iter().copied().filter(|a| values.contains_key(&format!("permit-{a}"))).collect()
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let get = |name: &str| values.get(name).cloned().unwrap_or_default();
        let new = RoleConfig {
            name: get("name"),
            description: get("description"),
            admin: get("kind") == "admin",
            views_children: Some(values.contains_key("views_children")),
            actions: permits(&values),
        };
        match roles::add(&cx, new).await {
            Ok(id) => Ok(to(&format!("/admin/roles/{id}"))),
            Err(EngineError::Invalid(wrong)) => show(&cx, &frame, &fresh(&frame), &Filled { values, wrong }).await,
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}

fn edited<'a>(frame: &Frame, r: &'a RoleView) -> Shown<'a> {
    Shown { title: frame.l.t("edit-role"), action: format!("/admin/roles/{}/edit", r.id), edited: Some(r) }
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let r = roles::get(&cx, id::<RoleId>("role", &path)?).await?;
        show(&cx, &frame, &edited(&frame, &r), &Filled { values: current(&r), wrong: Vec::new() }).await
    };
    details::answer(&http, result.await)
}

async fn change(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let role = id::<RoleId>("role", &path)?;
        let edit = Edit {
            name: values.get("name").cloned(),
            description: values.get("description").cloned(),
            admin: None,
            views_children: Some(values.contains_key("views_children")),
            actions: Some(permits(&values)),
            generation: values.get("generation").and_then(|text| text.parse().ok()),
        };
        match roles::edit(&cx, role, edit).await {
            Ok(()) => Ok(to(&format!("/admin/roles/{role}"))),
            Err(EngineError::Invalid(wrong)) => {
                let r = roles::get(&cx, role).await?;
                show(&cx, &frame, &edited(&frame, &r), &Filled { values, wrong }).await
            }
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}
