//! Directory domains: where their servers are, how they are spoken to, and what can go wrong on the way.

use crate::model::valid::{Invalid, Problem};
use std::net::IpAddr;

text_enum! {
    /// Kinds of directories, by engine-manage-domains' names.
    Provider {
        Ipa = "IPA",
        ActiveDirectory = "ActiveDirectory",
        OpenLdap = "OpenLDAP",
        /// Red Hat Directory Server, 389-ds.
        Rhds = "RHDS",
    }
}

text_enum! {
    /// How passwords travel to the directory.
    Transport {
        /// TLS from the first byte (port 636).
        Ldaps = "ldaps",
        /// TLS after a word in clear (port 389, RFC 4511 4.14).
        StartTls = "starttls",
        /// In clear (port 389): only where somebody asks for it by this name.
        Plain = "plain",
    }
}

impl Transport {
    /// IANA's port.
    pub const fn port(self) -> u16 {
        match self {
            Self::Ldaps => 636,
            Self::StartTls | Self::Plain => 389,
        }
    }
}

/// One server of a domain; its name is the one in its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    pub host: String,
    /// None: the transport's.
    pub port: Option<u16>,
}

/// Where the servers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Servers {
    /// The domain's DNS knows (`_ldap._tcp.DOMAIN`, RFC 2782).
    Srv,
    /// These, tried in their order.
    List(Vec<ServerAddress>),
}

/// More servers than this are a mistake.
const MOST_SERVERS: usize = 16;

impl std::fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

impl std::fmt::Display for Servers {
    /// What [`Servers::from_str`](std::str::FromStr) reads: empty for SRV.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Srv => Ok(()),
            Self::List(all) => f.write_str(&all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
        }
    }
}

impl std::str::FromStr for Servers {
    type Err = Invalid;
    /// Empty: SRV; else `host[:port]` with spaces or commas between. (An IPv6 address cannot be named: certificates have names.)
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let words: Vec<&str> = text.split([' ', ',', '\n', '\r', '\t']).filter(|w| !w.is_empty()).collect();
        if words.is_empty() {
            return Ok(Self::Srv);
        }
        if words.len() > MOST_SERVERS {
            return Err(Invalid::new("servers", Problem::TooLong { max: MOST_SERVERS }));
        }
        words.into_iter().map(address).collect::<Result<Vec<_>, _>>().map(Self::List)
    }
}

fn address(word: &str) -> Result<ServerAddress, Invalid> {
    let (host, port) = match word.split_once(':') {
        Some((host, port)) => {
            let parsed = port.parse::<u16>().ok().filter(|p| *p > 0);
            let wrong = || Invalid::new("servers", Problem::NotANumber { value: port.chars().take(64).collect() });
            (host, Some(parsed.ok_or_else(wrong)?))
        }
        None => (word, None),
    };
    Ok(ServerAddress { host: host_name("servers", host)?, port })
}

/// A DNS name or an IPv4 address, in lower case.
///
/// # Errors
/// Names the field and the character that cannot stand there.
pub fn host_name(field: &'static str, text: &str) -> Result<String, Invalid> {
    let text = text.trim().trim_end_matches('.');
    if text.is_empty() {
        return Err(Invalid::new(field, Problem::Missing));
    }
    if text.len() > 253 {
        return Err(Invalid::new(field, Problem::TooLong { max: 253 }));
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))) {
        Some(found) => Err(Invalid::new(field, Problem::Character { found })),
        None => Ok(text.to_ascii_lowercase()),
    }
}

/// How a domain's directory is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryConfig {
    /// The domain's name, like `example.com`; SRV records are looked for under it.
    pub name: String,
    pub provider: Provider,
    pub servers: Servers,
    pub transport: Transport,
    /// PEM of the certificate authorities to trust; None: the system's.
    pub ca_pem: Option<String>,
    /// Who searches: a name (`rhvadmin`) or a DN; None: anonymous.
    pub bind_name: Option<String>,
    pub bind_password: Option<String>,
    /// Where to search; None: what the server says of itself.
    pub base_dn: Option<String>,
    /// Which DNS server to ask for SRV records; None: the system's.
    pub dns: Option<IpAddr>,
}

text_enum! {
    /// The steps of reaching a directory, in their order.
    Step {
        FindServers = "find_servers",
        Connect = "connect",
        Bind = "bind",
        FindUser = "find_user",
        ResolveGroups = "resolve_groups",
        /// Only where a password to try was given.
        SignIn = "sign_in",
    }
}

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    pub step: Step,
    /// What was found, or why not; after a failure no further step is tried.
    pub outcome: Result<Found, DirectoryTrouble>,
}

/// What a step found; pages say it in the reader's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// By SRV or from the list.
    Servers(Vec<ServerAddress>),
    Connected {
        server: ServerAddress,
        transport: Transport,
    },
    /// None: anonymous.
    Bound {
        dn: Option<String>,
        base_dn: String,
    },
    User {
        user_name: String,
        dn: String,
    },
    Groups(Vec<String>),
    SignedIn,
}

/// Why a directory did not do what it was asked. Administrators see it whole; who signs in hears only what his password entitles him to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryTrouble {
    #[error("the DNS has no server for {domain} (asked for {record})")]
    NoSrv { domain: String, record: String },
    #[error("the DNS cannot be asked: {why}")]
    Dns { why: String },
    #[error("{server} cannot be reached: {why}")]
    Unreachable { server: String, why: String },
    #[error("{server} did not answer within {seconds} seconds")]
    Slow { server: String, seconds: u64 },
    #[error("{server} shows a certificate that is not trusted: {why}; give the certificate authority that signed it")]
    Untrusted { server: String, why: String },
    #[error("the certificate authority cannot be read: {why}; give it in PEM form")]
    BadCa { why: String },
    #[error("{server} does not offer StartTLS: {why}")]
    NoStartTls { server: String, why: String },
    #[error("{server} refuses the name or password that searches are made with ({name})")]
    BindRefused { server: String, name: String },
    #[error("{server} refuses to be searched without a name and password")]
    AnonymousRefused { server: String },
    #[error("{server} does not say where its people are; give the base DN")]
    NoBaseDn { server: String },
    #[error("{server} has nothing at the base DN {base_dn}")]
    WrongBaseDn { server: String, base_dn: String },
    #[error("there is no user {user_name} in {domain}")]
    NoUser { domain: String, user_name: String },
    #[error("{domain} has more than one user {user_name}")]
    Ambiguous { domain: String, user_name: String },
    /// The entry has no attribute that would find it again after a change of name.
    #[error("{dn} has no {attribute}; is the provider right?")]
    NoExternalId { dn: String, attribute: String },
    #[error("{server} sent what is not LDAP: {why}")]
    Nonsense { server: String, why: String },
    #[error("{server} stopped in the middle of a search")]
    Died { server: String },
    #[error("{server} gave only a part of what was asked for (result code {code})")]
    Incomplete { server: String, code: u32 },
    #[error("{server} answered with result code {code}: {text}")]
    Refused { server: String, code: u32, text: String },
    /// The password was his: he may hear why he is not let in.
    #[error("{0}")]
    SignIn(#[from] SignInRefusal),
    /// The directory refused without telling whether the password was right: who signs in hears [`SignInRefusal::WrongPassword`],
    /// administrators hear this.
    #[error("{0}")]
    Unproven(SignInRefusal),
}

/// Why a directory does not let somebody in, as far as it tells (oVirt's AuthResult).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignInRefusal {
    /// Wrong name or password: one text for both.
    #[error("the user name or the password is wrong")]
    WrongPassword,
    #[error("the account is disabled in the directory; ask its administrator")]
    Disabled,
    #[error("the account has expired in the directory; ask its administrator")]
    AccountExpired,
    #[error("the account is locked in the directory; ask its administrator")]
    Locked,
    #[error("the password has expired; change it in the directory")]
    PasswordExpired,
    #[error("the password must be changed first; change it in the directory")]
    MustChange,
    #[error("the account may not sign in at this time")]
    Hours,
    #[error("the directory does not let this account sign in here")]
    Restricted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_srv_or_a_list() {
        assert_eq!("  ".parse(), Ok(Servers::Srv));
        let two: Servers = "IPA1.example.com, ipa2.example.com:1636".parse().unwrap();
        assert_eq!(two.to_string(), "ipa1.example.com ipa2.example.com:1636");
        assert_eq!(two.to_string().parse(), Ok(two));
        for bad in ["ldap://x", "a:0", "a:99999", "a:b", "a/b", ":389", "ho st:x"] {
            assert!(bad.parse::<Servers>().is_err(), "{bad}");
        }
        assert!("a ".repeat(17).parse::<Servers>().is_err());
    }
}
