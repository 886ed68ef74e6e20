//! The engine's settings.

use super::{admin, changing, details};
use crate::engine::{EngineError, settings};
use crate::model::setting::{SecondFactorRule, Setting};
use crate::web::error;
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Field, Filled, form};
use crate::web::ui::{Frame, parts};
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;

/// `/admin/settings`
pub fn routes(config: &mut web::ServiceConfig) {
    config.route("/admin/settings", web::get().to(page)).route("/admin/settings", web::post().to(save));
}

async fn page(shared: web::Data<Shared>, http: HttpRequest) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let now = settings::get(&cx).await?;
        let values = Setting::ALL.iter().map(|s| (s.as_str().to_owned(), now.get(*s))).collect();
        let saved = http.query_string() == "saved";
        Ok(whole(&frame, &Filled { values, wrong: Vec::new() }, saved))
    };
    details::answer(&http, result.await)
}

fn whole(frame: &Frame, filled: &Filled, saved: bool) -> HttpResponse {
    let l = frame.l;
    let rules: Vec<(String, String)> =
        SecondFactorRule::ALL.iter().map(|rule| (rule.to_string(), l.t(&format!("rule-{rule}")))).collect();
    let fields = html! {
        @for setting in Setting::ALL {
            @let name = setting.as_str();
            @let field = Field { l, label: l.t(&format!("setting-{setting}")), name, field: name, hint: l.t(&format!("setting-hint-{setting}")) };
            @if *setting == Setting::SecondFactor { (field.select(filled, &rules)) } @else { (field.input(filled, "text")) }
        }
    };
    let shown: Vec<&str> = Setting::ALL.iter().map(|s| s.as_str()).collect();
    let content = html! {
        (parts::heading(&l.t("settings"), &html! {}, &html! {}))
        @if saved { (parts::alert("success", &l.t("settings-saved"))) }
        (form(frame, "/admin/settings", "/admin", &l.t("save"), &filled.others(l, &shown), &fields))
    };
    frame.page(&l.t("settings"), "", &content)
}

async fn save(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let asked = Setting::ALL.iter().filter_map(|s| Some((*s, values.get(s.as_str())?.clone()))).collect();
        match settings::set(&cx, asked).await {
            Ok(_) => Ok(to("/admin/settings?saved")),
            Err(EngineError::Invalid(wrong)) => Ok(whole(&frame, &Filled { values, wrong }, false)),
            Err(other) => Err(other),
        }
    };
    result.await.unwrap_or_else(|e| error::page(&http, &e))
}
