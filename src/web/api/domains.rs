//! Domains and their people: `/domains`, `/domains/{id}/users`, `/domains/{id}/groups`, and users and groups taken in from them.

use super::answer::{body, caller, created, list_query, ok, parameters};
use super::document::{Element, collection};
use super::entry::BASE;
use super::input::Input;
use super::render;
use crate::engine::domains::people;
use crate::engine::{Cx, EngineError, domains, internal, users};
use crate::model::directory::{DirectoryGroup, Person};
use crate::model::ids::{DomainId, SYSTEM};
use crate::model::user::INTERNAL_DOMAIN;
use crate::model::valid::{Invalid, Problem};
use actix_web::{HttpRequest, HttpResponse, web};

/// The internal domain is one like the others here, and has no row of its own.
const INTERNAL: DomainId = DomainId::fixed(0x696e_7465_726e_616c);

/// Paths of domains.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/domains", web::get().to(list))
        .route("/domains/{id}", web::get().to(get))
        .route("/domains/{id}/users", web::get().to(find_users))
        .route("/domains/{id}/groups", web::get().to(find_groups))
        .route("/users", web::post().to(add_user))
        .route("/groups", web::post().to(add_group));
}

async fn all(cx: &Cx) -> Result<Vec<(DomainId, String)>, EngineError> {
    let mut all = vec![(INTERNAL, INTERNAL_DOMAIN.to_owned())];
    all.extend(domains::names(cx).await?);
    Ok(all)
}

fn domain((id, name): &(DomainId, String)) -> Element {
    let href = format!("{BASE}/domains/{id}");
    let links = ["groups", "users"]
        .map(|rel| Element::new("link").attribute("href", format!("{href}/{rel}")).attribute("rel", rel));
    Element::new("domain")
        .attribute("href", &href)
        .attribute("id", id)
        .repeated("link", links.into())
        .text("name", format!("{name}-authz"))
}

async fn list(request: HttpRequest) -> HttpResponse {
    let result = async {
        let all = all(&caller(&request).await?).await?;
        Ok(collection("domains", "domain", all.iter().map(domain).collect()))
    };
    ok(&request, result.await)
}

async fn named(cx: &Cx, id: &str) -> Result<(DomainId, String), EngineError> {
    let found = all(cx).await?.into_iter().find(|(known, _)| known.to_string() == id);
    found.ok_or_else(|| EngineError::NotFound { kind: "domain", id: id.chars().take(64).collect() })
}

async fn get(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async { Ok(domain(&named(&caller(&request).await?, &path).await?)) };
    ok(&request, result.await)
}

/// The beginning of a name, out of oVirt's search for it: `usrname=ali*`, `name=Alice`, or the words alone.
fn words(search: &str) -> String {
    let search = search.split_once(':').map_or(search, |(_, rest)| rest);
    let words = search.split_once('=').map_or(search, |(_, value)| value);
    words.replace(['*', '"'], " ").trim().to_owned()
}

async fn find_users(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let domain = named(&cx, &path).await?;
        if domain.0 == INTERNAL {
            let page = users::list(&cx, &list_query(&request)?).await?;
            let own = page.rows.iter().filter(|user| user.domain == INTERNAL_DOMAIN);
            return Ok(collection("users", "user", own.map(render::user).collect()));
        }
        let search = parameters(&request).remove("search").unwrap_or_default();
        let found = people::find_people(&cx, &domain.1, &words(&search), SYSTEM).await?;
        let all = found.rows.iter().take(list_query(&request)?.max as usize).map(|p| person(&domain, p));
        Ok(collection("users", "user", all.collect()))
    };
    ok(&request, result.await)
}

/// Somebody of a directory; his id here is what the directory calls him.
fn person(domain: &(DomainId, String), person: &Person) -> Element {
    let (id, name) = domain;
    Element::new("user")
        .attribute("href", format!("{BASE}/domains/{id}/users/{}", person.external_id))
        .attribute("id", &person.external_id)
        .text("name", person.first_name.as_str())
        .text("last_name", person.last_name.as_str())
        .text("user_name", format!("{}@{name}-authz", person.user_name))
        .text("principal", person.user_name.as_str())
        .some_text("email", &person.email)
        .some_text("department", &person.department)
        .text("domain_entry_id", person.external_id.as_str())
        .text("namespace", "*")
        .child(render::reference("domain", "domains", id).text("name", format!("{name}-authz")))
}

async fn find_groups(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let domain = named(&cx, &path).await?;
        if domain.0 == INTERNAL {
            let all = users::groups(&cx).await?;
            let own = all.iter().filter(|group| group.domain == INTERNAL_DOMAIN);
            return Ok(collection("groups", "group", own.map(render::group).collect()));
        }
        let search = parameters(&request).remove("search").unwrap_or_default();
        let found = people::find_groups(&cx, &domain.1, &words(&search), SYSTEM).await?;
        let all = found.rows.iter().take(list_query(&request)?.max as usize).map(|g| group(&domain, g));
        Ok(collection("groups", "group", all.collect()))
    };
    ok(&request, result.await)
}

fn group(domain: &(DomainId, String), group: &DirectoryGroup) -> Element {
    let (id, name) = domain;
    Element::new("group")
        .attribute("href", format!("{BASE}/domains/{id}/groups/{}", group.external_id))
        .attribute("id", &group.external_id)
        .text("name", group.name.as_str())
        .text("domain_entry_id", group.external_id.as_str())
        .text("namespace", "*")
        .child(render::reference("domain", "domains", id).text("name", format!("{name}-authz")))
}

/// The domain that a body names, with or without oVirt's `-authz`.
async fn domain_in(cx: &Cx, input: &Input) -> Result<String, EngineError> {
    let missing = || Invalid::new("domain", Problem::Missing);
    let by_id = input.text_at("domain/id").unwrap_or_default();
    let by_name = input.text_at("domain/name").map(|name| name.trim_end_matches("-authz").to_lowercase());
    if by_id.is_empty() && by_name.is_none() {
        return Err(missing().into());
    }
    let found = all(cx).await?.into_iter().find(|(id, name)| by_name.as_ref() == Some(name) || id.to_string() == by_id);
    let none = || Invalid::new("domain", Problem::NoSuch { value: by_name.clone().unwrap_or_default() });
    Ok(found.ok_or_else(none)?.1)
}

async fn add_user(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        input.only(
            "user",
            "department description domain domain_entry_id email id last_name name namespace principal user_name",
        )?;
        let domain = domain_in(&cx, &input).await?;
        let typed = input.text_at("principal").or(input.text_at("user_name")).unwrap_or_default();
        let name = typed.strip_suffix("-authz").unwrap_or(typed);
        let name = name.strip_suffix(&format!("@{domain}")).unwrap_or(name);
        if name.is_empty() {
            return Err(Invalid::new("user_name", Problem::Missing).into());
        }
        // Whoever is in the internal domain is known already.
        let id = match domain.as_str() {
            INTERNAL_DOMAIN => internal::accounts::by_name(&cx, name).await?,
            domain => people::keep_user_named(&cx, domain, name).await?,
        };
        Ok(render::user(&users::get(&cx, id).await?))
    };
    created(&request, result.await)
}

async fn add_group(request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let result = async {
        let cx = caller(&request).await?;
        let input = body(&request, &bytes)?;
        input.only("group", "description domain domain_entry_id id name namespace")?;
        let domain = domain_in(&cx, &input).await?;
        let name = input.text_at("name").unwrap_or_default();
        if name.is_empty() {
            return Err(Invalid::new("name", Problem::Missing).into());
        }
        if domain != INTERNAL_DOMAIN {
            people::keep_group_named(&cx, &domain, name).await?;
        }
        let all = users::groups(&cx).await?;
        let found = all.iter().find(|group| group.domain == domain && group.name.eq_ignore_ascii_case(name));
        let none = || EngineError::NotFound { kind: "group", id: name.chars().take(64).collect() };
        Ok(render::group(found.ok_or_else(none)?))
    };
    created(&request, result.await)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn what_is_looked_for_is_the_beginning_of_a_name() {
        for (search, wanted) in
            [("usrname=ali*", "ali"), ("Users: name=\"Alice Example\"", "Alice Example"), ("ali", "ali"), ("", "")]
        {
            assert_eq!(words(search), wanted, "{search}");
        }
    }
}
