//! The rules of the house, read off the sources: floors, sizes, words.

use std::fs;
use std::path::{Path, PathBuf};

/// What each floor may name. (`cli` and `web` may look at everything below them but the store.)
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &["model"]),
    ("db", &["db", "model"]),
    ("store", &["store", "db", "model"]),
    ("wire", &["wire", "model"]),
    ("hosts", &["hosts", "wire", "model"]),
    ("directories", &["directories", "model"]),
    ("auth", &["auth", "store", "db", "model"]),
    ("engine", &["engine", "auth", "hosts", "directories", "store", "db", "wire", "model"]),
    ("web", &["web", "engine", "auth", "model"]),
    ("agent", &["agent", "wire", "model"]),
    ("cli", &["cli", "web", "engine", "auth", "agent", "hosts", "db", "model"]),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, out: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut all = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    all
}

fn floor(path: &Path) -> Option<String> {
    let below = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = below.components().next()?.as_os_str().to_str()?.to_owned();
    ARROWS.iter().any(|a| a.0 == first).then_some(first)
}

/// Files that only tests are built from.
fn is_test(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains("/testing") || text.ends_with("tests.rs")
}

/// The part of a file before its tests.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

#[test]
fn arrows_point_down_only() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(own) = floor(&path).filter(|_| !is_test(&path)) else { continue };
        let allowed = ARROWS.iter().find(|a| a.0 == own).unwrap().1;
        for other in product(&text).split("crate::").skip(1) {
            let word: String = other.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if ARROWS.iter().any(|a| a.0 == word) && !allowed.contains(&word.as_str()) {
                wrong.push(format!("{}: {own} -> {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_fits_in_the_head() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        if lines > 500 {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{}: no module documentation", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_function_fits_a_screen() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_fn = line.trim_start().split('(').next().is_some_and(|head| {
                head.split_whitespace().any(|w| w == "fn") && !head.contains("//") && !head.contains('"')
            });
            if !is_fn || line.trim_end().ends_with(';') || line.trim_end().ends_with('}') {
                continue;
            }
            let end = lines.iter().skip(start).position(|l| *l == format!("{}}}", " ".repeat(indent)));
            if let Some(length) = end.filter(|n| *n > 60) {
                wrong.push(format!("{}:{}: {length} lines", path.display(), start + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_db_names_a_database_and_only_the_agent_libvirt() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = floor(&path).unwrap_or_default();
        let text = product(&text);
        if own != "db"
            && ["SqliteConnection", "PgConnection", "Db::Sqlite", "Db::Postgres"].iter().any(|w| text.contains(w))
        {
            wrong.push(format!("{}: names a database", path.display()));
        }
        if own != "agent" && (text.contains("virt::") && text.contains("use virt")) {
            wrong.push(format!("{}: names libvirt", path.display()));
        }
        if !["store", "db"].contains(&own.as_str()) && text.contains("diesel::insert_into") {
            wrong.push(format!("{}: has SQL", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
