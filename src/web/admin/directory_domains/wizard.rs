//! The wizard that adds or edits a domain: each step is a form of its own, and can be tried.

use super::pages;
use super::state::{Stage, State};
use crate::engine::{Cx, EngineError, domains};
use crate::model::domain::StepReport;
use crate::model::domain_draft::failed;
use crate::model::ids::DomainId;
use crate::model::valid::{Invalid, Problem};
use crate::web::admin::{admin, changing, details, id};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::Frame;
use actix_web::{HttpRequest, HttpResponse, web};

/// `/admin/directory_domains/new`, `/{id}/edit`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/directory_domains/new", web::get().to(begin))
        .route("/admin/directory_domains/new", web::post().to(add))
        .route("/admin/directory_domains/{id}/edit", web::get().to(begin_edit))
        .route("/admin/directory_domains/{id}/edit", web::post().to(edit));
}

/// What a step's page tells beside its form.
#[derive(Debug, Default)]
pub struct Told {
    pub wrong: Vec<Invalid>,
    /// How the directory answered; None: it was not tried.
    pub steps: Option<Vec<StepReport>>,
    /// Why the last step was refused.
    pub refused: Option<String>,
}

impl Told {
    /// Tried, and all went well.
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty() && self.steps.as_ref().is_some_and(|steps| failed(steps).is_none())
    }
}

async fn begin(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        // Who may not configure domains does not fill in a form for nothing.
        domains::list(&cx, &crate::model::page::ListQuery::default()).await?;
        Ok(pages::show(&frame, &State::fresh(), &Told::default()))
    };
    details::answer(&http, result.await)
}

async fn begin_edit(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = domains::get(&cx, id("domain", &path)?).await?;
        Ok(pages::show(&frame, &State::kept(&view), &Told::default()))
    };
    details::answer(&http, result.await)
}

async fn add(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    details::answer(&http, go(&shared, &http, &body, None).await)
}

async fn edit(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
    let result = async { go(&shared, &http, &body, Some(id("domain", &path)?)).await };
    details::answer(&http, result.await)
}

/// A button of the wizard was pressed.
async fn go(
    shared: &Shared,
    http: &HttpRequest,
    body: &[u8],
    id: Option<DomainId>,
) -> Result<HttpResponse, EngineError> {
    let (cx, frame, values) = changing(shared, http, body).await?;
    let word = values.get("go").cloned().unwrap_or_default();
    let mut state = State::sent(&cx, values, id);
    // Refuses whoever may not configure domains, at every step.
    let wrong = wrong(&cx, &state).await?;
    let here: Vec<Invalid> = wrong.iter().filter(|w| state.stage.fields().contains(&w.field)).cloned().collect();
    match word.as_str() {
        "finish" | "force" => return finish(&cx, &frame, state, word == "force").await,
        "test" => {
            let told = tried(&cx, &state, wrong).await?;
            return Ok(pages::show(&frame, &state, &told));
        }
        "back" => state.stage = state.stage.previous(),
        "next" if !here.is_empty() => {
            return Ok(pages::show(&frame, &state, &Told { wrong: here, ..Told::default() }));
        }
        "next" => state.stage = state.stage.next(),
        other => state.stage = Stage::of(other),
    }
    let told = if state.stage == Stage::Review { tried(&cx, &state, wrong).await? } else { Told::default() };
    Ok(pages::show(&frame, &state, &told))
}

/// Everything that is wrong with what was typed so far.
async fn wrong(cx: &Cx, state: &State) -> Result<Vec<Invalid>, EngineError> {
    let draft = state.draft();
    let mut wrong = domains::wrong(cx, state.editing.map(|(id, _)| id), &draft).await?;
    wrong.extend(state.no_servers());
    let name = draft.name.trim().to_lowercase();
    if state.editing.is_none() && domains::names(cx).await?.iter().any(|(_, taken)| *taken == name) {
        wrong.push(Invalid::new("name", Problem::Taken { name }));
    }
    Ok(wrong)
}

/// Tries the directory as far as this step has come.
async fn tried(cx: &Cx, state: &State, wrong: Vec<Invalid>) -> Result<Told, EngineError> {
    let concerned: Vec<Invalid> = wrong.into_iter().filter(|w| comes_before(w.field, state.stage)).collect();
    if !concerned.is_empty() {
        return Ok(Told { wrong: concerned, ..Told::default() });
    }
    let mut draft = state.draft();
    if state.stage.reaches() < crate::model::domain::Step::Bind {
        // Not asked yet: what may be wrong with it does not matter here.
        draft.bind_name = String::new();
        draft.bind_password = None;
        draft.base_dn = String::new();
    }
    let id = state.editing.map(|(id, _)| id);
    let mut steps = domains::test(cx, id, &draft, &state.tried_with()).await?;
    steps.retain(|report| report.step <= state.stage.reaches());
    Ok(Told { steps: Some(steps), ..Told::default() })
}

/// The field is asked at this step or an earlier one.
fn comes_before(field: &str, stage: Stage) -> bool {
    let asked = Stage::ALL.iter().position(|s| s.fields().contains(&field)).unwrap_or_default();
    asked <= Stage::ALL.iter().position(|s| *s == stage).unwrap_or_default()
}

async fn finish(cx: &Cx, frame: &Frame, mut state: State, force: bool) -> Result<HttpResponse, EngineError> {
    state.stage = Stage::Review;
    if let Some(missing) = state.no_servers() {
        return Ok(pages::show(frame, &state, &Told { wrong: vec![missing], ..Told::default() }));
    }
    let (draft, trial) = (state.draft(), state.tried_with());
    let done = match state.editing {
        Some((id, generation)) => domains::edit(cx, id, generation, &draft, &trial, force).await.map(|()| id),
        None => domains::add(cx, &draft, &trial, force).await,
    };
    let told = match done {
        Ok(id) => return Ok(to(&format!("/admin/directory_domains/{id}"))),
        Err(EngineError::Invalid(wrong)) => Told { wrong, ..Told::default() },
        Err(EngineError::Steps(steps)) => Told { steps: Some(steps), ..Told::default() },
        // What was typed is not lost to somebody who was a moment faster.
        Err(error @ EngineError::Conflict(_)) => {
            Told { refused: Some(crate::web::words::error(frame.l, &error)), ..Told::default() }
        }
        Err(error) => return Err(error),
    };
    Ok(pages::show(frame, &state, &told))
}
