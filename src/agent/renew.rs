//! A guest that goes on from another's memory believes to be that one: through its agent it gets its own name, machine-id, clock and
//! random numbers, and then its addresses.

use super::error::refused;
use crate::wire::{ErrorCode, VmSpec, WireError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use virt::domain::Domain;

/// Seconds that one answer may take.
const ANSWER_SECONDS: i32 = 10;
/// How long a guest may take for all of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// `$1` host name, `$2` machine-id. Network services read the machine-id once, for the addresses they ask for.
const IDENTITY: &str = r#"
head -c 64 > /dev/urandom
hostname "$1" || exit 1
[ -f /etc/hostname ] && echo "$1" > /etc/hostname
if [ -f /etc/machine-id ]; then
  echo "$2" > /etc/machine-id || exit 1
  [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ] && echo "$2" > /var/lib/dbus/machine-id
  if [ -d /run/systemd/system ]; then systemctl try-restart systemd-networkd NetworkManager >/dev/null 2>&1; fi
fi
exit 0
"#;

/// `$1` how many cards it has. Where a service watches for new cards, that one does it.
const NETWORK: &str = r#"
cards() { ls -d /sys/class/net/*/device 2>/dev/null | wc -l; }
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ "$(cards)" -ge "$1" ] && break; sleep 0.1; done
if [ -d /run/systemd/system ] && systemctl is-active -q systemd-networkd NetworkManager; then exit 0; fi
script=/usr/share/udhcpc/default.script
[ -f "$script" ] || script=
for device in /sys/class/net/*/device; do
  card=${device%/device}; card=${card##*/}
  ip link set "$card" up
  if command -v dhclient >/dev/null; then dhclient -nw "$card"
  elif command -v udhcpc >/dev/null; then udhcpc -b -S -t 20 -T 1 -i "$card" ${script:+-s "$script"} -x "hostname:$(hostname)" >/dev/null 2>&1
  fi
done
"#;

/// Gives the guest its own identity.
///
/// # Errors
/// Its agent does not answer, or cannot do it: then there are two guests that are the same to everybody else.
pub fn identity(domain: &Domain, spec: &VmSpec) -> Result<(), WireError> {
    let until = Instant::now() + PATIENCE;
    let failed = |why: &str| {
        refused(ErrorCode::WrongState, format!("the guest of VM {} did not take its own identity: {why}", spec.name))
    };
    let os = loop {
        match ask(domain, &json!({"execute": "guest-get-osinfo"})) {
            Ok(answer) => break answer,
            Err(e) if Instant::now() > until => return Err(failed(e.message())),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    // It may set the time and fail to write it to its clock, which is right already.
    let time = json!({"execute": "guest-set-time", "arguments": {"time": u64::try_from(now).unwrap_or(u64::MAX)}});
    if let Err(e) = ask(domain, &time) {
        tracing::debug!(vm = %spec.id, "guest-set-time: {}", e.message());
    }
    // Windows takes another name only with a reboot.
    if os.get("id").and_then(Value::as_str) == Some("mswindows") {
        return Ok(());
    }
    let seed: [u8; 64] = rand::random();
    let arguments = [host_name(&spec.name), spec.id.to_string().replace('-', "")];
    let pid = run(domain, IDENTITY, &arguments, Some(&seed)).map_err(|e| failed(e.message()))?;
    loop {
        let status = json!({"execute": "guest-exec-status", "arguments": {"pid": pid}});
        let answer = ask(domain, &status).map_err(|e| failed(e.message()))?;
        match (answer.get("exited").and_then(Value::as_bool), answer.get("exitcode").and_then(Value::as_i64)) {
            (Some(true), Some(0)) => return Ok(()),
            (Some(true), code) => return Err(failed(&format!("exit code {}", code.unwrap_or(-1)))),
            _ if Instant::now() > until => return Err(failed("it takes too long")),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Has the guest ask for its addresses; it goes on by itself.
pub fn network(domain: &Domain, spec: &VmSpec) {
    let plugged = spec.nics.iter().filter(|nic| nic.linked && nic.network.is_some()).count();
    if plugged > 0
        && let Err(e) = run(domain, NETWORK, &[spec.nics.len().to_string()], None)
    {
        tracing::info!(vm = %spec.id, "the guest was not told of its network cards: {}", e.message());
    }
}

/// The VM's name as a host name (RFC 1123): letters, digits and hyphens, at most 63.
fn host_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let text: String = name.chars().map(plain).take(63).collect();
    let text = text.trim_matches('-');
    if text.is_empty() { "localhost".to_owned() } else { text.to_owned() }
}

fn run(domain: &Domain, script: &str, arguments: &[String], input: Option<&[u8]>) -> Result<i64, virt::error::Error> {
    let mut all = vec!["-c", script, "vireo"];
    all.extend(arguments.iter().map(String::as_str));
    let mut wanted = json!({"path": "/bin/sh", "arg": all});
    if let Some(bytes) = input {
        wanted["input-data"] = STANDARD.encode(bytes).into();
    }
    let answer = ask(domain, &json!({"execute": "guest-exec", "arguments": wanted}))?;
    Ok(answer.get("pid").and_then(Value::as_i64).unwrap_or(-1))
}

fn ask(domain: &Domain, command: &Value) -> Result<Value, virt::error::Error> {
    let said = domain.qemu_agent_command(&command.to_string(), ANSWER_SECONDS, 0)?;
    let mut answer: Value = serde_json::from_str(&said).unwrap_or_default();
    Ok(answer.get_mut("return").map(Value::take).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_vm_name_gives_a_host_name() {
        assert_eq!(host_name("desk-01"), "desk-01");
        assert_eq!(host_name("_room 2.desk_"), "room-2-desk");
        assert_eq!(host_name("…"), "localhost");
        assert_eq!(host_name(&"a".repeat(80)).len(), 63);
    }
}
