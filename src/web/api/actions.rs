//! Actions: start, stop, … and taking a VM of a pool.

use super::answer::{body, caller, id, wants};
use super::document::Element;
use super::fault;
use super::input::Input;
use super::render;
use crate::engine::{Cx, EngineError, pools, vms};
use crate::model::console::{ConsoleOf, Entry, Manner};
use crate::model::ids::{JobId, PoolId, VmId};
use crate::model::migration::MigrationPolicyName;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::Protocol;
use crate::web::server::Shared;
use crate::web::{request, viewer_file};
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths of actions.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/vms/{id}/{action}", web::post().to(on_vm))
        .route("/vms/{id}/graphicsconsoles/{console}/{action}", web::post().to(on_console))
        .route("/vmpools/{id}/allocatevm", web::post().to(allocate));
}

/// `<action><status>complete</status>…`
pub fn complete(job: Option<JobId>) -> Element {
    let action = Element::new("action").text("status", "complete");
    match job {
        Some(job) => action.child(render::reference("job", "jobs", job)),
        None => action,
    }
}

/// An action's answer; a refusal is a fault inside the action.
pub(super) fn answer(request: &HttpRequest, result: Result<Element, EngineError>) -> HttpResponse {
    match result {
        Ok(action) => wants(request).write(HttpResponse::Ok(), &action),
        Err(error) => {
            let action = Element::new("action").child(fault::element(&error)).text("status", "failed");
            let code = fault::status(&error);
            if code.as_u16() == 401 {
                return fault::response(request, &error);
            }
            wants(request).write(HttpResponse::build(code), &action)
        }
    }
}

async fn on_vm(request: HttpRequest, path: web::Path<(String, String)>, bytes: web::Bytes) -> HttpResponse {
    let (vm, action) = path.into_inner();
    let result = async {
        let cx = caller(&request).await?;
        let vm = id::<VmId>("VM", &vm)?;
        let input = body(&request, &bytes)?;
        if let Some(job) = super::snapshots::action(&cx, vm, &action, &input).await? {
            return Ok(complete(Some(job)));
        }
        if action == "clone" {
            let created = super::copies::clone(&cx, vm, &input).await?;
            return Ok(complete(Some(created.job)).child(render::reference("vm", "vms", created.id)));
        }
        if action == "start"
            && let Some((once, said)) = super::run_once::wanted(&cx, &input).await?
        {
            return Ok(complete(Some(vms::run_once(&cx, vm, once, said).await?)));
        }
        if action == "migrate" {
            let wanted = vms::migrate::Wanted {
                to: input.parsed("host/id", "host")?,
                policy: policy(&input)?,
                bandwidth_mib: input.parsed("bandwidth", "bandwidth")?,
            };
            return Ok(complete(Some(vms::migrate::migrate(&cx, vm, wanted).await?)));
        }
        run(&cx, vm, &action).await
    };
    answer(&request, result.await)
}

/// By oVirt's id of it.
fn policy(input: &Input) -> Result<Option<MigrationPolicyName>, EngineError> {
    let Some(wanted) = input.text_at("policy/id") else { return Ok(None) };
    let found = MigrationPolicyName::ALL.iter().find(|policy| policy.id() == wanted);
    let value = wanted.chars().take(64).collect();
    found.copied().map(Some).ok_or_else(|| Invalid::new("policy", Problem::NoSuch { value }).into())
}

async fn run(cx: &Cx, vm: VmId, action: &str) -> Result<Element, EngineError> {
    let job = match action {
        "start" => vms::start(cx, vm).await?,
        "stop" => vms::stop(cx, vm).await?,
        "shutdown" => vms::shutdown(cx, vm).await?,
        "reboot" => vms::reboot(cx, vm).await?,
        "suspend" => vms::suspend(cx, vm).await?,
        "cancelmigration" => {
            vms::migrate::cancel(cx, vm).await?;
            return Ok(complete(None));
        }
        "detach" => pools::detach(cx, vm).await?,
        "ticket" => return ticket(cx, vm, None).await,
        _ => return Err(EngineError::NotFound { kind: "action", id: action.chars().take(64).collect() }),
    };
    Ok(complete(Some(job)))
}

/// A one-time ticket for this engine's own console socket.
async fn ticket(cx: &Cx, vm: VmId, wanted: Option<Protocol>) -> Result<Element, EngineError> {
    // Who asks by a program cannot be asked back: he comes to who is there, where that can be.
    let issued = vms::console::ticket(cx, vm, ConsoleOf::Screen, wanted, Manner::Together, Entry::Own).await?;
    let ticket = Element::new("ticket").text("value", issued.first).int("expiry", crate::auth::ticket::VALID_SECONDS);
    Ok(complete(None).child(ticket))
}

/// The file for remote-viewer.
async fn viewer_file(cx: &Cx, request: &HttpRequest, vm: VmId, wanted: Protocol) -> Result<Element, EngineError> {
    let access = vms::console::viewer(cx, vm, Some(wanted)).await?;
    let ca = request.app_data::<web::Data<Shared>>().map(|shared| shared.ca.clone()).unwrap_or_default();
    let file = viewer_file::text(&access, &request::asked_host(request), &ca);
    Ok(complete(None).text("remote_viewer_connection_file", file))
}

async fn on_console(request: HttpRequest, path: web::Path<(String, String, String)>) -> HttpResponse {
    let (vm, console, action) = path.into_inner();
    let result = async {
        let cx = caller(&request).await?;
        let vm = id::<VmId>("VM", &vm)?;
        let view = vms::get(&cx, vm).await?;
        let wanted = super::vms::console_of(view.row.display, &console)?;
        match action.as_str() {
            "ticket" | "proxyticket" => ticket(&cx, vm, Some(wanted)).await,
            "remoteviewerconnectionfile" => viewer_file(&cx, &request, vm, wanted).await,
            _ => Err(EngineError::NotFound { kind: "action", id: action.chars().take(64).collect() }),
        }
    };
    answer(&request, result.await)
}

async fn allocate(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let taken = pools::take(&cx, id::<PoolId>("pool", &path)?).await?;
        // oVirt answers when the VM is chosen and its start has begun; the job tells the rest.
        let view = vms::get(&cx, taken.id).await;
        let vm = match view {
            Ok(view) => render::vm(&view, false),
            // The administrator's view shows it in any case; a user's shows it as soon as the permission counts.
            Err(_) => render::reference("vm", "vms", taken.id),
        };
        Ok(complete(Some(taken.job)).child(vm))
    };
    answer(&request, result.await)
}
