//! `clusters/{id}/shutdown`, `start`, `calloff`: a whole cluster's power. (oVirt has nothing like it.)

use super::actions;
use super::answer::{caller, id};
use crate::engine::cluster_power;
use crate::model::ids::ClusterId;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `clusters`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/clusters/{id}/shutdown", web::post().to(shut_down))
        .route("/clusters/{id}/start", web::post().to(start))
        .route("/clusters/{id}/calloff", web::post().to(call_off));
}

async fn shut_down(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let job = cluster_power::shut_down(&caller(&request).await?, id::<ClusterId>("cluster", &path)?).await?;
        Ok(actions::complete(Some(job)))
    };
    actions::answer(&request, result.await)
}

async fn start(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let job = cluster_power::start(&caller(&request).await?, id::<ClusterId>("cluster", &path)?).await?;
        Ok(actions::complete(Some(job)))
    };
    actions::answer(&request, result.await)
}

async fn call_off(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        cluster_power::call_off(&caller(&request).await?, id::<ClusterId>("cluster", &path)?).await?;
        Ok(actions::complete(None))
    };
    actions::answer(&request, result.await)
}
