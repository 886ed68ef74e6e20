//! What a search for VMs asks of the database. Every condition speaks of `vm` and `r` (its row in vm_run) alone: what belongs to a
//! cluster or a host is looked for among the few clusters and hosts, not once for each VM.

use crate::db::dialect::DynamicQuery;
use crate::model::ids::PrincipalId;
use crate::model::page::ListQuery;
use crate::model::search::{self, Criterion, Join, Op, Search, SearchError};
use crate::model::vm::{VmKind, VmStatus};
use crate::store::scope::Scope;
use crate::store::search::{TAG, compare, sign, tagged};

/// Where a field's text is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// A column of the VM's own.
    Own(&'static str),
    /// A column of the VM's with one of some words.
    Word(&'static str, fn() -> Vec<&'static str>),
    /// The VM's column, and whose text it leads to: from what, which id, which text.
    Other { column: &'static str, from: &'static str, id: &'static str, text: &'static str },
}

use Place::{Other, Own, Word};

/// oVirt's search fields.
const TEXTS: &[(&str, Place)] = &[
    ("name", Own("vm.name")),
    ("description", Own("vm.description")),
    ("comment", Own("vm.comment")),
    ("status", Word("r.status", || VmStatus::ALL.iter().map(|s| s.as_str()).collect())),
    ("cluster", Other { column: "vm.cluster_id", from: "cluster o", id: "o.id", text: "o.name" }),
    (
        "datacenter",
        Other {
            column: "vm.cluster_id",
            from: "cluster c join data_center o on o.id = c.data_center_id",
            id: "c.id",
            text: "o.name",
        },
    ),
    ("host", Other { column: "r.host_id", from: "host o", id: "o.id", text: "o.name" }),
    ("template", Other { column: "vm.template_id", from: "template o", id: "o.id", text: "o.name" }),
    ("pool", Other { column: "vm.vm_pool_id", from: "vm_pool o", id: "o.id", text: "o.name" }),
    ("ip", Own("r.addresses")),
    ("fqdn", Own("r.fqdn")),
    ("os", Own("vm.os")),
    ("type", Word("vm.kind", || VmKind::ALL.iter().map(|k| k.as_str()).collect())),
    ("id", Own("vm.id")),
];
const NUMBERS: &[(&str, &str)] = &[("memory", "vm.memory_mib"), ("cpus", "vm.sockets * vm.cores * vm.threads")];
/// Sorted by, not searched.
const SORTS: &[(&str, &str)] = &[("uptime", "r.started"), ("creationdate", "vm.created"), ("display", "vm.display")];

/// Names of the fields, for suggestions and messages.
pub fn fields() -> Vec<&'static str> {
    TEXTS.iter().map(|f| f.0).chain(NUMBERS.iter().map(|f| f.0)).chain([TAG]).collect()
}

fn unknown(word: &str) -> SearchError {
    SearchError::UnknownField { word: word.to_owned(), known: fields().join(", ") }
}

/// `order by …`
pub(super) fn order(q: &mut DynamicQuery, search: &Search, query: &ListQuery) -> Result<(), SearchError> {
    let (by, desc) = search::sorting(search, query);
    let way = if desc { "desc" } else { "asc" };
    if by == "name" {
        q.push(&format!(" order by lower(vm.name) {way}"));
        return Ok(());
    }
    let text = TEXTS.iter().find(|f| f.0 == by).map(|f| f.1);
    let key = match text {
        Some(Own(column) | Word(column, _)) => column.to_owned(),
        Some(Other { column, from, id, text }) => format!("(select {text} from {from} where {id} = {column})"),
        None => NUMBERS.iter().chain(SORTS).find(|f| f.0 == by).ok_or_else(|| unknown(&by))?.1.to_owned(),
    };
    q.push(&format!(" order by {key} {way}, lower(vm.name)"));
    Ok(())
}

/// In scope, and what the search says.
pub(super) fn conditions(q: &mut DynamicQuery, scope: &Scope, search: &Search) -> Result<(), SearchError> {
    scope_condition(q, scope);
    if search.criteria.is_empty() {
        return Ok(());
    }
    // Left to right without precedence, as oVirt reads it: one bracket per criterion.
    q.push(" and ").push(&"(".repeat(search.criteria.len()));
    for (i, (join, criterion)) in search.criteria.iter().enumerate() {
        if i > 0 {
            q.push(if *join == Join::And { " and " } else { " or " });
        }
        condition(q, criterion)?;
        q.push(")");
    }
    Ok(())
}

/// `vm.id` is in scope.
pub(super) fn scope_condition(q: &mut DynamicQuery, scope: &Scope) {
    match scope {
        Scope::All => {
            q.push("true");
        }
        Scope::Some { trees, single } => {
            q.push("(vm.id in (select object_id from object_ancestor where ancestor_id in (");
            q.bind_all(trees.iter().map(ToString::to_string));
            q.push(")) or vm.id in (");
            q.bind_all(single.iter().map(ToString::to_string));
            q.push("))");
        }
        Scope::Held { principals, roles } => {
            q.push("vm.id in (select p.object_id from permission p join role ro on ro.id = p.role_id where ");
            held(q, principals, roles.words());
            q.push(" union select a.object_id from permission p join role ro on ro.id = p.role_id join object_ancestor a on a.ancestor_id = p.object_id where ");
            held(q, principals, roles.words());
            q.push(" and ro.views_children)");
        }
    }
}

fn held(q: &mut DynamicQuery, principals: &[PrincipalId], roles: &str) {
    q.push("p.principal_id in (");
    q.bind_all(principals.iter().map(ToString::to_string));
    q.push(") and ").push(roles);
}

fn condition(q: &mut DynamicQuery, criterion: &Criterion) -> Result<(), SearchError> {
    match criterion {
        Criterion::Free(text) => {
            q.push("(false");
            // An id has hexadecimal digits only; most words need not be looked for there.
            let id = text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '-' | '*'));
            for (_, place) in TEXTS.iter().filter(|f| id || f.0 != "id") {
                q.push(" or ");
                text_condition(q, *place, Op::Is, &format!("*{text}*"));
            }
            q.push(")");
        }
        Criterion::Field { field, op, value } => {
            if let Some((_, place)) = TEXTS.iter().find(|f| f.0 == *field) {
                text_condition(q, *place, *op, value);
            } else if let Some((_, column)) = NUMBERS.iter().find(|f| f.0 == *field) {
                let bad = |_| SearchError::NotANumber { field: field.clone(), value: value.clone() };
                let number: i64 = value.parse().map_err(bad)?;
                q.push(&format!("{column} {} {number}", sign(*op)));
            } else if field == TAG {
                let is = *op == Op::IsNot;
                q.push(if is { "not " } else { "" });
                tagged(q, "vm.id", if is { Op::Is } else { *op }, value);
            } else {
                return Err(unknown(field));
            }
        }
    }
    Ok(())
}

fn text_condition(q: &mut DynamicQuery, place: Place, op: Op, value: &str) {
    if op == Op::IsNot {
        q.push("not ");
        return text_condition(q, place, Op::Is, value);
    }
    match place {
        Own(column) => compare(q, column, op, value),
        Word(column, words) if op == Op::Is => {
            let wanted = plain(value);
            let words = words().into_iter().filter(|word| matches(&wanted, &plain(word)));
            q.push(&format!("{column} in ("));
            q.bind_all(words.map(str::to_owned));
            q.push(")");
        }
        Word(column, _) => compare(q, column, op, value),
        Other { column, from, id, text } => {
            // Who has no host or pool has one without a name.
            let nobody = matches(&value.to_lowercase(), "");
            q.push(&format!("coalesce({column} in (select {id} from {from} where "));
            compare(q, text, op, value);
            q.push(&format!("), {nobody})"));
        }
    }
}

/// oVirt takes `PoweringUp` as well as `powering_up`.
fn plain(word: &str) -> String {
    word.replace('_', "").to_lowercase()
}

/// Whether a pattern with `*` in it matches all of a word.
fn matches(pattern: &str, word: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == word };
    let Some(mut word) = word.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = word.find(part) else { return false };
        word = &word[at + part.len()..];
    }
    word.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, word) in [
            ("up", "up"),
            ("*", ""),
            ("power*", "poweringup"),
            ("*ing*", "poweringup"),
            ("**", "é"),
            ("a*b*b", "aabab"),
        ] {
            assert!(matches(pattern, word), "{pattern} {word}");
        }
        for (pattern, word) in [("up", "poweringup"), ("", "up"), ("up*down", "up"), ("*é", "e"), ("a*ab*b", "aab")] {
            assert!(!matches(pattern, word), "{pattern} {word}");
        }
    }
}
