//! `/ovirt-engine/api`: what there is.

use super::answer::{caller, ok};
use super::document::Element;
use super::render::reference;
use crate::auth::View;
use crate::engine::{Cx, EngineError, dashboard};
use crate::model::ids::{BLANK_TEMPLATE, ROOT_TAG};
use actix_web::{HttpRequest, HttpResponse, web};

/// The base of every link.
pub const BASE: &str = "/ovirt-engine/api";

/// What is served, and whether it can be searched.
const COLLECTIONS: &[(&str, bool)] = &[
    ("affinitylabels", false),
    ("clusters", true),
    ("datacenters", true),
    ("disks", true),
    ("domains", false),
    ("events", true),
    ("groups", true),
    ("hosts", true),
    ("instancetypes", false),
    ("jobs", false),
    ("macpools", false),
    ("networks", true),
    ("permissions", false),
    ("roles", false),
    ("schedulingpolicies", false),
    ("schedulingpolicyunits", false),
    ("storagedomains", true),
    ("tags", false),
    ("templates", true),
    ("users", true),
    ("vmpools", true),
    ("vms", true),
    ("vnicprofiles", false),
];

/// The entry point.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("", web::get().to(get)).route("/", web::get().to(get));
}

async fn get(request: HttpRequest) -> HttpResponse {
    let result = async { document(&caller(&request).await?).await }.await;
    ok(&request, result)
}

/// The version that today's clients look for before they use what oVirt 4.5 offers.
const VERSION: (i64, i64) = (4, 5);

async fn document(cx: &Cx) -> Result<Element, EngineError> {
    let link = |rel: String, href: String| Element::new("link").attribute("href", href).attribute("rel", rel);
    let mut links = Vec::new();
    for (name, searchable) in COLLECTIONS {
        links.push(link((*name).to_owned(), format!("{BASE}/{name}")));
        if *searchable {
            links.push(link(format!("{name}/search"), format!("{BASE}/{name}?search={{query}}")));
        }
    }
    let version = Element::new("version")
        .text("full_version", format!("{}.{}.0-vireo-{}", VERSION.0, VERSION.1, env!("CARGO_PKG_VERSION")))
        .int("build", 0)
        .int("major", VERSION.0)
        .int("minor", VERSION.1)
        .int("revision", 0);
    let product = Element::new("product_info").text("name", "Vireo").text("vendor", "Vireo").child(version);
    let special = Element::new("special_objects")
        .child(reference("blank_template", "templates", BLANK_TEMPLATE))
        .child(reference("root_tag", "tags", ROOT_TAG));
    let user = cx.actor.user;
    let mut root = Element::new("api")
        .repeated("link", links)
        .child(product)
        .child(special)
        .time("time", cx.engine.clock.now())
        .child(reference("authenticated_user", "users", user))
        .child(reference("effective_user", "users", user));
    if cx.actor.view == View::Admin {
        let board = dashboard::get(cx).await?;
        let tally = |name, t: dashboard::Tally| Element::new(name).int("active", t.good).int("total", t.total);
        root = root.child(
            Element::new("summary")
                .child(tally("hosts", board.hosts))
                .child(tally("storage_domains", board.storage_domains))
                .child(tally("vms", board.vms)),
        );
    }
    Ok(root)
}
