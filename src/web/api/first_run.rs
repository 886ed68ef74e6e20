//! `initialization`: what a guest is told at its first start.

use super::document::Element;
use super::input::Input;
use crate::engine::first_run::{self, Of, Password};
use crate::engine::{Cx, EngineError};
use crate::model::first_run::{Card, FirstRun, Written};
use crate::model::valid::{Invalid, Problem};
use std::net::IpAddr;

const INITIALIZATION: &str = "\
    authorized_ssh_keys custom_script dns_search dns_servers host_name nic_configurations regenerate_ids root_password \
    timezone user_name cloud_init configuration regenerate_ssh_keys";

/// What `<initialization>` says, if it is there.
///
/// # Errors
/// All fields that are wrong.
pub fn wanted(input: &Input) -> Result<Option<(Written, Password)>, EngineError> {
    let Some(input) = input.child("initialization") else { return Ok(None) };
    input.only("initialization", INITIALIZATION)?;
    let text = |name: &str| input.text_at(name).unwrap_or_default().to_owned();
    let cards = input.child("nic_configurations").into_iter().flat_map(|all| all.all("nic_configuration"));
    let written = Written {
        host_name: text("host_name"),
        time_zone: text("timezone"),
        user: text("user_name"),
        keys: text("authorized_ssh_keys"),
        dns_servers: text("dns_servers"),
        dns_search: text("dns_search"),
        cards: cards.map(card).collect::<Result<Vec<_>, Invalid>>()?.join("\n"),
        script: text("custom_script"),
    };
    // What is wrong is told before the VM is touched.
    written.read().map_err(EngineError::Invalid)?;
    let password = input.text_at("root_password").map_or(Password::Keep, |text| Password::Set(text.to_owned()));
    Ok(Some((written, password)))
}

/// A `<nic_configuration>` as the line that people write.
fn card(input: &Input) -> Result<String, Invalid> {
    let bad = |line: String| Invalid::new("nic_configurations", Problem::NotACard { line });
    let mut line = input.text_at("name").unwrap_or_default().to_owned();
    for (protocol, dhcp, of) in [("boot_protocol", " dhcp", "ip"), ("ipv6_boot_protocol", " dhcp6", "ipv6")] {
        match input.text_at(protocol) {
            Some("dhcp") => line.push_str(dhcp),
            Some("static") => {
                let at = |name: &str| input.text_at(&format!("{of}/{name}")).unwrap_or_default();
                let length = prefix(at("netmask")).ok_or_else(|| bad(format!("{line} {}", at("address"))))?;
                line.push_str(&format!(" {}/{length}", at("address")));
                if !at("gateway").is_empty() {
                    line.push_str(&format!(" gateway {}", at("gateway")));
                }
            }
            Some("none" | "autoconf") | None => {}
            Some(other) => return Err(bad(format!("{line} {other}"))),
        }
    }
    Ok(line)
}

/// `255.255.255.0` or `24`.
fn prefix(netmask: &str) -> Option<u8> {
    if let Ok(length) = netmask.parse() {
        return Some(length);
    }
    let bits = u32::from(netmask.parse::<std::net::Ipv4Addr>().ok()?);
    let length = bits.leading_ones();
    (bits.checked_shl(length).unwrap_or(0) == 0).then(|| u8::try_from(length).unwrap_or(32))
}

fn netmask(ip: &IpAddr, length: u8) -> String {
    if ip.is_ipv6() {
        return length.to_string();
    }
    let bits = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
    std::net::Ipv4Addr::from(bits).to_string()
}

/// Keeps it.
///
/// # Errors
/// Refused, or of a pool.
pub async fn keep(cx: &Cx, of: Of, wanted: Option<(Written, Password)>) -> Result<(), EngineError> {
    if wanted.is_some() { first_run::set(cx, of, wanted).await } else { Ok(()) }
}

/// What is said, for whoever may edit it; a password is never told.
pub async fn element(cx: &Cx, of: Of) -> Option<Element> {
    let (_, shown) = first_run::get(cx, of).await.ok()?;
    Some(render(&shown?.settings))
}

fn render(told: &FirstRun) -> Element {
    let written = told.written();
    let element = Element::new("initialization")
        .some_text("host_name", &written.host_name)
        .some_text("timezone", &written.time_zone)
        .some_text("user_name", &written.user)
        .some_text("authorized_ssh_keys", &written.keys)
        .some_text("dns_servers", &written.dns_servers)
        .some_text("dns_search", &written.dns_search)
        .some_text("custom_script", &written.script);
    if told.cards.is_empty() {
        return element;
    }
    element.list("nic_configurations", "nic_configuration", told.cards.iter().map(card_element).collect())
}

fn card_element(card: &Card) -> Element {
    let mut element = Element::new("nic_configuration").text("name", card.name.as_str()).bool("on_boot", true);
    let families = [(false, card.dhcp4, "boot_protocol", "ip"), (true, card.dhcp6, "ipv6_boot_protocol", "ipv6")];
    for (six, dhcp, protocol, of) in families {
        let fixed = card.addresses.iter().find(|a| a.0.is_ipv6() == six);
        element = element.text(
            protocol,
            if dhcp {
                "dhcp"
            } else if fixed.is_some() {
                "static"
            } else {
                "none"
            },
        );
        if let Some((ip, length)) = fixed {
            let mut at = Element::new(of).text("address", ip.to_string()).text("netmask", netmask(ip, *length));
            if let Some(gateway) = card.gateways.iter().find(|g| g.is_ipv6() == six) {
                at = at.text("gateway", gateway.to_string());
            }
            element = element.child(at);
        }
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_lengths() {
        assert_eq!(prefix("255.255.255.0"), Some(24));
        assert_eq!(prefix("64"), Some(64));
        assert_eq!(prefix("255.0.255.0"), None);
        assert_eq!(netmask(&"192.0.2.1".parse().unwrap(), 24), "255.255.255.0");
        assert_eq!(netmask(&"192.0.2.1".parse().unwrap(), 0), "0.0.0.0");
        assert_eq!(netmask(&"2001:db8::1".parse().unwrap(), 64), "64");
    }
}
