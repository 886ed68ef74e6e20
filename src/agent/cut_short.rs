//! Starts that the death of libvirtd cut short.
//!
//! libvirtd keeps the state of each guest in a file and finds its guests again by these when it starts. One that died in the
//! middle of a start, before it knew its QEMU's process, left a file that says process 0: the next libvirtd (seen with 9.0) waits for that
//! QEMU for ever, calls the guest active and does nothing to it, not even end it. Before an own libvirtd starts, such a start is undone.

use std::fs;
use std::path::Path;

/// Ends the QEMUs of starts that were cut short, if there are any, and forgets these starts. No libvirtd may run with this state folder
/// (its `run`).
pub fn undo(state: &Path) {
    let Ok(entries) = fs::read_dir(state.join("qemu")) else { return };
    for file in entries.flatten().map(|entry| entry.path()) {
        let Some(uuid) = fs::read_to_string(&file).ok().and_then(|text| without_process(&text)) else { continue };
        tracing::warn!(vm = uuid, "libvirtd died while it started this VM; the start is undone");
        processes_of(&uuid).into_iter().for_each(end);
        if let Err(error) = fs::remove_file(&file) {
            tracing::error!(%error, file = %file.display(), "libvirtd will not get over this file");
        }
    }
}

/// The guest's id, if this is a state file that names no process.
fn without_process(status: &str) -> Option<String> {
    // Every state file begins with a comment.
    let document = roxmltree::Document::parse(status).ok()?;
    let root = document.root_element();
    let unknown = root.has_tag_name("domstatus") && root.attribute("pid") == Some("0");
    let uuid = root.descendants().find(|n| n.has_tag_name("domain"))?.children().find(|n| n.has_tag_name("uuid"))?;
    unknown.then(|| uuid.text().unwrap_or_default().trim().to_owned()).filter(|uuid| !uuid.is_empty())
}

/// The processes with `-uuid UUID` on their command line.
fn processes_of(uuid: &str) -> Vec<nix::unistd::Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_its = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|b| *b == 0).collect();
        words.windows(2).any(|pair| pair[0] == b"-uuid" && pair[1] == uuid.as_bytes())
    };
    pids.filter(is_its).map(nix::unistd::Pid::from_raw).collect()
}

fn end(pid: nix::unistd::Pid) {
    if let Err(error) = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL) {
        tracing::error!(%error, %pid, "a guest's process could not be ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE.\n-->\n\n<domstatus state='paused' reason='starting up' pid='0'>\n  \
        <monitor path='/m' type='unix'/>\n  <domain type='qemu' id='2'>\n    <name>a</name>\n    \
        <uuid>6b1bd4a3-1b4f-4e0c-9c5d-0d1c5c7b2c11</uuid>\n  </domain>\n</domstatus>\n";

    #[test]
    fn only_a_state_without_process_is_undone() {
        assert_eq!(without_process(STATUS).as_deref(), Some("6b1bd4a3-1b4f-4e0c-9c5d-0d1c5c7b2c11"));
        assert_eq!(without_process(&STATUS.replace("pid='0'", "pid='4711'")), None);
        assert_eq!(without_process("<network><uuid>x</uuid></network>"), None);
        assert_eq!(without_process(""), None);
    }
}
