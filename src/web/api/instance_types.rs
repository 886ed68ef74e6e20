//! `instancetypes`: made, changed, removed. (Lists and details are with the other collections.)

use super::answer::{body, caller, id, ok, wants};
use super::document::Element;
use super::input::Input;
use super::{actions, fault, known, render};
use crate::engine::{Cx, EngineError, instance_types};
use crate::model::ids::InstanceTypeId;
use crate::model::instance_type::SizeChange;
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
    Ok(SizeChange {
        name: input.text_at("name").map(ToOwned::to_owned),
        description: input.text_at("description").map(ToOwned::to_owned),
        memory_mib: mib("memory", "memory")?,
        max_memory_mib: mib("memory_policy/max", "memory_policy.max")?,
        sockets: input.parsed("cpu/topology/sockets", "cpu.topology.sockets")?,
        cores: input.parsed("cpu/topology/cores", "cpu.topology.cores")?,
        threads: input.parsed("cpu/topology/threads", "cpu.topology.threads")?,
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
