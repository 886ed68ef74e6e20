//! `initialization`: what a guest is told at its first start.

use super::document::Element;
use super::input::Input;
use crate::engine::first_run::{self, Of, Password, Said};
use crate::engine::{Cx, EngineError};
use crate::model::first_run::{Card, FirstRun, Written};
use crate::model::sysprep::WrittenWindows;
use crate::model::valid::{Invalid, Problem};
use std::net::IpAddr;

const INITIALIZATION: &str = "\
    active_directory_ou authorized_ssh_keys custom_script dns_search dns_servers domain host_name input_locale \
    nic_configurations org_name regenerate_ids root_password system_locale timezone ui_language user_locale user_name \
    windows_license_key workgroup cloud_init configuration regenerate_ssh_keys";

/// What `<initialization>` says, if it is there; who lets a Windows into its domain stands in `<domain><user>`.
///
/// # Errors
/// All fields that are wrong.
pub fn wanted(input: &Input) -> Result<Option<Said>, EngineError> {
    let Some(told) = input.child("initialization") else { return Ok(None) };
    told.only("initialization", INITIALIZATION)?;
    let text = |name: &str| told.text_at(name).unwrap_or_default().to_owned();
    let cards = told.child("nic_configurations").into_iter().flat_map(|all| all.all("nic_configuration"));
    let domain = Some(text("domain")).filter(|name| !name.is_empty());
    let user = |name: &str| input.text_at(&format!("domain/user/{name}"));
    let windows = WrittenWindows {
        organization: text("org_name"),
        product_key: text("windows_license_key"),
        input_locale: text("input_locale"),
        ui_language: text("ui_language"),
        system_locale: text("system_locale"),
        user_locale: text("user_locale"),
        workgroup: text("workgroup"),
        domain: domain.unwrap_or_else(|| input.text_at("domain/name").unwrap_or_default().to_owned()),
        unit: text("active_directory_ou"),
        domain_user: user("user_name").unwrap_or_default().to_owned(),
    };
    let written = Written {
        host_name: text("host_name"),
        time_zone: text("timezone"),
        user: text("user_name"),
        keys: text("authorized_ssh_keys"),
        dns_servers: text("dns_servers"),
        dns_search: text("dns_search"),
        cards: cards.map(card).collect::<Result<Vec<_>, Invalid>>()?.join("\n"),
        script: text("custom_script"),
        windows,
    };
    let password = |text: Option<&str>| text.map_or(Password::Keep, |text| Password::Set(text.to_owned()));
    let (password, domain_password) = (password(told.text_at("root_password")), password(user("password")));
    Ok(Some(Said { written, password, domain_password }))
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
pub async fn keep(cx: &Cx, of: Of, wanted: Option<Said>) -> Result<(), EngineError> {
    if wanted.is_some() { first_run::set(cx, of, wanted).await } else { Ok(()) }
}

/// What is said, for whoever may edit it; a password is never told.
pub async fn element(cx: &Cx, of: Of) -> Option<Element> {
    let shown = first_run::get(cx, of).await.ok()?.shown?;
    Some(render(&shown.settings))
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
        .some_text("custom_script", &written.script)
        .some_text("org_name", &written.windows.organization)
        .some_text("windows_license_key", &written.windows.product_key)
        .some_text("input_locale", &written.windows.input_locale)
        .some_text("ui_language", &written.windows.ui_language)
        .some_text("system_locale", &written.windows.system_locale)
        .some_text("user_locale", &written.windows.user_locale)
        .some_text("workgroup", &written.windows.workgroup)
        .some_text("domain", &written.windows.domain)
        .some_text("active_directory_ou", &written.windows.unit);
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
