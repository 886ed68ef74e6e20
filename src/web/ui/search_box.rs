//! The search box of a list, with what a script needs to suggest fields, signs and values of oVirt's search language.

use crate::model::data_center::DataCenterStatus;
use crate::model::disk::{DiskContent, DiskStatus};
use crate::model::event::Severity;
use crate::model::host::HostStatus;
use crate::model::pool::PoolKind;
use crate::model::storage_domain::{StorageDomainKind, StorageDomainStatus};
use crate::model::template::TemplateStatus;
use crate::model::vm::{VmKind, VmStatus};
use crate::web::locale::Locale;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

/// The box; without a script it is a plain one.
pub fn search_box(l: Locale, noun: &str, search: &str, fields: &[&str]) -> Markup {
    let known: Map<String, Value> =
        fields.iter().map(|field| ((*field).to_owned(), json!(values(noun, field)))).collect();
    let hint = match fields {
        all if all.contains(&"status") => l.t("search-hint"),
        all if all.contains(&"name") => "name=a*".to_owned(),
        _ => String::new(),
    };
    html! {
        form class="vireo-search" method="get" role="search" {
            div class="vireo-combo" {
                input class="vireo-input" type="search" name="search" id="search" value=(search) placeholder=(hint) aria-label=(l.t("search"))
                    autocomplete="off" aria-keyshortcuts="/" data-fields=(Value::Object(known)) data-list=(l.t("suggestions"));
            }
            button class="pf-v6-c-button pf-m-secondary pf-m-small" type="submit" { (l.t("search")) }
        }
    }
}

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| word(*one)).collect()
}

/// The values a field can have, where they are few and known; the script adds what stands in the list's columns.
fn values(noun: &str, field: &str) -> Vec<&'static str> {
    match (noun, field) {
        ("vms", "status") => words(VmStatus::ALL, VmStatus::as_str),
        ("vms", "type") => words(VmKind::ALL, VmKind::as_str),
        ("hosts", "status") => words(HostStatus::ALL, HostStatus::as_str),
        ("data-centers", "status") => words(DataCenterStatus::ALL, DataCenterStatus::as_str),
        ("domains", "status") => words(StorageDomainStatus::ALL, StorageDomainStatus::as_str),
        ("domains", "type") => words(StorageDomainKind::ALL, StorageDomainKind::as_str),
        ("templates", "status") => words(TemplateStatus::ALL, TemplateStatus::as_str),
        ("disks", "status") => words(DiskStatus::ALL, DiskStatus::as_str),
        ("disks", "disk_content_type") => words(DiskContent::ALL, DiskContent::as_str),
        ("pools", "type") => words(PoolKind::ALL, PoolKind::as_str),
        ("events", "severity") => words(Severity::ALL, Severity::as_str),
        _ => Vec::new(),
    }
}
