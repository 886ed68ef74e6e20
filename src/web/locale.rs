//! The languages of the pages: fluent messages, embedded.

use actix_web::HttpRequest;
use actix_web::http::header;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::sync::LazyLock;
use unic_langid::LanguageIdentifier;

/// The cookie that keeps somebody's choice.
pub const COOKIE: &str = "vireo-lang";

const EN: &str = concat!(
    include_str!("../../locales/en/main.ftl"),
    "\n",
    include_str!("../../locales/en/admin.ftl"),
    "\n",
    include_str!("../../locales/en/words.ftl"),
    "\n",
    include_str!("../../locales/en/directories.ftl"),
    "\n",
    include_str!("../../locales/en/domains.ftl"),
    "\n",
    include_str!("../../locales/en/providers.ftl"),
    "\n",
    include_str!("../../locales/en/roles.ftl"),
    "\n",
    include_str!("../../locales/en/sessions.ftl"),
    "\n",
    include_str!("../../locales/en/consoles.ftl"),
    "\n",
    include_str!("../../locales/en/snapshots.ftl"),
    "\n",
    include_str!("../../locales/en/pools.ftl"),
    "\n",
    include_str!("../../locales/en/hosts.ftl"),
    "\n",
    include_str!("../../locales/en/ha.ftl"),
    "\n",
    include_str!("../../locales/en/scheduling.ftl"),
    include_str!("../../locales/en/clusters.ftl"),
    include_str!("../../locales/en/networks.ftl"),
    "\n",
    include_str!("../../locales/en/tags.ftl"),
    include_str!("../../locales/en/templates.ftl"),
    include_str!("../../locales/en/vm-settings.ftl"),
    include_str!("../../locales/en/class.ftl"),
    include_str!("../../locales/en/quotas.ftl"),
    "\n",
    include_str!("../../locales/en/host-install.ftl"),
    "\n",
    include_str!("../../locales/en/host-upgrade.ftl")
);
const ZH: &str = concat!(
    include_str!("../../locales/zh-CN/main.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/admin.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/words.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/directories.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/domains.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/providers.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/roles.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/sessions.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/consoles.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/snapshots.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/pools.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/hosts.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/ha.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/scheduling.ftl"),
    include_str!("../../locales/zh-CN/clusters.ftl"),
    include_str!("../../locales/zh-CN/networks.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/tags.ftl"),
    include_str!("../../locales/zh-CN/templates.ftl"),
    include_str!("../../locales/zh-CN/vm-settings.ftl"),
    include_str!("../../locales/zh-CN/class.ftl"),
    include_str!("../../locales/zh-CN/quotas.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/host-install.ftl"),
    "\n",
    include_str!("../../locales/zh-CN/host-upgrade.ftl")
);

/// The English messages as they are written: key and text.
pub fn english() -> impl Iterator<Item = (&'static str, &'static str)> {
    EN.lines().filter_map(|line| line.split_once(" = ")).filter(|(key, _)| !key.starts_with([' ', '#']))
}

static ENGLISH: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle("en", EN));
static CHINESE: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle("zh-CN", ZH));

fn bundle(tag: &str, text: &str) -> FluentBundle<FluentResource> {
    let language: LanguageIdentifier = tag.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // The marks that keep right-to-left names apart would end up in copied texts and in tests.
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(whole, _)| whole);
    // A key that stands twice is found by the test of the keys.
    let _ = bundle.add_resource(resource);
    bundle
}

/// A language of the pages. Cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    En,
    ZhCn,
}

impl Locale {
    pub const ALL: [Self; 2] = [Self::En, Self::ZhCn];

    /// For `<html lang>`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// What its speakers call it.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::ZhCn => "简体中文",
        }
    }

    /// The cookie's, else the browser's first that is known.
    pub fn of(request: &HttpRequest) -> Self {
        if let Some(cookie) = request.cookie(COOKIE) {
            return if cookie.value() == Self::ZhCn.tag() { Self::ZhCn } else { Self::En };
        }
        let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let first = accepted.split(',').map(|part| part.trim().to_ascii_lowercase());
        first
            .filter_map(|tag| match tag.get(..2) {
                Some("zh") => Some(Self::ZhCn),
                Some("en") => Some(Self::En),
                _ => None,
            })
            .next()
            .unwrap_or(Self::En)
    }

    /// The message of this key.
    pub fn t(self, key: &str) -> String {
        self.format(key, None)
    }

    /// The message of this key with its values filled in.
    pub fn ta(self, key: &str, values: &[(&str, &str)]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, FluentValue::from(*value));
        }
        self.format(key, Some(&args))
    }

    fn format(self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let bundle = match self {
            Self::En => &ENGLISH,
            Self::ZhCn => &CHINESE,
        };
        // A missing key shows itself: the test of the keys keeps that from happening.
        let Some(pattern) = bundle.get_message(key).and_then(|m| m.value()) else { return key.to_owned() };
        bundle.format_pattern(pattern, args, &mut Vec::new()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn keys(text: &str) -> Vec<(String, BTreeSet<String>)> {
        text.lines()
            .filter_map(|l| l.split_once(" = "))
            .filter(|(k, _)| !k.starts_with([' ', '#']))
            .map(|(k, v)| {
                let vars = v.split("{ $").skip(1).filter_map(|p| p.split(' ').next()).map(ToOwned::to_owned);
                (k.to_owned(), vars.collect())
            })
            .collect()
    }

    fn sources(dir: &Path, out: &mut String) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    /// Keys made at run time: a prefix and every word that can follow.
    fn families() -> Vec<String> {
        use crate::model::{event::EventCode, host::HostStatus, job::JobKind, vm::VmAction, vm::VmStatus};
        let mut all = Vec::new();
        let mut add = |prefix: &str, words: Vec<&str>| all.extend(words.into_iter().map(|w| format!("{prefix}-{w}")));
        add("status", VmStatus::ALL.iter().map(|s| s.as_str()).collect());
        add("status", HostStatus::ALL.iter().map(|s| s.as_str()).collect());
        add(
            "status",
            vec!["active", "inactive", "locked", "unattached", "ok", "illegal", "uninitialized", "not_operational"],
        );
        add(
            "status",
            vec!["started", "finished", "failed", "aborted", "problematic", "contend", "detaching", "activating"],
        );
        add("action", VmAction::ALL.iter().map(|s| s.as_str()).collect());
        add(
            "empty",
            vec!["vms", "templates", "pools", "hosts", "data-centers", "clusters", "networks", "profiles", "mac-pools"],
        );
        add("empty", vec!["directory-domains"]);
        add("empty", vec!["domains", "disks", "users", "roles", "instance-types", "jobs", "events"]);
        add("verb", VmAction::ALL.iter().map(|s| s.as_str()).collect());
        add("job", JobKind::ALL.iter().map(|s| s.as_str()).collect());
        add("characters", crate::model::internal::CharacterKind::ALL.iter().map(|k| k.as_str()).collect());
        use crate::model::{setting::SecondFactorRule, setting::Setting, user::SessionKind, user::SignInMethod};
        add("method", SignInMethod::ALL.iter().map(|m| m.as_str()).collect());
        add("session-kind", SessionKind::ALL.iter().map(|k| k.as_str()).collect());
        add("setting", Setting::ALL.iter().map(|s| s.as_str()).collect());
        add("setting-hint", Setting::ALL.iter().map(|s| s.as_str()).collect());
        add("rule", SecondFactorRule::ALL.iter().map(|r| r.as_str()).collect());
        add("empty", vec!["sessions"]);
        add("severity", vec!["normal", "warning", "error", "alert"]);
        add("status", vec!["pending", "undone"]);
        add("kind", vec!["desktop", "server"]);
        add("object", crate::model::permission::ObjectKind::ALL.iter().map(|k| k.as_str()).collect());
        let snapshots = ["create_layers", "switch_layers", "remove_layers", "merge_layers", "remove_memory"];
        add("step", snapshots.to_vec());
        add("status", crate::model::snapshot::SnapshotStatus::ALL.iter().map(|s| s.as_str()).collect());
        add("content", vec!["data", "iso"]);
        add("permit", crate::model::role::Action::ALL.iter().map(|a| a.as_str()).collect());
        add("role-about", crate::model::predefined_roles::PREDEFINED.iter().map(|r| r.name).collect());
        let tree = crate::model::permit_tree::TREE;
        add("permits", tree.iter().map(|(branch, _)| *branch).collect());
        add("permits-part", tree.iter().flat_map(|(_, parts)| parts.iter().map(|(part, _)| *part)).collect());
        add("preference-console", vec!["browser", "viewer"]);
        add("empty", vec!["groups", "quotas"]);
        use crate::model::quota::{QuotaMode, QuotaResource};
        add("quota-mode", QuotaMode::ALL.iter().map(|m| m.as_str()).collect());
        for share in ["whole", "place", "person"] {
            let words: Vec<String> = QuotaResource::ALL.iter().map(|r| format!("{r}-{share}")).collect();
            add("conflict-quota", words.iter().map(String::as_str).collect());
        }
        add("domain-kind", vec!["data", "iso", "export"]);
        vms_and_pools(&mut add);
        clusters(&mut add);
        scheduling(&mut add);
        all.extend(EventCode::ALL.iter().map(|c| format!("event-{c}")));
        all
    }

    fn scheduling(add: &mut impl FnMut(&str, Vec<&str>)) {
        use crate::model::scheduling::{Affinity, Balance, Filter, Property, SchedulingPolicy, Weight};
        add("unit", Filter::ALL.iter().map(|unit| unit.as_str()).collect());
        add("unit", Weight::ALL.iter().map(|unit| unit.as_str()).collect());
        add("balance", Balance::ALL.iter().map(|unit| unit.as_str()).collect());
        add("property-about", Property::ALL.iter().map(|property| property.as_str()).collect());
        add("affinity", Affinity::ALL.iter().map(|affinity| affinity.as_str()).collect());
        add("affinity-hosts", vec!["positive", "negative", "disabled"]);
        let policies = SchedulingPolicy::predefined();
        add("policy-about", policies.iter().map(|policy| policy.name.as_str()).collect());
        add("empty", vec!["scheduling-policies", "affinity-labels"]);
    }

    fn clusters(add: &mut impl FnMut(&str, Vec<&str>)) {
        use crate::model::cluster_settings::{MemoryOvercommit, MigrateOnError, MigrationBandwidth};
        add("overcommit", MemoryOvercommit::ALL.iter().map(|o| o.as_str()).collect());
        add("on-error", MigrateOnError::ALL.iter().map(|o| o.as_str()).collect());
        add("bandwidth", MigrationBandwidth::ALL.iter().map(|b| b.as_str()).collect());
        add("property", crate::model::scheduling::Property::ALL.iter().map(|p| p.as_str()).collect());
    }

    fn vms_and_pools(add: &mut impl FnMut(&str, Vec<&str>)) {
        let (vm, file) =
            (["prepare", "launch", "confirm", "ask", "wait", "stop", "save"], ["create_images", "receive"]);
        add("day", crate::model::reservation::Weekdays::NAMES.to_vec());
        add("step", vec!["check_template", "create_vms", "make_layers", "boot", "settle", "save_memory"]);
        add("step", vec!["lay_anew", "seal", "move", "empty", "create_domain", "look_everywhere"]);
        add("step", vec!["shut_down_vms", "shut_down_ha_vms", "hosts_to_maintenance", "power_off_hosts"]);
        add("step", vec!["power_on_hosts", "wait_for_hosts", "start_vms_again"]);
        add("step", vec!["check_storage", "power_off", "free_vms", "power_on"]);
        add("fence", crate::model::fence::FenceType::ALL.iter().map(|f| f.as_str()).collect());
        use crate::model::{host::HostAction, migration::MigrationPolicyName};
        add("host-action", HostAction::ALL.iter().map(|a| a.as_str()).collect());
        add("host-verb", HostAction::ALL.iter().map(|a| a.as_str()).collect());
        add("policy", MigrationPolicyName::ALL.iter().map(|p| p.as_str()).collect());
        add("step", vec!["connect", "examine", "copy_program", "join", "start_agent", "leave"]);
        add("step", vec!["upgrade_packages", "replace_program", "restart_host", "return_host", "upgrade_hosts"]);
        add("turn", crate::model::host_upgrade::Turn::ALL.iter().map(|turn| turn.as_str()).collect());
        add("ssh-login", crate::model::host_install::SshMethod::ALL.iter().map(|m| m.as_str()).collect());
        let told =
            ["host-name", "time-zone", "user", "password", "keys", "dns-servers", "dns-search", "cards", "script"];
        add("first-run", told.to_vec());
        let windows = ["organization", "product-key", "input-locale", "ui-language", "system-locale", "user-locale"];
        add("first-run", windows.to_vec());
        add("first-run", vec!["workgroup", "domain", "unit", "domain-user", "domain-password"]);
        add("step", vec!["adjust_guest", "plug"]);
        use crate::model::vm_settings::{MigrationMode, RngSource, Waiting, Watchdog};
        add("migration", MigrationMode::ALL.iter().map(|m| m.as_str()).collect());
        add("resume", crate::model::vm_settings::ResumeBehaviour::ALL.iter().map(|r| r.as_str()).collect());
        add("watchdog", Watchdog::ALL.iter().map(|w| w.as_str()).collect());
        add("rng", RngSource::ALL.iter().map(|r| r.as_str()).collect());
        add("level", vec!["usual", "low", "medium", "high"]);
        add("waiting", Waiting::FIELDS.to_vec());
        add("surplus", crate::model::pool::Surplus::ALL.iter().map(|s| s.as_str()).collect());
        add("step", vm.into_iter().chain(file).chain(["forget_domain", "remove_images", "drop_layers"]).collect());
    }

    #[test]
    fn both_languages_have_the_same_keys_with_the_same_values() {
        let (en, zh) = (keys(EN), keys(ZH));
        let missing: Vec<_> = en.iter().filter(|k| !zh.contains(k)).collect();
        let extra: Vec<_> = zh.iter().filter(|k| !en.contains(k)).collect();
        assert!(missing.is_empty() && extra.is_empty(), "not in zh-CN: {missing:?}; not in en: {extra:?}");
        let unique: BTreeSet<_> = en.iter().map(|k| &k.0).collect();
        assert_eq!(unique.len(), en.len(), "a key stands twice");
    }

    #[test]
    fn no_key_is_missing_or_unused() {
        let mut code = String::new();
        sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/web")), &mut code);
        let known: BTreeSet<String> = keys(EN).into_iter().map(|k| k.0).collect();
        let families: BTreeSet<String> = families().into_iter().collect();
        let quoted: BTreeSet<&str> = code.split('"').collect();
        let unused: Vec<_> = known.iter().filter(|k| !quoted.contains(k.as_str()) && !families.contains(*k)).collect();
        assert!(unused.is_empty(), "unused keys: {unused:?}");
        let mut missing: Vec<String> = families.into_iter().filter(|k| !known.contains(k)).collect();
        for start in [".t(\"", ".ta(\"", "say!(l, \""] {
            let used = code.split(start).skip(1).filter_map(|p| p.split('"').next());
            missing.extend(used.filter(|k| !known.contains(*k)).map(ToOwned::to_owned));
        }
        assert!(missing.is_empty(), "missing keys: {missing:?}");
    }
}
