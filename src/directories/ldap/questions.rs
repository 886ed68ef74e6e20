//! What is asked of a directory on a searching connection.

use super::connection::Connection;
use super::entry::Entry;
use super::groups::{BATCH, Learnt};
use super::{Listing, Standing, account};
use crate::model::clock::Timestamp;
use crate::model::directory::{DirectoryGroup, Person};
use crate::model::domain::{DirectoryConfig, DirectoryTrouble, Provider};
use ldap3::ldap_escape;
use time::OffsetDateTime;

/// No user name is longer.
const MOST_NAME: usize = 255;

/// A question that any server of the domain can answer.
pub(super) trait Question: Sync {
    type Answer: Send;
    fn put(&self, on: &mut Connection) -> impl Future<Output = Result<Self::Answer, DirectoryTrouble>> + Send;
}

/// Somebody's entry, by what he signs in with.
pub(super) struct Named<'a> {
    pub config: &'a DirectoryConfig,
    pub user_name: &'a str,
}

impl Question for Named<'_> {
    type Answer = Entry;
    async fn put(&self, on: &mut Connection) -> Result<Entry, DirectoryTrouble> {
        let name = || self.user_name.chars().take(MOST_NAME).collect::<String>();
        let nobody = || DirectoryTrouble::NoUser { domain: self.config.name.clone(), user_name: name() };
        if self.user_name.len() > MOST_NAME || self.user_name.chars().any(char::is_control) {
            return Err(nobody());
        }
        let condition = self.condition(on).await?.ok_or_else(nobody)?;
        let attributes = on.dialect.person_attributes();
        let base = on.base.clone();
        let (mut found, _) = on.some(&base, &on.dialect.people(&condition), &attributes, 2).await?;
        match found.len() {
            0 => Err(nobody()),
            1 => found.pop().ok_or_else(nobody),
            _ => Err(DirectoryTrouble::Ambiguous { domain: self.config.name.clone(), user_name: name() }),
        }
    }
}

impl Named<'_> {
    /// `alice`, `alice@DOMAIN`, and where there is such: `DOMAIN\alice` and user principal names.
    async fn condition(&self, on: &mut Connection) -> Result<Option<String>, DirectoryTrouble> {
        let login = on.dialect.login;
        let by_login = |name: &str| format!("({login}={})", ldap_escape(name));
        let is_ad = self.config.provider == Provider::ActiveDirectory;
        let name = self.user_name.trim();
        let bare = match name.rsplit_once('@') {
            Some((bare, suffix)) if suffix.eq_ignore_ascii_case(&self.config.name) => bare,
            _ => name,
        };
        Ok(match bare.split_once('\\') {
            _ if bare.is_empty() => None,
            Some((short, user)) if is_ad => is_short_name(on, short).await?.then(|| by_login(user)),
            _ if is_ad && name.contains('@') => {
                Some(format!("(|(userPrincipalName={}){})", ldap_escape(name), by_login(bare)))
            }
            _ => Some(by_login(bare)),
        })
    }
}

/// Whether this is what the domain was called before there were DNS names.
async fn is_short_name(on: &mut Connection, short: &str) -> Result<bool, DirectoryTrouble> {
    let root = on.entry("", "(objectClass=*)", &["configurationNamingContext"]).await?.unwrap_or_default();
    let partitions = format!("CN=Partitions,{}", root.text("configurationNamingContext"));
    let (short, base) = (ldap_escape(short), ldap_escape(on.base.clone()));
    let filter = format!("(&(objectClass=crossRef)(nETBIOSName={short})(nCName={base}))");
    Ok(!on.some(&partitions, &filter, &["nETBIOSName"], 1).await?.0.is_empty())
}

/// Whose entry this is, with all his groups.
pub(super) struct Whole<'a> {
    pub provider: Provider,
    pub entry: &'a Entry,
}

impl Question for Whole<'_> {
    type Answer = Person;
    async fn put(&self, on: &mut Connection) -> Result<Person, DirectoryTrouble> {
        let mut person = on.dialect.person(self.entry)?;
        person.groups = Learnt::default().groups_of(on, self.provider, &self.entry.dn).await?;
        Ok(person)
    }
}

/// People by the beginnings of their names.
pub(super) struct People<'a> {
    pub words: &'a str,
    pub limit: usize,
}

impl Question for People<'_> {
    type Answer = Listing<Person>;
    async fn put(&self, on: &mut Connection) -> Result<Self::Answer, DirectoryTrouble> {
        let filter = on.dialect.people(&on.dialect.person_words(self.words));
        let (base, attributes) = (on.base.clone(), on.dialect.person_attributes());
        let (found, more) = on.some(&base, &filter, &attributes, self.limit).await?;
        let rows = found.iter().map(|entry| on.dialect.person(entry)).collect::<Result<_, _>>()?;
        Ok(Listing { rows, more })
    }
}

/// Groups by the beginnings of their names.
pub(super) struct Groups<'a> {
    pub words: &'a str,
    pub limit: usize,
}

impl Question for Groups<'_> {
    type Answer = Listing<DirectoryGroup>;
    async fn put(&self, on: &mut Connection) -> Result<Self::Answer, DirectoryTrouble> {
        let filter = on.dialect.groups(&on.dialect.group_words(self.words));
        let (base, attributes) = (on.base.clone(), on.dialect.group_attributes());
        let (found, more) = on.some(&base, &filter, &attributes, self.limit).await?;
        let rows = found.iter().map(|entry| on.dialect.group(entry)).collect::<Result<_, _>>()?;
        Ok(Listing { rows, more })
    }
}

/// People by their ids.
pub(super) struct ByIds<'a> {
    pub provider: Provider,
    pub ids: &'a [String],
    pub now: Timestamp,
}

impl Question for ByIds<'_> {
    type Answer = Vec<Standing>;
    async fn put(&self, on: &mut Connection) -> Result<Self::Answer, DirectoryTrouble> {
        let attributes = on.dialect.person_attributes();
        let (mut standings, mut learnt) = (Vec::new(), Learnt::default());
        for batch in self.ids.chunks(BATCH) {
            let filter = on.dialect.people(&on.dialect.any_id(batch.iter()));
            for entry in on.whole(&filter, &attributes, BATCH).await? {
                let mut person = on.dialect.person(&entry)?;
                person.groups = learnt.groups_of(on, self.provider, &entry.dn).await?;
                standings.push(Standing { person, usable: account::usable(self.provider, &entry, self.now) });
            }
        }
        if standings.is_empty() && !self.ids.is_empty() {
            anybody(on).await?;
        }
        Ok(standings)
    }
}

/// Somebody or other. A directory that shows nobody at all (a right withdrawn, a base moved) is in trouble; its people have not vanished.
async fn anybody(on: &mut Connection) -> Result<Entry, DirectoryTrouble> {
    let (base, attributes) = (on.base.clone(), on.dialect.person_attributes());
    let (found, _) = on.some(&base, &on.dialect.people(""), &attributes, 1).await?;
    let nobody = || match on.bound {
        Some(_) => DirectoryTrouble::WrongBaseDn { server: on.server(), base_dn: base },
        None => DirectoryTrouble::AnonymousRefused { server: on.server() },
    };
    found.into_iter().next().ok_or_else(nobody)
}

/// Anybody at all.
pub(super) struct Anybody;

impl Question for Anybody {
    type Answer = Entry;
    async fn put(&self, on: &mut Connection) -> Result<Entry, DirectoryTrouble> {
        anybody(on).await
    }
}

/// Groups by their ids.
pub(super) struct GroupsByIds<'a>(pub &'a [String]);

impl Question for GroupsByIds<'_> {
    type Answer = Vec<DirectoryGroup>;
    async fn put(&self, on: &mut Connection) -> Result<Self::Answer, DirectoryTrouble> {
        let attributes = on.dialect.group_attributes();
        let mut groups = Vec::new();
        for batch in self.0.chunks(BATCH) {
            let filter = on.dialect.groups(&on.dialect.any_id(batch.iter()));
            for entry in on.whole(&filter, &attributes, BATCH).await? {
                groups.push(on.dialect.group(&entry)?);
            }
        }
        if groups.is_empty() && !self.0.is_empty() {
            anybody(on).await?;
        }
        Ok(groups)
    }
}

/// The server's clock: where each kind of server shows it.
pub(super) struct ClockTime(pub Provider);

impl Question for ClockTime {
    type Answer = Option<OffsetDateTime>;
    async fn put(&self, on: &mut Connection) -> Result<Self::Answer, DirectoryTrouble> {
        let (dn, attribute) = match self.0 {
            Provider::ActiveDirectory => ("", "currentTime"),
            Provider::Ipa | Provider::Rhds => ("cn=monitor", "currenttime"),
            Provider::OpenLdap => ("cn=Current,cn=Time,cn=Monitor", "monitorTimestamp"),
        };
        Ok(on.entry(dn, "(objectClass=*)", &[attribute]).await?.and_then(|entry| entry.time(attribute)))
    }
}
