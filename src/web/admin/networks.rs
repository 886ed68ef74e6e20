//! Logical networks: their pages, made, changed, removed.

use super::card::{Detail, link, links, show, text};
use super::confirm::{self, Question};
use super::vm_form::{field, hinted};
use super::{admin, changing, details, id};
use crate::engine::permissions::may;
use crate::engine::{EngineError, catalog, networks};
use crate::model::ids::{DataCenterId, NetworkId};
use crate::model::network::{NetworkConfig, NetworkView};
use crate::model::permission::ObjectKind;
use crate::model::role::Action;
use crate::model::valid::{Invalid, Problem};
use crate::web::server::Shared;
use crate::web::sign_in::to;
use crate::web::ui::form::{Choice, Filled, form};
use crate::web::ui::{Frame, parts};
use crate::web::words;
use actix_web::{HttpRequest, HttpResponse, web};
use maud::html;
use std::collections::HashMap;

const LIST: &str = "/admin/networks";
const SHOWN: &[&str] = &["name", "description", "comment", "data_center"];

/// `/admin/networks/…`
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/admin/networks/new", web::get().to(new_page))
        .route("/admin/networks/new", web::post().to(create))
        .route("/admin/networks/{id}", web::get().to(detail))
        .route("/admin/networks/{id}/edit", web::get().to(edit_page))
        .route("/admin/networks/{id}/edit", web::post().to(update))
        .route("/admin/networks/{id}/remove", web::get().to(ask_removal))
        .route("/admin/networks/{id}/remove", web::post().to(remove));
}

async fn detail(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let l = frame.l;
        let n = catalog::network(&cx, id::<NetworkId>("network", &path)?).await?;
        let permits = may::on(&cx, vec![n.id.object()]).await?;
        let here = format!("{LIST}/{}", n.id);
        let actions = html! {
            @if permits.may(Action::ConfigureStoragePoolNetwork, n.id.object()) { (parts::link_button(&format!("{here}/edit"), &l.t("edit"), "pf-m-primary")) }
            @if !n.is_management() && permits.may(Action::DeleteStoragePoolNetwork, n.id.object()) { (parts::link_button(&format!("{here}/remove"), &l.t("remove"), "pf-m-danger")) }
        };
        let facts = vec![
            (l.t("description"), text(&n.description)),
            (l.t("comment"), text(&n.comment)),
            (l.t("data-center"), link("data_centers", n.data_center, &n.data_center_name)),
            (l.t("vlan"), text(n.vlan_id.map_or_else(|| "-".to_owned(), |v| v.to_string()))),
            (l.t("mtu"), text(if n.mtu == 0 { format!("{} (1500)", l.t("default")) } else { n.mtu.to_string() })),
            (l.t("vm-network"), text(if n.vm_network { l.t("yes") } else { l.t("no") })),
            ("ID".to_owned(), text(n.id)),
        ];
        let profiles = catalog::vnic_profiles(&cx).await?;
        let profiles = profiles.iter().filter(|p| p.network == n.id).map(|p| html! { (p.name) " " (p.description) });
        let clusters = catalog::clusters(&cx, &details::all()).await?.rows;
        let moves = clusters.iter().filter(|c| c.settings.migration.network == Some(n.id));
        let moves = moves.map(|c| link("clusters", c.id, &c.name));
        let cards = vec![
            parts::card(&l.t("profiles"), &links(l, profiles)),
            parts::card(&l.t("migration-network-of"), &links(l, moves)),
        ];
        let detail = Detail { title: n.name, actions, facts, cards, ..Detail::default() };
        show(&cx, &frame, detail, "network vnic_profile cluster", ObjectKind::Network, n.id.object()).await
    };
    details::answer(&http, result.await)
}

/// The form: of one that is there, or with the data centers to choose from.
enum Form<'a> {
    New(Vec<Choice>),
    Edit(&'a NetworkView),
}

impl Form<'_> {
    fn page(&self, frame: &Frame, filled: &Filled, refused: Option<&str>) -> HttpResponse {
        let l = frame.l;
        let fields = html! {
            @match self {
                Form::New(centers) => (field(l, "data-center", "data_center", "data_center").choose(filled, centers)),
                Form::Edit(view) => (field(l, "data-center", "", "").fixed(&view.data_center_name)),
            }
            (hinted(l, "name", "name", "name", l.t("network-name-hint")).input(filled, "text"))
            (field(l, "description", "description", "description").input(filled, "text"))
            (field(l, "comment", "comment", "comment").input(filled, "text"))
            (hinted(l, "vm-network", "vm_network", "", l.t("vm-network-hint")).check(filled))
        };
        let (title, action, back, submit) = match self {
            Form::Edit(view) => {
                let here = format!("{LIST}/{}", view.id);
                (view.name.clone(), format!("{here}/edit"), here, l.t("save"))
            }
            Form::New(_) => (l.t("new-network"), format!("{LIST}/new"), LIST.to_owned(), l.t("create")),
        };
        let mut others = filled.others(l, SHOWN);
        others.extend(refused.map(ToOwned::to_owned));
        let content = html! {
            (parts::heading(&title, &html! {}, &html! {}))
            (form(frame, &action, &back, &submit, &others, &fields))
        };
        frame.page(&title, "", &content)
    }

    /// It comes back with what was wrong.
    fn again(
        &self,
        frame: &Frame,
        values: HashMap<String, String>,
        why: EngineError,
    ) -> Result<HttpResponse, EngineError> {
        match why {
            EngineError::Conflict(_) => {
                let refused = words::error(frame.l, &why);
                Ok(self.page(frame, &Filled { values, wrong: Vec::new() }, Some(&refused)))
            }
            why => Ok(self.page(frame, &Filled::again(values, why)?, None)),
        }
    }
}

fn values_of(config: &NetworkConfig) -> HashMap<String, String> {
    [
        ("name", config.name.clone()),
        ("description", config.description.clone()),
        ("comment", config.comment.clone()),
        ("vm_network", if config.vm_network { "1" } else { "" }.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn read(values: &HashMap<String, String>) -> NetworkConfig {
    let text = |name: &str| values.get(name).cloned().unwrap_or_default();
    NetworkConfig {
        name: text("name"),
        description: text("description"),
        comment: text("comment"),
        vm_network: text("vm_network") == "1",
    }
}

async fn centers(cx: &crate::engine::Cx) -> Result<Vec<Choice>, EngineError> {
    let all = catalog::data_centers(cx, &details::all()).await?.rows;
    Ok(all.iter().map(|center| Choice::new(center.id, &center.name)).collect())
}

async fn new_page(
    shared: web::Data<Shared>,
    http: HttpRequest,
    query: web::Query<HashMap<String, String>>,
) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let mut values = values_of(&NetworkConfig::default());
        values.extend(query.get("data_center").map(|center| ("data_center".to_owned(), center.clone())));
        Ok(Form::New(centers(&cx).await?).page(&frame, &Filled { values, wrong: Vec::new() }, None))
    };
    details::answer(&http, result.await)
}

async fn create(shared: web::Data<Shared>, http: HttpRequest, body: web::Bytes) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let wanted = values.get("data_center").cloned().unwrap_or_default();
        let done = match wanted.parse::<DataCenterId>() {
            Ok(center) => networks::add(&cx, center, read(&values)).await,
            Err(_) => Err(Invalid::new("data_center", Problem::Missing).into()),
        };
        match done {
            Ok(made) => Ok(to(&format!("{LIST}/{made}"))),
            Err(why) => Form::New(centers(&cx).await?).again(&frame, values, why),
        }
    };
    details::answer(&http, result.await)
}

async fn edit_page(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let view = catalog::network(&cx, id::<NetworkId>("network", &path)?).await?;
        let filled = Filled { values: values_of(&view.config()), wrong: Vec::new() };
        Ok(Form::Edit(&view).page(&frame, &filled, None))
    };
    details::answer(&http, result.await)
}

async fn update(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    let result = async {
        let (cx, frame, values) = changing(&shared, &http, &body).await?;
        let view = catalog::network(&cx, id::<NetworkId>("network", &path)?).await?;
        let new = read(&values);
        match networks::edit(&cx, view.id, move |_| Ok(new)).await {
            Ok(()) => Ok(to(&format!("{LIST}/{}", view.id))),
            Err(why) => Form::Edit(&view).again(&frame, values, why),
        }
    };
    details::answer(&http, result.await)
}

async fn ask_removal(shared: web::Data<Shared>, http: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let result = async {
        let (cx, frame) = admin(&shared, &http).await?;
        let (l, view) = (frame.l, catalog::network(&cx, id::<NetworkId>("network", &path)?).await?);
        let here = format!("{LIST}/{}", view.id);
        let question = Question {
            title: l.ta("confirm-remove-network", &[("name", &view.name)]),
            text: html! { p { (l.t("confirm-remove-network-text")) } },
            button: Some((format!("{here}/remove"), l.t("remove"), "pf-m-danger")),
            back: here,
            topics: "",
        };
        Ok(question.page(&frame))
    };
    details::answer(&http, result.await)
}

async fn remove(
    shared: web::Data<Shared>,
    http: HttpRequest,
    path: web::Path<String>,
    body: web::Bytes,
) -> HttpResponse {
    confirm::done(&shared, &http, &body, async |cx| {
        networks::remove(&cx, id("network", &path)?).await?;
        Ok(LIST.to_owned())
    })
    .await
}
