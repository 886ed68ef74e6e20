//! The parts of what a guest agent tells: read with bounds, for a guest can say anything.

use crate::model::guest::{FileSystem, GuestDetails, GuestUser, Interface};
use serde_json::Value;

/// Of each sort no more than that many are kept.
const MOST: usize = 32;
const LONGEST: usize = 255;

/// A guest's text without control characters.
pub fn text(value: &Value, key: &str) -> Option<String> {
    let clean: String = value.get(key)?.as_str()?.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    (!clean.is_empty()).then_some(clean)
}

fn all(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten().take(MOST)
}

/// What the answers say: interfaces, users, time zone, system, file systems. What an agent does not know is missing.
pub fn details(interfaces: &Value, users: &Value, zone: &Value, system: &Value, disks: &Value) -> GuestDetails {
    let seconds = zone.get("offset").and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok());
    GuestDetails {
        users: all(users).filter_map(user).collect(),
        time_zone: seconds.map(|seconds| (text(zone, "zone").unwrap_or_default(), seconds)),
        kernel: text(system, "kernel-release").unwrap_or_default(),
        version: text(system, "version-id").unwrap_or_default(),
        file_systems: all(disks).filter_map(file_system).collect(),
        interfaces: all(interfaces).filter_map(interface).collect(),
    }
}

fn user(value: &Value) -> Option<GuestUser> {
    // Seconds with a fraction.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float is cut to its range")]
    let since = value.get("login-time").and_then(Value::as_f64).unwrap_or_default() as u64;
    Some(GuestUser { name: text(value, "user")?, domain: text(value, "domain").unwrap_or_default(), since })
}

fn file_system(value: &Value) -> Option<FileSystem> {
    let bytes = |key: &str| value.get(key).and_then(Value::as_u64);
    Some(FileSystem {
        mount: text(value, "mountpoint")?,
        kind: text(value, "type").unwrap_or_default(),
        used_bytes: bytes("used-bytes"),
        total_bytes: bytes("total-bytes"),
    })
}

fn interface(value: &Value) -> Option<Interface> {
    let name = text(value, "name").filter(|name| name != "lo")?;
    let addresses = value.get("ip-addresses").map(|list| {
        let one = |a: &Value| a.get("ip-address")?.as_str()?.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string());
        all(list).filter_map(one).collect()
    });
    Some(Interface {
        name,
        mac: text(value, "hardware-address").unwrap_or_default(),
        addresses: addresses.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_odd_is_left_out() {
        let interfaces = json!([{"name": "lo"}, {"name": "eth0", "hardware-address": "00:1a:4a:16:01:01",
            "ip-addresses": [{"ip-address": "192.0.2.7"}, {"ip-address": "<script>"}]}]);
        let users = json!([{"user": "al\u{7}ice", "login-time": 1.5}, {"login-time": 1}]);
        let zone = json!({"offset": 3600, "zone": "CET"});
        let disks = json!([{"mountpoint": "/", "type": "ext4", "used-bytes": 10, "total-bytes": 20}, {"type": "x"}]);
        let found = details(&interfaces, &users, &zone, &json!({"kernel-release": "6.1"}), &disks);
        assert_eq!(found.interfaces.len(), 1);
        assert_eq!(found.interfaces[0].addresses, ["192.0.2.7"]);
        assert_eq!((found.users.len(), found.users[0].name.as_str(), found.users[0].since), (1, "alice", 1));
        assert_eq!(found.time_zone, Some(("CET".to_owned(), 3600)));
        assert_eq!((found.kernel.as_str(), found.file_systems.len()), ("6.1", 1));
        let nothing = details(&Value::Null, &Value::Null, &Value::Null, &Value::Null, &Value::Null);
        assert_eq!(nothing, GuestDetails::default());
        let many = Value::Array(vec![json!({"user": "a"}); 1000]);
        assert_eq!(details(&Value::Null, &many, &Value::Null, &Value::Null, &Value::Null).users.len(), MOST);
    }
}
