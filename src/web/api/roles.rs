//! Roles and their permits.

use super::answer::{body, caller, id, ok, wants};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::{fault, render};
use crate::engine::roles::{self, Edit};
use crate::engine::{Cx, EngineError};
use crate::model::ids::RoleId;
use crate::model::role::{Action, RoleConfig, RoleView};
use crate::model::valid::{Invalid, Problem};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// `roles`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/roles", web::get().to(list))
        .route("/roles", web::post().to(add))
        .route("/roles/{id}", web::get().to(get))
        .route("/roles/{id}", web::put().to(update))
        .route("/roles/{id}", web::delete().to(remove))
        .route("/roles/{id}/permits", web::get().to(permits))
        .route("/roles/{id}/permits", web::post().to(add_permit))
        .route("/roles/{id}/permits/{permit}", web::get().to(permit))
        .route("/roles/{id}/permits/{permit}", web::delete().to(remove_permit));
}

const FIELDS: &str = "administrative comment description href id link mutable name permits user";

async fn list(request: HttpRequest) -> HttpResponse {
    let result = async {
        let all = roles::list(&caller(&request).await?).await?;
        Ok(collection("roles", "role", all.iter().map(render::role).collect()))
    };
    ok(&request, result.await)
}

async fn found(request: &HttpRequest) -> Result<(Cx, RoleView), EngineError> {
    let cx = caller(request).await?;
    let role = id::<RoleId>("role", request.match_info().get("id").unwrap_or_default())?;
    let view = roles::get(&cx, role).await?;
    Ok((cx, view))
}

async fn get(request: HttpRequest) -> HttpResponse {
    ok(&request, found(&request).await.map(|(_, role)| render::role(&role)))
}

fn created(request: &HttpRequest, address: String, result: Result<Element, EngineError>) -> HttpResponse {
    match result {
        Ok(element) => {
            let mut builder = HttpResponse::Created();
            builder.insert_header((header::LOCATION, address));
            wants(request).write(builder, &element)
        }
        Err(error) => fault::response(request, &error),
    }
}

async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        input.only("role", FIELDS)?;
        let new = RoleConfig {
            name: input.text_at("name").unwrap_or_default().to_owned(),
            description: input.text_at("description").unwrap_or_default().to_owned(),
            admin: input.bool_at("administrative", "administrative")?.unwrap_or(false),
            views_children: None,
            actions: actions(&input)?.unwrap_or_default(),
        };
        let id = roles::add(&cx, new).await?;
        roles::get(&cx, id).await
    };
    let result = result.await;
    let address = result.as_ref().map(|role| format!("{BASE}/roles/{}", role.id)).unwrap_or_default();
    created(&request, address, result.map(|role| render::role(&role)))
}

async fn update(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, role) = found(&request).await?;
        let input = body(&request, &bytes)?;
        input.only("role", FIELDS)?;
        let edit = Edit {
            name: input.text_at("name").map(str::to_owned),
            description: input.text_at("description").map(str::to_owned),
            admin: input.bool_at("administrative", "administrative")?,
            actions: actions(&input)?,
            ..Edit::default()
        };
        roles::edit(&cx, role.id, edit).await?;
        Ok(render::role(&roles::get(&cx, role.id).await?))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, role) = found(&request).await?;
        roles::remove(&cx, role.id).await?;
        Ok(super::actions::complete(None))
    };
    ok(&request, result.await)
}

/// The permits of a role's document, each by id or name; none: they are not spoken of.
fn actions(input: &Input) -> Result<Option<Vec<Action>>, EngineError> {
    let Some(permits) = input.child("permits") else { return Ok(None) };
    Ok(Some(permits.all("permit").map(action).collect::<Result<_, _>>()?))
}

fn action(permit: &Input) -> Result<Action, Invalid> {
    let named = permit.text_at("id").filter(|text| !text.is_empty()).or(permit.text_at("name"));
    let text = named.ok_or(Invalid::new("permit", Problem::Missing))?.trim();
    let known = known(text);
    known.ok_or_else(|| Invalid::new("permit", Problem::NoSuch { value: text.chars().take(64).collect() }))
}

fn known(text: &str) -> Option<Action> {
    text.parse::<u32>().map_or_else(|_| text.parse().ok(), Action::numbered)
}

async fn permits(request: HttpRequest) -> HttpResponse {
    let result = found(&request).await.map(|(_, role)| {
        let all = role.actions.iter().map(|action| render::permit(role.id, *action)).collect();
        collection("permits", "permit", all)
    });
    ok(&request, result)
}

/// The permit of the path, whether the role has it or not.
fn meant(request: &HttpRequest) -> Result<Action, EngineError> {
    let text = request.match_info().get("permit").unwrap_or_default();
    known(text).ok_or_else(|| EngineError::NotFound { kind: "permit", id: text.chars().take(64).collect() })
}

async fn permit(request: HttpRequest) -> HttpResponse {
    let result = async {
        let (_, role) = found(&request).await?;
        let action = meant(&request)?;
        let held = role.actions.contains(&action).then(|| render::permit(role.id, action));
        held.ok_or_else(|| EngineError::NotFound { kind: "permit", id: action.number().to_string() })
    };
    ok(&request, result.await)
}

async fn add_permit(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, role) = found(&request).await?;
        let action = action(&body(&request, &bytes)?)?;
        roles::set_permit(&cx, role.id, action, true).await?;
        Ok((role.id, action))
    };
    let result: Result<(RoleId, Action), EngineError> = result.await;
    let address = result.as_ref().map(|(role, a)| format!("{BASE}/roles/{role}/permits/{}", a.number()));
    created(&request, address.unwrap_or_default(), result.map(|(role, action)| render::permit(role, action)))
}

async fn remove_permit(request: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, role) = found(&request).await?;
        roles::set_permit(&cx, role.id, meant(&request)?, false).await?;
        Ok(super::actions::complete(None))
    };
    ok(&request, result.await)
}
