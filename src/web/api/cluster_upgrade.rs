//! `clusters/{id}/upgrade`: its hosts are upgraded one after another, by the engine. (oVirt only marks such a cluster, and leaves the work to a
//! script.) `GET` tells how far it is.

use super::answer::{body, caller, id, ok};
use super::document::Element;
use super::{actions, render};
use crate::engine::cluster_upgrade::{self, Wanted};
use crate::model::host_upgrade::HostTurn;
use crate::model::ids::ClusterId;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `clusters`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/clusters/{id}/upgrade", web::get().to(get))
        .route("/clusters/{id}/upgrade", web::post().to(upgrade))
        .route("/clusters/{id}/upgrade/calloff", web::post().to(call_off));
}

fn turn(one: &HostTurn) -> Element {
    let element = Element::new("host_upgrade")
        .child(render::reference("host", "hosts", one.host))
        .text("name", one.name.as_str())
        .text("status", one.turn.as_str())
        .some_text("reason", &one.why);
    match one.job {
        Some(job) => element.child(render::reference("job", "jobs", job)),
        None => element,
    }
}

async fn get(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let view = cluster_upgrade::view(&caller(&request).await?, id::<ClusterId>("cluster", &path)?).await?;
        let course = view.course.unwrap_or_default();
        Ok(Element::new("cluster_upgrade")
            .bool("running", view.job.is_some())
            .bool("called_off", view.called_off)
            .list("host_upgrades", "host_upgrade", course.hosts.iter().map(turn).collect()))
    };
    ok(&request, result.await)
}

async fn upgrade(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, input) = (caller(&request).await?, body(&request, &bytes)?);
        let flag = |name: &'static str| input.bool_at(name, name).map(|set| set.unwrap_or(false));
        let wanted = Wanted { maintenance: flag("maintenance")?, reboot: flag("reboot")? };
        let job = cluster_upgrade::upgrade(&cx, id::<ClusterId>("cluster", &path)?, wanted).await?;
        Ok(actions::complete(Some(job)))
    };
    actions::answer(&request, result.await)
}

async fn call_off(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        cluster_upgrade::call_off(&caller(&request).await?, id::<ClusterId>("cluster", &path)?).await?;
        Ok(actions::complete(None))
    };
    actions::answer(&request, result.await)
}
