//! What lists that are searched in the database share.

use crate::db::dialect::DynamicQuery;
use crate::model::page::ListQuery;
use crate::model::search::{self, Criterion, Join, Op, Search, SearchError};

/// A list's fields: each has a text in SQL of the program's own. The first is what it is sorted by.
pub(super) type Fields<'a> = &'a [(&'static str, &'a str)];

/// The field, and the text, of a list of what carries tags: not looked at by a word alone, and not sorted by.
pub(super) const TAG: &str = "tag";

/// What carries a tag of this name, or one below it. (Looked for first, once; the rows are read in their order.)
pub(super) fn tagged(q: &mut DynamicQuery, id: &str, op: Op, name: &str) {
    q.push("coalesce(").push(id).push(
        " in (select u.object_id from tag_use u where u.tag_id in \
         (select a.tag_id from tag_above a join tag o on o.id = a.above_id where ",
    );
    compare(q, "o.name", op, name);
    q.push(")), false)");
}

/// ` where …`: what the search says; all if it says nothing.
///
/// # Errors
/// It names a field that the list does not have.
pub(super) fn conditions(q: &mut DynamicQuery, search: &Search, fields: Fields<'_>) -> Result<(), SearchError> {
    q.push(" where ");
    if search.criteria.is_empty() {
        q.push("true");
        return Ok(());
    }
    // Left to right without precedence, as oVirt reads it: one bracket per criterion.
    q.push(&"(".repeat(search.criteria.len()));
    for (i, (join, criterion)) in search.criteria.iter().enumerate() {
        if i > 0 {
            q.push(if *join == Join::And { " and " } else { " or " });
        }
        match criterion {
            Criterion::Free(text) => {
                q.push("(false");
                for (_, column) in fields.iter().filter(|f| f.1 != TAG) {
                    q.push(" or ");
                    compare(q, column, Op::Is, &format!("*{text}*"));
                }
                q.push(")");
            }
            Criterion::Field { field, op: Op::IsNot, value } => {
                q.push("not ");
                condition(q, column(fields, field)?, Op::Is, value);
            }
            Criterion::Field { field, op, value } => condition(q, column(fields, field)?, *op, value),
        }
        q.push(")");
    }
    Ok(())
}

fn condition(q: &mut DynamicQuery, column: &str, op: Op, value: &str) {
    if column == TAG { tagged(q, "id", op, value) } else { compare(q, column, op, value) }
}

fn column<'a>(fields: Fields<'a>, word: &str) -> Result<&'a str, SearchError> {
    let unknown = || SearchError::UnknownField {
        word: word.to_owned(),
        known: fields.iter().map(|f| f.0).collect::<Vec<_>>().join(", "),
    };
    Ok(fields.iter().find(|f| f.0 == word).ok_or_else(unknown)?.1)
}

/// ` order by … limit …`
///
/// # Errors
/// It is to be sorted by what the list does not have.
pub(super) fn order(
    q: &mut DynamicQuery,
    search: &Search,
    query: &ListQuery,
    fields: Fields<'_>,
) -> Result<(), SearchError> {
    let (by, desc) = search::sorting(search, query);
    let (page, per_page) = search::paging(search, query);
    let sorted: Vec<_> = fields.iter().copied().filter(|f| f.1 != TAG).collect();
    let key = column(&sorted, &by)?;
    let way = if desc { "desc" } else { "asc" };
    let skipped = (u64::from(page) - 1) * u64::from(per_page);
    q.push(&format!(" order by {key} {way}, id limit {per_page} offset {skipped}"));
    Ok(())
}

/// A text compared as oVirt's search does: without case, `*` stands for anything.
pub(super) fn compare(q: &mut DynamicQuery, column: &str, op: Op, value: &str) {
    let value = value.to_lowercase();
    if op != Op::Is || !value.contains('*') {
        q.push(&format!("lower({column}) {} ", sign(op)));
        q.bind(value);
        return;
    }
    q.push(&format!("lower({column}) like "));
    q.bind(value.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_").replace('*', "%"));
    q.push(" escape '\\'");
}

pub(super) const fn sign(op: Op) -> &'static str {
    match op {
        Op::Is => "=",
        Op::IsNot => "<>",
        Op::Less => "<",
        Op::LessOrEqual => "<=",
        Op::Greater => ">",
        Op::GreaterOrEqual => ">=",
    }
}
