//! The file by which remote-viewer finds a console: virt-viewer's keys as oVirt fills them in, in GKeyFile's form.

use super::console_page::refused;
use super::csrf;
use super::request;
use super::server::Shared;
use super::ui::Portal;
use super::vm_pages::{enter, vm_id};
use crate::engine::vms;
use crate::engine::vms::console::ViewerAccess;
use crate::model::console::ConsoleKind;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use std::net::IpAddr;

/// What browsers hand to remote-viewer.
pub const TYPE: &str = "application/x-virt-viewer";

/// Every channel is encrypted.
const CHANNELS: &str = "main;inputs;cursor;playback;record;display;smartcard;usbredir";

/// `POST /console/{vm}/viewer`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/console/{vm}/viewer", web::post().to(download));
}

async fn download(
    shared: web::Data<Shared>,
    http: HttpRequest,
    vm: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, _) = enter(&shared, &http, Portal::User).await?;
        let fields = csrf::fields(&body);
        csrf::check(&http, &fields)?;
        let wanted = fields.get("protocol").and_then(|word| word.parse().ok());
        vms::console::viewer(&cx, vm_id(&vm)?, wanted).await
    };
    match result.await {
        Ok(access) => HttpResponse::Ok()
            .content_type(TYPE)
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"console.vv\""))
            .body(text(&access, &request::asked_host(&http), &shared.ca)),
        Err(e) => refused(&http, &e),
    }
}

/// The file; `engine` is what the browser calls this engine, `ca` its authority's certificate.
pub fn text(access: &ViewerAccess, engine: &str, ca: &str) -> String {
    // A host that only the engine's own machine can call is that machine.
    let here = access.host == "localhost" || access.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let host = if here { engine.trim_matches(['[', ']']) } else { &access.host };
    let port = access.port.to_string();
    let title = format!("{}:%d - Press SHIFT+F12 to Release Cursor", access.vm);
    let mut keys = vec![("type", access.kind.as_str()), ("host", host)];
    match access.kind {
        ConsoleKind::Spice => keys.extend([("port", "-1"), ("tls-port", port.as_str())]),
        ConsoleKind::Vnc | ConsoleKind::Serial => keys.push(("port", &port)),
    }
    keys.extend([
        ("password", access.password.as_str()),
        ("delete-this-file", "1"),
        ("fullscreen", "0"),
        ("title", &title),
        ("toggle-fullscreen", "shift+f11"),
        ("release-cursor", "shift+f12"),
        ("secure-attention", "ctrl+alt+end"),
    ]);
    if access.kind == ConsoleKind::Spice {
        keys.extend([
            ("enable-smartcard", "0"),
            ("enable-usb-autoshare", "1"),
            ("tls-ciphers", "DEFAULT"),
            ("host-subject", access.subject.as_str()),
            ("ca", ca),
            ("secure-channels", CHANNELS),
        ]);
    }
    let lines: String = keys.iter().map(|(key, value)| format!("{key}={}\n", escaped(value))).collect();
    format!("[virt-viewer]\n{lines}")
}

/// As g_key_file_get_string reads it.
fn escaped(value: &str) -> String {
    let inner = value.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    match inner.strip_prefix(' ') {
        Some(rest) => format!("\\s{rest}"),
        None => inner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(kind: ConsoleKind, host: &str) -> ViewerAccess {
        let (vm, password, subject) = ("desk-1".to_owned(), "secret".to_owned(), "CN=host a".to_owned());
        ViewerAccess { vm, kind, host: host.to_owned(), port: 5900, password, subject }
    }

    #[test]
    fn a_host_that_is_this_machine_is_called_as_the_engine_is() {
        let own = text(&access(ConsoleKind::Vnc, "127.0.0.1"), "[2001:db8::1]", "");
        assert!(own.contains("\nhost=2001:db8::1\nport=5900\n"), "{own}");
        let other = text(&access(ConsoleKind::Vnc, "192.0.2.7"), "engine", "");
        assert!(other.contains("\nhost=192.0.2.7\n") && !other.contains("ca="), "{other}");
    }

    #[test]
    fn several_lines_become_one() {
        let spice = text(&access(ConsoleKind::Spice, "h"), "e", "-----BEGIN\nMII\\=\n");
        assert!(spice.contains("\nport=-1\ntls-port=5900\n"), "{spice}");
        assert!(spice.contains("\nhost-subject=CN=host a\nca=-----BEGIN\\nMII\\\\=\\n\n"), "{spice}");
        assert_eq!(escaped(" a\tb"), "\\sa\\tb");
    }
}
