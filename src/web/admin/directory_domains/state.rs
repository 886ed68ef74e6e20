//! What the wizard holds from step to step. It travels with the form: nothing is kept in the engine before the last step, and nothing
//! that was typed is lost on the way. Passwords travel sealed, for this session only.

use crate::engine::Cx;
use crate::engine::domains::Trial;
use crate::model::domain::{Servers, Step};
use crate::model::domain_draft::{DomainView, Draft};
use crate::model::ids::DomainId;
use crate::model::valid::{Invalid, Problem};
use std::collections::HashMap;

/// The wizard's steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Kind,
    Servers,
    Transport,
    Bind,
    Trial,
    Review,
}

impl Stage {
    pub const ALL: [Self; 6] = [Self::Kind, Self::Servers, Self::Transport, Self::Bind, Self::Trial, Self::Review];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Servers => "servers",
            Self::Transport => "transport",
            Self::Bind => "bind",
            Self::Trial => "trial",
            Self::Review => "review",
        }
    }

    /// The first, if it is none.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|stage| stage.word() == word).unwrap_or(Self::Kind)
    }

    fn at(self, step: isize) -> Self {
        let here = Self::ALL.iter().position(|stage| *stage == self).unwrap_or_default();
        let there = here.saturating_add_signed(step).min(Self::ALL.len() - 1);
        Self::ALL.get(there).copied().unwrap_or(self)
    }

    pub fn next(self) -> Self {
        self.at(1)
    }

    pub fn previous(self) -> Self {
        self.at(-1)
    }

    /// What is asked at this step, by the engine's names.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Kind => &["name", "provider"],
            Self::Servers => &["where", "servers", "dns"],
            Self::Transport => &["transport", "ca_pem"],
            Self::Bind => &["bind_name", "bind_password", "base_dn"],
            Self::Trial => &["test_user", "test_password"],
            Self::Review => &[],
        }
    }

    /// Up to where the directory is tried at this step: what comes after it was not asked yet.
    pub const fn reaches(self) -> Step {
        match self {
            Self::Kind | Self::Servers => Step::FindServers,
            Self::Transport => Step::Connect,
            Self::Bind => Step::Bind,
            Self::Trial | Self::Review => Step::SignIn,
        }
    }
}

/// A password that was typed at one of the steps.
#[derive(Default)]
pub struct Secret {
    plain: Option<String>,
    /// What the form carries on; empty: none was given.
    pub sealed: String,
}

impl Secret {
    /// Typed now, or carried on. Sealed in another session, it is none.
    fn read(cx: &Cx, values: &HashMap<String, String>, typed: &str, carried: &str) -> Self {
        let get = |name: &str| values.get(name).filter(|text| !text.is_empty());
        let session = cx.actor.session.map(|id| id.to_string()).unwrap_or_default();
        let purpose = format!("wizard {session} {typed}");
        let plain = match get(typed) {
            Some(plain) => Some(plain.clone()),
            None => get(carried).and_then(|sealed| cx.engine.vault.open(&purpose, sealed).ok()),
        };
        let sealed = plain.as_ref().and_then(|plain| cx.engine.vault.seal(&purpose, plain).ok());
        Self { plain, sealed: sealed.unwrap_or_default() }
    }
}

/// Fields that travel as they were typed.
pub const OPEN: [&str; 10] =
    ["name", "provider", "where", "servers", "dns", "transport", "ca_pem", "bind_name", "base_dn", "test_user"];

/// All that was typed so far.
pub struct State {
    pub stage: Stage,
    pub values: HashMap<String, String>,
    pub bind: Secret,
    pub trial: Secret,
    /// The domain that is changed, as it was when the wizard began.
    pub editing: Option<(DomainId, i64)>,
}

impl State {
    /// A new domain.
    pub fn fresh() -> Self {
        let first = [("provider", "IPA"), ("where", "srv"), ("transport", "ldaps")];
        let values = first.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { stage: Stage::Kind, values, bind: Secret::default(), trial: Secret::default(), editing: None }
    }

    /// A domain as it is kept.
    pub fn kept(view: &DomainView) -> Self {
        let draft = Draft::of(&view.config);
        let place = if view.config.servers == Servers::Srv { "srv" } else { "list" };
        let all = [
            ("name", draft.name),
            ("provider", draft.provider),
            ("where", place.to_owned()),
            ("servers", draft.servers),
            ("dns", draft.dns),
            ("transport", draft.transport),
            ("ca_pem", draft.ca_pem),
            ("bind_name", draft.bind_name),
            ("base_dn", draft.base_dn),
        ];
        let values = all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { values, editing: Some((view.id, view.generation)), ..Self::fresh() }
    }

    /// What the form sent.
    pub fn sent(cx: &Cx, values: HashMap<String, String>, id: Option<DomainId>) -> Self {
        let generation = values.get("generation").and_then(|text| text.parse().ok()).unwrap_or(-1);
        Self {
            stage: Stage::of(values.get("stage").map_or("", String::as_str)),
            bind: Secret::read(cx, &values, "bind_password", "bind_sealed"),
            trial: Secret::read(cx, &values, "test_password", "test_sealed"),
            editing: id.map(|id| (id, generation)),
            values,
        }
    }

    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// As the engine takes it.
    pub fn draft(&self) -> Draft {
        let text = |name: &str| self.get(name).to_owned();
        Draft {
            name: text("name"),
            provider: text("provider"),
            servers: if self.by_srv() { String::new() } else { text("servers") },
            transport: text("transport"),
            ca_pem: text("ca_pem"),
            bind_name: text("bind_name"),
            // Whoever takes the name out wants anonymous searches; the password stays in the form.
            bind_password: self.bind.plain.clone().filter(|_| !self.get("bind_name").trim().is_empty()),
            base_dn: text("base_dn"),
            dns: text("dns"),
        }
    }

    pub fn by_srv(&self) -> bool {
        self.get("where") != "list"
    }

    pub fn tried_with(&self) -> Trial {
        let plain = self.trial.plain.as_deref().unwrap_or_default();
        let user = self.get("test_user");
        Trial::typed(user, if user.trim().is_empty() { "" } else { plain })
    }

    /// A list of servers was wanted, and is empty: it would mean SRV.
    pub fn no_servers(&self) -> Option<Invalid> {
        let empty = !self.by_srv() && self.get("servers").trim().is_empty();
        empty.then(|| Invalid::new("servers", Problem::Missing))
    }
}
