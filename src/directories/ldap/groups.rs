//! The groups that somebody is in, through other groups, too.

use super::connection::Connection;
use super::dialect::escaped;
use crate::model::directory::DirectoryGroup;
use crate::model::domain::{DirectoryTrouble, Provider};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Nobody is in more groups than this, nor is one group in more.
const MOST_GROUPS: usize = 2000;
/// Alternatives of one filter.
pub(super) const BATCH: usize = 50;

/// What has been learnt on the way: for many people, each group is looked up once.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    /// By a member's DN: the groups that have it, with their DNs.
    parents: HashMap<String, Vec<(String, DirectoryGroup)>>,
    /// By Active Directory's security identifier; None: not a group of this domain.
    by_sid: HashMap<Vec<u8>, Option<DirectoryGroup>>,
}

impl Learnt {
    /// All groups of whoever has this DN.
    pub(super) async fn groups_of(
        &mut self,
        on: &mut Connection,
        provider: Provider,
        dn: &str,
    ) -> Result<Vec<DirectoryGroup>, DirectoryTrouble> {
        match provider {
            Provider::ActiveDirectory => self.by_token(on, dn).await,
            _ => self.by_walking(on, dn).await,
        }
    }

    /// Active Directory computes them itself, the primary group included.
    async fn by_token(&mut self, on: &mut Connection, dn: &str) -> Result<Vec<DirectoryGroup>, DirectoryTrouble> {
        let entry = on.entry(dn, "(objectClass=*)", &["tokenGroups"]).await?.unwrap_or_default();
        let sids = entry.all("tokenGroups");
        if sids.len() > MOST_GROUPS {
            return Err(too_many(on));
        }
        let new: Vec<Vec<u8>> = sids.iter().filter(|sid| !self.by_sid.contains_key(*sid)).cloned().collect();
        let attributes = [on.dialect.group_attributes().as_slice(), &["objectSid"]].concat();
        for batch in new.chunks(BATCH) {
            let any: String = batch.iter().map(|sid| format!("(objectSid={})", escaped(sid))).collect();
            let filter = on.dialect.groups(&format!("(|{any})"));
            for sid in batch {
                self.by_sid.insert(sid.clone(), None);
            }
            for found in on.whole(&filter, &attributes, BATCH).await? {
                if let Some(sid) = found.bytes("objectSid") {
                    self.by_sid.insert(sid.to_vec(), Some(on.dialect.group(&found)?));
                }
            }
        }
        let groups: BTreeSet<DirectoryGroup> =
            sids.iter().filter_map(|sid| self.by_sid.get(sid).cloned().flatten()).collect();
        Ok(groups.into_iter().collect())
    }

    /// From group to group upwards; a circle ends where it began.
    async fn by_walking(&mut self, on: &mut Connection, dn: &str) -> Result<Vec<DirectoryGroup>, DirectoryTrouble> {
        let mut seen: HashSet<String> = HashSet::from([dn.to_lowercase()]);
        let mut groups = BTreeSet::new();
        let mut next = vec![dn.to_owned()];
        while let Some(member) = next.pop() {
            for (parent, group) in self.parents(on, &member).await? {
                if seen.insert(parent.to_lowercase()) {
                    next.push(parent);
                    groups.insert(group);
                }
            }
            if groups.len() > MOST_GROUPS {
                return Err(too_many(on));
            }
        }
        Ok(groups.into_iter().collect())
    }

    async fn parents(
        &mut self,
        on: &mut Connection,
        member: &str,
    ) -> Result<Vec<(String, DirectoryGroup)>, DirectoryTrouble> {
        let key = member.to_lowercase();
        if let Some(known) = self.parents.get(&key) {
            return Ok(known.clone());
        }
        let attributes = on.dialect.group_attributes();
        let mut found = Vec::new();
        for entry in on.whole(&on.dialect.having(member), &attributes, MOST_GROUPS).await? {
            let group = on.dialect.group(&entry)?;
            found.push((entry.dn, group));
        }
        self.parents.insert(key, found.clone());
        Ok(found)
    }
}

fn too_many(on: &Connection) -> DirectoryTrouble {
    DirectoryTrouble::Incomplete { server: on.server(), code: 4 }
}
