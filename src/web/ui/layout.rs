//! The frame around every page.

use crate::auth::Actor;
use crate::engine::permissions::may::Sections;
use crate::model::permission::ObjectKind;
use crate::web::assets::asset;
use crate::web::locale::Locale;
use crate::web::request;
use actix_web::{HttpRequest, HttpResponse};
use maud::{DOCTYPE, Markup, html};

/// The two portals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portal {
    Admin,
    User,
}

impl Portal {
    /// The start of its addresses.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Admin => "/admin",
            Self::User => "/user",
        }
    }
}

/// What the frame shows of the caller.
#[derive(Debug, Clone)]
pub struct Frame {
    pub l: Locale,
    pub portal: Portal,
    pub user: String,
    pub is_admin: bool,
    /// Goes with every change.
    pub csrf: String,
    /// The path and query of this page.
    pub here: String,
    /// Only the main part is wanted: a live refresh.
    pub fragment: bool,
    /// The parts of the Admin Portal in which the caller sees something.
    pub sections: Sections,
    /// He has classes.
    pub teaches: bool,
}

impl Frame {
    pub fn new(request: &HttpRequest, portal: Portal, actor: &Actor) -> Self {
        Self {
            l: Locale::of(request),
            portal,
            user: actor.name.clone(),
            is_admin: actor.is_admin,
            csrf: request::secret(request).map(|s| crate::auth::session::csrf_token(&s)).unwrap_or_default(),
            here: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
            fragment: request.headers().contains_key("x-fragment"),
            sections: Sections::default(),
            teaches: false,
        }
    }

    /// The caller sees something of this kind.
    pub fn sees(&self, kind: ObjectKind) -> bool {
        self.sections.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    /// A whole page, or its main part. `topics`: what it is kept up to date on.
    pub fn page(&self, title: &str, topics: &str, content: &Markup) -> HttpResponse {
        let body = html! { div data-live=(topics) { (content) } };
        let page = if self.fragment { body } else { self.whole(title, &body) };
        HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header(("Cache-Control", "no-store"))
            .body(page.into_string())
    }

    fn whole(&self, title: &str, body: &Markup) -> Markup {
        document(
            self.l,
            title,
            &self.csrf,
            &html! {
                a class="pf-v6-c-skip-to-content pf-v6-c-button pf-m-primary" href="#main" { (self.l.t("skip-to-content")) }
                div class="pf-v6-c-page" {
                    (self.masthead())
                    @if self.portal == Portal::Admin { (self.sidebar()) }
                    div class="pf-v6-c-page__main-container" tabindex="-1" {
                        main class="pf-v6-c-page__main" id="main" tabindex="-1" {
                            section class="pf-v6-c-page__main-section" { (body) }
                        }
                    }
                }
                @if self.portal == Portal::User { (notices(self.l, "/user/notices")) }
                div id="connection" class="vireo-connection" role="status" hidden data-text=(self.l.t("connection-lost")) {}
            },
        )
    }

    fn masthead(&self) -> Markup {
        let l = self.l;
        html! {
            header class="pf-v6-c-masthead" {
                div class="pf-v6-c-masthead__main" {
                    @if self.portal == Portal::Admin {
                        span class="pf-v6-c-masthead__toggle" {
                            button class="pf-v6-c-button pf-m-plain" type="button" id="nav-toggle" aria-label=(l.t("navigation")) aria-expanded="true" { "☰" }
                        }
                    }
                    div class="pf-v6-c-masthead__brand" {
                        a class="vireo-brand" href=(self.portal.path()) { img src=(asset("logo.svg")) alt="" width="28" height="28"; span { "Vireo" } }
                    }
                }
                div class="pf-v6-c-masthead__content vireo-head" {
                    span class="vireo-portal" { (match self.portal { Portal::Admin => l.t("admin-portal"), Portal::User => l.t("user-portal") }) }
                    span class="vireo-space" {}
                    @if self.teaches && self.portal == Portal::User { a href="/user/class" { (l.t("class")) } }
                    @if self.is_admin {
                        @let other = if self.portal == Portal::Admin { Portal::User } else { Portal::Admin };
                        a href=(other.path()) { (match other { Portal::Admin => l.t("admin-portal"), Portal::User => l.t("user-portal") }) }
                    }
                    (languages(l, &self.here))
                    button class="pf-v6-c-button pf-m-plain" type="button" id="theme" aria-label=(l.t("theme")) title=(l.t("theme")) { "◐" }
                    a class="vireo-user" href="/security" title=(l.t("security")) { (self.user) }
                    form method="post" action="/sign-out" {
                        (self.csrf_field())
                        button class="pf-v6-c-button pf-m-link" type="submit" { (l.t("sign-out")) }
                    }
                }
            }
        }
    }

    /// The hidden field of every form that changes something.
    pub fn csrf_field(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.csrf); }
    }

    /// The sections by group, as far as the caller sees something in them.
    fn nav(&self) -> [(String, Vec<(&'static str, String)>); 4] {
        use ObjectKind::*;
        let l = self.l;
        let Sections { engine, users, .. } = self.sections;
        let all = [
            (
                l.t("nav-compute"),
                vec![
                    ("vms", l.t("vms"), self.sees(Vm)),
                    ("templates", l.t("templates"), self.sees(Template)),
                    ("pools", l.t("pools"), self.sees(Pool)),
                    ("hosts", l.t("hosts"), self.sees(Host)),
                    ("data_centers", l.t("data-centers"), self.sees(DataCenter)),
                    ("clusters", l.t("clusters"), self.sees(Cluster)),
                ],
            ),
            (
                l.t("nav-network"),
                vec![
                    ("networks", l.t("networks"), self.sees(Network)),
                    ("profiles", l.t("profiles"), self.sees(VnicProfile)),
                    ("mac_pools", l.t("mac-pools"), self.sees(MacPool)),
                ],
            ),
            (
                l.t("nav-storage"),
                vec![("domains", l.t("domains"), self.sees(StorageDomain)), ("disks", l.t("disks"), self.sees(Disk))],
            ),
            (
                l.t("nav-administration"),
                vec![
                    ("users", l.t("users"), true),
                    ("groups", l.t("groups"), true),
                    ("directory_domains", l.t("directory-domains"), engine),
                    ("roles", l.t("roles"), true),
                    ("providers", l.t("providers"), engine),
                    ("kerberos", l.t("kerberos"), engine),
                    ("permissions", l.t("system-permissions"), self.sees(System)),
                    ("instance_types", l.t("instance-types"), self.sees(InstanceType)),
                    ("quotas", l.t("quotas"), self.sees(Quota)),
                    ("scheduling_policies", l.t("scheduling-policies"), self.sees(Cluster)),
                    ("affinity_labels", l.t("affinity-labels"), self.sees(Cluster)),
                    ("tags", l.t("tags"), true),
                    ("jobs", l.t("jobs"), true),
                    ("events", l.t("events"), true),
                    ("sessions", l.t("sessions"), users),
                    ("settings", l.t("settings"), engine),
                ],
            ),
        ];
        all.map(|(title, items)| {
            let seen = items.into_iter().filter(|(_, _, seen)| *seen);
            (title, seen.map(|(noun, text, _)| (noun, text)).collect())
        })
    }

    fn sidebar(&self) -> Markup {
        let l = self.l;
        let groups = self.nav();
        let path = self.here.split('?').next().unwrap_or_default();
        let link = |target: String, text: &str, current: bool| {
            html! {
                li class="pf-v6-c-nav__item" {
                    a class=(if current { "pf-v6-c-nav__link pf-m-current" } else { "pf-v6-c-nav__link" }) href=(target) aria-current=[current.then_some("page")] { (text) }
                }
            }
        };
        html! {
            div class="pf-v6-c-page__sidebar pf-m-expanded" id="sidebar" {
                div class="pf-v6-c-page__sidebar-body" {
                    nav class="pf-v6-c-nav" aria-label=(l.t("navigation")) {
                        ul class="pf-v6-c-nav__list" role="list" { (link("/admin".to_owned(), &l.t("dashboard"), path == "/admin")) }
                        @for (title, items) in groups.iter().filter(|(_, items)| !items.is_empty()) {
                            section class="pf-v6-c-nav__section" {
                                h2 class="pf-v6-c-nav__section-title" { (title) }
                                ul class="pf-v6-c-nav__list" role="list" {
                                    @for (noun, text) in items {
                                        @let target = format!("/admin/{noun}");
                                        @let current = path == target || path.starts_with(&format!("{target}/"));
                                        (link(target, text, current))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Links to this page in the other languages.
pub fn languages(l: Locale, here: &str) -> Markup {
    html! {
        span class="vireo-languages" {
            @for other in Locale::ALL.into_iter().filter(|o| *o != l) {
                @let query = serde_urlencoded::to_string([("to", other.tag()), ("then", here)]).unwrap_or_default();
                a href={ "/language?" (query) } lang=(other.tag()) hreflang=(other.tag()) { (other.own_name()) }
            }
        }
    }
}

/// Where what a teacher told and gave is shown, over the page; its script asks for it.
pub fn notices(l: Locale, from: &str) -> Markup {
    html! { section id="notices" class="vireo-notices" data-from=(from) aria-label=(l.t("class-notices")) aria-live="polite" {} }
}

/// The outermost of every page.
pub fn document(l: Locale, title: &str, csrf: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(l.tag()) class="pf-v6-theme-glass-off" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="csrf-token" content=(csrf);
                title { (title) " · Vireo" }
                script src=(asset("theme.js")) {}
                link rel="stylesheet" href=(asset("@patternfly/patternfly/patternfly.min.css"));
                link rel="stylesheet" href=(asset("vireo.css"));
                link rel="icon" href=(asset("logo.svg")) type="image/svg+xml";
                script type="module" src=(asset("app.js")) {}
            }
            body { (body) }
        }
    }
}
