//! What refuses, in the reader's language: every variant of the model's and engine's reasons as a message with its values. The API keeps
//! the English of `Display`.

mod conflict;
mod problem;
mod ssh;

use super::api::fault;
use super::directory_words;
use super::locale::Locale;
use super::ui::parts;
use crate::auth::AuthError;
use crate::engine::EngineError;
use crate::model::conflict::{Attempt, Away, Holder, NoRoom, Unfit};
use crate::model::domain_draft::failed;
use crate::model::factor::FactorTrouble;
use crate::model::internal::NotNow;
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::Refusal;
use conflict::conflict;
pub use problem::problem;

/// A message with numbers and names in it.
macro_rules! say {
    ($l:expr, $key:literal $(, $name:literal = $value:expr)* $(,)?) => { $l.ta($key, &[$(($name, &$value.to_string())),*]) };
}
pub(in crate::web) use say;

/// A command's refusal.
pub fn error(l: Locale, error: &EngineError) -> String {
    match error {
        EngineError::Auth(why) => sign_in(l, why).unwrap_or_else(|| inside(l, error)),
        EngineError::Invalid(wrong) => wrong.iter().map(|one| invalid(l, one)).collect::<Vec<_>>().join(" "),
        EngineError::NotFound { .. } => l.t("not-found-text"),
        EngineError::Refused { what, because } => {
            let because = refusal(l, because);
            match what {
                Attempt::Vm(action, name) => {
                    say!(l, "refused-vm", "action" = l.t(&format!("verb-{action}")), "name" = name, "because" = because)
                }
                Attempt::Job(kind, subject) => {
                    say!(l, "refused-job", "job" = l.t(&format!("job-{kind}")), "name" = subject, "because" = because)
                }
            }
        }
        EngineError::Conflict(why) => conflict(l, why),
        EngineError::NotFoundOnHost(why) => say!(l, "host-says", "why" = why),
        EngineError::Unavailable(who) => away(l, who),
        EngineError::Provider(why) => super::openid_words::trouble(l, why),
        EngineError::OpenId(why) => super::openid_words::refusal(l, why),
        EngineError::Kerberos(why) => super::openid_words::kerberos(l, why),
        EngineError::Directory(why) => directory_words::trouble(l, why),
        EngineError::Ssh(why) => ssh::ssh(l, why),
        EngineError::Steps(steps) => failed(steps).map_or_else(String::new, |step| directory_words::outcome(l, step)),
        EngineError::Db(_) | EngineError::Query(_) | EngineError::Internal(_) => inside(l, error),
    }
}

/// A fault of the engine's own; the log has it whole.
fn inside(l: Locale, error: &EngineError) -> String {
    let logged = fault::sentence(error);
    match error {
        EngineError::Internal(_) => say!(l, "error-inside-told", "why" = logged),
        _ => l.t("error-inside"),
    }
}

fn sign_in(l: Locale, error: &AuthError) -> Option<String> {
    Some(match error {
        AuthError::Hidden { .. } => l.t("not-found-text"),
        AuthError::Forbidden { user, action, .. } => {
            say!(l, "auth-forbidden", "user" = user, "action" = l.t(&format!("permit-{action}")))
        }
        AuthError::NotSignedIn => l.t("auth-not-signed-in"),
        AuthError::NotAdmin { .. } => l.t("not-admin"),
        AuthError::WrongPassword | AuthError::Locked { .. } => l.t("wrong-password"),
        AuthError::TooMany { seconds } => say!(l, "too-many-guesses", "seconds" = seconds),
        AuthError::NotNow { why, .. } => l.t(not_now(*why)),
        AuthError::SecondFactor(_) => l.t("second-factor-asked"),
        AuthError::Factor(why) => l.t(factor(*why)),
        AuthError::BadTicket => l.t("auth-bad-ticket"),
        AuthError::Sealed(_) | AuthError::Db(_) | AuthError::Query(_) => return None,
    })
}

const fn factor(why: FactorTrouble) -> &'static str {
    match why {
        FactorTrouble::WrongCode => "factor-wrong-code",
        FactorTrouble::TooLate => "factor-too-late",
        FactorTrouble::WrongPasskey => "factor-wrong-passkey",
        FactorTrouble::Copied => "factor-copied",
        FactorTrouble::NoName => "factor-no-name",
        FactorTrouble::Busy => "factor-busy",
        FactorTrouble::CodeAfterPassword => "factor-code-after-password",
        FactorTrouble::NotSetUp => "factor-not-set-up",
        FactorTrouble::SetUpAlready => "factor-set-up-already",
        FactorTrouble::NotInternal => "factor-not-internal",
    }
}

const fn not_now(why: NotNow) -> &'static str {
    match why {
        NotNow::Locked => "wrong-password",
        NotNow::Disabled => "account-disabled",
        NotNow::NotYet => "account-not-yet",
        NotNow::Expired => "account-expired",
        NotNow::Hours => "account-hours",
        NotNow::PasswordExpired => "password-expired",
        NotNow::MustChange => "password-must-change",
    }
}

/// A wrong field with its label, for where it does not stand at the field.
pub fn invalid(l: Locale, wrong: &Invalid) -> String {
    let label = match wrong.field {
        "name" | "alias" => l.t("name"),
        "description" => l.t("description"),
        "comment" => l.t("comment"),
        "cluster" => l.t("cluster"),
        "template" => l.t("template"),
        "instance_type" => l.t("instance-type"),
        "memory" => l.t("memory"),
        "cdrom" => l.t("cd"),
        "os.boot" => l.t("boot"),
        "nics" | "vnic_profile" => l.t("nics"),
        "disk" | "provisioned_size" => l.t("disk"),
        "storage_domain" => l.t("domain"),
        "format" => l.t("format"),
        "size" => l.t("size"),
        "role" => l.t("role"),
        "permits" => l.t("permits"),
        "user" => l.t("user"),
        "search" => l.t("search"),
        "quota" => l.t("quota"),
        "password" => l.t("password"),
        "cpu.topology" => l.t("vcpus"),
        "provider" => l.t("provider"),
        "servers" => l.t("servers"),
        "dns" => l.t("dns-server"),
        "transport" => l.t("transport"),
        "ca_pem" => l.t("ca-pem"),
        "bind_name" => l.t("bind-name"),
        "bind_password" => l.t("password"),
        "base_dn" => l.t("base-dn"),
        "pick" => l.t("picked-rows"),
        other => other.to_owned(),
    };
    say!(l, "field-problem", "field" = label, "problem" = at_field(l, wrong))
}

/// What is wrong with a field, where it stands below it.
pub fn at_field(l: Locale, wrong: &Invalid) -> String {
    match wrong.problem {
        // The engine counts bytes; people do not.
        Problem::Range { min, max } if wrong.field == "provisioned_size" => {
            say!(l, "problem-range", "min" = parts::bytes(min), "max" = parts::bytes(max))
        }
        _ => problem(l, &wrong.problem),
    }
}

/// Why a VM does not allow an action.
pub fn refusal(l: Locale, refusal: &Refusal) -> String {
    match refusal {
        Refusal::Status(status) => say!(l, "reason-status", "status" = state(l, status.as_str())),
        Refusal::Locked { job } => say!(l, "reason-locked", "job" = holder(l, job)),
        Refusal::DeleteProtected => l.t("reason-delete-protected"),
        Refusal::InPool { pool } => say!(l, "reason-in-pool", "pool" = pool),
        Refusal::NoSerialConsole => l.t("reason-no-serial-console"),
        Refusal::PoolSuspend => l.t("reason-pool-suspend"),
        Refusal::NothingToBoot => l.t("reason-nothing-to-boot"),
        Refusal::NoDiskAtLease => l.t("reason-no-disk-at-lease"),
        Refusal::StatelessSuspend => l.t("reason-stateless-suspend"),
        Refusal::StatelessSnapshot => l.t("reason-stateless-snapshot"),
        Refusal::CdGone { cd } if cd.is_empty() => l.t("reason-cd-gone"),
        Refusal::CdGone { cd } => say!(l, "reason-named-cd-gone", "cd" = cd),
        Refusal::KernelGone => l.t("reason-kernel-gone"),
        Refusal::DiskNotOk { disk, status } => {
            say!(l, "reason-disk-not-ok", "disk" = disk, "status" = state(l, status.as_str()))
        }
        Refusal::StorageNotActive { disk, domain, status } => {
            let status = state(l, status.as_str());
            say!(l, "reason-storage-not-active", "disk" = disk, "domain" = domain, "status" = status)
        }
        Refusal::NoHost { hosts } if hosts.is_empty() => l.t("reason-no-host-at-all"),
        Refusal::NoHost { hosts } => {
            let each: Vec<String> = hosts.iter().map(|(name, why)| format!("{name} {}", no_room(l, why))).collect();
            say!(l, "reason-no-host", "hosts" = each.join("; "))
        }
        Refusal::HostNotUp { host } => say!(l, "reason-host-not-up", "host" = host),
        Refusal::ConsoleInUse { by } => say!(l, "reason-console-in-use", "by" = by),
        Refusal::Plugged { device } => say!(l, "reason-plugged", "device" = device),
        Refusal::PinnedToHost { host } => say!(l, "reason-pinned-to-host", "host" = host),
        Refusal::MigratesByHandOnly => l.t("reason-migrates-by-hand-only"),
        Refusal::NotHotPluggable => l.t("reason-not-hot-pluggable"),
        Refusal::NotPermitted => l.t("reason-not-permitted"),
    }
}

/// Why a host cannot take a VM.
pub fn no_room(l: Locale, why: &NoRoom) -> String {
    match why {
        NoRoom::Status(status) => say!(l, "no-room-status", "status" = state(l, status.as_str())),
        NoRoom::NotChosen => l.t("no-room-not-chosen"),
        NoRoom::Here => l.t("no-room-here"),
        NoRoom::OtherCpu => l.t("no-room-other-cpu"),
        NoRoom::Tried => l.t("no-room-tried"),
        NoRoom::NotTied => l.t("no-room-not-tied"),
        NoRoom::NoDomain { domain, disk } => say!(l, "no-room-no-domain", "domain" = domain, "disk" = disk),
        NoRoom::NoMachine { machine } => say!(l, "no-room-no-machine", "machine" = machine),
        NoRoom::NoCpuType { cpu } => say!(l, "no-room-no-cpu-type", "cpu" = cpu),
        NoRoom::Cpus { most, wanted } => say!(l, "no-room-cpus", "most" = most, "wanted" = wanted),
        NoRoom::Memory { free, needed } => say!(l, "no-room-memory", "free" = free, "needed" = needed),
        NoRoom::Overloaded { percent, minutes } => {
            say!(l, "no-room-overloaded", "percent" = percent, "minutes" = minutes)
        }
        NoRoom::NoCpuNumber { cpu } => say!(l, "no-room-no-cpu-number", "cpu" = cpu),
        NoRoom::OtherNetwork { mode } => say!(l, "no-room-other-network", "mode" = mode),
        NoRoom::NotTogether { group } => say!(l, "no-room-not-together", "group" = group),
        NoRoom::NotApart { group } => say!(l, "no-room-not-apart", "group" = group),
        NoRoom::NotOfGroup { group } => say!(l, "no-room-not-of-group", "group" = group),
        NoRoom::KeptFree { group } => say!(l, "no-room-kept-free", "group" = group),
        NoRoom::NoLabel { label } => say!(l, "no-room-no-label", "label" = label),
        NoRoom::ClusterInMaintenance => l.t("no-room-cluster-in-maintenance"),
    }
}

/// The task that holds something.
pub fn holder(l: Locale, holder: &Holder) -> String {
    match holder {
        Holder::Job { kind, subject } => format!("{} {subject}", l.t(&format!("job-{kind}"))),
        Holder::AtTheSameMoment => l.t("holder-same-moment"),
    }
}

fn unfit(l: Locale, why: &Unfit) -> String {
    match why {
        Unfit::NoDomain => l.t("unfit-no-domain"),
        Unfit::NotData { domain } => say!(l, "unfit-not-data", "domain" = domain),
        Unfit::Status { domain, status } => {
            say!(l, "unfit-status", "domain" = domain, "status" = state(l, status.as_str()))
        }
        Unfit::Space { domain, free, needed } => {
            say!(l, "unfit-space", "domain" = domain, "free" = free, "needed" = needed)
        }
    }
}

fn away(l: Locale, who: &Away) -> String {
    match who {
        Away::NotConnected { host } => say!(l, "away-not-connected", "host" = host),
        Away::Silent { seconds } => say!(l, "away-silent", "seconds" = seconds),
        Away::NoHostUp => l.t("away-no-host-up"),
        Away::Directory { domain } => say!(l, "away-directory", "domain" = domain),
        Away::Told { why } => say!(l, "host-says", "why" = why),
    }
}

/// A state's word as labels have it.
fn state(l: Locale, word: &str) -> String {
    l.t(&format!("status-{word}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::conflict::Conflict;
    use crate::model::vm::{VmAction, VmStatus};

    #[test]
    fn a_refusal_is_told_in_chinese() {
        let because = Refusal::Locked { job: Holder::AtTheSameMoment };
        let refused = EngineError::Refused { what: Attempt::Vm(VmAction::Run, "desk-1".to_owned()), because };
        let text = error(Locale::ZhCn, &refused);
        assert!(text.contains("desk-1") && text.contains("启动") && !text.contains("task"), "{text}");
        let full = Conflict::PoolShare { pool: "desktops".to_owned(), mine: 1, most: 1 };
        assert!(error(Locale::ZhCn, &full.clone().into()).contains("desktops"));
        assert_eq!(error(Locale::En, &full.clone().into()), full.to_string());
        assert_eq!(refusal(Locale::ZhCn, &Refusal::Status(VmStatus::Up)), "虚拟机的状态为“运行”");
    }

    #[test]
    fn a_wrong_field_is_named() {
        let wrong = EngineError::Invalid(vec![Invalid::new("memory", Problem::Range { min: 16, max: 4096 })]);
        assert_eq!(error(Locale::En, &wrong), "Memory: Give a number between 16 and 4096.");
    }
}
