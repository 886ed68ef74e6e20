//! People and groups as a directory (LDAP) or an OpenID provider tells of them.

/// Somebody of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// What the directory calls him for ever: entryUUID, objectGUID, ipaUniqueID, nsUniqueId, OpenID's `sub`. His name may change.
    pub external_id: String,
    /// What he signs in with, without the domain.
    pub user_name: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub department: String,
    pub title: String,
    /// All he is in, through other groups, too.
    pub groups: Vec<DirectoryGroup>,
}

/// A group of a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct DirectoryGroup {
    /// What the directory calls it for ever; where it has nothing such (a claim of OpenID), its name.
    pub external_id: String,
    pub name: String,
    pub description: String,
}
