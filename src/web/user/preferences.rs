//! How somebody wants his consoles.

use crate::engine::{EngineError, preferences, vms};
use crate::model::preference::{ConsoleChoice, Preferences};
use crate::model::vm::Protocol;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Field, Filled, form};
use crate::web::ui::{Frame, Portal, parts};
use crate::web::vm_pages::{answer, changing, enter};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;
use std::collections::HashMap;

const HERE: &str = "/user/preferences";

/// Its page.
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/user/preferences", web::get().to(show)).route("/user/preferences", web::post().to(save));
}

async fn show(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = enter(&shared, &http, Portal::User).await?;
        let viewers = vms::console::viewers_allowed(&cx).await?;
        Ok(page(&frame, &preferences::get(&cx).await?, viewers))
    };
    answer(&http, result.await)
}

fn page(frame: &Frame, chosen: &Preferences, viewers: bool) -> HttpResponse {
    let l = frame.l;
    let mut values = HashMap::from([
        ("console".to_owned(), chosen.console.to_string()),
        ("protocol".to_owned(), chosen.protocol.to_string()),
    ]);
    for (name, on) in [("full_screen", chosen.full_screen), ("auto_connect", chosen.auto_connect)] {
        if on {
            values.insert(name.to_owned(), "1".to_owned());
        }
    }
    let filled = Filled { values, wrong: Vec::new() };
    let field = |name: &'static str, label: &str, hint: String| Field { l, label: l.t(label), name, field: name, hint };
    let choices: Vec<Choice> =
        ConsoleChoice::ALL.iter().map(|c| Choice::new(c, l.t(&format!("preference-console-{c}")))).collect();
    let protocols: Vec<Choice> = Protocol::ALL.iter().map(|p| Choice::new(p, p.as_str().to_uppercase())).collect();
    let hint = if viewers { String::new() } else { l.t("conflict-no-viewers") };
    let fields = html! {
        (field("console", "preference-console", hint).choose(&filled, &choices))
        (field("protocol", "preference-protocol", l.t("preference-protocol-hint")).choose(&filled, &protocols))
        (field("full_screen", "preference-full-screen", String::new()).check(&filled))
        (field("auto_connect", "preference-auto-connect", String::new()).check(&filled))
        p class="vireo-hint" { (l.t("preference-auto-connect-hint")) }
    };
    let content = html! {
        (parts::heading(&l.t("preferences"), &html! {}, &html! {}))
        (form(frame, HERE, "/user", &l.t("save"), &[], &fields))
    };
    frame.page(&l.t("preferences"), "", &content)
}

async fn save(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, _, values) = changing(&shared, &http, &body).await?;
        let console = values.get("console").and_then(|word| word.parse().ok()).unwrap_or(ConsoleChoice::Browser);
        let protocol = values.get("protocol").and_then(|word| word.parse().ok()).unwrap_or(Protocol::Vnc);
        let on = |name: &str| values.contains_key(name);
        let chosen =
            Preferences { console, protocol, full_screen: on("full_screen"), auto_connect: on("auto_connect") };
        preferences::set(&cx, chosen).await?;
        Ok::<_, EngineError>(to("/user"))
    };
    answer(&http, result.await)
}
