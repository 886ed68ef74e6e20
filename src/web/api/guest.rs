//! What a guest's agent tells, as oVirt's documents have it.

use super::answer::{caller, id, ok};
use super::document::{Element, collection};
use super::entry::BASE;
use super::render::reference;
use crate::engine::{EngineError, vms};
use crate::model::guest::Interface;
use crate::model::ids::VmId;
use crate::model::vm::VmView;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `vms/{id}`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/vms/{id}/reporteddevices", web::get().to(devices))
        .route("/vms/{id}/sessions", web::get().to(sessions));
}

/// The guest's system and time zone.
pub fn write(mut element: Element, view: &VmView) -> Element {
    let guest = &view.guest;
    if !view.guest_os.is_empty() {
        let mut system = Element::new("guest_operating_system").text("distribution", view.guest_os.as_str());
        if !guest.kernel.is_empty() {
            let version = Element::new("version").text("full_version", guest.kernel.as_str());
            system = system.child(Element::new("kernel").child(version));
        }
        if !guest.version.is_empty() {
            system = system.child(Element::new("version").text("full_version", guest.version.as_str()));
        }
        element = element.child(system);
    }
    let Some((name, seconds)) = &guest.time_zone else { return element };
    let (sign, minutes) = (if *seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
    let offset = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    element.child(Element::new("guest_time_zone").text("name", name.as_str()).text("utc_offset", offset))
}

/// An id that stays: a card's is made of its VM and its address.
fn device_id(vm: VmId, device: &Interface) -> uuid::Uuid {
    let mac =
        device.mac.split(':').fold(0u128, |all, part| all << 8 | u128::from_str_radix(part, 16).unwrap_or_default());
    uuid::Uuid::from_u128(vm.0.as_u128() ^ mac)
}

fn device(vm: VmId, one: &Interface) -> Element {
    let own = device_id(vm, one);
    let ip = |address: &String| {
        let version = if address.contains(':') { "v6" } else { "v4" };
        Element::new("ip").text("address", address.as_str()).text("version", version)
    };
    Element::new("reported_device")
        .attribute("href", format!("{BASE}/vms/{vm}/reporteddevices/{own}"))
        .attribute("id", own)
        .text("name", one.name.as_str())
        .text("description", "guest reported data")
        .text("type", "network")
        .list("ips", "ip", one.addresses.iter().map(ip).collect())
        .child(Element::new("mac").text("address", one.mac.as_str()))
        .child(reference("vm", "vms", vm))
}

async fn view(request: &HttpRequest, text: &str) -> Result<VmView, EngineError> {
    vms::get(&caller(request).await?, id::<VmId>("VM", text)?).await
}

async fn devices(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let found = view(&request, &path).await.map(|v| {
        let all = v.guest.interfaces.iter().map(|one| device(v.row.id, one)).collect();
        collection("reported_devices", "reported_device", all)
    });
    ok(&request, found)
}

async fn sessions(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let found = view(&request, &path).await.map(|v| {
        let vm = v.row.id;
        let one = |(number, user): (usize, &crate::model::guest::GuestUser)| {
            let domain = Element::new("domain").text("name", user.domain.as_str());
            let named = Element::new("user").text("user_name", user.name.as_str()).child(domain);
            Element::new("session")
                .attribute("id", uuid::Uuid::from_u128(vm.0.as_u128() ^ (number as u128 + 1)))
                .bool("console_user", false)
                .child(named)
                .child(reference("vm", "vms", vm))
        };
        collection("sessions", "session", v.guest.users.iter().enumerate().map(one).collect())
    });
    ok(&request, found)
}
