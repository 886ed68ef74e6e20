//! The Admin Portal.

mod accounts;
mod attach;
mod card;
mod catalog;
mod cluster_power;
mod cluster_upgrade;
mod clusters;
mod confirm;
mod copies;
mod dashboard;
mod data_centers;
mod details;
mod devices;
mod directory_domains;
mod directory_search;
mod disks;
mod domain_form;
mod first_run;
mod groups;
mod host_install;
mod hosts;
mod instance_types;
mod kerberos;
mod migrate;
mod networks;
mod people;
mod permissions;
mod pools;
mod providers;
mod quotas;
mod roles;
mod run_once;
mod scheduling;
mod selected;
mod sessions;
mod settings;
mod tags;
mod templates;
mod vm_form;
mod vms;
mod waiting;

use super::error;
use super::server::Shared;
use super::ui::list::{Bulk, Column, List, Row};
use super::ui::{Frame, Portal};
use super::vm_pages::{changing, enter, id};
use super::words;
use crate::engine::{Cx, EngineError};
use crate::model::page::{ListQuery, Page};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::Markup;

/// Paths of the Admin Portal.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .configure(dashboard::routes)
        .configure(selected::routes)
        // Before what is done to a VM: that is any word.
        .configure(tags::routes)
        .configure(attach::routes)
        .configure(devices::routes)
        .configure(first_run::routes)
        .configure(run_once::routes)
        .configure(migrate::routes)
        .configure(vms::routes)
        .configure(pools::routes)
        .configure(instance_types::routes)
        .configure(disks::routes)
        .configure(accounts::routes)
        .configure(directory_domains::routes)
        .configure(directory_search::routes)
        .configure(people::routes)
        .configure(providers::routes)
        .configure(groups::routes)
        .configure(permissions::routes)
        .configure(roles::routes)
        .configure(sessions::routes)
        .configure(settings::routes)
        .configure(kerberos::routes)
        .configure(quotas::routes)
        .configure(scheduling::routes)
        .configure(data_centers::routes)
        .configure(networks::routes)
        .configure(clusters::routes)
        .configure(catalog::routes)
        .configure(cluster_power::routes)
        .configure(cluster_upgrade::routes)
        .configure(host_install::routes)
        .configure(hosts::routes)
        .configure(templates::routes)
        // Last: their paths end in an id, where others have a word.
        .configure(domain_form::routes)
        .configure(details::routes);
}

/// An administrator and his frame.
async fn admin(shared: &Shared, http: &HttpRequest) -> Result<(Cx, Frame), EngineError> {
    enter(shared, http, Portal::Admin).await
}

/// What a list page is made of.
struct Listing {
    noun: &'static str,
    topics: &'static str,
    columns: Vec<Column>,
    actions: Markup,
    bulk: Option<Bulk>,
}

/// A list as a page; a search that was not understood leaves the page with its message.
fn listing(
    http: &HttpRequest,
    frame: &Frame,
    query: &ListQuery,
    what: Listing,
    found: Result<Page<Row>, EngineError>,
) -> HttpResponse {
    let (page, error) = match found {
        Ok(page) => (Some(page), None),
        Err(EngineError::Invalid(wrong)) => (None, wrong.first().map(|w| words::problem(frame.l, &w.problem))),
        Err(other) => return error::page(http, &other),
    };
    let Listing { noun, topics, columns, actions, bulk } = what;
    let list = List { frame, noun, query, columns, actions, bulk, error };
    frame.page(&frame.l.t(noun), topics, &list.content(page.as_ref()))
}
