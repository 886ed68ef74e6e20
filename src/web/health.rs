//! What monitors and installers ask without signing in.

use super::server::Shared;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

/// `/ovirt-engine/services/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/ovirt-engine/services/health", web::get().to(health))
        .route("/ovirt-engine/services/pki-resource", web::get().to(pki_resource));
}

async fn health() -> &'static str {
    "DB Up!Welcome to Health Status!"
}

#[derive(Deserialize)]
struct PkiQuery {
    resource: String,
}

async fn pki_resource(shared: web::Data<Shared>, query: web::Query<PkiQuery>) -> HttpResponse {
    if query.resource != "ca-certificate" {
        return HttpResponse::NotFound().body("The only resource here is ca-certificate.");
    }
    HttpResponse::Ok().content_type("application/x-x509-ca-cert").body(shared.ca.clone())
}
