//! `tags`, and the tags of VMs, hosts, templates, users and groups.

use super::actions;
use super::answer::{body, caller, created, id, list_query, ok};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::render::{object, reference};
use crate::engine::{Cx, EngineError, tags};
use crate::model::ids::{ObjectId, ROOT_TAG, TagId};
use crate::model::permission::ObjectKind;
use crate::model::tag::{Tag, Tagged};
use crate::model::valid::{Invalid, Problem};
use actix_web::{HttpRequest, HttpResponse, web};

/// The tags of one object: all, one, one more, one less.
macro_rules! tags_of {
    ($config:expr, $path:literal) => {
        $config
            .route($path, web::get().to(assigned))
            .route($path, web::post().to(assign))
            .route(concat!($path, "/{tag}"), web::get().to(assigned_one))
            .route(concat!($path, "/{tag}"), web::delete().to(unassign))
    };
}

/// Paths of tags.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/tags", web::get().to(list))
        .route("/tags", web::post().to(add))
        .route("/tags/{id}", web::get().to(get))
        .route("/tags/{id}", web::put().to(update))
        .route("/tags/{id}", web::delete().to(remove));
    tags_of!(config, "/vms/{id}/tags");
    tags_of!(config, "/hosts/{id}/tags");
    tags_of!(config, "/templates/{id}/tags");
    tags_of!(config, "/users/{id}/tags");
    tags_of!(config, "/groups/{id}/tags");
}

const FIELDS: &str = "comment description group host href id link name parent template user vm";

/// Collections, what is in them, and what a tag's document calls it.
const CARRIERS: [(&str, ObjectKind, &str); 5] = [
    ("vms", ObjectKind::Vm, "vm"),
    ("hosts", ObjectKind::Host, "host"),
    ("templates", ObjectKind::Template, "template"),
    ("users", ObjectKind::User, "user"),
    ("groups", ObjectKind::Group, "group"),
];

/// The object whose tags a path speaks of.
struct Carrier {
    what: Tagged,
    collection: &'static str,
    name: &'static str,
}

impl Carrier {
    fn of(request: &HttpRequest) -> Result<Self, EngineError> {
        let text = request.match_info().get("id").unwrap_or_default();
        let before = request.path().split('/').take_while(|part| *part != text).last().unwrap_or_default();
        let none = || EngineError::NotFound { kind: "collection", id: before.chars().take(64).collect() };
        let (collection, kind, name) = CARRIERS.into_iter().find(|(known, ..)| *known == before).ok_or_else(none)?;
        let what = Tagged::of(kind, id::<ObjectId>("object", text)?).ok_or_else(none)?;
        Ok(Self { what, collection, name })
    }

    fn document(&self, tag: &Tag) -> Element {
        let object = self.what.object();
        let href = format!("{BASE}/{}/{object}/tags/{}", self.collection, tag.id);
        written(Element::new("tag").attribute("href", href).attribute("id", tag.id), tag).child(reference(
            self.name,
            self.collection,
            object,
        ))
    }

    async fn one(&self, cx: &Cx, tag: &str) -> Result<Tag, EngineError> {
        let tag: TagId = id("tag", tag)?;
        let none = || EngineError::NotFound { kind: "tag", id: tag.to_string() };
        tags::of(cx, self.what).await?.into_iter().find(|one| one.id == tag).ok_or_else(none)
    }
}

fn written(element: Element, tag: &Tag) -> Element {
    let element = element.text("name", tag.name.as_str()).text("description", tag.description.as_str());
    match tag.parent {
        Some(parent) => element.child(reference("parent", "tags", parent)),
        None => element,
    }
}

fn document(tag: &Tag) -> Element {
    written(object("tag", "tags", tag.id, &[]), tag)
}

/// The first `max`, where that is said.
fn first(request: &HttpRequest, elements: Vec<Element>) -> Result<Element, EngineError> {
    let max = list_query(request)?.max as usize;
    Ok(collection("tags", "tag", elements.into_iter().take(max).collect()))
}

/// A tag that is named by its id or by its name; `parent/tag/id` is what version 3 said.
async fn named(cx: &Cx, input: &Input, at: &[&str], field: &'static str) -> Result<Option<TagId>, EngineError> {
    for path in at {
        if let Some(known) = input.parsed(&format!("{path}id"), field)? {
            return Ok(Some(known));
        }
        if let Some(name) = input.text_at(&format!("{path}name")) {
            return Ok(Some(tags::named(cx, name).await?));
        }
    }
    Ok(None)
}

async fn read(cx: &Cx, input: &Input, old: Tag) -> Result<Tag, EngineError> {
    input.only("tag", FIELDS)?;
    let text = |path: &str, old: String| input.text_at(path).map_or(old, ToOwned::to_owned);
    Ok(Tag {
        id: old.id,
        parent: named(cx, input, &["parent/", "parent/tag/"], "parent").await?.or(old.parent),
        name: text("name", old.name),
        description: text("description", old.description),
    })
}

async fn list(request: HttpRequest) -> HttpResponse {
    let result = async {
        let all = tags::list(&caller(&request).await?).await?;
        first(&request, all.iter().map(|(_, tag)| document(tag)).collect())
    };
    ok(&request, result.await)
}

async fn get(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async { Ok(document(&tags::get(&caller(&request).await?, id("tag", &path)?).await?)) };
    ok(&request, result.await)
}

async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let fresh = Tag { id: ROOT_TAG, parent: Some(ROOT_TAG), name: String::new(), description: String::new() };
        let new = read(&cx, &body(&request, &bytes)?, fresh).await?;
        let made = tags::add(&cx, new).await?;
        Ok(document(&tags::get(&cx, made).await?))
    };
    created(&request, result.await)
}

async fn update(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let before = tags::get(&cx, id("tag", &path)?).await?;
        let tag = before.id;
        let after = read(&cx, &body(&request, &bytes)?, before).await?;
        tags::edit(&cx, tag, |_| after).await?;
        Ok(document(&tags::get(&cx, tag).await?))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        tags::remove(&caller(&request).await?, id("tag", &path)?).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

async fn assigned(request: HttpRequest) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let carrier = Carrier::of(&request)?;
        let all = tags::of(&cx, carrier.what).await?;
        first(&request, all.iter().map(|tag| carrier.document(tag)).collect())
    };
    ok(&request, result.await)
}

async fn assigned_one(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let carrier = Carrier::of(&request)?;
        Ok(carrier.document(&carrier.one(&cx, &path.1).await?))
    };
    ok(&request, result.await)
}

async fn assign(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let carrier = Carrier::of(&request)?;
        let input = body(&request, &bytes)?;
        input.only("tag", FIELDS)?;
        let missing = || Invalid::new("tag", Problem::Missing);
        let tag = named(&cx, &input, &[""], "tag").await?.ok_or_else(missing)?;
        tags::assign(&cx, carrier.what, vec![tag], Vec::new()).await?;
        Ok(carrier.document(&tags::get(&cx, tag).await?))
    };
    created(&request, result.await)
}

async fn unassign(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let carrier = Carrier::of(&request)?;
        let tag = carrier.one(&cx, &path.1).await?;
        tags::assign(&cx, carrier.what, Vec::new(), vec![tag.id]).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}
