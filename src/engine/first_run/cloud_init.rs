//! The files that cloud-init reads from a disc named `cidata` (its NoCloud source). JSON is YAML, too: names and values come through whatever
//! is in them.

use crate::model::first_run::{self, Card, FirstRun};
use crate::model::ids::VmId;
use crate::model::network::MacAddress;
use crate::wire::{Medium, Payload, PayloadFile};
use serde_json::{Map, Value, json};

/// Who is told.
pub(super) struct Guest<'a> {
    pub vm: VmId,
    pub name: &'a str,
    /// Its network cards by name.
    pub cards: &'a [(String, MacAddress)],
    /// Another one makes cloud-init do it all again.
    pub edition: &'a str,
    /// In crypt's form; empty: none.
    pub password_hash: &'a str,
}

/// The disc.
pub(super) fn disc(told: &FirstRun, guest: &Guest<'_>) -> Payload {
    let host = first_run::host_name(&told.host_name, guest.name);
    let host = host.as_str();
    let file = |name: &str, content: String| PayloadFile { name: name.to_owned(), content };
    // Line by line: what is no cloud-init reads this with less.
    let meta = format!("instance-id: {}-{}\nlocal-hostname: {host}\n", guest.vm, guest.edition);
    let mut files = vec![file("meta-data", meta), file("user-data", user_data(told, guest, host))];
    if let Some(network) = network(told, guest.cards) {
        files.push(file("network-config", format!("{network}\n")));
    }
    Payload { medium: Medium::Cd, label: "cidata".to_owned(), files }
}

/// Of two parts where there is a script: the guest's own word does not have to fit into ours.
fn user_data(told: &FirstRun, guest: &Guest<'_>, host: &str) -> String {
    let config = format!("#cloud-config\n{}\n", config(told, guest, host));
    if told.script.is_empty() {
        return config;
    }
    let kind = if told.script.starts_with("#!") { "text/x-shellscript" } else { "text/cloud-config" };
    let edge = format!("=={}==", guest.vm.0.simple());
    let part = |kind: &str, text: &str| {
        format!("--{edge}\nContent-Type: {kind}; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\n{text}\n")
    };
    format!(
        "Content-Type: multipart/mixed; boundary=\"{edge}\"\nMIME-Version: 1.0\n\n{}{}--{edge}--\n",
        part("text/cloud-config", &config),
        part(kind, &told.script)
    )
}

fn config(told: &FirstRun, guest: &Guest<'_>, host: &str) -> Value {
    let mut config = Map::new();
    let mut set = |name: &str, value: Value| drop(config.insert(name.to_owned(), value));
    set("hostname", json!(host));
    if !told.time_zone.is_empty() {
        set("timezone", json!(told.time_zone));
    }
    let user = told.user.as_str();
    if user.is_empty() {
        if !told.keys.is_empty() {
            set("ssh_authorized_keys", json!(told.keys));
        }
        if !guest.password_hash.is_empty() {
            set("password", json!(guest.password_hash));
        }
    } else {
        let mut own = json!({"name": user, "lock_passwd": guest.password_hash.is_empty()});
        if !told.keys.is_empty() {
            own["ssh_authorized_keys"] = json!(told.keys);
        }
        set("users", json!(["default", own]));
    }
    if user == "root" {
        set("disable_root", json!(false));
    }
    if !guest.password_hash.is_empty() {
        set("ssh_pwauth", json!(true));
        let mut change = json!({"expire": false});
        if !user.is_empty() {
            change["list"] = json!([format!("{user}:{}", guest.password_hash)]);
        }
        set("chpasswd", change);
    }
    Value::Object(config)
}

/// Cards are known by their addresses: the names that guests give them differ. Nothing said: the guest does as it is used to.
fn network(told: &FirstRun, cards: &[(String, MacAddress)]) -> Option<Value> {
    let mut all = Map::new();
    let servers = json!({"addresses": told.dns_servers, "search": told.dns_search});
    let resolves = !told.dns_servers.is_empty() || !told.dns_search.is_empty();
    let dhcp = |name: &str| Card {
        name: name.to_owned(),
        dhcp4: true,
        dhcp6: false,
        addresses: Vec::new(),
        gateways: Vec::new(),
    };
    for (number, (name, mac)) in cards.iter().enumerate() {
        let said = told.cards.iter().find(|card| card.name == *name);
        // Name servers need a card to stand at.
        let first = number == 0 && told.cards.is_empty() && resolves;
        let Some(card) = said.cloned().or_else(|| first.then(|| dhcp(name))) else { continue };
        let mut one = json!({"match": {"macaddress": mac.to_string()}, "dhcp4": card.dhcp4, "dhcp6": card.dhcp6});
        if !card.addresses.is_empty() {
            one["addresses"] = card.addresses.iter().map(|(ip, length)| json!(format!("{ip}/{length}"))).collect();
        }
        if !card.gateways.is_empty() {
            let route =
                |ip: &std::net::IpAddr| json!({"to": if ip.is_ipv4() { "0.0.0.0/0" } else { "::/0" }, "via": ip});
            one["routes"] = card.gateways.iter().map(route).collect();
        }
        if resolves {
            one["nameservers"] = servers.clone();
        }
        all.insert(name.clone(), one);
    }
    (!all.is_empty()).then(|| json!({"version": 2, "ethernets": all}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::first_run::Written;

    fn files(written: &Written, password_hash: &str) -> Vec<(String, String)> {
        let mac: MacAddress = "56:6f:00:00:00:01".parse().unwrap();
        let cards = [("nic1".to_owned(), mac)];
        let guest = Guest { vm: VmId::random(), name: "lab-1", cards: &cards, edition: "3", password_hash };
        let disc = disc(&written.read(None).unwrap(), &guest);
        assert_eq!(disc.label, "cidata");
        disc.files.into_iter().map(|f| (f.name, f.content)).collect()
    }

    fn yaml(text: &str) -> yaml_rust2::Yaml {
        yaml_rust2::YamlLoader::load_from_str(text).unwrap().remove(0)
    }

    #[test]
    fn nothing_said_gives_the_guest_its_name() {
        let all = files(&Written::default(), "");
        assert_eq!(all.len(), 2, "no network: the guest does as it is used to");
        let meta = yaml(&all[0].1);
        assert_eq!(meta["local-hostname"].as_str(), Some("lab-1"));
        assert!(meta["instance-id"].as_str().unwrap().ends_with("-3"));
        assert_eq!(yaml(&all[1].1)["hostname"].as_str(), Some("lab-1"));
        assert!(yaml(&all[1].1)["chpasswd"].is_badvalue());
    }

    #[test]
    fn a_user_with_password_keys_and_a_fixed_address() {
        let written = Written {
            user: "student".to_owned(),
            keys: "ssh-ed25519 AAAA \"quoted\": #{x}".to_owned(),
            dns_servers: "192.0.2.53".to_owned(),
            cards: "nic1 192.0.2.10/24 gateway 192.0.2.1".to_owned(),
            ..Written::default()
        };
        let all = files(&written, "$6$salt$hash");
        let user = yaml(&all[1].1);
        assert_eq!(user["users"][1]["name"].as_str(), Some("student"));
        assert_eq!(user["users"][1]["ssh_authorized_keys"][0].as_str(), Some("ssh-ed25519 AAAA \"quoted\": #{x}"));
        assert_eq!(user["chpasswd"]["list"][0].as_str(), Some("student:$6$salt$hash"));
        let card = &yaml(&all[2].1)["ethernets"]["nic1"];
        assert_eq!(card["match"]["macaddress"].as_str(), Some("56:6f:00:00:00:01"));
        assert_eq!(card["addresses"][0].as_str(), Some("192.0.2.10/24"));
        assert_eq!(card["routes"][0]["via"].as_str(), Some("192.0.2.1"));
        assert_eq!(card["nameservers"]["addresses"][0].as_str(), Some("192.0.2.53"));
    }

    #[test]
    fn a_script_stands_beside_it() {
        let shell = Written { script: "#!/bin/sh\ntouch /told".to_owned(), ..Written::default() };
        let told = files(&shell, "").remove(1).1;
        assert!(told.starts_with("Content-Type: multipart/mixed;"), "{told}");
        assert!(told.contains("text/x-shellscript") && told.contains("\n\n#!/bin/sh\ntouch /told\n--"), "{told}");
        let config = Written { script: "packages: [vim]".to_owned(), ..Written::default() };
        assert_eq!(files(&config, "").remove(1).1.matches("Content-Type: text/cloud-config").count(), 2);
    }
}
