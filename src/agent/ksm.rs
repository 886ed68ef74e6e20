//! Kernel same-page merging: equal pages of guests take memory once. One setting for the whole machine (the kernel's admin-guide/mm/ksm).

use super::error::from_io;
use crate::wire::WireError;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "/sys/kernel/mm/ksm";
/// What the kernel begins with is for a machine that does something else: at 100 pages in 20 ms it looks at 20 MB in a second.
const SLOW: u64 = 100;
const PAGES_TO_SCAN: u64 = 1000;

fn file(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

fn number(name: &str) -> Option<u64> {
    fs::read_to_string(file(name)).ok()?.trim().parse().ok()
}

/// Starts it. A speed that somebody chose stays.
///
/// # Errors
/// The kernel has none, or this is not root.
pub fn enable() -> Result<(), WireError> {
    let write = |name: &str, value: u64| {
        let path = file(name);
        fs::write(&path, value.to_string()).map_err(|e| from_io(&path, &e))
    };
    if number("pages_to_scan").is_some_and(|pages| pages <= SLOW) {
        write("pages_to_scan", PAGES_TO_SCAN)?;
    }
    write("run", 1)
}

/// MiB that it saves; none: it does not run.
pub fn saved_mib() -> Option<u64> {
    if number("run") != Some(1) {
        return None;
    }
    // x86-64 has pages of 4 KiB.
    number("pages_sharing").map(|pages| pages * 4 / 1024)
}
