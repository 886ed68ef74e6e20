//! Permissions: on the system, on every kind of object, and those that a user or group holds.

use super::answer::{body, caller, id, ok, wants};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::{fault, render};
use crate::auth::View;
use crate::engine::{Cx, EngineError, permissions, roles};
use crate::model::ids::{ObjectId, PermissionId, PrincipalId, RoleId, SYSTEM};
use crate::model::permission::{ObjectKind, PermissionView};
use crate::model::valid::{Invalid, Problem};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// An object's permissions: all, one, a new one, one less.
macro_rules! permissions_of {
    ($config:expr, $path:literal) => {
        $config
            .route($path, web::get().to(list))
            .route($path, web::post().to(add))
            .route(concat!($path, "/{permission}"), web::get().to(get))
            .route(concat!($path, "/{permission}"), web::delete().to(remove))
    };
}

/// `…/permissions`, and the roles that a user or group has on the whole system.
pub fn routes(config: &mut web::ServiceConfig) {
    permissions_of!(config, "/permissions");
    permissions_of!(config, "/vms/{id}/permissions");
    permissions_of!(config, "/templates/{id}/permissions");
    permissions_of!(config, "/vmpools/{id}/permissions");
    permissions_of!(config, "/hosts/{id}/permissions");
    permissions_of!(config, "/clusters/{id}/permissions");
    permissions_of!(config, "/datacenters/{id}/permissions");
    permissions_of!(config, "/storagedomains/{id}/permissions");
    permissions_of!(config, "/networks/{id}/permissions");
    permissions_of!(config, "/vnicprofiles/{id}/permissions");
    permissions_of!(config, "/macpools/{id}/permissions");
    permissions_of!(config, "/instancetypes/{id}/permissions");
    permissions_of!(config, "/disks/{id}/permissions");
    permissions_of!(config, "/datacenters/{center}/quotas/{id}/permissions");
    permissions_of!(config, "/quotas/{id}/permissions");
    permissions_of!(config, "/users/{id}/permissions");
    permissions_of!(config, "/groups/{id}/permissions");
    config.route("/users/{id}/roles", web::get().to(held_roles)).route("/groups/{id}/roles", web::get().to(held_roles));
}

/// Whose permissions a path speaks of.
enum Subject {
    On(ObjectKind, ObjectId),
    Of(PrincipalId),
}

/// Collections, what their objects are, and what they are called in a permission's document.
const OBJECTS: &[(&str, ObjectKind, &str)] = &[
    ("vms", ObjectKind::Vm, "vm"),
    ("templates", ObjectKind::Template, "template"),
    ("vmpools", ObjectKind::Pool, "vm_pool"),
    ("hosts", ObjectKind::Host, "host"),
    ("clusters", ObjectKind::Cluster, "cluster"),
    ("datacenters", ObjectKind::DataCenter, "data_center"),
    ("storagedomains", ObjectKind::StorageDomain, "storage_domain"),
    ("networks", ObjectKind::Network, "network"),
    ("vnicprofiles", ObjectKind::VnicProfile, "vnic_profile"),
    ("macpools", ObjectKind::MacPool, "mac_pool"),
    ("instancetypes", ObjectKind::InstanceType, "instance_type"),
    ("disks", ObjectKind::Disk, "disk"),
    ("quotas", ObjectKind::Quota, "quota"),
];
const FIELDS: &str = "\
    cluster comment data_center description disk group host href id instance_type link mac_pool name network quota role \
    storage_domain template user vm vm_pool vnic_profile";

fn subject(request: &HttpRequest) -> Result<Subject, EngineError> {
    let Some(text) = request.match_info().get("id") else { return Ok(Subject::On(ObjectKind::System, SYSTEM)) };
    let before = request.path().split('/').take_while(|part| *part != text).last().unwrap_or_default();
    match OBJECTS.iter().find(|(collection, ..)| *collection == before) {
        Some((_, kind, _)) => Ok(Subject::On(*kind, id("object", text)?)),
        None => Ok(Subject::Of(id("user", text)?)),
    }
}

async fn all(cx: &Cx, subject: &Subject) -> Result<Vec<PermissionView>, EngineError> {
    match subject {
        // Who asks for his own view of the system hears what is his.
        Subject::On(ObjectKind::System, _) if cx.actor.view == View::User => {
            permissions::of(cx, cx.actor.user.into()).await
        }
        Subject::On(kind, object) => {
            permissions::place(cx, *kind, *object).await?;
            permissions::on(cx, *object).await
        }
        Subject::Of(principal) => permissions::of(cx, *principal).await,
    }
}

async fn list(request: HttpRequest) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let all = all(&cx, &subject(&request)?).await?;
        Ok(collection("permissions", "permission", all.iter().map(element).collect()))
    };
    ok(&request, result.await)
}

async fn found(cx: &Cx, request: &HttpRequest) -> Result<PermissionView, EngineError> {
    let text = request.match_info().get("permission").unwrap_or_default();
    let wanted = id::<PermissionId>("permission", text)?;
    let all = all(cx, &subject(request)?).await?;
    let none = || EngineError::NotFound { kind: "permission", id: wanted.to_string() };
    all.into_iter().find(|p| p.id == wanted).ok_or_else(none)
}

async fn get(request: HttpRequest) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        Ok(element(&found(&cx, &request).await?))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let held = found(&cx, &request).await?;
        permissions::revoke(&cx, held.id).await?;
        Ok(super::actions::complete(None))
    };
    ok(&request, result.await)
}

async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        input.only("permission", FIELDS)?;
        let role = role(&cx, &input).await?;
        let (kind, object, principal) = match subject(&request)? {
            Subject::On(kind, object) => (kind, object, holder(&cx, &input).await?),
            Subject::Of(principal) => {
                let (kind, object) = object(&input)?;
                (kind, object, principal)
            }
        };
        let id = permissions::grant(&cx, role, principal, kind, object).await?;
        permissions::get(&cx, id).await
    };
    match result.await {
        Ok(view) => {
            let mut builder = HttpResponse::Created();
            builder.insert_header((header::LOCATION, address(&view)));
            wants(&request).write(builder, &element(&view))
        }
        Err(error) => fault::response(&request, &error),
    }
}

/// The role by its id or name.
async fn role(cx: &Cx, input: &Input) -> Result<RoleId, EngineError> {
    if let Some(id) = input.parsed("role/id", "role")? {
        return Ok(id);
    }
    let name = input.text_at("role/name").ok_or(Invalid::new("role", Problem::Missing))?;
    let all = roles::list(cx).await?;
    let none = || Invalid::new("role", Problem::NoSuch { value: name.chars().take(126).collect() });
    Ok(all.into_iter().find(|role| role.name == name).ok_or_else(none)?.id)
}

/// A user or group by its id, or a user by the name he signs in with.
async fn holder(cx: &Cx, input: &Input) -> Result<PrincipalId, EngineError> {
    for path in ["user/id", "group/id"] {
        if let Some(id) = input.parsed(path, "user")? {
            return Ok(id);
        }
    }
    let named = ["user/user_name", "user/principal", "user/name", "group/name"].iter().find_map(|p| input.text_at(p));
    let name = named.ok_or(Invalid::new("user", Problem::Missing))?.trim_end_matches("-authz");
    let found = permissions::search(cx, name, 20).await?;
    let same = |own: &str| own.eq_ignore_ascii_case(name) || own.split('@').next() == Some(name);
    let none = || Invalid::new("user", Problem::NoSuch { value: name.chars().take(255).collect() });
    Ok(found.into_iter().find(|one| same(&one.name)).ok_or_else(none)?.id)
}

/// The object that a user's or group's new permission is on; none is named: the system.
fn object(input: &Input) -> Result<(ObjectKind, ObjectId), EngineError> {
    for (_, kind, word) in OBJECTS {
        if let Some(id) = input.parsed(&format!("{word}/id"), "permission")? {
            return Ok((*kind, id));
        }
    }
    Ok((ObjectKind::System, SYSTEM))
}

fn address(view: &PermissionView) -> String {
    let on = OBJECTS.iter().find(|(_, kind, _)| *kind == view.object_kind);
    let on = on.map(|(collection, ..)| format!("/{collection}/{}", view.object)).unwrap_or_default();
    format!("{BASE}{on}/permissions/{}", view.id)
}

/// A permission.
fn element(view: &PermissionView) -> Element {
    let holder = if view.is_group { ("group", "groups") } else { ("user", "users") };
    let mut element = Element::new("permission")
        .attribute("href", address(view))
        .attribute("id", view.id)
        .child(render::reference("role", "roles", view.role))
        .child(render::reference(holder.0, holder.1, view.principal));
    if let Some((collection, _, word)) = OBJECTS.iter().find(|(_, kind, _)| *kind == view.object_kind) {
        element = element.child(render::reference(word, collection, view.object));
    }
    element
}

/// The roles that a user or group has on the whole system.
async fn held_roles(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let held = permissions::of(&cx, id::<PrincipalId>("user", &path)?).await?;
        let mut all = roles::list(&cx).await?;
        all.retain(|role| held.iter().any(|p| p.role == role.id && p.object == SYSTEM));
        Ok(collection("roles", "role", all.iter().map(render::role).collect()))
    };
    ok(&request, result.await)
}
