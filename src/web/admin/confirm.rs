//! Confirm, then do: the page that asks before something is done, and what does it; and forms that come back when something is wrong.

use super::changing;
use crate::engine::{Cx, EngineError};
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::Filled;
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};
use std::collections::HashMap;

/// What is asked.
pub struct Question {
    pub title: String,
    /// What it means.
    pub text: Markup,
    /// The button: where its form goes, its word, its class; none: it cannot be done now.
    pub button: Option<(String, String, &'static str)>,
    pub back: String,
    /// What changes on the page while it is looked at.
    pub topics: &'static str,
}

impl Question {
    /// The page.
    pub fn page(&self, frame: &Frame) -> HttpResponse {
        let content = html! {
            (parts::heading(&self.title, &html! {}, &html! {}))
            (self.text)
            div class="vireo-actions" {
                @if let Some((address, word, class)) = &self.button { (parts::post(frame, address, word, class)) }
                (parts::link_button(&self.back, &frame.l.t("cancel"), "pf-m-link"))
            }
        };
        frame.page(&self.title, self.topics, &content)
    }
}

/// The page that follows what a form did; or the form again with what was wrong.
///
/// # Errors
/// What is no field's fault goes on.
pub async fn saved(
    done: Result<String, EngineError>,
    values: HashMap<String, String>,
    again: impl AsyncFnOnce(Filled) -> Result<HttpResponse, EngineError>,
) -> Result<HttpResponse, EngineError> {
    match done {
        Ok(address) => Ok(to(&address)),
        Err(why) => again(Filled::again(values, why)?).await,
    }
}

/// Does what a form asks for, and shows the page whose address comes back.
pub async fn done(
    shared: &Shared,
    http: &HttpRequest,
    body: &[u8],
    work: impl AsyncFnOnce(Cx) -> Result<String, EngineError>,
) -> HttpResponse {
    let result = async {
        let (cx, ..) = changing(shared, http, body).await?;
        work(cx).await
    };
    match result.await {
        Ok(address) => to(&address),
        Err(e) => error::page(http, &e),
    }
}
