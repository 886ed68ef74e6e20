//! Tags: the tree, and what carries each. (What puts them on things is in `assign`.)

mod assign;

pub use assign::fact;

use super::card::{link, links, text};
use super::confirm::{Question, done, saved};
use super::vm_form::{field, hinted};
use super::{admin, changing, details, id};
use crate::engine::permissions::may;
use crate::engine::{Cx, EngineError, catalog, tags, users, vms};
use crate::model::ids::{ROOT_TAG, SYSTEM, TagId};
use crate::model::page::ListQuery;
use crate::model::role::Action;
use crate::model::tag::{NoPlace, Tag, is_root};
use crate::model::valid::{Invalid, Problem};
use crate::web::server::Shared;
use crate::web::ui::form::{Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

const LIST: &str = "/admin/tags";
const SHOWN: &[&str] = &["name", "description", "parent"];
/// So many of a kind that carry a tag are named.
const NAMED: u32 = 20;

/// `/admin/tags/…` and `/admin/{things}/{id}/tags`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .configure(assign::routes)
        .route("/admin/tags", web::get().to(list))
        .route("/admin/tags/new", web::get().to(new_page))
        .route("/admin/tags/new", web::post().to(create))
        .route("/admin/tags/{id}", web::get().to(detail))
        .route("/admin/tags/{id}/edit", web::get().to(edit_page))
        .route("/admin/tags/{id}/edit", web::post().to(update))
        .route("/admin/tags/{id}/remove", web::get().to(confirm))
        .route("/admin/tags/{id}/remove", web::post().to(remove));
}

/// Tags as the tree is read, as a list in lists.
fn tree(tags: &[(usize, Tag)], line: &dyn Fn(&Tag) -> Markup) -> Markup {
    let depth = tags.first().map_or(0, |one| one.0);
    html! {
        @if !tags.is_empty() {
            ul class="pf-v6-c-list vireo-tree" {
                @for (tag, below) in tags.chunk_by(|_, next| next.0 > depth).filter_map(<[_]>::split_first) {
                    li { (line(&tag.1)) (tree(below, line)) }
                }
            }
        }
    }
}

/// All but the root.
async fn below_root(cx: &Cx) -> Result<Vec<(usize, Tag)>, EngineError> {
    Ok(tags::list(cx).await?.into_iter().filter(|(_, tag)| !is_root(tag.id)).collect())
}

async fn may_change(cx: &Cx) -> Result<bool, EngineError> {
    Ok(may::on(cx, vec![SYSTEM]).await?.may(Action::TagManagement, SYSTEM))
}

async fn list(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let all = below_root(&cx).await?;
        let new = html! { @if may_change(&cx).await? { a class="pf-v6-c-button pf-m-primary" href={ (LIST) "/new" } data-new="1" { (l.t("new-tag")) } } };
        let line = |tag: &Tag| html! { (link("tags", tag.id, &tag.name)) @if !tag.description.is_empty() { " " span class="vireo-hint" { (tag.description) } } };
        let example = all.first().map_or("tag=…".to_owned(), |(_, tag)| format!("tag={}", tag.name));
        let content = html! {
            (parts::heading(&l.t("tags"), &html! {}, &new))
            @if all.is_empty() { (parts::empty(&l.t("nothing-here"), &l.t("empty-tags"), &new)) }
            @else { p { (l.ta("tags-text", &[("example", &example)])) } (tree(&all, &line)) }
        };
        Ok(frame.page(&l.t("tags"), "", &content))
    };
    details::answer(&http, result.await)
}

/// Some of those of a kind that are found by a tag, leading to the rest.
fn found(frame: &Frame, noun: &str, title: &str, tag: &Tag, total: u64, names: Vec<(String, String)>) -> Markup {
    let l = frame.l;
    let query = serde_urlencoded::to_string([("search", format!("tag={}", tag.name))]).unwrap_or_default();
    html! {
        @if total > 0 {
            h3 class="pf-v6-c-title pf-m-md" { a href={ "/admin/" (noun) "?" (query) } { (l.t(title)) } " (" (total) ")" }
            (links(l, names.iter().map(|(id, name)| link(noun, id, name))))
            @if total > names.len() as u64 { p class="vireo-hint" { (l.ta("tag-more", &[("count", &total.to_string())])) } }
        }
    }
}

/// What carries a tag or one below it, as far as the actor sees it.
async fn carriers(cx: &Cx, frame: &Frame, tag: &Tag) -> Result<Markup, EngineError> {
    let query = ListQuery { search: format!("tag=\"{}\"", tag.name), max: NAMED, ..ListQuery::default() };
    let vms = vms::list(cx, &query).await?;
    let hosts = catalog::hosts(cx, &query).await?;
    let templates = catalog::templates(cx, &query).await?;
    let users = users::list(cx, &query).await?;
    let groups = users::group_list(cx, &query).await?;
    let none = vms.total + hosts.total + templates.total + users.total + groups.total == 0;
    Ok(html! {
        p class="vireo-hint" { (frame.l.t("tag-carried-text")) }
        @if none { p { (frame.l.t("none")) } }
        (found(frame, "vms", "vms", tag, vms.total, vms.rows.into_iter().map(|vm| (vm.id.to_string(), vm.name)).collect()))
        (found(frame, "hosts", "hosts", tag, hosts.total, hosts.rows.into_iter().map(|h| (h.id.to_string(), h.name)).collect()))
        (found(frame, "templates", "templates", tag, templates.total, templates.rows.into_iter().map(|t| (t.id.to_string(), t.name)).collect()))
        (found(frame, "users", "users", tag, users.total, users.rows.into_iter().map(|u| (u.id.to_string(), u.principal())).collect()))
        (found(frame, "groups", "groups", tag, groups.total, groups.rows.into_iter().map(|g| (g.id.to_string(), g.name)).collect()))
    })
}

async fn detail(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let tag = tags::get(&cx, id("tag", &path)?).await?;
        let above = match tag.parent {
            Some(parent) => tags::get(&cx, parent).await?.name,
            None => "-".to_owned(),
        };
        let base = format!("{LIST}/{}", tag.id);
        let (changes, root) = (may_change(&cx).await?, is_root(tag.id));
        let actions = html! {
            @if changes {
                (parts::link_button(&format!("{LIST}/new?below={}", tag.id), &l.t("new-tag-below"), "pf-m-primary"))
                @if !root {
                    (parts::link_button(&format!("{base}/edit"), &l.t("action-edit"), "pf-m-secondary"))
                    (parts::link_button(&format!("{base}/remove"), &l.t("remove"), "pf-m-danger"))
                }
            }
        };
        let below = below(&tags::list(&cx).await?, tag.id);
        let facts = [
            (l.t("description"), text(&tag.description)),
            (l.t("tag-parent"), tag.parent.map_or_else(|| text("-"), |parent| link("tags", parent, &above))),
            ("ID".to_owned(), text(tag.id)),
        ];
        let content = html! {
            (parts::heading(&tag.name, &html! {}, &actions))
            div class="vireo-grid" {
                (parts::card(&l.t("general"), &html! { (parts::facts(&facts)) (tree(&below, &|tag| link("tags", tag.id, &tag.name))) }))
                (parts::card(&l.t("tag-carried-by"), &carriers(&cx, &frame, &tag).await?))
            }
        };
        Ok(frame.page(&tag.name, "vm host template user group", &content))
    };
    details::answer(&http, result.await)
}

/// Those below a tag, as the tree is read.
fn below(all: &[(usize, Tag)], id: TagId) -> Vec<(usize, Tag)> {
    let mut rest = all.iter().skip_while(|(_, tag)| tag.id != id);
    let Some((depth, _)) = rest.next() else { return Vec::new() };
    rest.take_while(|(deeper, _)| deeper > depth).cloned().collect()
}

async fn page(cx: &Cx, frame: &Frame, existing: Option<&Tag>, filled: &Filled) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let all = tags::list(cx).await?;
    let own = existing.map(|tag| below(&all, tag.id)).unwrap_or_default();
    let places = all.iter().filter(|(_, tag)| {
        existing.is_none_or(|old| old.id != tag.id) && !own.iter().any(|(_, lower)| lower.id == tag.id)
    });
    let places: Vec<(String, String)> =
        places.map(|(depth, tag)| (tag.id.to_string(), format!("{}{}", "\u{2003}".repeat(*depth), tag.name))).collect();
    let fields = html! {
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "description", "description", "description").input(filled, "text"))
        (hinted(l, "tag-parent", "parent", "parent", l.t("tag-parent-hint")).select(filled, &places))
    };
    let (title, action, back, submit) = match existing {
        Some(tag) => {
            let base = format!("{LIST}/{}", tag.id);
            (l.ta("edit-tag", &[("name", &tag.name)]), format!("{base}/edit"), base, l.t("save"))
        }
        None => (l.t("new-tag"), format!("{LIST}/new"), LIST.to_owned(), l.t("create")),
    };
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &action, &back, &submit, &filled.others(l, SHOWN), &fields))
    };
    Ok(frame.page(&title, "", &content))
}

/// The tag as the form says it.
fn read(values: &HashMap<String, String>, old: Tag) -> Result<Tag, Invalid> {
    let get = |name: &str| values.get(name).cloned().unwrap_or_default();
    let none = |_| Invalid::new("parent", Problem::TagPlace(NoPlace::NoParent));
    let parent = get("parent").parse().map_err(none)?;
    Ok(Tag { name: get("name"), description: get("description"), parent: Some(parent), ..old })
}

/// Where a new tag is to lie.
#[derive(serde::Deserialize)]
struct Below {
    below: Option<String>,
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest, query: web::Query<Below>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let parent = query.into_inner().below.unwrap_or_else(|| ROOT_TAG.to_string());
        let values = HashMap::from([("parent".to_owned(), parent)]);
        page(&cx, &frame, None, &Filled { values, wrong: Vec::new() }).await
    };
    details::answer(&http, result.await)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let fresh = Tag { id: ROOT_TAG, parent: None, name: String::new(), description: String::new() };
        let done = async { tags::add(&cx, read(&values, fresh)?).await.map(|made| format!("{LIST}/{made}")) };
        saved(done.await, values, async |filled| page(&cx, &frame, None, &filled).await).await
    };
    details::answer(&http, result.await)
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let tag = tags::get(&cx, id("tag", &path)?).await?;
        let parent = tag.parent.map(|id| id.to_string()).unwrap_or_default();
        let known = [("name", &tag.name), ("description", &tag.description), ("parent", &parent)];
        let values = known.map(|(name, value)| (name.to_owned(), value.clone())).into();
        page(&cx, &frame, Some(&tag), &Filled { values, wrong: Vec::new() }).await
    };
    details::answer(&http, result.await)
}

async fn update(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let tag = tags::get(&cx, id("tag", &path)?).await?;
        let done = async {
            let new = read(&values, tag.clone())?;
            tags::edit(&cx, tag.id, |_| new).await.map(|()| format!("{LIST}/{}", tag.id))
        };
        saved(done.await, values, async |filled| page(&cx, &frame, Some(&tag), &filled).await).await
    };
    details::answer(&http, result.await)
}

async fn confirm(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let tag = tags::get(&cx, id("tag", &path)?).await?;
        let mut gone = vec![(0, tag.clone())];
        gone.extend(below(&tags::list(&cx).await?, tag.id));
        let text = html! {
            p { (l.t("confirm-remove-tag-text")) }
            (tree(&gone, &|tag| text(&tag.name)))
            (parts::card(&l.t("tag-carried-by"), &carriers(&cx, &frame, &tag).await?))
        };
        let base = format!("{LIST}/{}", tag.id);
        let button = (!is_root(tag.id)).then(|| (format!("{base}/remove"), l.t("remove"), "pf-m-danger"));
        let title = l.ta("confirm-remove-tag", &[("name", &tag.name)]);
        Ok(Question { title, text, button, back: base, topics: "" }.page(&frame))
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
        tags::remove(&cx, id("tag", &path)?).await?;
        Ok(LIST.to_owned())
    })
    .await
}
