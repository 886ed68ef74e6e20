//! Tags are put on things, and taken off: on one from its page, on several VMs from their list.

use super::super::card::link;
use super::super::{admin, details, id};
use super::{below_root, tree};
use crate::engine::permissions::may;
use crate::engine::{Cx, EngineError, tags};
use crate::model::ids::{ObjectId, TagId, VmId};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::tag::{Tag, Tagged};
use crate::web::csrf;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};

/// `/admin/{things}/{id}/tags`, and `/admin/vms/tags` for several.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/vms/tags", web::post().to(several))
        .route("/admin/vms/{id}/tags", web::get().to(ask))
        .route("/admin/vms/{id}/tags", web::post().to(put))
        .route("/admin/hosts/{id}/tags", web::get().to(ask))
        .route("/admin/hosts/{id}/tags", web::post().to(put))
        .route("/admin/templates/{id}/tags", web::get().to(ask))
        .route("/admin/templates/{id}/tags", web::post().to(put))
        .route("/admin/users/{id}/tags", web::get().to(ask))
        .route("/admin/users/{id}/tags", web::post().to(put))
        .route("/admin/groups/{id}/tags", web::get().to(ask))
        .route("/admin/groups/{id}/tags", web::post().to(put));
}

/// What is in the portal's lists.
const NOUNS: [(&str, ObjectKind); 5] = [
    ("vms", ObjectKind::Vm),
    ("hosts", ObjectKind::Host),
    ("templates", ObjectKind::Template),
    ("users", ObjectKind::User),
    ("groups", ObjectKind::Group),
];

fn noun(what: Tagged) -> &'static str {
    NOUNS.iter().find(|(_, kind)| *kind == what.kind()).map_or("", |(noun, _)| noun)
}

/// The object of a path, and its page.
fn subject(http: &HttpRequest) -> Result<(Tagged, String), EngineError> {
    let text = http.match_info().get("id").unwrap_or_default();
    let none = || EngineError::NotFound { kind: "object", id: text.chars().take(64).collect() };
    let (noun, kind) =
        NOUNS.iter().find(|(noun, _)| http.path().starts_with(&format!("/admin/{noun}/"))).ok_or_else(none)?;
    let what = Tagged::of(*kind, id::<ObjectId>("object", text)?).ok_or_else(none)?;
    Ok((what, format!("/admin/{noun}/{}", what.object())))
}

/// A thing's tags, and what changes them, for its page.
///
/// # Errors
/// Hidden, or the database failed.
pub async fn fact(cx: &Cx, frame: &Frame, what: Tagged) -> Result<(String, Markup), EngineError> {
    let l = frame.l;
    let carried = tags::of(cx, what).await?;
    let may = may::on(cx, vec![what.object()]).await?.may(Action::TagManagement, what.object());
    let shown = html! {
        @for (i, tag) in carried.iter().enumerate() { @if i > 0 { ", " } (link("tags", tag.id, &tag.name)) }
        @if carried.is_empty() { "-" }
        @if may { " " (parts::link_button(&format!("/admin/{}/{}/tags", noun(what), what.object()), &l.t("assign-tags"), "pf-m-secondary")) }
    };
    Ok((l.t("tags"), shown))
}

/// The form: each tag with a box. What was ticked before is said, too, so that only what somebody changed is changed.
struct Dialog {
    title: String,
    action: String,
    back: String,
    what: Vec<Tagged>,
}

impl Dialog {
    async fn page(&self, cx: &Cx, frame: &Frame) -> Result<HttpResponse, EngineError> {
        let l = frame.l;
        let carried = tags::carried(cx, &self.what).await?;
        let all = below_root(cx).await?;
        let of = self.what.len();
        let line = |tag: &Tag| {
            let on = carried.get(&tag.id).copied().unwrap_or_default();
            let name = format!("tag-{}", tag.id);
            html! {
                label class="vireo-check" for=(name) {
                    input type="checkbox" id=(name) name="tag" value=(tag.id) checked[on == of];
                    span { (tag.name) @if on > 0 && on < of { " (" (l.ta("tag-on-some", &[("some", &on.to_string()), ("all", &of.to_string())])) ")" } }
                }
                @if on == of { input type="hidden" name="had" value=(tag.id); }
            }
        };
        let content = html! {
            (parts::heading(&self.title, &html! {}, &html! {}))
            @if all.is_empty() {
                p { (l.t("no-tags-yet")) }
                div class="vireo-actions" { (parts::link_button("/admin/tags/new", &l.t("new-tag"), "pf-m-primary")) (parts::link_button(&self.back, &l.t("cancel"), "pf-m-link")) }
            } @else {
                @if of > 1 { p { (l.t("assign-tags-text")) } }
                form class="pf-v6-c-form vireo-form" method="post" action=(self.action) {
                    (frame.csrf_field())
                    input type="hidden" name="confirmed" value="1";
                    input type="hidden" name="back" value=(self.back);
                    @if self.action == SEVERAL { @for one in &self.what { input type="hidden" name="pick" value=(one.object()); } }
                    (tree(&all, &line))
                    div class="vireo-actions" {
                        button class="pf-v6-c-button pf-m-primary" type="submit" { (l.t("save")) }
                        a class="pf-v6-c-button pf-m-link" href=(self.back) { (l.t("cancel")) }
                    }
                }
            }
        };
        Ok(frame.page(&self.title, "", &content))
    }
}

const SEVERAL: &str = "/admin/vms/tags";

/// What a form says; a name may be there several times.
struct Said(Vec<(String, String)>);

impl Said {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    fn ids<T: std::str::FromStr>(&self, kind: &'static str, name: &str) -> Result<Vec<T>, EngineError> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| id(kind, value)).collect()
    }

    /// Does what was changed in the dialog.
    async fn assign(&self, cx: &Cx, what: &[Tagged]) -> Result<(), EngineError> {
        let ticked: Vec<TagId> = self.ids("tag", "tag")?;
        let mut gone: Vec<TagId> = self.ids("tag", "had")?;
        let put: Vec<TagId> = ticked.iter().copied().filter(|tag| !gone.contains(tag)).collect();
        gone.retain(|tag| !ticked.contains(tag));
        for one in what {
            tags::assign(cx, *one, put.clone(), gone.clone()).await?;
        }
        Ok(())
    }
}

async fn entered(shared: &Shared, http: &HttpRequest, body: &[u8]) -> Result<(Cx, Frame, Said), EngineError> {
    let (cx, frame) = admin(shared, http).await?;
    csrf::check(http, &csrf::fields(body))?;
    Ok((cx, frame, Said(serde_urlencoded::from_bytes(body).unwrap_or_default())))
}

async fn ask(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let (what, back) = subject(&http)?;
        let name = tags::name(&cx, what).await?;
        let title = frame.l.ta("assign-tags-title", &[("name", &name)]);
        Dialog { title, action: format!("{back}/tags"), back, what: vec![what] }.page(&cx, &frame).await
    };
    details::answer(&http, result.await)
}

async fn put(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, _, said) = entered(&shared, &http, &body).await?;
        let (what, back) = subject(&http)?;
        said.assign(&cx, &[what]).await?;
        Ok(to(&back))
    };
    details::answer(&http, result.await)
}

async fn several(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, said) = entered(&shared, &http, &body).await?;
        let picked: Vec<VmId> = said.ids("VM", "pick")?;
        let what: Vec<Tagged> = picked.into_iter().map(Tagged::Vm).collect();
        let back =
            Some(said.get("back")).filter(|back| back.starts_with("/admin/vms")).unwrap_or("/admin/vms").to_owned();
        if what.is_empty() {
            return Ok(to(&back));
        }
        if said.get("confirmed") == "1" {
            said.assign(&cx, &what).await?;
            return Ok(to(&back));
        }
        let title = frame.l.ta("assign-tags-several", &[("count", &what.len().to_string())]);
        Dialog { title, action: SEVERAL.to_owned(), back, what }.page(&cx, &frame).await
    };
    details::answer(&http, result.await)
}
