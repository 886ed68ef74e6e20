//! Files that are put into a guest by its agent, piece by piece: nothing of them touches the host's disk.

use super::connection::Libvirt;
use super::error::{from_libvirt, refused};
use crate::model::ids::VmId;
use crate::wire::{ErrorCode, Placed, WireError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use serde_json::{Value, json};
use std::time::Duration;

/// What one message to the agent carries. An emulated guest takes it in a sixth of a second, and chokes on four times as much.
const PIECE: usize = 48 << 10;
const ANSWER_SECONDS: i32 = 20;
/// Where people of a guest find it: they may read there, and only its administrator writes.
const LINUX: &str = "/srv/class";
const WINDOWS: &str = r"C:\Users\Public\Desktop";

/// Puts a file into the guest; done again it is written anew.
///
/// # Errors
/// The guest's agent does not answer or refuses, or the bytes stopped coming.
pub async fn put<E: std::fmt::Display>(
    libvirt: &Libvirt,
    vm: VmId,
    name: &str,
    bytes: BoxStream<'_, Result<Bytes, E>>,
) -> Result<Placed, WireError> {
    if name.is_empty() || name.chars().any(|c| c.is_control() || "/\\:".contains(c)) || name.starts_with('.') {
        return Err(refused(ErrorCode::InvalidRequest, format!("name: {name:?} is no file's name")));
    }
    let os = ask(libvirt, vm, "guest-get-osinfo", Value::Null).await?;
    let path = path(os.get("id").and_then(Value::as_str).unwrap_or_default(), name);
    let handle = match open(libvirt, vm, &path).await {
        Ok(handle) => handle,
        Err(first) => {
            // The folder is not there yet, most likely. An agent that may run nothing says so by the second try.
            let _ = make_folder(libvirt, vm).await;
            open(libvirt, vm, &path).await.map_err(|_| first)?
        }
    };
    let written = write(libvirt, vm, handle, bytes).await;
    let closed = ask(libvirt, vm, "guest-file-close", json!({ "handle": handle })).await;
    written?;
    closed?;
    Ok(Placed { path })
}

fn path(os: &str, name: &str) -> String {
    if os == "mswindows" { format!(r"{WINDOWS}\{name}") } else { format!("{LINUX}/{name}") }
}

async fn open(libvirt: &Libvirt, vm: VmId, path: &str) -> Result<i64, WireError> {
    let answer = ask(libvirt, vm, "guest-file-open", json!({ "path": path, "mode": "wb" })).await?;
    answer.as_i64().ok_or_else(|| refused(ErrorCode::Libvirt, format!("VM {vm}: its agent opens no file")))
}

/// On Linux. The guest says a moment later that it is done; the folder is there long before it is asked for again.
async fn make_folder(libvirt: &Libvirt, vm: VmId) -> Result<(), WireError> {
    let asked = json!({ "path": "mkdir", "arg": ["-p", LINUX], "capture-output": false });
    let pid = ask(libvirt, vm, "guest-exec", asked).await?.get("pid").and_then(Value::as_i64);
    for _ in 0..20 {
        let status = ask(libvirt, vm, "guest-exec-status", json!({ "pid": pid })).await?;
        if status.get("exited") == Some(&Value::Bool(true)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn write<E: std::fmt::Display>(
    libvirt: &Libvirt,
    vm: VmId,
    handle: i64,
    mut bytes: BoxStream<'_, Result<Bytes, E>>,
) -> Result<(), WireError> {
    let broken = |e: E| refused(ErrorCode::Io, format!("the file's bytes stopped coming: {e}"));
    let mut waiting = BytesMut::new();
    loop {
        let piece = bytes.try_next().await.map_err(broken)?;
        let last = piece.is_none();
        waiting.extend_from_slice(&piece.unwrap_or_default());
        while waiting.len() >= PIECE || (last && !waiting.is_empty()) {
            let now = waiting.split_to(waiting.len().min(PIECE));
            let said = json!({ "handle": handle, "buf-b64": BASE64.encode(&now) });
            let count = ask(libvirt, vm, "guest-file-write", said).await?;
            if count.get("count").and_then(Value::as_u64) != Some(now.len() as u64) {
                let text = format!("VM {vm}: its disk took only a part of the file; it may be full");
                return Err(refused(ErrorCode::NoSpace, text));
            }
        }
        if last {
            return Ok(());
        }
    }
}

async fn ask(libvirt: &Libvirt, vm: VmId, name: &'static str, arguments: Value) -> Result<Value, WireError> {
    let mut command = json!({ "execute": name });
    if !arguments.is_null() {
        command["arguments"] = arguments;
    }
    libvirt
        .with(move |connection| {
            let failed = |e| from_libvirt(&format!("the guest agent of VM {vm}"), &e);
            let domain = connection.lookup_domain_by_uuid_string(&vm.to_string()).map_err(failed)?;
            let said = domain.qemu_agent_command(&command.to_string(), ANSWER_SECONDS, 0).map_err(failed)?;
            let answer: Value = serde_json::from_str(&said).unwrap_or_default();
            Ok(answer.get("return").cloned().unwrap_or_default())
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lies_where_people_find_it() {
        assert_eq!(path("debian", "a b.pdf"), "/srv/class/a b.pdf");
        assert_eq!(path("", "a"), "/srv/class/a");
        assert_eq!(path("mswindows", "a.pdf"), r"C:\Users\Public\Desktop\a.pdf");
    }
}
