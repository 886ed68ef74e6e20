//! Refusals as oVirt's faults and status codes.

use super::answer::{Form, wants};
use super::document::Element;
use crate::auth::AuthError;
use crate::engine::EngineError;
use crate::model::conflict::Conflict;
use crate::model::domain::DirectoryTrouble;
use crate::model::valid::Problem;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};

/// The status that says what kind of refusal it is.
pub fn status(error: &EngineError) -> StatusCode {
    match error {
        EngineError::Auth(auth) => match auth {
            AuthError::Hidden { .. } => StatusCode::NOT_FOUND,
            AuthError::NotSignedIn
            | AuthError::WrongPassword
            | AuthError::Locked { .. }
            | AuthError::NotNow { .. }
            | AuthError::SecondFactor(_)
            | AuthError::Factor(_) => StatusCode::UNAUTHORIZED,
            AuthError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            AuthError::Forbidden { .. } | AuthError::NotAdmin { .. } | AuthError::BadTicket => StatusCode::FORBIDDEN,
            AuthError::Sealed(_) | AuthError::Db(_) | AuthError::Query(_) => StatusCode::INTERNAL_SERVER_ERROR,
        },
        // oVirt's answer to a name in use is a conflict, not a malformed request.
        EngineError::Invalid(all) if all.iter().all(|one| matches!(one.problem, Problem::Taken { .. })) => {
            StatusCode::CONFLICT
        }
        EngineError::Invalid(_) => StatusCode::BAD_REQUEST,
        EngineError::NotFound { .. } => StatusCode::NOT_FOUND,
        EngineError::Conflict(Conflict::Foreign) => StatusCode::FORBIDDEN,
        EngineError::OpenId(_) | EngineError::Kerberos(_) | EngineError::Directory(DirectoryTrouble::SignIn(_)) => {
            StatusCode::UNAUTHORIZED
        }
        EngineError::Unavailable(_) | EngineError::Provider(_) => StatusCode::SERVICE_UNAVAILABLE,
        EngineError::Refused { .. }
        | EngineError::Conflict(_)
        | EngineError::NotFoundOnHost(_)
        | EngineError::Directory(_)
        | EngineError::Ssh(_)
        | EngineError::Steps(_) => StatusCode::CONFLICT,
        EngineError::Db(_) | EngineError::Query(_) | EngineError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What is told to people of an error: a fault inside stays inside.
pub fn sentence(error: &EngineError) -> String {
    if status(error) == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(%error, source = ?std::error::Error::source(error), "a request failed");
        return match error {
            EngineError::Internal(text) => text.clone(),
            _ => "Something went wrong inside the engine; its log says what.".to_owned(),
        };
    }
    if let EngineError::Provider(why) = error {
        tracing::warn!(%why, "an OpenID provider did not do what it was asked");
        return "The OpenID provider does not answer as it should; the engine's log says how.".to_owned();
    }
    error.to_string()
}

/// The fault's body.
pub fn element(error: &EngineError) -> Element {
    let reason = match error {
        EngineError::Invalid(_) => "Incomplete parameters",
        _ => "Operation Failed",
    };
    Element::new("fault").text("detail", format!("[{}]", sentence(error))).text("reason", reason)
}

/// An error as a response.
pub fn response(request: &HttpRequest, error: &EngineError) -> HttpResponse {
    let code = status(error);
    let mut builder = HttpResponse::build(code);
    if code == StatusCode::UNAUTHORIZED {
        builder.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"RESTAPI\""));
    }
    Form::of(request).write(builder, &element(error))
}

/// A path the API does not have.
pub async fn no_such_path(request: HttpRequest) -> HttpResponse {
    let path = request.path().chars().take(200).collect::<String>();
    let fault = Element::new("fault").text("detail", format!("[there is no {path}]")).text("reason", "Not Found");
    wants(&request).write(HttpResponse::NotFound(), &fault)
}
