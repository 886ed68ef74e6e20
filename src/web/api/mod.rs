//! oVirt's REST API v4: a face of the engine's commands.

pub mod actions;
mod affinity;
pub mod answer;
mod cluster_power;
mod cluster_upgrade;
mod clusters;
pub mod collections;
mod copies;
mod data_centers;
mod devices;
pub mod document;
mod domains;
pub mod entry;
pub mod fault;
mod first_run;
mod guest;
mod hosts;
mod icons;
pub mod input;
mod instance_types;
mod known;
mod networks;
mod permissions;
mod pools;
mod quotas;
pub mod render;
mod roles;
mod run_once;
mod scheduling;
pub mod sign_in;
mod snapshots;
mod tags;
pub mod vm_body;
mod vm_settings;
pub mod vms;

use actix_web::web;

/// Every path of the API, with and without the version.
pub fn routes(config: &mut web::ServiceConfig) {
    sign_in::routes(config);
    for prefix in ["/ovirt-engine/api/v4", "/ovirt-engine/api"] {
        config.service(
            web::scope(prefix)
                .configure(entry::routes)
                // Before what is done to VMs and hosts: an action is any word.
                .configure(tags::routes)
                .configure(vms::routes)
                .configure(devices::routes)
                .configure(guest::routes)
                .configure(icons::routes)
                .configure(instance_types::routes)
                .configure(snapshots::routes)
                .configure(actions::routes)
                .configure(permissions::routes)
                // After the permissions on a host: an action is any word.
                .configure(hosts::routes)
                .configure(cluster_power::routes)
                .configure(cluster_upgrade::routes)
                .configure(roles::routes)
                .configure(copies::routes)
                .configure(pools::routes)
                .configure(quotas::routes)
                .configure(scheduling::routes)
                .configure(affinity::routes)
                .configure(data_centers::routes)
                .configure(clusters::routes)
                .configure(networks::routes)
                .configure(collections::routes)
                .configure(domains::routes)
                .default_service(web::to(fault::no_such_path)),
        );
    }
}
