//! What refuses, in the reader's language: every variant of the model's and engine's reasons as a message with its values. The API keeps
//! the English of `Display`.

use super::api::fault;
use super::directory_words;
use super::locale::Locale;
use super::told::told;
use super::ui::parts;
use crate::auth::AuthError;
use crate::engine::EngineError;
use crate::model::conflict::{Attempt, Away, Conflict, Holder, NoRoom, Unfit};
use crate::model::domain_draft::failed;
use crate::model::factor::FactorTrouble;
use crate::model::internal::NotNow;
use crate::model::search::{MAX_LENGTH, SearchError};
use crate::model::valid::{Invalid, Problem};
use crate::model::vm::Refusal;

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

/// What is wrong.
pub fn problem(l: Locale, problem: &Problem) -> String {
    match problem {
        Problem::Missing => l.t("problem-missing"),
        Problem::TooLong { max } => say!(l, "problem-too-long", "max" = max),
        Problem::TooShort { length, min } => say!(l, "problem-too-short", "length" = length, "min" = min),
        Problem::Character { found } => say!(l, "problem-character", "found" = found),
        Problem::Range { min, max } => say!(l, "problem-range", "min" = min, "max" = max),
        Problem::Taken { name } => say!(l, "problem-taken", "name" = name),
        Problem::NotOneOf { value, allowed } => say!(l, "problem-not-one-of", "value" = value, "allowed" = allowed),
        Problem::NoSuch { value } => say!(l, "problem-no-such", "value" = value),
        Problem::NoTimeZone { value } => say!(l, "problem-no-time-zone", "value" = value),
        Problem::NotATimeOfDay { value } => say!(l, "problem-not-a-time-of-day", "value" = value),
        Problem::NotAfter { begins } => say!(l, "problem-not-after", "begins" = begins),
        Problem::OnlyFreshVms => l.t("problem-only-fresh-vms"),
        Problem::NotANumber { value } => say!(l, "problem-not-a-number", "value" = value),
        Problem::MoreThanHost { available } => say!(l, "problem-more-than-host", "available" = available),
        Problem::NeedsSpice => l.t("problem-needs-spice"),
        Problem::NotAPinning { vcpus } => say!(l, "problem-not-a-pinning", "vcpus" = vcpus),
        Problem::NotAsPattern { value, name, pattern } => {
            say!(l, "problem-not-as-pattern", "value" = value, "name" = name, "pattern" = pattern)
        }
        Problem::UnknownField => l.t("problem-unknown-field"),
        Problem::TemplateNotOk { template, status } => {
            say!(l, "problem-template-not-ok", "template" = template, "status" = state(l, status.as_str()))
        }
        Problem::NothingToFollow => l.t("problem-nothing-to-follow"),
        Problem::NotAKey { begins } => say!(l, "problem-not-a-key", "begins" = begins),
        Problem::NotACard { line } => say!(l, "problem-not-a-card", "line" = line),
        Problem::NotYaml { because } => say!(l, "problem-not-yaml", "because" = because),
        Problem::NothingToSeal => l.t("problem-nothing-to-seal"),
        Problem::OtherDataCenter => l.t("problem-other-data-center"),
        Problem::TemplateWithoutDisk { .. } | Problem::TemplateDiskNotOk { .. } | Problem::NoSurplus => {
            of_pool(l, problem)
        }
        Problem::NotACd { disk } => say!(l, "problem-not-a-cd", "disk" = disk),
        Problem::NotOnHost { disk } => say!(l, "problem-not-on-host", "disk" = disk),
        Problem::NothingToSave => l.t("problem-nothing-to-save"),
        Problem::NotAFreeDisk => l.t("problem-not-a-free-disk"),
        Problem::IsoNotRaw => l.t("problem-iso-not-raw"),
        Problem::Unfit(why) => unfit(l, why),
        Problem::TooSimple { kind, min } => {
            say!(l, "problem-too-simple", "kind" = l.t(&format!("characters-{kind}")), "min" = min)
        }
        Problem::AdminPermits { permits } => {
            let named = permits.split(", ").map(|word| l.t(&format!("permit-{word}"))).collect::<Vec<_>>();
            say!(l, "problem-admin-permits", "permits" = named.join(", "))
        }
        Problem::UsedBefore => l.t("problem-used-before"),
        Problem::NotRepeated => l.t("problem-not-repeated"),
        Problem::LoginHours { length } => say!(l, "problem-login-hours", "length" = length),
        Problem::NotATime { value } => say!(l, "problem-not-a-time", "value" = value),
        Problem::NotHttps { value } => say!(l, "problem-not-https", "value" = value),
        Problem::SameAsClient => l.t("problem-same-as-client"),
        Problem::Fixed => l.t("problem-fixed"),
        Problem::NotAKeytab => l.t("problem-not-a-keytab"),
        Problem::NotAnAddress { value } => say!(l, "problem-not-an-address", "value" = value),
        Problem::GiveAgain => l.t("problem-give-again"),
        Problem::NotALink { value } => say!(l, "problem-not-a-link", "value" = value),
        Problem::NotAFileName { value } => say!(l, "problem-not-a-file-name", "value" = value),
        Problem::Search(why) => search(l, why),
        Problem::Other { because } => because.clone(),
    }
}

fn of_pool(l: Locale, problem: &Problem) -> String {
    match problem {
        Problem::TemplateWithoutDisk { template } => say!(l, "problem-template-without-disk", "template" = template),
        Problem::TemplateDiskNotOk { template, disk } => {
            say!(l, "problem-template-disk-not-ok", "template" = template, "disk" = disk)
        }
        Problem::NoSurplus => l.t("problem-no-surplus"),
        other => other.to_string(),
    }
}

fn search(l: Locale, error: &SearchError) -> String {
    match error {
        SearchError::Unfinished { after } => say!(l, "search-unfinished", "after" = after),
        SearchError::UnknownField { word, known } => say!(l, "search-unknown-field", "word" = word, "known" = known),
        SearchError::WrongList { wanted, found } => say!(l, "search-wrong-list", "wanted" = wanted, "found" = found),
        SearchError::NotANumber { field, value } => say!(l, "search-not-a-number", "field" = field, "value" = value),
        SearchError::TooLong => say!(l, "search-too-long", "max" = MAX_LENGTH),
    }
}

/// Why a VM does not allow an action.
pub fn refusal(l: Locale, refusal: &Refusal) -> String {
    match refusal {
        Refusal::Status(status) => say!(l, "reason-status", "status" = state(l, status.as_str())),
        Refusal::Locked { job } => say!(l, "reason-locked", "job" = holder(l, job)),
        Refusal::DeleteProtected => l.t("reason-delete-protected"),
        Refusal::InPool { pool } => say!(l, "reason-in-pool", "pool" = pool),
        Refusal::PoolSuspend => l.t("reason-pool-suspend"),
        Refusal::NothingToBoot => l.t("reason-nothing-to-boot"),
        Refusal::StatelessSuspend => l.t("reason-stateless-suspend"),
        Refusal::StatelessSnapshot => l.t("reason-stateless-snapshot"),
        Refusal::CdGone { cd } if cd.is_empty() => l.t("reason-cd-gone"),
        Refusal::CdGone { cd } => say!(l, "reason-named-cd-gone", "cd" = cd),
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
        Refusal::NotHotPluggable => l.t("reason-not-hot-pluggable"),
        Refusal::NotPermitted => l.t("reason-not-permitted"),
    }
}

fn no_room(l: Locale, why: &NoRoom) -> String {
    match why {
        NoRoom::Status(status) => say!(l, "no-room-status", "status" = state(l, status.as_str())),
        NoRoom::NotChosen => l.t("no-room-not-chosen"),
        NoRoom::NotTied => l.t("no-room-not-tied"),
        NoRoom::NoDomain { domain, disk } => say!(l, "no-room-no-domain", "domain" = domain, "disk" = disk),
        NoRoom::Cpus { most, wanted } => say!(l, "no-room-cpus", "most" = most, "wanted" = wanted),
        NoRoom::Memory { free, needed } => say!(l, "no-room-memory", "free" = free, "needed" = needed),
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

fn conflict(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::Foreign => l.t("conflict-foreign"),
        Conflict::NotRunning { vm } => say!(l, "conflict-not-running", "vm" = vm),
        Conflict::NoViewers => l.t("conflict-no-viewers"),
        Conflict::ConsoleInUse { vm, by } => say!(l, "conflict-console-in-use", "vm" = vm, "by" = by),
        Conflict::ScreenLocked { vm } => say!(l, "conflict-screen-locked", "vm" = vm),
        Conflict::WatchPictures { vm } => say!(l, "conflict-watch-pictures", "vm" = vm),
        Conflict::GiftsFull { most } => say!(l, "conflict-gifts-full", "most" = most),
        Conflict::FileTooLarge { most } => say!(l, "conflict-file-too-large", "most" = most),
        Conflict::StillRuns { seconds } => say!(l, "conflict-still-runs", "seconds" = seconds),
        Conflict::NoReboot { seconds } => say!(l, "conflict-no-reboot", "seconds" = seconds),
        Conflict::NoMac => l.t("conflict-no-mac"),
        Conflict::ChangedMeanwhile => l.t("conflict-changed-meanwhile"),
        Conflict::MemoryGuestEnded => l.t("conflict-memory-guest-ended"),
        Conflict::NoGuestAgent => l.t("conflict-no-guest-agent"),
        Conflict::StoppedAtOnce => l.t("conflict-stopped-at-once"),
        Conflict::EndedBeforeSaved { intent } => say!(l, "conflict-ended-before-saved", "intent" = intent),
        Conflict::NotStuck { job, status } => {
            say!(l, "conflict-not-stuck", "job" = holder(l, job), "status" = state(l, status.as_str()))
        }
        Conflict::BlankTemplate => l.t("conflict-blank-template"),
        Conflict::TemplateInUse { template, vms } => {
            say!(l, "conflict-template-in-use", "template" = template, "vms" = vms)
        }
        Conflict::FirstRunOfPool { vm, pool } => say!(l, "conflict-first-run-of-pool", "vm" = vm, "pool" = pool),
        Conflict::CannotSeal { host } => say!(l, "conflict-cannot-seal", "host" = host),
        Conflict::NoCluster => l.t("conflict-no-cluster"),
        Conflict::NoAdmin => l.t("conflict-no-admin"),
        Conflict::UploadBroken => l.t("upload-broken"),
        Conflict::NoPlace { why } => say!(l, "conflict-no-place", "why" = unfit(l, why)),
        Conflict::Told { why } => told(l, why),
        Conflict::DiskOfTemplate { .. }
        | Conflict::DiskHasLayers { .. }
        | Conflict::DiskInDrive { .. }
        | Conflict::DiskInSnapshot { .. } => disk(l, why),
        Conflict::InPreview { .. }
        | Conflict::NoPreview { .. }
        | Conflict::SnapshotBroken { .. }
        | Conflict::DisksOfSnapshots { .. } => snapshot(l, why),
        Conflict::PoolBusy { .. }
        | Conflict::PoolShare { .. }
        | Conflict::PoolEmpty { .. }
        | Conflict::PoolTaken { .. }
        | Conflict::NotInPool { .. }
        | Conflict::NotTaken { .. }
        | Conflict::PoolReserved { .. }
        | Conflict::TemplateDiskGone { .. } => pool(l, why),
        Conflict::RemoveSelf => l.t("conflict-remove-self"),
        Conflict::PermissionInPool { vm, pool } => say!(l, "conflict-permission-in-pool", "vm" = vm, "pool" = pool),
        Conflict::DomainChanged { domain } => say!(l, "conflict-domain-changed", "domain" = domain),
        Conflict::RoleHeld { role } => say!(l, "conflict-role-held", "role" = role),
        Conflict::AdminRole { role } => say!(l, "conflict-admin-role", "role" = role),
        Conflict::RolePredefined { role } => say!(l, "conflict-role-predefined", "role" = role),
        Conflict::RoleKind { role } => say!(l, "conflict-role-kind", "role" = role),
        Conflict::RoleChanged { role } => say!(l, "conflict-role-changed", "role" = role),
        Conflict::RoleInUse { role, holders } => say!(l, "conflict-role-in-use", "role" = role, "holders" = holders),
        Conflict::EveryoneOnSystem => l.t("conflict-everyone-on-system"),
        Conflict::LastSuperUser => l.t("conflict-last-super-user"),
        Conflict::GroupInItself { group, member } => {
            say!(l, "conflict-group-in-itself", "group" = group, "member" = member)
        }
        Conflict::MemberAlready { group, member } => {
            say!(l, "conflict-member-already", "group" = group, "member" = member)
        }
        Conflict::NoMember { group, member } => say!(l, "conflict-no-member", "group" = group, "member" = member),
    }
}

fn disk(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::DiskOfTemplate { disk, template } => {
            say!(l, "conflict-disk-of-template", "disk" = disk, "template" = template)
        }
        Conflict::DiskHasLayers { disk } => say!(l, "conflict-disk-has-layers", "disk" = disk),
        Conflict::DiskInSnapshot { disk, snapshot } => {
            say!(l, "conflict-disk-in-snapshot", "disk" = disk, "snapshot" = snapshot)
        }
        Conflict::DiskInDrive { disk, vms } => say!(l, "conflict-disk-in-drive", "disk" = disk, "vms" = vms),
        other => other.to_string(),
    }
}

fn snapshot(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::InPreview { vm, snapshot } => say!(l, "conflict-in-preview", "vm" = vm, "snapshot" = snapshot),
        Conflict::NoPreview { vm } => say!(l, "conflict-no-preview", "vm" = vm),
        Conflict::SnapshotBroken { snapshot } => say!(l, "conflict-snapshot-broken", "snapshot" = snapshot),
        Conflict::DisksOfSnapshots { vm } => say!(l, "conflict-disks-of-snapshots", "vm" = vm),
        other => other.to_string(),
    }
}

fn pool(l: Locale, why: &Conflict) -> String {
    match why {
        Conflict::PoolBusy { pool, vms } => say!(l, "conflict-pool-busy", "pool" = pool, "vms" = vms),
        Conflict::PoolShare { pool, mine, most } => {
            say!(l, "conflict-pool-share", "pool" = pool, "mine" = mine, "most" = most)
        }
        Conflict::PoolEmpty { pool, taken, size } => {
            say!(l, "conflict-pool-empty", "pool" = pool, "taken" = taken, "size" = size)
        }
        Conflict::PoolTaken { pool, wanted, taken, busy, size } => {
            say!(
                l,
                "conflict-pool-taken",
                "pool" = pool,
                "wanted" = wanted,
                "taken" = taken,
                "busy" = busy,
                "size" = size
            )
        }
        Conflict::PoolReserved { pool, who, until } => {
            say!(l, "conflict-pool-reserved", "pool" = pool, "who" = who, "until" = until)
        }
        Conflict::NotInPool { vm } => say!(l, "conflict-not-in-pool", "vm" = vm),
        Conflict::NotTaken { vm, pool } => say!(l, "conflict-not-taken", "vm" = vm, "pool" = pool),
        Conflict::TemplateDiskGone { template, disk } => {
            say!(l, "conflict-template-disk-gone", "template" = template, "disk" = disk)
        }
        other => other.to_string(),
    }
}

/// A state's word as labels have it.
fn state(l: Locale, word: &str) -> String {
    l.t(&format!("status-{word}"))
}

#[cfg(test)]
mod tests {
    use super::*;
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
