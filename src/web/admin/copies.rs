//! VMs and templates that are made from a VM or one of its snapshots.

use super::{admin, changing, details, id, quotas};
use crate::engine::permissions::may;
use crate::engine::templates::{self, TemplateOf, VersionOf};
use crate::engine::vms::copy::{self, Origin};
use crate::engine::{Cx, EngineError, catalog, snapshots, vms};
use crate::model::conflict::Conflict;
use crate::model::ids::{BLANK_TEMPLATE, SnapshotId, TemplateId, VmId};
use crate::model::role::Action;
use crate::model::snapshot::SnapshotView;
use crate::model::template::TemplateStatus;
use crate::model::vm::VmView;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Field, Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::words;
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
    /// Templates of which it may become a version.
    bases: Vec<(String, String)>,
    quotas: Vec<Choice>,
}

async fn wanted(cx: &Cx, vm: &str, values: &HashMap<String, String>) -> Result<Wanted, EngineError> {
    let vm = id::<VmId>("VM", vm)?;
    let snapshot = match values.get("snapshot").map_or("", String::as_str) {
        "" => None,
        text => Some(snapshots::get(cx, vm, id::<SnapshotId>("snapshot", text)?).await?),
    };
    let template = values.get("what").is_some_and(|what| what == "template");
    let view = vms::get(cx, vm).await?;
    let bases = if template { bases(cx, &view).await? } else { Vec::new() };
    let quotas = if template { quotas::choices(cx, None).await? } else { Vec::new() };
    Ok(Wanted { view, snapshot, template, bases, quotas })
}

/// The templates of the VM's data center that the actor may edit.
async fn bases(cx: &Cx, vm: &VmView) -> Result<Vec<(String, String)>, EngineError> {
    let all = catalog::templates(cx, &details::all()).await?.rows;
    let permits = may::on(cx, all.iter().map(|t| t.id.object()).collect()).await?;
    let fits = |t: &crate::model::template::TemplateView| {
        t.version.number == 1
            && t.id != BLANK_TEMPLATE
            && t.status == TemplateStatus::Ok
            && t.data_center_name == vm.row.data_center_name
            && permits.may(Action::EditTemplateProperties, t.id.object())
    };
    Ok(all.iter().filter(|t| fits(t)).map(|t| (t.id.to_string(), t.name.clone())).collect())
}

fn page(frame: &Frame, wanted: &Wanted, filled: &Filled, refused: Option<String>) -> HttpResponse {
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
        @if wanted.template && !wanted.bases.is_empty() {
            @let own = [(String::new(), l.t("template-of-its-own"))];
            @let choices = own.into_iter().chain(wanted.bases.iter().cloned()).collect::<Vec<_>>();
            (Field { hint: l.t("version-of-hint"), field: "version.base_template", ..field("version-of", "base") }.select(filled, &choices))
            (Field { hint: l.t("version-name-hint"), field: "version.version_name", ..field("version-name", "version_name") }.input(filled, "text"))
        }
        (field("name", "name").input(filled, "text"))
        @if wanted.template {
            (field("description", "description").input(filled, "text"))
            (quotas::field(l, filled, &wanted.quotas))
            (Field { hint: l.t("seal-hint"), ..field("seal", "seal") }.check(filled))
            (field("template-everyone", "everyone").check(filled))
        }
    };
    let row = &wanted.view.row;
    let others = filled.others(l, &["name", "description", "quota", "version.base_template", "version.version_name"]);
    let others: Vec<String> = others.into_iter().chain(refused).collect();
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
        Ok(page(&frame, &wanted, &Filled::default(), None))
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
            let version = match get("base").as_str() {
                "" => None,
                text => Some(VersionOf { base: id::<TemplateId>("template", text)?, name: get("version_name") }),
            };
            let everyone = values.contains_key("everyone");
            let seal = values.contains_key("seal");
            let quota = quotas::read(&values, "quota")?;
            let new = TemplateOf { origin, name, version, description, seal, quota, everyone };
            templates::create_of(&cx, new).await.map(|created| format!("/admin/templates/{}", created.id))
        } else {
            copy::clone(&cx, origin, get("name")).await.map(|created| format!("/admin/vms/{}", created.id))
        };
        match made {
            Ok(path) => Ok(to(&path)),
            Err(EngineError::Invalid(wrong)) => Ok(page(&frame, &wanted, &Filled { values, wrong }, None)),
            Err(
                why @ EngineError::Conflict(
                    Conflict::CannotSeal { .. } | Conflict::Quota(_) | Conflict::QuotaGivesNothing { .. },
                ),
            ) => {
                let refused = words::error(frame.l, &why);
                Ok(page(&frame, &wanted, &Filled { values, wrong: Vec::new() }, Some(refused)))
            }
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}
