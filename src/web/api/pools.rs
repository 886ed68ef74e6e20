//! `vmpools`: making, changing and removing pools.

use super::answer::{body, caller, id, ok, parameters, wants};
use super::document::Element;
use super::entry::BASE;
use super::input::Input;
use super::{fault, first_run, known, render};
use crate::engine::first_run::{self as engine_first_run, Of, Said};
use crate::engine::{Cx, EngineError, catalog, pools};
use crate::model::ids::{ClusterId, PoolId, TemplateId};
use crate::model::page::ListQuery;
use crate::model::pool::{NewPool, PoolKind, PoolUpdate, Surplus};
use crate::model::valid::{Invalid, Problem};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

/// Paths below `vmpools` that change something.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/vmpools", web::post().to(add))
        .route("/vmpools/{id}", web::put().to(update))
        .route("/vmpools/{id}", web::delete().to(remove));
}

/// The value, or none and what is wrong with it noted.
fn note<T>(wrong: &mut Vec<Invalid>, result: Result<Option<T>, Invalid>) -> Option<T> {
    result.unwrap_or_else(|e| {
        wrong.push(e);
        None
    })
}

fn everything() -> ListQuery {
    ListQuery { max: u32::MAX, ..ListQuery::default() }
}

fn text(input: &Input, path: &str) -> Option<String> {
    input.text_at(path).map(ToOwned::to_owned)
}

/// The cluster by id or name.
async fn cluster(cx: &Cx, input: &Input, wrong: &mut Vec<Invalid>) -> Result<Option<ClusterId>, EngineError> {
    let given = note(wrong, input.parsed("cluster/id", "cluster"));
    let Some(name) = input.text_at("cluster/name").filter(|_| given.is_none()) else { return Ok(given) };
    let found = catalog::clusters(cx, &everything()).await?.rows.into_iter().find(|c| c.name == name);
    if found.is_none() {
        wrong.push(Invalid::new("cluster", Problem::NoSuch { value: name.to_owned() }));
    }
    Ok(found.map(|c| c.id))
}

/// The template by id or name.
async fn template(cx: &Cx, input: &Input, wrong: &mut Vec<Invalid>) -> Result<Option<TemplateId>, EngineError> {
    let given = note(wrong, input.parsed("template/id", "template"));
    let Some(name) = input.text_at("template/name").filter(|_| given.is_none()) else { return Ok(given) };
    let found = catalog::templates(cx, &everything()).await?.rows.into_iter().find(|t| t.name == name);
    if found.is_none() {
        wrong.push(Invalid::new("template", Problem::NoSuch { value: name.to_owned() }));
    }
    Ok(found.map(|t| t.id))
}

/// A `<vm_pool>` as a change; what is not in it does not change.
async fn change(cx: &Cx, input: &Input) -> Result<PoolUpdate, EngineError> {
    known::pool(input)?;
    let mut wrong = Vec::new();
    let change = PoolUpdate {
        name: text(input, "name"),
        description: text(input, "description"),
        comment: text(input, "comment"),
        size: note(&mut wrong, input.parsed("size", "size")),
        prestarted: note(&mut wrong, input.parsed("prestarted_vms", "prestarted_vms")),
        max_user_vms: note(&mut wrong, input.parsed("max_user_vms", "max_user_vms")),
        kind: note(&mut wrong, input.parsed("type", "type")),
        stateful: note(&mut wrong, input.bool_at("stateful", "stateful")),
        cluster: cluster(cx, input, &mut wrong).await?,
        template: template(cx, input, &mut wrong).await?,
        use_latest: note(&mut wrong, input.bool_at("use_latest_template_version", "use_latest_template_version")),
        quota: note(&mut wrong, input.parsed("vm/quota/id", "quota")),
        surplus: None,
        instant_start: None,
    };
    if wrong.is_empty() { Ok(change) } else { Err(EngineError::Invalid(wrong)) }
}

async fn add(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        let given = change(&cx, &input).await?;
        let told = told(&input)?;
        let missing = |field| Invalid::new(field, Problem::Missing);
        let mut wrong = Vec::new();
        for (there, field) in [(given.name.is_some(), "name"), (input.child("cluster").is_some(), "cluster")] {
            if !there {
                wrong.push(missing(field));
            }
        }
        let Some(template) = given.template.filter(|_| wrong.is_empty()) else {
            if given.template.is_none() {
                wrong.push(missing("template"));
            }
            return Err(EngineError::Invalid(wrong));
        };
        let new = NewPool {
            name: given.name.unwrap_or_default(),
            description: given.description.unwrap_or_default(),
            comment: given.comment.unwrap_or_default(),
            cluster: given.cluster,
            template,
            // oVirt's defaults.
            size: given.size.unwrap_or(1),
            prestarted: given.prestarted.unwrap_or(0),
            max_user_vms: given.max_user_vms.unwrap_or(1),
            kind: given.kind.unwrap_or(PoolKind::Automatic),
            stateful: given.stateful.unwrap_or(false),
            instant_start: false,
            use_latest: given.use_latest.unwrap_or(false),
            quota: given.quota,
        };
        engine_first_run::check_new(&cx, None, Some(template), told.as_ref()).await?;
        let created = pools::create(&cx, new).await?;
        first_run::keep(&cx, Of::Pool(created.id), told).await?;
        pools::get(&cx, created.id).await
    };
    match result.await {
        Ok(view) => {
            let mut builder = HttpResponse::Created();
            builder.insert_header((header::LOCATION, format!("{BASE}/vmpools/{}", view.id)));
            wants(&request).write(builder, &render::pool(&view))
        }
        Err(error) => fault::response(&request, &error),
    }
}

/// What its guests are told: `<vm><initialization>`.
fn told(input: &Input) -> Result<Option<Said>, EngineError> {
    input.child("vm").map(first_run::wanted).transpose().map(Option::flatten)
}

/// A smaller size needs `?surplus=remove` or `?surplus=detach`: oVirt refuses it, and no script means it by accident.
fn surplus(request: &HttpRequest) -> Result<Option<Surplus>, Invalid> {
    let Some(word) = parameters(request).remove("surplus") else { return Ok(None) };
    let allowed = || Surplus::ALL.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ");
    let problem = |_| Problem::NotOneOf { value: word.chars().take(40).collect(), allowed: allowed() };
    word.parse().map(Some).map_err(problem).map_err(|p| Invalid::new("surplus", p))
}

async fn update(request: HttpRequest, path: web::Path<String>, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let pool = id::<PoolId>("pool", &path)?;
        let input = body(&request, &bytes)?;
        let (given, told) = (change(&cx, &input).await?, told(&input)?);
        if told.is_some() {
            let template = pools::get(&cx, pool).await?.template;
            engine_first_run::check_new(&cx, None, Some(template), told.as_ref()).await?;
        }
        pools::update(&cx, pool, PoolUpdate { surplus: surplus(&request)?, ..given }).await?;
        first_run::keep(&cx, Of::Pool(pool), told).await?;
        Ok(render::pool(&pools::get(&cx, pool).await?))
    };
    ok(&request, result.await)
}

async fn remove(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result: Result<Element, EngineError> = async {
        let cx = caller(&request).await?;
        Ok(super::actions::complete(Some(pools::remove(&cx, id::<PoolId>("pool", &path)?).await?)))
    }
    .await;
    ok(&request, result)
}
