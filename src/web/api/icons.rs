//! `icons`, and the `small_icon` and `large_icon` of VMs and templates.

use super::answer::{caller, id, ok};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::render::reference;
use crate::engine::icons::{self, Of};
use crate::engine::{Cx, EngineError};
use crate::model::icon::{Icons, NoPicture, Picture};
use crate::model::ids::IconId;
use crate::model::valid::{Invalid, Problem};
use crate::web::icons::bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Paths below `icons`.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/icons", web::get().to(list)).route("/icons/{id}", web::get().to(get));
}

fn element(id: IconId, picture: &Picture) -> Element {
    Element::new("icon")
        .attribute("href", format!("{BASE}/icons/{id}"))
        .attribute("id", id)
        .text("data", STANDARD.encode(&picture.data))
        .text("media_type", picture.media_type.as_str())
}

async fn list(request: HttpRequest) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let all = icons::list(&cx).await?;
        Ok(collection("icons", "icon", all.iter().map(|(id, picture)| element(*id, picture)).collect()))
    };
    ok(&request, result.await)
}

async fn get(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let icon = id::<IconId>("icon", &path)?;
        Ok(element(icon, &icons::get(&cx, icon).await?))
    };
    ok(&request, result.await)
}

/// A document's references.
pub fn write(element: Element, icons: Icons) -> Element {
    element.child(reference("small_icon", "icons", icons.small)).child(reference("large_icon", "icons", icons.large))
}

/// What `<large_icon>` says: another picture, or none of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    AsItIs,
    Usual,
    Own(Vec<u8>),
}

/// Data make a picture of one's own, the id of a drawing takes it away. Any other id is the one it has: documents are sent back whole. The small
/// one is made of the large one.
///
/// # Errors
/// The data are no picture.
pub fn wanted(input: &Input) -> Result<Wanted, EngineError> {
    let Some(large) = input.child("large_icon") else { return Ok(Wanted::AsItIs) };
    large.only("large_icon", "id href data media_type")?;
    if let Some(data) = large.text_at("data") {
        let picture = bytes(data)?;
        // Before anything is made that is to have it.
        icons::check(&picture)?;
        return Ok(Wanted::Own(picture));
    }
    let none = || Invalid::new("large_icon", Problem::Picture(NoPicture::none()));
    let icon = large.parsed::<IconId>("id", "large_icon")?.ok_or_else(none)?;
    Ok(if icons::is_drawing(icon) { Wanted::Usual } else { Wanted::AsItIs })
}

/// Keeps it.
///
/// # Errors
/// It is too large or no picture, or the actor may not.
pub async fn keep(cx: &Cx, of: Of, wanted: Wanted) -> Result<(), EngineError> {
    match wanted {
        Wanted::AsItIs => Ok(()),
        Wanted::Usual => icons::set(cx, of, None).await,
        Wanted::Own(bytes) => icons::set(cx, of, Some(bytes)).await,
    }
}
