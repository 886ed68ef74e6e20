//! What is wrong with a field, in the reader's language.

use super::conflict::conflict;
use super::{say, state, unfit};
use crate::model::icon::NoPicture;
use crate::model::search::{MAX_LENGTH, SearchError};
use crate::model::sysprep::NoAnswer;
use crate::model::tag::{MAX_DEPTH, NoPlace};
use crate::model::valid::Problem;
use crate::web::locale::Locale;

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
        Problem::NoTimeZone { .. } | Problem::NotATimeOfDay { .. } | Problem::NotAfter { .. } => of_time(l, problem),
        Problem::OnlyFreshVms => l.t("problem-only-fresh-vms"),
        Problem::NotANumber { value } => say!(l, "problem-not-a-number", "value" = value),
        Problem::MoreThanHost { available } => say!(l, "problem-more-than-host", "available" = available),
        Problem::NeedsSpice => l.t("problem-needs-spice"),
        Problem::NoHostHas { .. } | Problem::CpuAndPassthrough => of_machine(l, problem),
        Problem::NotAnImage { .. } | Problem::NeedsKernel => of_machine(l, problem),
        Problem::NotAPinning { vcpus } => say!(l, "problem-not-a-pinning", "vcpus" = vcpus),
        Problem::NotAsPattern { value, name, pattern } => {
            say!(l, "problem-not-as-pattern", "value" = value, "name" = name, "pattern" = pattern)
        }
        Problem::Quota(why) => conflict(l, why),
        Problem::UnknownField => l.t("problem-unknown-field"),
        Problem::OtherDataCenter => l.t("problem-other-data-center"),
        Problem::TemplateWithoutDisk { .. } | Problem::TemplateDiskNotOk { .. } | Problem::NoSurplus => {
            of_pool(l, problem)
        }
        Problem::NotACd { disk } => say!(l, "problem-not-a-cd", "disk" = disk),
        Problem::NotOnHost { disk } => say!(l, "problem-not-on-host", "disk" = disk),
        Problem::NothingToSave | Problem::NotAFreeDisk | Problem::IsoNotRaw => of_disk(l, problem),
        Problem::Unfit(why) => unfit(l, why),
        Problem::NotATime { value } => say!(l, "problem-not-a-time", "value" = value),
        Problem::NotHttps { value } => say!(l, "problem-not-https", "value" = value),
        Problem::Fixed => l.t("problem-fixed"),
        Problem::NotAnAddress { value } => say!(l, "problem-not-an-address", "value" = value),
        Problem::NotAHostAddress { .. } | Problem::ConfirmKey { .. } | Problem::LocalCenter => of_host(l, problem),
        Problem::NotAFingerprint { .. } | Problem::NotAPath | Problem::NotAShared { .. } => of_host(l, problem),
        Problem::NotAFenceAgent | Problem::NotOptions | Problem::LeaseNeedsHa => of_host(l, problem),
        Problem::TagPlace(_) | Problem::RootTag => of_tag(l, problem),
        Problem::NotALink { value } => say!(l, "problem-not-a-link", "value" = value),
        Problem::NotAFileName { value } => say!(l, "problem-not-a-file-name", "value" = value),
        Problem::TooSimple { .. }
        | Problem::AdminPermits { .. }
        | Problem::UsedBefore
        | Problem::NotRepeated
        | Problem::LoginHours { .. }
        | Problem::SameAsClient
        | Problem::NotAKeytab
        | Problem::GiveAgain => of_person(l, problem),
        Problem::TemplateNotOk { .. }
        | Problem::NothingToFollow
        | Problem::NotAKey { .. }
        | Problem::NotACard { .. }
        | Problem::NotYaml { .. }
        | Problem::NothingToSeal => of_first_run(l, problem),
        Problem::Picture(why) => picture(l, why),
        Problem::Windows(why) => windows(l, why),
        Problem::Search(why) => search(l, why),
        Problem::Other { because } => because.clone(),
    }
}

fn of_tag(l: Locale, problem: &Problem) -> String {
    match problem {
        Problem::TagPlace(NoPlace::NoParent) => l.t("problem-tag-no-parent"),
        Problem::TagPlace(NoPlace::BelowItself) => l.t("problem-tag-below-itself"),
        Problem::TagPlace(NoPlace::TooDeep) => say!(l, "problem-tag-too-deep", "most" = MAX_DEPTH),
        _ => l.t("problem-root-tag"),
    }
}

fn of_time(l: Locale, problem: &Problem) -> String {
    match problem {
        Problem::NoTimeZone { value } => say!(l, "problem-no-time-zone", "value" = value),
        Problem::NotATimeOfDay { value } => say!(l, "problem-not-a-time-of-day", "value" = value),
        Problem::NotAfter { begins } => say!(l, "problem-not-after", "begins" = begins),
        other => other.to_string(),
    }
}

fn of_host(l: Locale, problem: &Problem) -> String {
    match problem {
        Problem::NotAHostAddress { value } => say!(l, "problem-not-a-host-address", "value" = value),
        Problem::ConfirmKey { found } => say!(l, "problem-confirm-key", "found" = found),
        Problem::NotAFingerprint { value } => say!(l, "problem-not-a-fingerprint", "value" = value),
        Problem::LocalCenter => l.t("problem-local-center"),
        Problem::NotAPath => l.t("problem-not-a-path"),
        Problem::NotAFenceAgent => l.t("problem-not-a-fence-agent"),
        Problem::NotOptions => l.t("problem-not-options"),
        Problem::LeaseNeedsHa => l.t("problem-lease-needs-ha"),
        Problem::NotAShared { value } => say!(l, "problem-not-a-shared-domain", "value" = value),
        other => other.to_string(),
    }
}

fn of_person(l: Locale, problem: &Problem) -> String {
    match problem {
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
        Problem::SameAsClient => l.t("problem-same-as-client"),
        Problem::NotAKeytab => l.t("problem-not-a-keytab"),
        Problem::GiveAgain => l.t("problem-give-again"),
        other => other.to_string(),
    }
}

fn of_first_run(l: Locale, problem: &Problem) -> String {
    match problem {
        Problem::TemplateNotOk { template, status } => {
            say!(l, "problem-template-not-ok", "template" = template, "status" = state(l, status.as_str()))
        }
        Problem::NothingToFollow => l.t("problem-nothing-to-follow"),
        Problem::NotAKey { begins } => say!(l, "problem-not-a-key", "begins" = begins),
        Problem::NotACard { line } => say!(l, "problem-not-a-card", "line" = line),
        Problem::NotYaml { because } => say!(l, "problem-not-yaml", "because" = because),
        Problem::NothingToSeal => l.t("problem-nothing-to-seal"),
        other => other.to_string(),
    }
}

fn windows(l: Locale, why: &NoAnswer) -> String {
    match why {
        NoAnswer::OnlyWindows => l.t("problem-only-windows"),
        NoAnswer::NotWindows => l.t("problem-not-windows"),
        NoAnswer::NotALocale { value } => say!(l, "problem-not-a-locale", "value" = value),
        NoAnswer::NotAProductKey => l.t("problem-not-a-product-key"),
        NoAnswer::NeedsDomain => l.t("problem-needs-domain"),
        NoAnswer::WorkgroupAndDomain => l.t("problem-workgroup-and-domain"),
        NoAnswer::NotAnAnswerFile { because } => say!(l, "problem-not-an-answer-file", "because" = because),
    }
}

fn picture(l: Locale, why: &NoPicture) -> String {
    match why {
        NoPicture::NotAPicture { width, height } => {
            say!(l, "problem-not-a-picture", "width" = width, "height" = height)
        }
        NoPicture::TooLarge { bytes, most } => say!(l, "problem-picture-too-large", "bytes" = bytes, "most" = most),
    }
}

fn of_machine(l: Locale, problem: &Problem) -> String {
    match problem {
        Problem::NoHostHas { value } => say!(l, "problem-no-host-has", "value" = value),
        Problem::CpuAndPassthrough => l.t("problem-cpu-and-passthrough"),
        Problem::NotAnImage { value } => say!(l, "problem-not-an-image", "value" = value),
        Problem::NeedsKernel => l.t("problem-needs-kernel"),
        other => other.to_string(),
    }
}

fn of_disk(l: Locale, problem: &Problem) -> String {
    match problem {
        Problem::NothingToSave => l.t("problem-nothing-to-save"),
        Problem::NotAFreeDisk => l.t("problem-not-a-free-disk"),
        Problem::IsoNotRaw => l.t("problem-iso-not-raw"),
        other => other.to_string(),
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
