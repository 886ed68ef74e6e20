//! A host's own settings.

use super::super::vm_form::{field, hinted, parsed};
use super::super::{admin, changing, details, id};
use crate::engine::hosts::edit;
use crate::engine::{Cx, EngineError, catalog};
use crate::model::host::{HostAction, HostEdit, HostView};
use crate::model::ids::HostId;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;
use std::collections::HashMap;

const SHOWN: &[&str] = &["name", "comment", "address", "port", "cluster"];

/// `/admin/hosts/{id}/edit`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/hosts/{id}/edit", web::get().to(edit_page))
        .route("/admin/hosts/{id}/edit", web::post().to(update));
}

async fn page(
    cx: &Cx,
    frame: &Frame,
    host: &HostView,
    refused: Option<String>,
    filled: &Filled,
) -> Result<HttpResponse, EngineError> {
    let l = frame.l;
    let all = catalog::clusters(cx, &details::all()).await?.rows;
    let clusters: Vec<Choice> =
        all.iter().map(|c| Choice::new(c.id, format!("{} ({})", c.name, c.data_center_name))).collect();
    let rests = host.status.allows(HostAction::Edit);
    let fields = html! {
        (field(l, "name", "name", "name").input(filled, "text"))
        (field(l, "comment", "comment", "comment").input(filled, "text"))
        @if rests {
            (field(l, "address", "address", "address").input(filled, "text"))
            (field(l, "port", "port", "port").input(filled, "number"))
            (hinted(l, "cluster", "cluster", "cluster", l.t("edit-host-hint")).choose(filled, &clusters))
        } @else {
            (field(l, "address", "", "").fixed(&format!("{}:{}", host.address, host.port)))
            (field(l, "cluster", "", "").fixed(&host.cluster_name))
            p class="vireo-hint" { (l.t("edit-host-hint")) }
        }
    };
    let here = format!("/admin/hosts/{}", host.id);
    let title = l.ta("edit-host", &[("name", &host.name)]);
    let mut others = filled.others(l, SHOWN);
    others.extend(refused);
    let content = html! {
        (parts::heading(&title, &html! {}, &html! {}))
        (form(frame, &format!("{here}/edit"), &here, &l.t("save"), &others, &fields))
    };
    Ok(frame.page(&title, "", &content))
}

fn values_of(edit: &HostEdit) -> HashMap<String, String> {
    [
        ("name", edit.name.clone()),
        ("comment", edit.comment.clone()),
        ("address", edit.address.clone()),
        ("port", edit.port.to_string()),
        ("cluster", edit.cluster.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What the form did not show stays.
fn read(values: &HashMap<String, String>, old: HostEdit) -> Result<HostEdit, EngineError> {
    let text = |name: &str, old: String| values.get(name).cloned().unwrap_or(old);
    let mut wrong = Vec::new();
    let port = parsed(values, "port", "port", &mut wrong).unwrap_or(old.port);
    if !wrong.is_empty() {
        return Err(EngineError::Invalid(wrong));
    }
    Ok(HostEdit {
        name: text("name", old.name),
        comment: text("comment", old.comment),
        address: text("address", old.address),
        port,
        cluster: values.get("cluster").map_or(Ok(old.cluster), |text| id("cluster", text))?,
    })
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let filled = Filled { values: values_of(&host.edit()), wrong: Vec::new() };
        page(&cx, &frame, &host, None, &filled).await
    };
    details::answer(&http, result.await)
}

async fn update(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let host = catalog::host(&cx, id::<HostId>("host", &path)?).await?;
        let typed = values.clone();
        match edit::edit(&cx, host.id, move |old| read(&typed, old)).await {
            Ok(()) => Ok(to(&format!("/admin/hosts/{}", host.id))),
            Err(EngineError::Invalid(wrong)) => page(&cx, &frame, &host, None, &Filled { values, wrong }).await,
            Err(why @ EngineError::Conflict(_)) => {
                let filled = Filled { values, wrong: Vec::new() };
                page(&cx, &frame, &host, Some(words::error(frame.l, &why)), &filled).await
            }
            Err(e) => Err(e),
        }
    };
    details::answer(&http, result.await)
}
