//! oVirt's search language: `Vms: status=up and cluster=Default sortby name desc page 2`.
//!
//! `field op value` joined by `and` / `or`, read left to right; `=` and `!=` know `*`; quotes hold blanks; a word alone is looked for in every
//! text. Parsing knows no fields; each list has its own.

use crate::model::page::{DEFAULT_PAGE, ListQuery, Page};
use std::cmp::Ordering;

/// How a criterion is joined to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    And,
    Or,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Is,
    IsNot,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Criterion {
    Free(String),
    Field { field: String, op: Op, value: String },
}

/// A search as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    pub criteria: Vec<(Join, Criterion)>,
    pub sort: Option<(String, bool)>,
    pub page: Option<u32>,
}

/// A search that cannot be understood; says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    #[error("the search ends after \"{after}\"; a value must follow")]
    Unfinished { after: String },
    #[error("\"{word}\" is not a field of this list; its fields are: {known}")]
    UnknownField { word: String, known: String },
    #[error("this list is searched with \"{wanted}:\", not \"{found}:\"")]
    WrongList { wanted: String, found: String },
    #[error("\"{value}\" is not a number, and {field} is compared as one")]
    NotANumber { field: String, value: String },
    #[error("the search is longer than {MAX_LENGTH} characters")]
    TooLong,
}

/// A search may be so long.
pub const MAX_LENGTH: usize = 1000;

impl Search {
    /// Reads `text` for the list called `list` (`Vms`).
    ///
    /// # Errors
    /// Says what was not understood.
    pub fn parse(text: &str, list: &str) -> Result<Self, SearchError> {
        if text.len() > MAX_LENGTH {
            return Err(SearchError::TooLong);
        }
        let mut words = Words(without_prefix(text, list)?).peekable();
        let mut search = Self::default();
        let mut join = Join::And;
        while let Some(word) = words.next() {
            match word {
                Word::Plain(w) if w.eq_ignore_ascii_case("and") => join = Join::And,
                Word::Plain(w) if w.eq_ignore_ascii_case("or") => join = Join::Or,
                Word::Plain(w) if w.eq_ignore_ascii_case("sortby") => {
                    let field = words.next().ok_or(SearchError::Unfinished { after: w })?.into_text();
                    let direction = words.next_if(|d| d.is("asc") || d.is("desc"));
                    search.sort = Some((field.to_lowercase(), direction.is_some_and(|d| d.is("desc"))));
                }
                Word::Plain(w) if w.eq_ignore_ascii_case("page") => {
                    let n = words.next().ok_or(SearchError::Unfinished { after: w })?.into_text();
                    let bad = |_| SearchError::NotANumber { field: "page".to_owned(), value: n.clone() };
                    search.page = Some(n.parse().map_err(bad)?);
                }
                Word::Op(_) => return Err(SearchError::UnknownField { word: String::new(), known: String::new() }),
                Word::Plain(w) | Word::Quoted(w) => {
                    let criterion = match words.next_if(|n| matches!(n, Word::Op(_))) {
                        Some(Word::Op(op)) => {
                            let value = words.next().ok_or_else(|| SearchError::Unfinished { after: w.clone() })?;
                            Criterion::Field { field: w.to_lowercase(), op, value: value.into_text() }
                        }
                        _ => Criterion::Free(w),
                    };
                    search.criteria.push((join, criterion));
                    join = Join::And;
                }
            }
        }
        Ok(search)
    }
}

/// `Vms:` may stand before the search, in singular or plural, in any case.
fn without_prefix<'a>(text: &'a str, list: &str) -> Result<&'a str, SearchError> {
    let Some((head, rest)) = text.split_once(':') else { return Ok(text) };
    let head = head.trim();
    if !head.chars().all(char::is_alphabetic) {
        return Ok(text);
    }
    let plain = |s: &str| s.to_lowercase().trim_end_matches('s').to_owned();
    if plain(head) == plain(list) {
        return Ok(rest);
    }
    Err(SearchError::WrongList { wanted: list.to_owned(), found: head.chars().take(40).collect() })
}

#[derive(Debug, Clone, PartialEq)]
enum Word {
    Plain(String),
    Quoted(String),
    Op(Op),
}

impl Word {
    fn is(&self, what: &str) -> bool {
        matches!(self, Self::Plain(w) if w.eq_ignore_ascii_case(what))
    }
    fn into_text(self) -> String {
        match self {
            Self::Plain(w) | Self::Quoted(w) => w,
            Self::Op(_) => String::new(),
        }
    }
}

struct Words<'a>(&'a str);

const OPS: [(&str, Op); 6] = [
    ("!=", Op::IsNot),
    ("<=", Op::LessOrEqual),
    (">=", Op::GreaterOrEqual),
    ("=", Op::Is),
    ("<", Op::Less),
    (">", Op::Greater),
];

impl Iterator for Words<'_> {
    type Item = Word;
    fn next(&mut self) -> Option<Word> {
        self.0 = self.0.trim_start();
        if self.0.is_empty() {
            return None;
        }
        if let Some((sign, op)) = OPS.iter().find(|(sign, _)| self.0.starts_with(sign)) {
            self.0 = self.0.get(sign.len()..)?;
            return Some(Word::Op(*op));
        }
        if let Some(rest) = self.0.strip_prefix('"') {
            let (inside, after) = rest.split_once('"').unwrap_or((rest, ""));
            self.0 = after;
            return Some(Word::Quoted(inside.to_owned()));
        }
        let end = self.0.find(|c: char| c.is_whitespace() || "=!<>\"".contains(c)).unwrap_or(self.0.len()).max(1);
        let end = (end..=self.0.len()).find(|i| self.0.is_char_boundary(*i))?;
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(Word::Plain(word.to_owned()))
    }
}

/// A field's value in a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Number(f64),
    /// Several: one of them is enough.
    Texts(Vec<String>),
}

/// A field that a list in memory can be searched and sorted by.
pub struct Field<T> {
    pub name: &'static str,
    pub get: fn(&T) -> Value,
}

/// Searches, sorts and cuts out a page of rows that are in memory: for lists of things that are never many.
///
/// # Errors
/// The search is not understood.
pub fn select<T>(mut rows: Vec<T>, list: &str, fields: &[Field<T>], query: &ListQuery) -> Result<Page<T>, SearchError> {
    let search = Search::parse(&query.search, list)?;
    let known = || fields.iter().map(|f| f.name).collect::<Vec<_>>().join(", ");
    let find = |name: &str| {
        fields
            .iter()
            .find(|f| f.name == name)
            .ok_or_else(|| SearchError::UnknownField { word: name.to_owned(), known: known() })
    };
    for (_, criterion) in &search.criteria {
        if let Criterion::Field { field, .. } = criterion {
            find(field)?;
        }
    }
    rows.retain(|row| {
        let mut kept = true;
        for (i, (join, criterion)) in search.criteria.iter().enumerate() {
            let hit = match criterion {
                Criterion::Free(text) => fields.iter().any(|f| {
                    let value = (f.get)(row);
                    !matches!(value, Value::Texts(_)) && matches(&value, Op::Is, &format!("*{text}*"))
                }),
                Criterion::Field { field, op, value } => find(field).is_ok_and(|f| matches(&(f.get)(row), *op, value)),
            };
            kept = match join {
                _ if i == 0 => hit,
                Join::And => kept && hit,
                Join::Or => kept || hit,
            };
        }
        kept
    });
    let (by, desc) = sorting(&search, query);
    if let Ok(field) = find(&by) {
        rows.sort_by(|a, b| compare(&(field.get)(a), &(field.get)(b)));
        if desc {
            rows.reverse();
        }
    }
    Ok(cut(rows, fields, &search, query))
}

/// Which column, and whether downwards: the URL's word counts before the search's own.
pub fn sorting(search: &Search, query: &ListQuery) -> (String, bool) {
    if !query.sort.is_empty() {
        return (query.sort.to_lowercase(), query.desc);
    }
    search.sort.clone().unwrap_or_else(|| ("name".to_owned(), query.desc))
}

/// (page from 1, rows per page)
pub fn paging(search: &Search, query: &ListQuery) -> (u32, u32) {
    let per_page = if query.max == 0 { DEFAULT_PAGE } else { query.max };
    (search.page.unwrap_or(query.page).max(1), per_page)
}

fn cut<T>(rows: Vec<T>, fields: &[Field<T>], search: &Search, query: &ListQuery) -> Page<T> {
    let (page, per_page) = paging(search, query);
    let total = rows.len() as u64;
    let fields = fields.iter().map(|f| f.name).collect();
    let skip = (page as usize - 1).saturating_mul(per_page as usize);
    Page { rows: rows.into_iter().skip(skip).take(per_page as usize).collect(), total, page, per_page, fields }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
        (Value::Texts(a), Value::Texts(b)) => a.cmp(b),
        (Value::Number(_), _) | (_, Value::Texts(_)) => Ordering::Less,
        (_, Value::Number(_)) | (Value::Texts(_), _) => Ordering::Greater,
    }
}

fn matches(have: &Value, op: Op, want: &str) -> bool {
    let order = match have {
        Value::Text(text) => {
            let (text, want) = (normal(text), normal(want));
            match op {
                Op::Is => return like(&text, &want),
                Op::IsNot => return !like(&text, &want),
                _ => text.cmp(&want),
            }
        }
        Value::Number(n) => match want.parse::<f64>() {
            Ok(want) => n.total_cmp(&want),
            Err(_) => return op == Op::Is && like(&n.to_string(), want),
        },
        // None of several is it.
        Value::Texts(all) if op == Op::IsNot => return !matches(&Value::Texts(all.clone()), Op::Is, want),
        Value::Texts(all) => return all.iter().any(|text| matches(&Value::Text(text.clone()), op, want)),
    };
    match op {
        Op::Is => order == Ordering::Equal,
        Op::IsNot => order != Ordering::Equal,
        Op::Less => order == Ordering::Less,
        Op::LessOrEqual => order != Ordering::Greater,
        Op::Greater => order == Ordering::Greater,
        Op::GreaterOrEqual => order != Ordering::Less,
    }
}

/// `PoweringUp` and `powering_up` are one word.
pub fn normal(text: &str) -> String {
    text.to_lowercase()
}

/// `*` stands for anything.
fn like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let tail: Vec<&str> = parts.collect();
    let Some((last, middle)) = tail.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(search: &str) -> Vec<&'static str> {
        let fields = [
            Field { name: "name", get: |r: &(&str, f64)| Value::Text(r.0.to_owned()) },
            Field { name: "memory", get: |r: &(&str, f64)| Value::Number(r.1) },
        ];
        let tags = |r: &(&str, f64)| Value::Texts(if r.0 == "Mail" { vec![] } else { vec!["prod".into(), r.0.into()] });
        let fields = fields.into_iter().chain([Field { name: "tag", get: tags }]).collect::<Vec<_>>();
        let rows = vec![("web-1", 512.0), ("web-2", 2048.0), ("Mail", 1024.0)];
        let query = ListQuery { search: search.to_owned(), ..ListQuery::default() };
        select(rows, "Vms", &fields, &query).unwrap().rows.into_iter().map(|r| r.0).collect()
    }

    #[test]
    fn finds_as_ovirt_does() {
        assert_eq!(found(""), ["Mail", "web-1", "web-2"]);
        assert_eq!(found("Vms: name=web*"), ["web-1", "web-2"]);
        assert_eq!(found("vm:name = WEB-1 or name=mail"), ["Mail", "web-1"]);
        assert_eq!(found("memory>=1024 and name!=mail"), ["web-2"]);
        assert_eq!(found("ail"), ["Mail"]);
        assert_eq!(found("name=\"web-1\" sortby name desc"), ["web-1"]);
        assert_eq!(found("sortby memory desc"), ["web-2", "Mail", "web-1"]);
        assert_eq!(found("page 2"), [""; 0]);
        assert_eq!(found("tag=PROD"), ["web-1", "web-2"]);
        assert_eq!(found("tag!=prod"), ["Mail"]);
        assert_eq!(found("tag=*-2"), ["web-2"]);
    }

    #[test]
    fn says_what_would_be_right() {
        let error = |text| {
            let fields = [Field { name: "name", get: |r: &&str| Value::Text((*r).to_owned()) }];
            let query = ListQuery { search: String::from(text), ..ListQuery::default() };
            select(vec!["a"], "Vms", &fields, &query).unwrap_err().to_string()
        };
        assert!(error("colour=red").contains("its fields are: name"));
        assert!(error("name=").contains("a value must follow"));
        assert!(error("Hosts: name=a").contains("\"Vms:\""));
        assert!(error("page two").contains("\"two\" is not a number"));
        assert!(error(&"x".repeat(2000)).contains("longer"));
    }

    #[test]
    fn any_text_is_survived() {
        for text in ["=", "!", "\"", "é=ü", "a !b", "<>", "* * *", ":::", "name==x"] {
            let _ = Search::parse(text, "Vms");
        }
    }
}
