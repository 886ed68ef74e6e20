//! Pictures of VMs and templates: on pages, and the page that changes one.

use super::request;
use super::server::Shared;
use super::sign_in::to;
use super::ui::form::{Field, Filled, form};
use super::ui::{Frame, parts};
use super::vm_pages::{answer, changing, entered, id};
use crate::auth::View;
use crate::engine::icons::{self, Of};
use crate::engine::{Cx, EngineError, catalog, vms};
use crate::model::icon::{Icons, MAX_HEIGHT, MAX_WIDTH, NoPicture, Picture};
use crate::model::ids::{IconId, TemplateId, VmId};
use crate::model::valid::{Invalid, Problem};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

/// `/icons/{icon}`, and the pages that change one.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/icons/{icon}", web::get().to(show))
        .route("/admin/vms/{id}/icon", web::get().to(vm))
        .route("/admin/vms/{id}/icon", web::post().to(set_vm))
        .route("/admin/templates/{id}/icon", web::get().to(template))
        .route("/admin/templates/{id}/icon", web::post().to(set_template));
}

/// The small one, before a name.
pub fn small(icons: Icons) -> Markup {
    html! { img class="vireo-icon" src={ "/icons/" (icons.small) } alt="" width="23" height="19" loading="lazy"; }
}

/// The large one.
pub fn large(icons: Icons) -> Markup {
    html! { img class="vireo-icon" src={ "/icons/" (icons.large) } alt=""; }
}

/// An id never shows another picture: what is known need not be asked for again.
async fn show(shared: web::Data<Shared>, http: HttpRequest, icon: web::Path<String>) -> HttpResponse {
    let result: Result<Picture, EngineError> = async {
        let mut cx = request::signed_in(&shared, &http, View::User).await?;
        if cx.actor.is_admin {
            cx.actor.view = View::Admin;
        }
        icons::get(&cx, id::<IconId>("icon", &icon)?).await
    }
    .await;
    match result {
        Ok(picture) => HttpResponse::Ok()
            .content_type(picture.media_type.as_str())
            .insert_header((header::CACHE_CONTROL, "private, max-age=86400, immutable"))
            .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"))
            .body(picture.data),
        Err(e) => HttpResponse::build(super::api::fault::status(&e)).finish(),
    }
}

fn page_of(of: Of) -> String {
    match of {
        Of::Vm(id) => format!("/admin/vms/{id}"),
        Of::Template(id) => format!("/admin/templates/{id}"),
    }
}

async fn now(cx: &Cx, of: Of) -> Result<(String, Icons), EngineError> {
    Ok(match of {
        Of::Vm(id) => {
            let row = vms::get(cx, id).await?.row;
            (row.name, row.icons)
        }
        Of::Template(id) => {
            let template = catalog::template(cx, id).await?;
            (template.name, template.icons)
        }
    })
}

fn page(frame: &Frame, of: Of, (name, icons): &(String, Icons), filled: &Filled) -> HttpResponse {
    let l = frame.l;
    let here = page_of(of);
    let size = [("width", MAX_WIDTH.to_string()), ("height", MAX_HEIGHT.to_string())];
    let size: Vec<(&str, &str)> = size.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let field = |name: &'static str, label: &str, of: &'static str, hint: String| Field {
        l,
        label: l.t(label),
        name,
        field: of,
        hint,
    };
    let fields = html! {
        div class="pf-v6-c-form__group" data-file-into="data" hidden {
            label class="pf-v6-c-form__label" for="icon-file" { span class="pf-v6-c-form__label-text" { (l.t("icon-file")) } }
            input class="vireo-input" type="file" id="icon-file" accept="image/png,image/jpeg,image/gif";
        }
        (field("data", "icon-data", "large_icon", l.ta("icon-data-hint", &size)).area(filled, 4))
        (field("usual", "icon-usual", "", l.t("icon-usual-hint")).check(filled))
    };
    let content = html! {
        (parts::heading(&l.t("icon"), &html! { span class="vireo-name" { (name) } }, &html! {}))
        p { (large(*icons)) }
        (form(frame, &format!("{here}/icon"), &here, &l.t("save"), &filled.others(l, &["large_icon"]), &fields))
    };
    frame.page(&l.t("icon"), "", &content)
}

async fn ask(shared: web::Data<Shared>, http: HttpRequest, of: Result<Of, EngineError>) -> HttpResponse {
    let result = async {
        let (cx, frame) = entered(&shared, &http).await?;
        let of = of?;
        Ok(page(&frame, of, &now(&cx, of).await?, &Filled::default()))
    };
    answer(&http, result.await)
}

async fn set(
    shared: web::Data<Shared>,
    http: HttpRequest,
    of: Result<Of, EngineError>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, mut values) = changing(&shared, &http, &body).await?;
        let of = of?;
        let done = match values.contains_key("usual") {
            true => icons::set(&cx, of, None).await,
            false => match bytes(values.get("data").map_or("", String::as_str)) {
                Ok(bytes) => icons::set(&cx, of, Some(bytes)).await,
                Err(wrong) => Err(wrong.into()),
            },
        };
        match done {
            Ok(()) => Ok(to(&page_of(of))),
            Err(EngineError::Invalid(wrong)) => {
                values.remove("data");
                Ok(page(&frame, of, &now(&cx, of).await?, &Filled { values, wrong }))
            }
            Err(e) => Err(e),
        }
    };
    answer(&http, result.await)
}

/// A picture in base64.
///
/// # Errors
/// It is none.
pub fn bytes(text: &str) -> Result<Vec<u8>, Invalid> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let none = || Invalid::new("large_icon", Problem::Picture(NoPicture::none()));
    match STANDARD.decode(plain) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(none()),
    }
}

macro_rules! pages { ($($show:ident, $set:ident, $id:ty, $variant:ident, $kind:literal;)+) => { $(
    async fn $show(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
        ask(shared, http, id::<$id>($kind, &path).map(Of::$variant)).await
    }
    async fn $set(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>, body: web::Bytes) -> HttpResponse {
        set(shared, http, id::<$id>($kind, &path).map(Of::$variant), body).await
    }
)+ } }

pages! {
    vm, set_vm, VmId, Vm, "VM";
    template, set_template, TemplateId, Template, "template";
}
