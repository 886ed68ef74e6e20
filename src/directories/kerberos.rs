//! Kerberos tickets (SPNEGO, RFC 4559) taken with a keytab that lies in memory only.

use crate::model::kerberos::KerberosTrouble;
use libgssapi::context::{SecurityContext as _, ServerCtx};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::oid::{GSS_MECH_KRB5, GSS_MECH_SPNEGO, OidSet};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::ffi::{CStr, CString, c_char};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex, PoisonError};

unsafe extern "C" {
    /// MIT's libgssapi_krb5: which keytab credentials that are acquired from now on have. (The usual way is an environment variable, one
    /// for the whole program; libgssapi's Rust face has no `gss_acquire_cred_from`.)
    fn krb5_gss_register_acceptor_identity(keytab: *const c_char) -> u32;
}

/// The registered keytab is the whole process's: one at a time.
static REGISTERED: Mutex<()> = Mutex::new(());

/// Whoever comes with a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// `alice@EXAMPLE.COM`
    pub principal: String,
    /// What the browser is answered, so that it knows us, too.
    pub answer: Option<Vec<u8>>,
}

/// Takes tickets for the services of one keytab. Cheap to clone.
#[derive(Clone)]
pub struct Acceptor(Arc<Inner>);

struct Inner {
    cred: Cred,
    /// The library opens the keytab by its path, which is one into this, each time.
    _keytab: File,
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

fn keytab(why: impl ToString) -> KerberosTrouble {
    KerberosTrouble::Keytab { why: why.to_string() }
}

/// Both ways to say Kerberos.
fn mechanisms() -> Result<OidSet, libgssapi::error::Error> {
    let mut all = OidSet::new();
    all.add(GSS_MECH_SPNEGO)?;
    all.add(GSS_MECH_KRB5)?;
    Ok(all)
}

impl Acceptor {
    /// Blocks: call it where that is allowed.
    ///
    /// # Errors
    /// The keytab cannot be used.
    pub fn new(bytes: &[u8]) -> Result<Self, KerberosTrouble> {
        let name: &CStr = c"keytab";
        let mut file = File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC).map_err(keytab)?);
        file.write_all(bytes).map_err(keytab)?;
        let path = CString::new(format!("FILE:/proc/self/fd/{}", file.as_raw_fd())).map_err(keytab)?;
        let _one = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the path is a C string that outlives the call; the library copies it.
        if unsafe { krb5_gss_register_acceptor_identity(path.as_ptr()) } != 0 {
            return Err(keytab("the library does not take it"));
        }
        let all = mechanisms().map_err(keytab)?;
        let cred = Cred::acquire(None, None, CredUsage::Accept, Some(&all)).map_err(keytab)?;
        Ok(Self(Arc::new(Inner { cred, _keytab: file })))
    }

    /// Whose ticket is this?
    ///
    /// # Errors
    /// It is none, not for us, expired, or was seen before.
    pub async fn accept(&self, token: Vec<u8>) -> Result<Shown, KerberosTrouble> {
        let inner = self.0.clone();
        let accepted = tokio::task::spawn_blocking(move || accept(&inner.cred, &token)).await;
        accepted.unwrap_or_else(|e| Err(KerberosTrouble::Ticket { why: e.to_string() }))
    }
}

fn accept(cred: &Cred, token: &[u8]) -> Result<Shown, KerberosTrouble> {
    let bad = |why: String| KerberosTrouble::Ticket { why };
    let said = |e: libgssapi::error::Error| bad(e.to_string().split_whitespace().collect::<Vec<_>>().join(" "));
    let mut context = ServerCtx::new(Some(cred.clone()));
    let answer = context.step(token, None).map_err(said)?;
    // Kerberos needs one message; what wants more of them is something else (NTLM).
    if !context.is_complete() {
        return Err(bad("it is not one of Kerberos".to_owned()));
    }
    let name = context.source_name().and_then(|name| name.display_name()).map_err(said)?;
    let principal = String::from_utf8(name.to_vec()).map_err(|e| bad(e.to_string()))?;
    Ok(Shown { principal, answer: answer.map(|bytes| bytes.to_vec()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_keytab_is_refused() {
        for bad in [b"".as_slice(), b"nonsense", &[5, 2]] {
            assert!(matches!(Acceptor::new(bad), Err(KerberosTrouble::Keytab { .. })));
        }
    }
}
