//! How an answer is written: XML unless JSON is asked for.

use super::document::Element;
use super::fault;
use super::input::Input;
use crate::engine::{Cx, EngineError};
use crate::model::page::ListQuery;
use crate::model::valid::{Invalid, Problem};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use std::collections::HashMap;

/// The two forms of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Xml,
    Json,
}

/// The form the caller wants.
pub fn wants(request: &HttpRequest) -> Form {
    Form::of(request)
}

impl Form {
    /// By the Accept header; oVirt's default is XML.
    pub fn of(request: &HttpRequest) -> Self {
        let accept = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let xml = accept.find("xml").unwrap_or(usize::MAX);
        if accept.find("json").unwrap_or(usize::MAX) < xml { Self::Json } else { Self::Xml }
    }

    /// The document as a response.
    pub fn write(self, mut builder: HttpResponseBuilder, element: &Element) -> HttpResponse {
        match self {
            Self::Xml => builder.content_type("application/xml;charset=UTF-8").body(element.to_xml()),
            Self::Json => builder.content_type("application/json").body(element.to_json().to_string()),
        }
    }
}

/// 200 with the document, or the fault.
pub fn ok(request: &HttpRequest, result: Result<Element, EngineError>) -> HttpResponse {
    match result {
        Ok(element) => wants(request).write(HttpResponse::Ok(), &element),
        Err(error) => fault::response(request, &error),
    }
}

/// 201 with the document, or the fault.
pub fn created(request: &HttpRequest, result: Result<Element, EngineError>) -> HttpResponse {
    match result {
        Ok(element) => wants(request).write(HttpResponse::Created(), &element),
        Err(error) => fault::response(request, &error),
    }
}

/// The request's body as a tree.
///
/// # Errors
/// It is not well-formed.
pub fn body(request: &HttpRequest, bytes: &[u8]) -> Result<Input, EngineError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let malformed = |e: super::input::Malformed| Invalid::new("body", Problem::Other { because: e.to_string() });
    Ok(Input::parse(bytes, kind.contains("json")).map_err(malformed)?)
}

/// Parameters of the query and, as oVirt takes them too, of the path (`;max=10`).
pub fn parameters(request: &HttpRequest) -> HashMap<String, String> {
    let query: HashMap<String, String> = serde_urlencoded::from_str(request.query_string()).unwrap_or_default();
    let mut all: HashMap<String, String> = request
        .path()
        .split(';')
        .skip(1)
        .filter_map(|p| p.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    all.extend(query);
    all
}

/// A collection's `search` and `max`; without `max` everything comes.
///
/// # Errors
/// `max` is not a number.
pub fn list_query(request: &HttpRequest) -> Result<ListQuery, EngineError> {
    let parameters = parameters(request);
    let max = match parameters.get("max") {
        Some(text) => {
            let bad = |_| Invalid::new("max", Problem::NotANumber { value: text.chars().take(20).collect() });
            match text.parse::<i64>().map_err(bad)? {
                n if n <= 0 => u32::MAX,
                n => u32::try_from(n).unwrap_or(u32::MAX),
            }
        }
        None => u32::MAX,
    };
    let search = parameters.get("search").cloned().unwrap_or_default();
    Ok(ListQuery { search, max, ..ListQuery::default() })
}

/// A path's id; what is none cannot exist.
///
/// # Errors
/// 404
pub fn id<T: std::str::FromStr>(kind: &'static str, text: &str) -> Result<T, EngineError> {
    text.parse().map_err(|_| EngineError::NotFound { kind, id: text.chars().take(64).collect() })
}

/// Who asks, by the request's headers.
///
/// # Errors
/// Nobody, or the wrong view.
pub async fn caller(request: &HttpRequest) -> Result<Cx, EngineError> {
    super::sign_in::caller(request).await
}
