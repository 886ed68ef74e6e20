//! `vms`: lists, details, making, changing, removing, and what hangs on a VM.

use super::answer::{body, caller, id, list_query, ok, parameters, wants};
use super::document::{Element, collection};
use super::entry::BASE;
use super::{copies, fault, first_run, icons, quotas, render, vm_body};
use crate::engine::first_run::{self as engine_first_run, Of};
use crate::engine::icons::Of as IconOf;
use crate::engine::{Cx, EngineError, vms};
use crate::model::ids::{DiskId, VmId};
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{Display, Protocol, VmRow, VmUpdate, VmView};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `vms`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/vms", web::get().to(list))
        .route("/vms", web::post().to(add))
        .route("/vms/{id}", web::get().to(get))
        .route("/vms/{id}", web::put().to(update))
        .route("/vms/{id}", web::delete().to(remove))
        .route("/vms/{id}/graphicsconsoles", web::get().to(consoles))
        .route("/vms/{id}/graphicsconsoles", web::post().to(add_console))
        .route("/vms/{id}/graphicsconsoles/{console}", web::get().to(console))
        .route("/vms/{id}/graphicsconsoles/{console}", web::delete().to(remove_console))
        .route("/vms/{id}/cdroms", web::get().to(cdroms))
        .route("/vms/{id}/cdroms/{cd}", web::put().to(change_cd));
}

async fn list(request: HttpRequest) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let page = vms::list(&cx, &list_query(&request)?).await?;
        let counted = |row: &VmRow| row.pool.map_or(row.id.object(), |pool| pool.object());
        let all = page.rows.iter().map(|row| (counted(row), render::vm_row(row))).collect();
        Ok(collection("vms", "vm", quotas::added(&cx, all).await?))
    };
    ok(&request, result.await)
}

async fn view(request: &HttpRequest, text: &str) -> Result<(Cx, VmView), EngineError> {
    let cx = caller(request).await?;
    let view = vms::get(&cx, id::<VmId>("VM", text)?).await?;
    Ok((cx, view))
}

/// A VM with what it counts on.
async fn document(cx: &Cx, view: &VmView, next_run: bool) -> Result<Element, EngineError> {
    let counted = view.row.pool.map_or(view.row.id.object(), |pool| pool.object());
    quotas::added_to(cx, counted, render::vm(view, next_run)).await
}

async fn get(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, view) = view(&request, &path).await?;
        let document = document(&cx, &view, wants_next_run(&request)).await?;
        Ok(match first_run::element(&cx, Of::Vm(view.row.id)).await {
            Some(told) => document.child(told),
            None => document,
        })
    };
    ok(&request, result.await)
}

/// oVirt's `next_run=true` (as a matrix or query parameter): the configuration of the next start.
fn wants_next_run(request: &HttpRequest) -> bool {
    parameters(request).get("next_run").is_some_and(|v| v != "false")
}

async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let clone = parameters(&request).get("clone").is_some_and(|v| v == "true");
        let input = body(&request, &bytes)?;
        let (told, icon) = (first_run::wanted(&input)?, icons::wanted(&input)?);
        let created = match copies::from_snapshot(&cx, &input).await? {
            Some(created) => created,
            None => {
                let new = vm_body::new_vm(&cx, &input, clone).await?;
                engine_first_run::check_new(&cx, new.os.as_deref(), new.template, told.as_ref()).await?;
                vms::create(&cx, new).await?
            }
        };
        first_run::keep(&cx, Of::Vm(created.id), told).await?;
        icons::keep(&cx, IconOf::Vm(created.id), icon).await?;
        let view = vms::get(&cx, created.id).await?;
        Ok::<_, EngineError>((document(&cx, &view, false).await?, view))
    };
    match result.await {
        Ok((made, view)) => {
            let mut builder = HttpResponse::Accepted();
            builder.insert_header((header::LOCATION, format!("{BASE}/vms/{}", view.row.id)));
            let creation = Element::new("creation_status").text("state", "in_progress");
            wants(&request).write(builder, &made.child(creation))
        }
        Err(error) => fault::response(&request, &error),
    }
}

async fn update(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let vm = id::<VmId>("VM", &path)?;
        let (input, next_run) = (body(&request, &bytes)?, wants_next_run(&request));
        let icon = icons::wanted(&input)?;
        let (told, mut update) = (first_run::wanted(&input)?, vm_body::vm_update(&input)?);
        if told.is_some() || update.display.is_some() {
            let now = vms::get(&cx, vm).await?;
            let system = update.os.as_deref().unwrap_or(&now.os);
            engine_first_run::check_new(&cx, Some(system), None, told.as_ref()).await?;
            // A document has room for one of the two: who sends it back takes none away.
            update.display = update.display.filter(|wanted| *wanted != now.hardware.display.main().into());
        }
        vms::update(&cx, vm, VmUpdate { next_run, ..update }).await?;
        first_run::keep(&cx, Of::Vm(vm), told).await?;
        icons::keep(&cx, IconOf::Vm(vm), icon).await?;
        document(&cx, &vms::get(&cx, vm).await?, next_run).await
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let keep = parameters(&request).get("detach_only").is_some_and(|v| v != "false");
        let job = vms::remove(&cx, id::<VmId>("VM", &path)?, keep).await?;
        Ok(super::actions::complete(Some(job)))
    };
    ok(&request, result.await)
}

/// oVirt's id of a graphics console: its name's bytes in hexadecimal.
const fn console_id(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Vnc => "564e43",
        Protocol::Spice => "5350494345",
    }
}

/// The VM's graphics console of this id.
///
/// # Errors
/// It has none.
pub fn console_of(display: Display, wanted: &str) -> Result<Protocol, EngineError> {
    let none = || EngineError::NotFound { kind: "graphics console", id: wanted.chars().take(64).collect() };
    display.protocols().iter().copied().find(|protocol| console_id(*protocol) == wanted).ok_or_else(none)
}

fn console_element(vm: VmId, protocol: Protocol) -> Element {
    let own = console_id(protocol);
    Element::new("graphics_console")
        .attribute("href", format!("{BASE}/vms/{vm}/graphicsconsoles/{own}"))
        .attribute("id", own)
        .text("protocol", protocol.as_str())
        .child(render::reference("vm", "vms", vm))
}

async fn consoles(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = view(&request, &path).await.map(|(_, view)| {
        let own = view.hardware.display.protocols().iter().map(|protocol| console_element(view.row.id, *protocol));
        collection("graphics_consoles", "graphics_console", own.collect())
    });
    ok(&request, result)
}

async fn console(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let (vm, wanted) = path.into_inner();
    let result = async {
        let (_, view) = view(&request, &vm).await?;
        Ok(console_element(view.row.id, console_of(view.hardware.display, &wanted)?))
    };
    ok(&request, result.await)
}

/// A VM that is to have both.
async fn add_console(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, view) = view(&request, &path).await?;
        let wanted = body(&request, &bytes)?.parsed::<Protocol>("protocol", "protocol")?;
        let protocol = wanted.ok_or_else(|| Invalid::new("protocol", Problem::Missing))?;
        vms::add_display(&cx, view.row.id, protocol).await?;
        Ok(console_element(view.row.id, protocol))
    };
    match result.await {
        Ok(element) => wants(&request).write(HttpResponse::Created(), &element),
        Err(error) => fault::response(&request, &error),
    }
}

async fn remove_console(request: HttpRequest, path: web::Path<(String, String)>) -> HttpResponse {
    let (vm, wanted) = path.into_inner();
    let result = async {
        let (cx, view) = view(&request, &vm).await?;
        vms::remove_display(&cx, view.row.id, console_of(view.hardware.display, &wanted)?).await?;
        Ok(super::actions::complete(None))
    };
    ok(&request, result.await)
}

/// One drive per VM, with oVirt's fixed id.
const CD_ID: &str = "00000000-0000-0000-0000-000000000000";

fn cd_element(view: &VmView) -> Element {
    let vm = view.row.id;
    let element =
        Element::new("cdrom").attribute("href", format!("{BASE}/vms/{vm}/cdroms/{CD_ID}")).attribute("id", CD_ID);
    match view.cd {
        Some(disk) => element.child(Element::new("file").attribute("id", disk)),
        None => element,
    }
}

async fn cdroms(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = view(&request, &path).await;
    ok(&request, result.map(|(_, v)| collection("cdroms", "cdrom", vec![cd_element(&v)])))
}

async fn change_cd(request: HttpRequest, path: web::Path<(String, String)>, bytes: web::Bytes) -> HttpResponse {
    let (vm, _) = path.into_inner();
    let result = async {
        let cx = caller(&request).await?;
        let vm = id::<VmId>("VM", &vm)?;
        let disk = body(&request, &bytes)?.parsed::<DiskId>("file/id", "file.id")?;
        vms::change_cd(&cx, vm, disk).await?;
        Ok(cd_element(&vms::get(&cx, vm).await?))
    };
    ok(&request, result.await)
}
