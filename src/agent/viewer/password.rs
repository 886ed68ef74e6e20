//! A display's password with its end, set in a running QEMU.

use crate::agent::connection::Libvirt;
use crate::agent::error::{from_libvirt, refused};
use crate::agent::xml::parse;
use crate::model::console::ConsoleKind;
use crate::model::ids::VmId;
use crate::wire::{ErrorCode, WireError};
use time::{Duration, OffsetDateTime};
use virt_sys as sys;

/// Sets it for so many seconds from now; QEMU refuses it afterwards.
///
/// # Errors
/// The VM does not run, has no such display, or was started before displays had passwords.
pub async fn set(
    libvirt: &Libvirt,
    vm: VmId,
    kind: ConsoleKind,
    password: &str,
    seconds: i64,
) -> Result<(), WireError> {
    let password = password.to_owned();
    libvirt
        .with(move |connection| {
            let failed = |e| from_libvirt(&format!("the console's password of VM {vm}"), &e);
            let domain = connection.lookup_domain_by_uuid_string(&vm.to_string()).map_err(failed)?;
            let xml = domain.xml_desc(0).map_err(failed)?;
            let none = || refused(ErrorCode::NotFound, format!("VM {vm} has no {kind} display"));
            let until = stamp(OffsetDateTime::now_utc() + Duration::seconds(seconds));
            let given = [("passwd", password.as_str()), ("passwdValidTo", &until), ("connected", "keep")];
            let device = parse::graphics_with(&xml, kind.as_str(), &given).ok_or_else(none)?;
            domain.update_device_flags(&device, sys::VIR_DOMAIN_AFFECT_LIVE).map(drop).map_err(failed)
        })
        .await
}

/// As libvirt wants it: UTC, without a zone.
fn stamp(at: OffsetDateTime) -> String {
    let (day, time) = (at.date(), at.time());
    format!("{day}T{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_libvirts() {
        assert_eq!(stamp(OffsetDateTime::UNIX_EPOCH + Duration::seconds(86_461)), "1970-01-02T00:01:01");
    }
}
