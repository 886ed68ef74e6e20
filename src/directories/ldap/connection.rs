//! A connection that searches are made on: bound as the configuration says, with the place where people are.

use super::dialect::Dialect;
use super::entry::Entry;
use super::line::{Answer, Line, Search};
use super::shape;
use crate::model::domain::{DirectoryConfig, DirectoryTrouble, Provider};
use ldap3::{Scope, dn_escape, ldap_escape};

/// Entries of a page.
const PAGE: usize = 500;
const NO_SUCH_OBJECT: u32 = 32;
/// Result codes of a search that was cut short by a limit of size or of administrators.
const LIMITS: [u32; 2] = [4, 11];

/// A bound connection.
#[derive(Debug)]
pub(super) struct Connection {
    line: Line,
    pub dialect: &'static Dialect,
    pub base: String,
    /// None: anonymous.
    pub bound: Option<String>,
    /// A search was left half-way: not to be used again.
    pub spent: bool,
}

/// Entries of a search, and whether there are more than these.
pub(super) type Part = (Vec<Entry>, bool);

impl Connection {
    /// Finds the base and binds.
    pub(super) async fn on(mut line: Line, config: &DirectoryConfig) -> Result<Self, DirectoryTrouble> {
        let dialect = Dialect::of(config.provider);
        let told = match &config.base_dn {
            Some(base) => Some(base.clone()),
            None => base(&mut line, config).await?,
        };
        let anonymous = config.bind_name.is_none();
        let mut this = Self { line, dialect, base: told.clone().unwrap_or_default(), bound: None, spent: false };
        if let Some(name) = &config.bind_name {
            this.bind(config, name, config.bind_password.as_deref().unwrap_or_default()).await?;
        }
        // Some tell it only to those they know.
        if told.is_none() {
            let found = if anonymous { None } else { base(&mut this.line, config).await? };
            let server = this.server();
            this.base = found.ok_or(DirectoryTrouble::NoBaseDn { server })?;
        }
        Ok(this)
    }

    pub(super) fn server(&self) -> String {
        self.line.server.to_string()
    }

    pub(super) fn is_closed(&mut self) -> bool {
        self.line.is_closed()
    }

    async fn bind(&mut self, config: &DirectoryConfig, name: &str, password: &str) -> Result<(), DirectoryTrouble> {
        let refused = DirectoryTrouble::BindRefused { server: self.server(), name: name.to_owned() };
        // Without a password it would be an anonymous bind, which many servers call a success.
        if password.is_empty() {
            return Err(refused);
        }
        let full = match config.provider {
            _ if name.contains('=') => name.to_owned(),
            Provider::ActiveDirectory if name.contains(['@', '\\']) => name.to_owned(),
            Provider::ActiveDirectory => format!("{name}@{}", config.name),
            _ => self.dn_of(config, name).await?.ok_or_else(|| refused.clone())?,
        };
        let answer = self.line.bind(&full, password).await?;
        match answer.code {
            0 => {
                self.bound = Some(full);
                Ok(())
            }
            19 | 32 | 34 | 48 | 49 | 53 => Err(refused),
            _ => Err(self.line.refused(&answer)),
        }
    }

    /// The DN of who is to search, by an anonymous search, else where IPA has its users.
    async fn dn_of(&mut self, config: &DirectoryConfig, name: &str) -> Result<Option<String>, DirectoryTrouble> {
        let filter = format!("({}={})", self.dialect.login, ldap_escape(name));
        let found = self.raw(self.base.clone(), Scope::Subtree, filter, vec!["1.1"], 2, None).await?;
        Ok(match (found.entries.as_slice(), config.provider) {
            ([one], _) => Some(one.dn.clone()),
            (_, Provider::Ipa) => Some(format!("uid={},cn=users,cn=accounts,{}", dn_escape(name), self.base)),
            _ => None,
        })
    }

    async fn raw(
        &mut self,
        base: String,
        scope: Scope,
        filter: String,
        attributes: Vec<&'static str>,
        most: usize,
        page: Option<(usize, Vec<u8>)>,
    ) -> Result<Answer, DirectoryTrouble> {
        self.line.search(Search { base, scope, filter, attributes, most, page }).await
    }

    /// The attributes of one entry, if it is there and to be seen.
    pub(super) async fn entry(
        &mut self,
        dn: &str,
        filter: &str,
        attributes: &[&'static str],
    ) -> Result<Option<Entry>, DirectoryTrouble> {
        let asked = self.raw(dn.to_owned(), Scope::Base, filter.to_owned(), attributes.to_vec(), 1, None);
        Ok(asked.await?.entries.into_iter().next())
    }

    /// Up to `limit` entries below `base`.
    pub(super) async fn some(
        &mut self,
        base: &str,
        filter: &str,
        attributes: &[&'static str],
        limit: usize,
    ) -> Result<Part, DirectoryTrouble> {
        let (mut found, mut cookie) = (Vec::new(), Vec::new());
        // One more than asked for shows that there are more.
        let wanted = limit.saturating_add(1);
        loop {
            let page = self.dialect.paged.then(|| (PAGE.min(wanted - found.len()), cookie));
            let most = if self.dialect.paged { 0 } else { wanted };
            let asked = self.raw(base.to_owned(), Scope::Subtree, filter.to_owned(), attributes.to_vec(), most, page);
            let answer = asked.await?;
            let cut_short = LIMITS.contains(&answer.code);
            if answer.code != 0 && !cut_short {
                return Err(self.refused(base, &answer));
            }
            cookie = match answer.control(shape::PAGED).map(shape::cookie) {
                Some(Err(why)) => {
                    return Err(DirectoryTrouble::Nonsense { server: self.server(), why: why.to_owned() });
                }
                Some(Ok(cookie)) => cookie,
                None => Vec::new(),
            };
            let empty_page = answer.entries.is_empty();
            found.extend(answer.entries);
            let more = cut_short || found.len() > limit;
            if more || cookie.is_empty() || empty_page {
                self.spent |= !cookie.is_empty();
                found.truncate(limit);
                return Ok((found, more));
            }
        }
    }

    /// All entries below the base; what is not whole is an error.
    pub(super) async fn whole(
        &mut self,
        filter: &str,
        attributes: &[&'static str],
        most: usize,
    ) -> Result<Vec<Entry>, DirectoryTrouble> {
        let base = self.base.clone();
        match self.some(&base, filter, attributes, most).await? {
            (found, false) => Ok(found),
            (_, true) => Err(DirectoryTrouble::Incomplete { server: self.server(), code: LIMITS[0] }),
        }
    }

    fn refused(&self, base: &str, answer: &Answer) -> DirectoryTrouble {
        match answer.code {
            NO_SUCH_OBJECT => DirectoryTrouble::WrongBaseDn { server: self.server(), base_dn: base.to_owned() },
            // Active Directory says 1 (operationsError) until one has bound.
            1 | 48 | 50 | 53 if self.bound.is_none() => DirectoryTrouble::AnonymousRefused { server: self.server() },
            _ => self.line.refused(answer),
        }
    }
}

/// Where the server says that its people are.
async fn base(line: &mut Line, config: &DirectoryConfig) -> Result<Option<String>, DirectoryTrouble> {
    let search = Search {
        base: String::new(),
        scope: Scope::Base,
        filter: "(objectClass=*)".to_owned(),
        attributes: vec!["defaultNamingContext", "namingContexts"],
        most: 1,
        page: None,
    };
    let answer = line.search(search).await?;
    let Some(root) = answer.entries.first() else { return Ok(None) };
    let default = root.text("defaultNamingContext");
    if !default.is_empty() {
        return Ok(Some(default));
    }
    let all = root.all("namingContexts").iter().map(|dn| String::from_utf8_lossy(dn).into_owned());
    // Not cn=accesslog and its like.
    let mut all: Vec<String> = all.filter(|dn| !dn.is_empty() && !dn.to_ascii_lowercase().starts_with("cn=")).collect();
    let of_name = config.name.split('.').map(|label| format!("dc={label}")).collect::<Vec<_>>().join(",");
    let named = all.iter().position(|dn| dn.replace(' ', "").eq_ignore_ascii_case(&of_name));
    Ok(match (named, all.len()) {
        (Some(at), _) => Some(all.swap_remove(at)),
        (None, 1) => all.pop(),
        _ => None,
    })
}
