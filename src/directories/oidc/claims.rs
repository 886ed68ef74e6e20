//! What claims say of a person.

use super::token::ClaimSet;
use crate::model::directory::{DirectoryGroup, Person};
use crate::model::provider::{Claims, OpenIdRefusal};
use serde_json::Value;

const MAX_NAME: usize = 255;
/// Nobody is in more groups than this.
const MOST_GROUPS: usize = 2000;

/// Whom the claims describe.
///
/// # Errors
/// They do not name him, or by what is no name.
pub(super) fn person(claims: &ClaimSet, names: &Claims) -> Result<Person, OpenIdRefusal> {
    let claim = &names.user_name;
    let user_name = text(claims, claim).unwrap_or_default();
    if user_name.is_empty() {
        return Err(OpenIdRefusal::NoName { claim: claim.clone() });
    }
    if user_name.chars().count() > MAX_NAME || user_name.chars().any(char::is_control) {
        return Err(OpenIdRefusal::BadName { claim: claim.clone(), max: MAX_NAME });
    }
    let short = |name: &str| text(claims, name).unwrap_or_default().chars().take(MAX_NAME).collect();
    Ok(Person {
        external_id: text(claims, "sub").unwrap_or_default().to_owned(),
        user_name: user_name.to_owned(),
        first_name: short(&names.first_name),
        last_name: short(&names.last_name),
        email: short(&names.email),
        groups: groups(claims, &names.groups).unwrap_or_default(),
        ..Person::default()
    })
}

/// A claim's value; a name like `realm_access.roles` goes into an object, where no claim has the whole name (some are URLs with dots).
fn find<'a>(claims: &'a ClaimSet, name: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(name) {
        return Some(found);
    }
    let (outer, inner) = name.split_once('.')?;
    find(claims.get(outer)?.as_object()?, inner)
}

fn text<'a>(claims: &'a ClaimSet, name: &str) -> Option<&'a str> {
    find(claims, name).and_then(Value::as_str).map(str::trim)
}

/// The groups that the claims name; None: they say nothing of groups.
pub(super) fn groups(claims: &ClaimSet, name: &str) -> Option<Vec<DirectoryGroup>> {
    let group =
        |name: &str| DirectoryGroup { external_id: name.to_owned(), name: name.to_owned(), description: String::new() };
    match find(claims, name)? {
        Value::String(one) => Some(vec![group(one)]),
        Value::Array(many) => {
            let names = many.iter().filter_map(Value::as_str);
            let decent = names.filter(|n| !n.is_empty() && n.len() <= MAX_NAME).take(MOST_GROUPS);
            Some(decent.map(group).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names() -> Claims {
        let name = |text: &str| text.to_owned();
        Claims {
            user_name: name("preferred_username"),
            first_name: name("given_name"),
            last_name: name("family_name"),
            email: name("email"),
            groups: name("realm_access.roles"),
        }
    }

    fn read(claims: &Value) -> Result<Person, OpenIdRefusal> {
        person(claims.as_object().unwrap(), &names())
    }

    #[test]
    fn claims_become_a_person() {
        let claims = json!({
            "sub": "7", "preferred_username": " alice ", "given_name": "Alice", "family_name": 5,
            "realm_access": {"roles": ["staff", 7, "", "x".repeat(300)]},
        });
        let alice = read(&claims).unwrap();
        assert_eq!(
            (alice.external_id.as_str(), alice.user_name.as_str(), alice.first_name.as_str()),
            ("7", "alice", "Alice")
        );
        assert_eq!(alice.last_name, "", "a claim of another type says nothing");
        assert_eq!(alice.groups.iter().map(|g| g.name.as_str()).collect::<Vec<_>>(), ["staff"]);
    }

    #[test]
    fn what_names_nobody_lets_nobody_in() {
        assert!(matches!(read(&json!({"sub": "7"})), Err(OpenIdRefusal::NoName { .. })));
        assert!(matches!(read(&json!({"sub": "7", "preferred_username": ["a"]})), Err(OpenIdRefusal::NoName { .. })));
        for bad in ["a\nb".to_owned(), "x".repeat(256)] {
            let claims = json!({"sub": "7", "preferred_username": bad});
            assert!(matches!(read(&claims), Err(OpenIdRefusal::BadName { .. })));
        }
    }

    #[test]
    fn a_claim_whose_name_has_dots_is_found() {
        let claims = json!({"https://school.example/groups": "staff"});
        assert_eq!(groups(claims.as_object().unwrap(), "https://school.example/groups").unwrap()[0].name, "staff");
        assert_eq!(groups(claims.as_object().unwrap(), "groups"), None);
    }
}
