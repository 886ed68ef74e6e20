//! The page that runs a VM in another way this one time.

use super::first_run as told;
use super::vm_form::{self, boot_name};
use super::{admin, changing, details, id};
use crate::engine::first_run::{self, Asked, Of};
use crate::engine::{Cx, EngineError, catalog, disks, vms};
use crate::model::disk::DiskContent;
use crate::model::ids::VmId;
use crate::model::run_once::{Drive, Kernel, RunOnce};
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::{BootDevice, Display, VmAction, VmView};
use crate::web::locale::Locale;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form, section};
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use std::collections::HashMap;

/// `/admin/vms/{id}/run_once`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/admin/vms/{id}/run_once", web::get().to(ask)).route("/admin/vms/{id}/run_once", web::post().to(run));
}

/// What can be chosen.
struct Choices {
    view: VmView,
    cds: Vec<(String, String)>,
    hosts: Vec<(String, String)>,
    /// Kernels and RAM disks.
    images: Vec<(String, String)>,
    machines: Vec<(String, String)>,
    cpus: Vec<(String, String)>,
    /// What the guest is told usually; none: the actor may not say anything else.
    asked: Option<Asked>,
}

const NO_CD: &str = "none";
/// Engine names of the fields that have a place of their own.
const SHOWN: [&str; 10] = [
    "cdrom",
    "os.boot",
    "bios.boot_menu.enabled",
    "os.kernel",
    "os.initrd",
    "os.cmdline",
    "custom_emulated_machine",
    "custom_cpu_model",
    "placement_policy.hosts",
    "display.type",
];

async fn choices(cx: &Cx, l: Locale, vm: VmId) -> Result<Choices, EngineError> {
    let view = vms::get(cx, vm).await?;
    let usual = (String::new(), l.t("as-usual"));
    let mut cds = vec![usual.clone(), (NO_CD.to_owned(), l.t("run-once-no-cd"))];
    let isos = disks::list(cx, &details::all()).await?.rows.into_iter().filter(|d| d.content == DiskContent::Iso);
    let isos: Vec<_> = isos.map(|d| (d.id.to_string(), d.alias)).collect();
    let images = std::iter::once((String::new(), l.t("none"))).chain(isos.clone()).collect();
    cds.extend(isos);
    let own: Vec<_> =
        catalog::hosts(cx, &details::all()).await?.rows.into_iter().filter(|h| h.cluster == view.row.cluster).collect();
    let named =
        |names: Vec<String>| std::iter::once(usual.clone()).chain(names.into_iter().map(|n| (n.clone(), n))).collect();
    let (machines, cpus) = (named(vm_form::machines(&own)), named(vm_form::cpus(&own)));
    let hosts = std::iter::once(usual.clone()).chain(own.into_iter().map(|h| (h.id.to_string(), h.name))).collect();
    let asked = match first_run::get(cx, Of::Vm(vm)).await {
        Ok(asked) => Some(asked),
        Err(EngineError::Auth(_)) => None,
        Err(e) => return Err(e),
    };
    Ok(Choices { view, cds, hosts, images, machines, cpus, asked })
}

fn fields(l: Locale, choices: &Choices, filled: &Filled) -> Markup {
    let field = |label: &str, name: &'static str, of: &'static str| Field {
        l,
        label: l.t(label),
        name,
        field: of,
        hint: String::new(),
    };
    let usual = (String::new(), l.t("as-usual"));
    let devices = BootDevice::ALL.iter().map(|d| (d.to_string(), boot_name(l, *d)));
    let devices: Vec<_> = std::iter::once(usual.clone()).chain(devices).collect();
    let displays = Display::ALL.iter().map(|d| (d.to_string(), vm_form::display_name(*d)));
    let displays: Vec<_> = std::iter::once(usual).chain(displays).collect();
    let menu = [(String::new(), "as-usual"), ("true".to_owned(), "on"), ("false".to_owned(), "off")];
    let menu: Vec<_> = menu.into_iter().map(|(value, word)| (value, l.t(word))).collect();
    html! {
        (field("cd", "cd", "cdrom").select(filled, &choices.cds))
        (field("first-device", "boot", "os.boot").select(filled, &devices))
        (field("boot-menu", "boot_menu", "bios.boot_menu.enabled").select(filled, &menu))
        (Field { hint: l.t("run-once-kernel-hint"), ..field("run-once-kernel", "kernel", "os.kernel") }.select(filled, &choices.images))
        (field("run-once-initrd", "initrd", "os.initrd").select(filled, &choices.images))
        (field("run-once-parameters", "parameters", "os.cmdline").input(filled, "text"))
        (field("emulated-machine", "machine", "custom_emulated_machine").select(filled, &choices.machines))
        (field("cpu-type", "cpu_type", "custom_cpu_model").select(filled, &choices.cpus))
        (field("host", "host", "placement_policy.hosts").select(filled, &choices.hosts))
        (field("display", "display", "display.type").select(filled, &displays))
        (Field { hint: l.t("run-once-paused-hint"), ..field("run-once-paused", "paused", "") }.check(filled))
        (Field { hint: l.t("run-once-stateless-hint"), ..field("run-once-stateless", "stateless", "") }.check(filled))
        (Field { hint: l.t("run-once-tell-hint"), ..field("run-once-tell", "tell", "") }.check(filled))
        @if let Some(asked) = &choices.asked { (initial_run(l, asked, filled)) }
    }
}

/// Other values of the initial run.
fn initial_run(l: Locale, asked: &Asked, filled: &Filled) -> Markup {
    let otherwise =
        Field { l, label: l.t("run-once-told"), name: "enabled", field: "", hint: l.t("run-once-told-hint") };
    section(
        "initial-run",
        &l.t("first-run"),
        &html! {
            (otherwise.check(filled))
            (told::told_fields(l, asked, filled))
        },
    )
}

fn page(frame: &Frame, choices: &Choices, filled: &Filled, refused: Option<String>) -> HttpResponse {
    let l = frame.l;
    let (title, row) = (l.t("run-once"), &choices.view.row);
    let shown: Vec<&str> = SHOWN.iter().copied().chain(told::FIELDS.iter().map(|f| f.1)).collect();
    let mut others = filled.others(l, &shown);
    others.extend(refused);
    let here = format!("/admin/vms/{}", row.id);
    let content = html! {
        (parts::heading(&title, &html! { span class="vireo-name" { (row.name) } }, &html! {}))
        p { (l.t("run-once-text")) }
        (form(frame, &format!("{here}/run_once"), &here, &l.t("run-once"), &others, &fields(l, choices, filled)))
    };
    frame.page(&title, "", &content)
}

async fn ask(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let choices = choices(&cx, frame.l, id::<VmId>("VM", &path)?).await?;
        let why = choices.view.cannot.iter().find(|c| c.0 == VmAction::Run).map(|c| words::refusal(frame.l, &c.1));
        // As it is told usually, to be changed where it is to be told otherwise.
        let mut values = choices.asked.as_ref().map(told::filled).unwrap_or_default();
        values.remove("enabled");
        Ok(page(&frame, &choices, &Filled { values, wrong: Vec::new() }, why))
    };
    details::answer(&http, result.await)
}

/// A choice: nothing is as usual.
fn chosen<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<Option<T>, EngineError> {
    if text.is_empty() {
        return Ok(None);
    }
    let none = |_| Invalid::new(field, Problem::NoSuch { value: text.chars().take(64).collect() });
    Ok(Some(text.parse().map_err(none)?))
}

fn once(values: &HashMap<String, String>, view: &VmView) -> Result<RunOnce, EngineError> {
    let get = |name: &str| values.get(name).map_or("", String::as_str);
    let cd = match get("cd") {
        NO_CD => Drive::Empty,
        text => chosen(text, "cdrom")?.map_or(Drive::AsUsual, Drive::Holds),
    };
    // The chosen one first, then the others in their order.
    let boot = chosen::<BootDevice>(get("boot"), "os.boot")?.map(|first| {
        let rest = view.hardware.boot.iter().copied().filter(move |device| *device != first);
        std::iter::once(first).chain(rest).collect()
    });
    Ok(RunOnce {
        cd,
        boot,
        kernel: kernel(values)?,
        boot_menu: chosen(get("boot_menu"), "bios.boot_menu.enabled")?,
        machine: chosen(get("machine"), "custom_emulated_machine")?,
        cpu_type: chosen(get("cpu_type"), "custom_cpu_model")?,
        display: chosen(get("display"), "display.type")?,
        host: chosen(get("host"), "placement_policy.hosts")?,
        paused: values.contains_key("paused"),
        stateless: values.contains_key("stateless"),
        tell: values.contains_key("tell"),
        ..RunOnce::default()
    })
}

fn kernel(values: &HashMap<String, String>) -> Result<Option<Kernel>, EngineError> {
    let get = |name: &str| values.get(name).map_or("", |text| text.trim());
    let (initrd, parameters) = (chosen(get("initrd"), "os.initrd")?, get("parameters").to_owned());
    match chosen(get("kernel"), "os.kernel")? {
        Some(image) => Ok(Some(Kernel { image, initrd, parameters })),
        None if initrd.is_some() => Err(Invalid::new("os.initrd", Problem::NeedsKernel).into()),
        None if !parameters.is_empty() => Err(Invalid::new("os.cmdline", Problem::NeedsKernel).into()),
        None => Ok(None),
    }
}

async fn run(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let vm = id::<VmId>("VM", &path)?;
        let choices = choices(&cx, frame.l, vm).await?;
        let done = match once(&values, &choices.view) {
            Ok(once) => vms::run_once(&cx, vm, once, told::wanted(&values)).await,
            Err(e) => Err(e),
        };
        match done {
            Ok(_) => Ok(to(&format!("/admin/vms/{vm}"))),
            Err(EngineError::Invalid(wrong)) => Ok(page(&frame, &choices, &Filled { values, wrong }, None)),
            Err(why @ EngineError::Refused { .. }) => {
                let why = words::error(frame.l, &why);
                Ok(page(&frame, &choices, &Filled { values, wrong: Vec::new() }, Some(why)))
            }
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}
