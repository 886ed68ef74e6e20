//! VMs and templates that are made from a VM or one of its snapshots.

use super::{admin, changing, details, id};
use crate::engine::templates::{self, TemplateOf};
use crate::engine::vms::copy::{self, Origin};
use crate::engine::{Cx, EngineError, snapshots, vms};
use crate::model::ids::{SnapshotId, VmId};
use crate::model::snapshot::SnapshotView;
use crate::model::vm::VmView;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;
use std::collections::HashMap;

/// `/admin/vms/{id}/copy`: a clone or, with `what=template`, a template; of the VM or, with `snapshot=ID`, of that.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/admin/vms/{id}/copy", web::get().to(ask)).route("/admin/vms/{id}/copy", web::post().to(make));
}

/// What is to be made of what.
struct Wanted {
    view: VmView,
    snapshot: Option<SnapshotView>,
    template: bool,
}

async fn wanted(cx: &Cx, vm: &str, values: &HashMap<String, String>) -> Result<Wanted, EngineError> {
    let vm = id::<VmId>("VM", vm)?;
    let snapshot = match values.get("snapshot").map_or("", String::as_str) {
        "" => None,
        text => Some(snapshots::get(cx, vm, id::<SnapshotId>("snapshot", text)?).await?),
    };
    let template = values.get("what").is_some_and(|what| what == "template");
    Ok(Wanted { view: vms::get(cx, vm).await?, snapshot, template })
}

fn page(frame: &Frame, wanted: &Wanted, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let field =
        |label: &str, name: &'static str| Field { l, label: l.t(label), name, field: name, hint: String::new() };
    let (title, about) =
        if wanted.template { ("make-template", "make-template-text") } else { ("clone-vm", "clone-vm-text") };
    let fields = html! {
        p { (l.t(about)) }
        @if let Some(s) = &wanted.snapshot {
            p { (l.ta("from-snapshot", &[("name", &s.description)])) " (" (parts::time(s.created)) ")" }
            input type="hidden" name="snapshot" value=(s.id);
        }
        @if wanted.template { input type="hidden" name="what" value="template"; }
        (field("name", "name").input(filled, "text"))
        @if wanted.template {
            (field("description", "description").input(filled, "text"))
            (field("template-everyone", "everyone").check(filled))
        }
    };
    let row = &wanted.view.row;
    let others = filled.others(l, &["name", "description"]);
    let content = html! {
        (parts::heading(&l.t(title), &html! { span class="vireo-name" { (row.name) } }, &html! {}))
        (form(frame, &format!("/admin/vms/{}/copy", row.id), &format!("/admin/vms/{}", row.id), &l.t(title), &others, &fields))
    };
    frame.page(&l.t(title), "", &content)
}

async fn ask(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    query: web::Query<HashMap<String, String>>,
) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let wanted = wanted(&cx, &path, &query).await?;
        Ok(page(&frame, &wanted, &Filled::default()))
    };
    details::answer(&http, result.await)
}

async fn make(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let wanted = wanted(&cx, &path, &values).await?;
        let origin = Origin { vm: wanted.view.row.id, snapshot: wanted.snapshot.as_ref().map(|s| s.id) };
        let get = |name: &str| values.get(name).cloned().unwrap_or_default();
        let made = if wanted.template {
            let (name, description) = (get("name"), get("description"));
            let new = TemplateOf { origin, name, description, everyone: values.contains_key("everyone") };
            templates::create_of(&cx, new).await.map(|created| format!("/admin/templates/{}", created.id))
        } else {
            copy::clone(&cx, origin, get("name")).await.map(|created| format!("/admin/vms/{}", created.id))
        };
        match made {
            Ok(path) => Ok(to(&path)),
            Err(EngineError::Invalid(wrong)) => Ok(page(&frame, &wanted, &Filled { values, wrong })),
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}
