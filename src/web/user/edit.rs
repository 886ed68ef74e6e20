//! Making and changing a VM of one's own: name, notes and size, for who may. All else of it is for administrators.

use crate::engine::permissions::may;
use crate::engine::{Cx, EngineError, catalog, vms};
use crate::model::ids::{ClusterId, TemplateId, VmId};
use crate::model::page::ListQuery;
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{NewVm, VmAction, VmUpdate, VmView};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Field, Filled, form};
use crate::web::ui::{Frame, Portal, parts};
use crate::web::vm_pages::{answer, changing, enter, id};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// Where one is made.
pub const NEW: &str = "/user/vms/new";

/// Where one is changed.
pub fn page_of(vm: VmId) -> String {
    format!("/user/vms/{vm}/edit")
}

/// Their pages.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/user/vms/new", web::get().to(new_page))
        .route("/user/vms/new", web::post().to(create))
        .route("/user/vms/{id}/edit", web::get().to(edit_page))
        .route("/user/vms/{id}/edit", web::post().to(save));
}

/// The form's fields with the engine's names of them.
const FIELDS: [(&str, &str, &str, &str); 6] = [
    ("name", "name", "name", "text"),
    ("description", "description", "description", "text"),
    ("memory-mib", "memory", "memory", "number"),
    ("sockets", "sockets", "cpu.topology.sockets", "number"),
    ("cores", "cores", "cpu.topology.cores", "number"),
    ("threads", "threads", "cpu.topology.threads", "number"),
];

fn fields(frame: &Frame, filled: &Filled, hint: &str) -> Markup {
    let l = frame.l;
    html! {
        @for (label, name, field, kind) in FIELDS {
            @let hint = if name == "memory" { hint.to_owned() } else { String::new() };
            (Field { l, label: l.t(label), name, field, hint }.input(filled, kind))
        }
    }
}

fn others(frame: &Frame, filled: &Filled, more: &[&str]) -> Vec<String> {
    let shown: Vec<&str> = FIELDS.iter().map(|f| f.2).chain(more.iter().copied()).collect();
    filled.others(frame.l, &shown)
}

/// A number; nothing typed: as it is.
fn number<T: std::str::FromStr>(
    values: &HashMap<String, String>,
    name: &str,
    field: &'static str,
    wrong: &mut Vec<Invalid>,
) -> Option<T> {
    let text = values.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())?;
    let number = text.parse().ok();
    if number.is_none() {
        wrong.push(Invalid::new(field, Problem::NotANumber { value: text.chars().take(64).collect() }));
    }
    number
}

fn text(values: &HashMap<String, String>, name: &str) -> String {
    values.get(name).cloned().unwrap_or_default()
}

fn edit_form(frame: &Frame, view: &VmView, filled: &Filled, refused: Option<String>) -> HttpResponse {
    let (l, row) = (frame.l, &view.row);
    let title = format!("{} – {}", l.t("edit"), row.name);
    let mut others = others(frame, filled, &[]);
    others.extend(refused);
    let hint = if row.status.is_running() { l.t("user-edit-running") } else { String::new() };
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &page_of(row.id), &format!("/user/vms/{}", row.id), &l.t("save"), &others, &fields(frame, filled, &hint)))
    };
    frame.page(&title, "", &content)
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(&shared, &http, Portal::User).await?;
        let view = vms::get(&cx, id::<VmId>("VM", &path)?).await?;
        let why = view.cannot.iter().find(|c| c.0 == VmAction::Edit).map(|c| words::refusal(frame.l, &c.1));
        let hw = &view.hardware;
        let values = [
            ("name", view.row.name.clone()),
            ("description", view.row.description.clone()),
            ("memory", hw.memory_mib.to_string()),
            ("sockets", hw.sockets.to_string()),
            ("cores", hw.cores.to_string()),
            ("threads", hw.threads.to_string()),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value)).into();
        Ok(edit_form(&frame, &view, &Filled { values, wrong: Vec::new() }, why))
    };
    answer(&http, result.await)
}

async fn save(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let vm = id::<VmId>("VM", &path)?;
        let mut wrong = Vec::new();
        let update = VmUpdate {
            name: Some(text(&values, "name")),
            description: Some(text(&values, "description")),
            memory_mib: number(&values, "memory", "memory", &mut wrong),
            sockets: number(&values, "sockets", "cpu.topology.sockets", &mut wrong),
            cores: number(&values, "cores", "cpu.topology.cores", &mut wrong),
            threads: number(&values, "threads", "cpu.topology.threads", &mut wrong),
            ..VmUpdate::default()
        };
        let done = if wrong.is_empty() {
            vms::update(&cx, vm, update).await.map(drop)
        } else {
            Err(EngineError::Invalid(wrong))
        };
        let (filled, why) = match done {
            Ok(()) => return Ok(to(&format!("/user/vms/{vm}"))),
            Err(why @ EngineError::Refused { .. }) => {
                (Filled { values, wrong: Vec::new() }, Some(words::error(frame.l, &why)))
            }
            Err(why) => (Filled::again(values, why)?, None),
        };
        let view = vms::get(&cx, vm).await?;
        Ok(edit_form(&frame, &view, &filled, why))
    };
    answer(&http, result.await)
}

/// What it can be made from, and where.
struct Choices {
    templates: Vec<Choice>,
    clusters: Vec<Choice>,
}

async fn choices(cx: &Cx) -> Result<Choices, EngineError> {
    let all = ListQuery { max: u32::MAX, ..ListQuery::default() };
    let clusters = catalog::clusters(cx, &all).await?.rows;
    let templates = catalog::templates(cx, &all).await?.rows;
    let objects = clusters.iter().map(|c| c.id.object()).chain(templates.iter().map(|t| t.id.object()));
    let permits = may::on(cx, objects.collect()).await?;
    let templates = templates.iter().filter(|t| permits.may(Action::CreateVm, t.id.object()));
    let clusters = clusters.iter().filter(|c| permits.may(Action::CreateVm, c.id.object()));
    Ok(Choices {
        templates: templates.map(|t| Choice::new(t.id, &t.name)).collect(),
        clusters: clusters.map(|c| Choice::new(c.id, &c.name)).collect(),
    })
}

fn new_form(frame: &Frame, choices: &Choices, filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let title = l.t("new-vm");
    let field =
        |name: &'static str, label: &str| Field { l, label: l.t(label), name, field: name, hint: String::new() };
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, NEW, "/user", &l.t("create"), &others(frame, filled, &["template", "cluster"]), &html! {
            (field("template", "based-on-template").choose(filled, &choices.templates))
            @if choices.clusters.len() > 1 { (field("cluster", "cluster").choose(filled, &choices.clusters)) }
            (fields(frame, filled, &l.t("user-new-size")))
        }))
    };
    frame.page(&title, "", &content)
}

async fn new_page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(&shared, &http, Portal::User).await?;
        may::make_vms(&cx).await?;
        Ok(new_form(&frame, &choices(&cx).await?, &Filled::default()))
    };
    answer(&http, result.await)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        may::make_vms(&cx).await?;
        let choices = choices(&cx).await?;
        let mut wrong = Vec::new();
        let new = wanted(&values, &choices, &mut wrong);
        let done = if wrong.is_empty() { vms::create(&cx, new).await } else { Err(EngineError::Invalid(wrong)) };
        match done {
            Ok(made) => Ok(to(&format!("/user/vms/{}", made.id))),
            Err(why) => Ok(new_form(&frame, &choices, &Filled::again(values, why)?)),
        }
    };
    answer(&http, result.await)
}

fn wanted(values: &HashMap<String, String>, choices: &Choices, wrong: &mut Vec<Invalid>) -> NewVm {
    let template = text(values, "template").parse::<TemplateId>();
    if template.is_err() {
        wrong.push(Invalid::new("template", Problem::Missing));
    }
    // Where there is one only, it is not asked for.
    let cluster = values.get("cluster").or(choices.clusters.first().map(|c| &c.value));
    NewVm {
        name: text(values, "name"),
        description: text(values, "description"),
        template: template.ok(),
        cluster: cluster.and_then(|text| text.parse::<ClusterId>().ok()),
        memory_mib: number(values, "memory", "memory", wrong),
        sockets: number(values, "sockets", "cpu.topology.sockets", wrong),
        cores: number(values, "cores", "cpu.topology.cores", wrong),
        threads: number(values, "threads", "cpu.topology.threads", wrong),
        ..NewVm::default()
    }
}
