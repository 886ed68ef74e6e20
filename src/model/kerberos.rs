//! Kerberos: keytabs as they come in, and what can go wrong with a ticket.

use crate::model::ids::DomainId;
use crate::model::valid::{Invalid, Problem};
use std::collections::BTreeSet;

/// Larger ones are none.
const MOST_BYTES: usize = 64 << 10;

/// A directory's domain whose people may come with a Kerberos ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KerberosView {
    pub domain: DomainId,
    pub domain_name: String,
    /// None: no keytab is set.
    pub principals: Option<Vec<String>>,
}

/// The service principals of a keytab (`HTTP/portal.example.com@EXAMPLE.COM`), each once; MIT's format, version 2.
///
/// # Errors
/// It is no keytab, or has no key.
pub fn principals(keytab: &[u8]) -> Result<BTreeSet<String>, Invalid> {
    let wrong = || Invalid::new("keytab", Problem::NotAKeytab);
    if keytab.len() > MOST_BYTES {
        return Err(Invalid::new("keytab", Problem::TooLong { max: MOST_BYTES }));
    }
    let mut rest = keytab.strip_prefix(&[5, 2]).ok_or_else(wrong)?;
    let mut found = BTreeSet::new();
    while !rest.is_empty() {
        let size = i32::from_be_bytes(take::<4>(&mut rest).ok_or_else(wrong)?);
        let length = usize::try_from(size.unsigned_abs()).map_err(|_| wrong())?;
        let entry = rest.get(..length).ok_or_else(wrong)?;
        rest = &rest[length..];
        // A negative size: a hole where a key was.
        if size > 0 {
            found.insert(principal(entry).ok_or_else(wrong)?);
        }
    }
    if found.is_empty() { Err(wrong()) } else { Ok(found) }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

/// The name at the beginning of an entry: how many parts, the realm, the parts.
fn principal(mut entry: &[u8]) -> Option<String> {
    let parts = u16::from_be_bytes(take::<2>(&mut entry)?);
    let realm = counted(&mut entry)?;
    let names: Vec<String> = (0..parts).map(|_| counted(&mut entry)).collect::<Option<_>>()?;
    (!names.is_empty()).then(|| format!("{}@{realm}", names.join("/")))
}

fn counted(entry: &mut &[u8]) -> Option<String> {
    let length = usize::from(u16::from_be_bytes(take::<2>(entry)?));
    let text = entry.get(..length)?;
    *entry = &entry[length..];
    String::from_utf8(text.to_vec()).ok().filter(|text| !text.chars().any(char::is_control))
}

/// Why a ticket lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KerberosTrouble {
    /// No `Authorization: Negotiate`, or no domain takes tickets.
    #[error("the browser has no Kerberos ticket for this address, or does not give it")]
    NoTicket,
    #[error("the keytab cannot be used: {why}")]
    Keytab { why: String },
    #[error("the ticket is not good: {why}")]
    Ticket { why: String },
    #[error("{principal} is a person of no domain here")]
    Nobody { principal: String },
    /// Who signs in hears no more than this.
    #[error("the directory of {domain} cannot be asked just now; try again later")]
    Away { domain: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(parts: &[&str], realm: &str) -> Vec<u8> {
        let counted = |text: &str| [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat();
        let mut name = u16::try_from(parts.len()).unwrap().to_be_bytes().to_vec();
        name.extend(counted(realm));
        parts.iter().for_each(|part| name.extend(counted(part)));
        // Name type, time, version, a key.
        name.extend([0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 18, 0, 2, 7, 7]);
        [&u32::try_from(name.len()).unwrap().to_be_bytes(), name.as_slice()].concat()
    }

    #[test]
    fn a_keytab_names_its_principals() {
        let hole = [(-3i32).to_be_bytes().as_slice(), &[0, 0, 0]].concat();
        let http = entry(&["HTTP", "portal.example.com"], "EXAMPLE.COM");
        let keytab = [&[5, 2], http.as_slice(), &hole, &http].concat();
        let found: Vec<String> = principals(&keytab).unwrap().into_iter().collect();
        assert_eq!(found, ["HTTP/portal.example.com@EXAMPLE.COM"]);
        for cut in 0..keytab.len() - http.len() {
            let _ = principals(&keytab[..cut]);
        }
        let huge = [&[5, 2], i32::MIN.to_be_bytes().as_slice()].concat();
        for bad in [&[][..], &[5, 2], &[5, 1, 0], &keytab[..20], &huge, &vec![0; MOST_BYTES + 1], b"nonsense"] {
            assert!(principals(bad).is_err());
        }
    }
}
