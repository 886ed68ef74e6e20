//! What the pages of second factors are made of: the picture for the app, the field for its code, recovery codes.

use crate::auth::factor::SetUp;
use crate::web::locale::Locale;
use crate::web::ui::{Frame, parts};
use maud::{Markup, PreEscaped, html};
use qrcode::{Color, QrCode};
use std::fmt::Write as _;

/// Empty modules around the code, as readers want it.
const QUIET: usize = 4;

/// The code as a picture, without any script or style.
pub fn qr(l: Locale, text: &str) -> Markup {
    let Ok(code) = QrCode::new(text) else { return html! {} };
    let (width, mut path) = (code.width(), String::new());
    for (i, _) in code.to_colors().iter().enumerate().filter(|(_, colour)| **colour == Color::Dark) {
        let _ = write!(path, "M{} {}h1v1h-1z", i % width + QUIET, i / width + QUIET);
    }
    let side = width + 2 * QUIET;
    let drawn = format!("<rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/>");
    html! {
        svg class="vireo-qr" viewBox={ "0 0 " (side) " " (side) } role="img" aria-label=(l.t("qr-code")) shape-rendering="crispEdges" {
            (PreEscaped(drawn))
        }
    }
}

/// Where a code is typed.
pub fn code_field(l: Locale, wrong: bool) -> Markup {
    html! {
        label for="code" { (l.t("code")) }
        input class="vireo-input" id="code" name="code" autocomplete="one-time-code" autocapitalize="off" spellcheck="false" maxlength="40" autofocus required aria-invalid=[wrong.then_some("true")];
    }
}

/// What an app is given, and the field for its first code.
pub fn set_up(l: Locale, set_up: &SetUp, wrong: bool) -> Markup {
    html! {
        p { (l.t("set-up-codes-hint")) }
        (qr(l, &set_up.uri))
        p { (l.t("set-up-by-hand")) " " code class="vireo-secret" id="totp-secret" { (set_up.secret) } }
        (code_field(l, wrong))
    }
}

/// Recovery codes, shown once.
pub fn recovery(l: Locale, codes: &[String]) -> Markup {
    html! {
        (parts::alert("warning", &l.t("recovery-codes-hint")))
        ul class="vireo-recovery" aria-label=(l.t("recovery-codes")) { @for code in codes { li { code { (code) } } } }
    }
}

/// A button that needs the present password beside it.
pub fn with_password(frame: &Frame, action: &str, text: &str, class: &str, more: &Markup) -> Markup {
    let l = frame.l;
    let id = format!("password{}", action.replace('/', "-"));
    html! {
        form class="vireo-prove" method="post" action=(action) {
            (frame.csrf_field())
            (more)
            label for=(id) { (l.t("present-password")) }
            input class="vireo-input" id=(id) name="password" type="password" autocomplete="current-password" required;
            button class={ "pf-v6-c-button pf-m-small " (class) } type="submit" { (text) }
        }
    }
}
