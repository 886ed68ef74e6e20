//! Checks at the border: names, texts and numbers from outside, with errors that name the field.

use crate::model::conflict::{Conflict, Unfit};
use crate::model::icon::NoPicture;
use crate::model::internal::CharacterKind;
use crate::model::search::SearchError;
use crate::model::sysprep::NoAnswer;
use crate::model::tag::NoPlace;
use crate::model::template::TemplateStatus;

/// What is wrong with a field of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    /// The field's name as the API has it (`name`, `memory`, `cpu.topology.sockets`).
    pub field: &'static str,
    pub problem: Problem,
}

impl Invalid {
    pub const fn new(field: &'static str, problem: Problem) -> Self {
        Self { field, problem }
    }
}

/// What is wrong, and what would be right. Portals translate it (`problem-…` keys), the API prints it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("is missing")]
    Missing,
    #[error("is longer than {max} characters")]
    TooLong { max: usize },
    #[error("has the character {found:?}; only letters, digits, '_', '.' and '-' are allowed")]
    Character { found: char },
    #[error("must be between {min} and {max}")]
    Range { min: u64, max: u64 },
    #[error("\"{name}\" is in use already; choose another name")]
    Taken { name: String },
    #[error("\"{value}\" is not one of: {allowed}")]
    NotOneOf { value: String, allowed: String },
    #[error("\"{value}\" does not exist, or you may not use it")]
    NoSuch { value: String },
    #[error("\"{value}\" is not a number")]
    NotANumber { value: String },
    #[error("\"{value}\" is not a time zone; write one as Europe/Berlin or Asia/Shanghai")]
    NoTimeZone { value: String },
    #[error("\"{value}\" is not a time of day; write one as 09:30")]
    NotATimeOfDay { value: String },
    #[error("must be later than {begins}")]
    NotAfter { begins: String },
    #[error("only VMs of an automatic, stateless pool can start from a saved memory")]
    OnlyFreshVms,
    #[error("has more than the {available} MiB that any host of the cluster has")]
    MoreThanHost { available: u64 },
    #[error("needs the display type SPICE")]
    NeedsSpice,
    /// A lease is for VMs that are started again.
    #[error("is for highly available virtual machines only; set high_availability.enabled or take the lease away")]
    LeaseNeedsHa,
    #[error("\"{value}\" is no storage domain that all hosts of the data center share")]
    NotAShared { value: String },
    #[error(
        "is not a pinning like 0#0-1_1#2: each of the {vcpus} vCPUs at most once, counted from 0, with the host's CPUs it runs on"
    )]
    NotAPinning { vcpus: u32 },
    #[error("\"{value}\" is no value for {name}; it must match {pattern}")]
    NotAsPattern { value: String, name: String, pattern: String },
    #[error("is not known here")]
    UnknownField,
    #[error("the template {template} is {status}; wait until it is ok")]
    TemplateNotOk { template: String, status: TemplateStatus },
    #[error("the template {template} has no disk; a pool needs a template with one")]
    TemplateWithoutDisk { template: String },
    #[error("the disk {disk} of the template {template} cannot be used; repair it or choose another template")]
    TemplateDiskNotOk { template: String, disk: String },
    #[error("a pool is made smaller only when it is said what becomes of the VMs: surplus=remove or surplus=detach")]
    NoSurplus,
    #[error("{disk} is a disk, not a CD image; choose an ISO image")]
    NotACd { disk: String },
    #[error("{disk} lies on a storage domain that the VM's host does not have")]
    NotOnHost { disk: String },
    #[error("there is no memory to keep or to go on from; leave it out")]
    NothingToSave,
    #[error("is not a disk that is ok and belongs to nothing else")]
    NotAFreeDisk,
    #[error("an ISO is stored as it is; choose the format raw")]
    IsoNotRaw,
    #[error("{0}")]
    Unfit(Unfit),
    #[error("has {length} characters; it needs at least {min}")]
    TooShort { length: usize, min: usize },
    #[error("needs at least {min} of the characters {kind}")]
    TooSimple { kind: CharacterKind, min: u32 },
    #[error("was used before; choose one that is new")]
    UsedBefore,
    #[error("is not the same as the new password")]
    NotRepeated,
    #[error("has {length} characters; needed are 336, '0' or '1' for each half hour of a week from Sunday 00:00 UTC")]
    LoginHours { length: usize },
    #[error("\"{value}\" is not a time like 2027-01-31 18:00:00Z")]
    NotATime { value: String },
    #[error("\"{value}\" is not an https address like https://id.example.com/realms/school")]
    NotHttps { value: String },
    #[error(
        "is the client id; tokens for the API need an audience of their own, or those of a sign-in would open it, too"
    )]
    SameAsClient,
    #[error(
        "is for what forgets everything at its end and whose disks are thin layers on a template; make it stateless first"
    )]
    NothingToFollow,
    #[error("\"{begins}…\" is not a public SSH key like \"ssh-ed25519 AAAA…\"")]
    NotAKey { begins: String },
    #[error("\"{line}\" is not a network card like \"nic1 dhcp\" or \"nic1 192.0.2.10/24 gateway 192.0.2.1\"")]
    NotACard { line: String },
    #[error("is neither a script (#!…) nor YAML: {because}")]
    NotYaml { because: String },
    #[error("needs a VM with disks and with Linux on them; leave it out")]
    NothingToSeal,
    #[error("\"{value}\" is known to no host of the cluster; choose one that the form offers")]
    NoHostHas { value: String },
    #[error("cannot be said together with the host's own CPU; leave one of them out")]
    CpuAndPassthrough,
    #[error(
        "is no kernel or RAM disk: \"{value}\" is not an image of a storage domain like iso://vmlinuz; upload it there"
    )]
    NotAnImage { value: String },
    #[error("needs a kernel; choose one or leave this out")]
    NeedsKernel,
    #[error("{0}")]
    Picture(NoPicture),
    #[error("{0}")]
    Windows(NoAnswer),
    #[error("is the template of another data center; choose one of this")]
    OtherDataCenter,
    #[error("\"{value}\" is not the address of a web page like https://example.com/page")]
    NotALink { value: String },
    #[error(
        "\"{value}\" is not a name for a file: it must not begin with '.' or '-' and has none of / \\ : * ? \" < > |"
    )]
    NotAFileName { value: String },
    #[error("cannot be changed; remove it and add another")]
    Fixed,
    #[error("is no keytab of MIT's format with a key in it, in base64")]
    NotAKeytab,
    #[error("\"{value}\" is not an address like 192.0.2.53")]
    NotAnAddress { value: String },
    #[error("is not the name of a fence agent, like ipmilan or redfish: what follows fence_ in the program's name")]
    NotAFenceAgent,
    #[error("must be key=value pairs with commas between; action, ip, username and password are said by the engine")]
    NotOptions,
    #[error("has its storage on one host; choose a data center whose storage is shared")]
    LocalCenter,
    #[error("is not a path from the root without \"..\", like /mnt/data")]
    NotAPath,
    /// Nobody has said yet that this machine is the right one.
    #[error("is missing; the machine shows the key {found}: give that if the machine's own console says the same")]
    ConfirmKey { found: String },
    #[error("\"{value}\" is not a fingerprint as ssh-keygen -l prints it: SHA256: and 43 characters")]
    NotAFingerprint { value: String },
    #[error("\"{value}\" is neither an IP address nor a host name")]
    NotAHostAddress { value: String },
    /// A secret that is kept, and would go elsewhere now.
    #[error("must be given again, since it would be sent elsewhere than before")]
    GiveAgain,
    #[error("only roles for administrators can hold {permits}")]
    AdminPermits { permits: String },
    #[error("{0}")]
    TagPlace(NoPlace),
    #[error("is the root of all tags, which stays as it is and which nothing carries")]
    RootTag,
    #[error("{0}")]
    Search(SearchError),
    /// A quota refuses what it was chosen for.
    #[error("{0}")]
    Quota(Box<Conflict>),
    /// The API's own words on a body that cannot be read.
    #[error("{because}")]
    Other { because: String },
}

/// A name as oVirt takes it for VMs, templates, pools, clusters, …: 1 to `max` of `[A-Za-z0-9_.-]`.
///
/// # Errors
/// Names the field and what is wrong with the name.
pub fn name(field: &'static str, text: &str, max: usize) -> Result<String, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Invalid::new(field, Problem::Missing));
    }
    if text.chars().count() > max {
        return Err(Invalid::new(field, Problem::TooLong { max }));
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))) {
        Some(found) => Err(Invalid::new(field, Problem::Character { found })),
        None => Ok(text.to_owned()),
    }
}

/// Free text for people: control characters but line breaks are refused.
///
/// # Errors
/// Names the field if the text is too long or has control characters.
pub fn text(field: &'static str, text: &str, max: usize) -> Result<String, Invalid> {
    if text.chars().count() > max {
        return Err(Invalid::new(field, Problem::TooLong { max }));
    }
    match text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        Some(found) => Err(Invalid::new(field, Problem::Character { found })),
        None => Ok(text.trim().to_owned()),
    }
}

/// A number within its limits.
///
/// # Errors
/// Names the field and the limits.
pub fn range(field: &'static str, value: u64, min: u64, max: u64) -> Result<u64, Invalid> {
    if (min..=max).contains(&value) { Ok(value) } else { Err(Invalid::new(field, Problem::Range { min, max })) }
}
