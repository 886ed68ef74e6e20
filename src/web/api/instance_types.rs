//! `instancetypes`: made, changed, removed. (Lists and details are with the other collections.)

use super::answer::{body, caller, id, ok, wants};
use super::document::Element;
use super::input::Input;
use super::vm_body::{self, Wrong};
use super::{actions, fault, known, render, vm_settings};
use crate::engine::{Cx, EngineError, instance_types};
use crate::model::ids::InstanceTypeId;
use crate::model::instance_type::{SettingsChange, SizeChange, TypeSettings};
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `instancetypes`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/instancetypes", web::post().to(add))
        .route("/instancetypes/{id}", web::put().to(update))
        .route("/instancetypes/{id}", web::delete().to(remove));
}

fn read(input: &Input) -> Result<SizeChange, EngineError> {
    known::vm(input)?;
    let mib =
        |path, field| Ok::<_, EngineError>(input.parsed::<u64>(path, field)?.map(|bytes| bytes.div_ceil(1 << 20)));
    let settings = SettingsChange::Some(settings(input)?);
    Ok(SizeChange {
        settings,
        name: input.text_at("name").map(ToOwned::to_owned),
        description: input.text_at("description").map(ToOwned::to_owned),
        memory_mib: mib("memory", "memory")?,
        max_memory_mib: mib("memory_policy/max", "memory_policy.max")?,
        sockets: input.parsed("cpu/topology/sockets", "cpu.topology.sockets")?,
        cores: input.parsed("cpu/topology/cores", "cpu.topology.cores")?,
        threads: input.parsed("cpu/topology/threads", "cpu.topology.threads")?,
    })
}

/// The settings it names of those that a type has; the others are each VM's own.
fn settings(input: &Input) -> Result<TypeSettings, EngineError> {
    let mut wrong = Wrong::default();
    let said = vm_settings::read(&mut wrong, input);
    let boot = vm_body::boot(&mut wrong, input);
    wrong.end(TypeSettings {
        boot,
        monitors: said.monitors,
        usb_redirection: said.usb_redirection,
        soundcard: said.soundcard,
        serial_console: said.serial_console,
        migration: said.migration,
        high_availability: said.high_availability,
        priority: said.priority,
        watchdog: said.watchdog,
        ballooning: said.ballooning,
        io_threads: said.io_threads,
        virtio_scsi: said.virtio_scsi,
        rng: said.rng,
        rng_bytes: said.rng_bytes,
        rng_period_ms: said.rng_period_ms,
    })
}

async fn document(cx: &Cx, kind: InstanceTypeId) -> Result<Element, EngineError> {
    Ok(render::instance_type(&instance_types::get(cx, kind).await?.0))
}

async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let kind = instance_types::create(&cx, read(&body(&request, &bytes)?)?).await?;
        document(&cx, kind).await
    };
    match result.await {
        Ok(element) => wants(&request).write(HttpResponse::Created(), &element),
        Err(error) => fault::response(&request, &error),
    }
}

async fn update(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let kind = id::<InstanceTypeId>("instance type", &path)?;
        instance_types::update(&cx, kind, read(&body(&request, &bytes)?)?).await?;
        document(&cx, kind).await
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        instance_types::remove(&cx, id::<InstanceTypeId>("instance type", &path)?).await?;
        Ok(actions::complete(None))
    };
    ok(&request, result.await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let xml = "<instance_type><name>a</name><usb><enabled>true</enabled></usb><soundcard_enabled>false</soundcard_enabled>\
            <high_availability><enabled>true</enabled><priority>50</priority></high_availability><watchdogs/>\
            <memory_policy><ballooning>false</ballooning></memory_policy><placement_policy><affinity>pinned</affinity></placement_policy>\
            <os><boot><devices><device>network</device></devices></boot></os><rng_device><source>hwrng</source></rng_device></instance_type>";
        let said = settings(&Input::parse(xml.as_bytes(), false).unwrap()).unwrap();
        assert_eq!((said.usb_redirection, said.priority, said.ballooning), (Some(true), Some(50), Some(false)));
        let document = vm_settings::write_type(Element::new("instance_type"), &said).to_xml();
        let again = settings(&Input::parse(document.as_bytes(), false).unwrap()).unwrap();
        assert_eq!(TypeSettings { ballooning: Some(false), ..again }, said);
        let none = settings(&Input::parse(b"<instance_type><name>a</name></instance_type>", false).unwrap()).unwrap();
        assert_eq!(none, TypeSettings::default());
    }
}
