//! What a machine that is to be a host asks without signing in: its secret is enough.

use super::api::fault;
use super::server::Shared;
use crate::engine::{EngineError, hosts};
use crate::model::join::JoinRequest;
use crate::model::valid::{Invalid, Problem};
use actix_web::{HttpRequest, HttpResponse, web};

/// `/hosts/join`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/hosts/join", web::post().to(join));
}

async fn join(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let unreadable = |e: serde_json::Error| {
        EngineError::from(Invalid::new("body", Problem::Other { because: format!("cannot be read: {e}") }))
    };
    let result = async {
        let request: JoinRequest = serde_json::from_slice(&body).map_err(unreadable)?;
        hosts::enrol::join(&shared.engine, request, http.peer_addr().map(|at| at.ip())).await
    };
    match result.await {
        Ok(joined) => HttpResponse::Ok().json(joined),
        Err(error) => {
            HttpResponse::build(fault::status(&error)).content_type("text/plain; charset=utf-8").body(error.to_string())
        }
    }
}

/// The command to paste on the machine; `base`: `https://engine:8443`, as whoever asks sees it.
pub fn command(base: &str, token: impl std::fmt::Display) -> String {
    format!("vireo host join {base} {token}")
}

/// Where whoever asks has found this engine.
pub fn base(http: &HttpRequest) -> String {
    format!("https://{}", http.connection_info().host())
}
