//! How each kind of directory keeps people and groups; as oVirt's aaa-ldap profiles have it.

use super::entry::Entry;
use crate::model::directory::{DirectoryGroup, Person};
use crate::model::domain::{DirectoryTrouble, Provider};
use ldap3::ldap_escape;
use std::fmt::Write as _;

/// What is asked of a person's entry.
const PERSON: &[&str] = &["givenName", "sn", "mail", "department", "departmentNumber", "title"];
/// What tells whether an account may be used.
const ACCOUNT: &[&str] = &[
    "nsAccountLock",
    "krbPrincipalExpiration",
    "krbPasswordExpiration",
    "pwdAccountLockedTime",
    "userAccountControl",
    "accountExpires",
];

/// Names and filters of a provider.
#[derive(Debug)]
pub(super) struct Dialect {
    /// What one signs in with.
    pub login: &'static str,
    /// What stays when names change.
    pub external_id: &'static str,
    /// It is sixteen bytes.
    guid: bool,
    people: &'static str,
    groups: &'static str,
    group_name: &'static str,
    /// Attributes of a group that hold the DNs of its members.
    members: &'static [&'static str],
    /// Large answers come in pages.
    pub paged: bool,
}

impl Dialect {
    pub(super) const fn of(provider: Provider) -> &'static Self {
        match provider {
            Provider::Ipa => &IPA,
            Provider::ActiveDirectory => &ACTIVE_DIRECTORY,
            Provider::OpenLdap => &OPEN_LDAP,
            Provider::Rhds => &RHDS,
        }
    }

    pub(super) fn person_attributes(&self) -> Vec<&'static str> {
        [&[self.login, self.external_id], PERSON, ACCOUNT].concat()
    }

    pub(super) fn group_attributes(&self) -> Vec<&'static str> {
        vec![self.group_name, self.external_id, "description"]
    }

    /// People for whom all of `conditions` (filters in brackets) hold.
    pub(super) fn people(&self, conditions: &str) -> String {
        format!("(&{}{conditions})", self.people)
    }

    pub(super) fn groups(&self, conditions: &str) -> String {
        format!("(&{}{conditions})", self.groups)
    }

    /// Any of these ids; one that this directory cannot have given is left out.
    pub(super) fn any_id<'a>(&self, ids: impl Iterator<Item = &'a String>) -> String {
        let mut out = String::from("(|");
        for id in ids {
            if !self.guid {
                let _ = write!(out, "({}={})", self.external_id, ldap_escape(id.as_str()));
            } else if let Ok(id) = uuid::Uuid::parse_str(id) {
                let _ = write!(out, "({}={})", self.external_id, escaped(&id.to_bytes_le()));
            }
        }
        out.push(')');
        out
    }

    /// Groups that have this member.
    pub(super) fn having(&self, member_dn: &str) -> String {
        let dn = ldap_escape(member_dn);
        let any: String = self.members.iter().map(|member| format!("({member}={dn})")).collect();
        self.groups(&format!("(|{any})"))
    }

    /// A condition for each word: one of the names begins with it.
    pub(super) fn person_words(&self, words: &str) -> String {
        beginning(words, &[self.login, "givenName", "sn", "displayName", "cn", "mail"])
    }

    pub(super) fn group_words(&self, words: &str) -> String {
        beginning(words, &[self.group_name, "cn"])
    }

    pub(super) fn person(&self, entry: &Entry) -> Result<Person, DirectoryTrouble> {
        let user_name = entry.text(self.login);
        if user_name.is_empty() {
            return Err(missing(entry, self.login));
        }
        let department = [entry.text("department"), entry.text("departmentNumber")];
        Ok(Person {
            external_id: self.id(entry)?,
            user_name,
            first_name: entry.text("givenName"),
            last_name: entry.text("sn"),
            email: entry.text("mail"),
            department: department.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
            title: entry.text("title"),
            groups: Vec::new(),
        })
    }

    pub(super) fn group(&self, entry: &Entry) -> Result<DirectoryGroup, DirectoryTrouble> {
        let name = entry.text(self.group_name);
        if name.is_empty() {
            return Err(missing(entry, self.group_name));
        }
        Ok(DirectoryGroup { external_id: self.id(entry)?, name, description: entry.text("description") })
    }

    fn id(&self, entry: &Entry) -> Result<String, DirectoryTrouble> {
        let id = if self.guid {
            entry.bytes(self.external_id).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(|bytes| {
                // The way Windows and its tools write it: the first three parts are little-endian.
                uuid::Uuid::from_bytes_le(bytes).hyphenated().to_string()
            })
        } else {
            Some(entry.text(self.external_id)).filter(|text| !text.is_empty())
        };
        id.ok_or_else(|| missing(entry, self.external_id))
    }
}

fn missing(entry: &Entry, attribute: &str) -> DirectoryTrouble {
    DirectoryTrouble::NoExternalId { dn: entry.dn.chars().take(300).collect(), attribute: attribute.to_owned() }
}

/// Bytes as RFC 4515 has them in filters.
pub(super) fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

fn beginning(words: &str, attributes: &[&str]) -> String {
    let condition = |word: &str| {
        let word = ldap_escape(word);
        let any: String = attributes.iter().map(|name| format!("({name}={word}*)")).collect();
        format!("(|{any})")
    };
    words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .take(8)
        .map(condition)
        .collect()
}

const IPA: Dialect = Dialect {
    login: "uid",
    external_id: "ipaUniqueID",
    guid: false,
    // Staged users have no id of their own yet.
    people: "(objectClass=person)(ipaUniqueID=*)(!(ipaUniqueID=autogenerate))",
    groups: "(objectClass=ipaUserGroup)(ipaUniqueID=*)",
    group_name: "cn",
    members: &["member"],
    paged: true,
};

const RHDS: Dialect = Dialect {
    login: "uid",
    external_id: "nsUniqueId",
    guid: false,
    people: "(objectClass=organizationalPerson)(uid=*)",
    groups: "(|(objectClass=groupOfUniqueNames)(objectClass=groupOfNames))(cn=*)",
    group_name: "cn",
    members: &["uniqueMember", "member"],
    // Its limits count for pages, too; oVirt's profile does without them.
    paged: false,
};

const OPEN_LDAP: Dialect = Dialect {
    login: "uid",
    external_id: "entryUUID",
    guid: false,
    people: "(|(objectClass=uidObject)(objectClass=person))(uid=*)",
    groups: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))(cn=*)",
    group_name: "cn",
    members: &["member", "uniqueMember"],
    paged: true,
};

const ACTIVE_DIRECTORY: Dialect = Dialect {
    login: "sAMAccountName",
    external_id: "objectGUID",
    guid: true,
    // Users, not computers nor trusts.
    people: "(sAMAccountType=805306368)",
    // Security groups, not lists of mail addresses.
    groups: "(objectCategory=group)(groupType:1.2.840.113556.1.4.803:=2147483648)",
    group_name: "sAMAccountName",
    members: &["member"],
    paged: true,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_cannot_change_a_filter() {
        for typed in ["*", "x)(|(uid=*", "admin)(&", "\\2a", "u\0", "a*b"] {
            let filter = OPEN_LDAP.people(&OPEN_LDAP.person_words(typed));
            // Six alternatives and nothing else, however many brackets were typed.
            assert_eq!(filter.matches('(').count(), filter.matches(')').count(), "{typed}: {filter}");
            assert_eq!(filter.matches('(').count(), 12, "{typed}: {filter}");
            assert_eq!(filter.matches('*').count(), 7, "{typed}: {filter}");
        }
        let dn = "cn=a*)(uid=\\28,dc=example,dc=com";
        assert_eq!(IPA.having(dn).matches('(').count(), 5);
    }

    #[test]
    fn guids_as_windows_writes_them() {
        let id = "b6f0d1a4-1c2d-4e3f-8a9b-0123456789ab".to_owned();
        let filter = ACTIVE_DIRECTORY.any_id([&id, &"no guid".to_owned()].into_iter());
        let expected = r"(|(objectGUID=\a4\d1\f0\b6\2d\1c\3f\4e\8a\9b\01\23\45\67\89\ab))";
        assert_eq!(filter, expected);
    }

    #[test]
    fn an_entry_without_an_id_is_nobody() {
        let entry = Entry::of(&[("uid", "alice"), ("mail", "alice@example.com"), ("departmentNumber", "7")]);
        assert!(matches!(IPA.person(&entry), Err(DirectoryTrouble::NoExternalId { .. })));
        let entry = Entry::of(&[("uid", "alice"), ("entryUUID", "1"), ("departmentNumber", "7")]);
        assert_eq!(OPEN_LDAP.person(&entry).unwrap().department, "7");
    }
}
