//! libvirt's block jobs: the functions the `virt` crate does not bind.

use std::ffi::CString;
use virt::domain::Domain;
use virt::error::Error;
use virt_sys as sys;

/// A block job that runs.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    pub current: u64,
    pub end: u64,
    /// It follows the guest's writes until the guest is switched over.
    pub active: bool,
}

impl Job {
    /// Nothing is left but to switch the guest over.
    pub const fn is_ready(self) -> bool {
        self.active && self.end > 0 && self.current == self.end
    }

    pub fn percent(self) -> u8 {
        let part = self.current.saturating_mul(100).checked_div(self.end).unwrap_or(0);
        u8::try_from(part.min(100)).unwrap_or(100)
    }
}

fn text(words: &str) -> Result<CString, Error> {
    // libvirt gives no name with a NUL, so this is never taken.
    CString::new(words).map_err(|_| Error::last_error())
}

/// The job of a disk, if one runs.
///
/// # Errors
/// libvirt's.
pub fn job(domain: &Domain, target: &str) -> Result<Option<Job>, Error> {
    let target = text(target)?;
    // SAFETY: all bits zero is a valid value of this plain C struct.
    let mut info: sys::virDomainBlockJobInfo = unsafe { std::mem::zeroed() };
    // SAFETY: the domain is alive for the call, the name ends with a NUL, the struct is ours.
    let found = unsafe { sys::virDomainGetBlockJobInfo(domain.as_ptr(), target.as_ptr(), &mut info, 0) };
    match found {
        0 => Ok(None),
        1 => Ok(Some(Job {
            current: info.cur,
            end: info.end,
            active: u32::try_from(info.type_) == Ok(sys::VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT),
        })),
        _ => Err(Error::last_error()),
    }
}

/// Begins to put `top` into `base`; both are named as `vda[2]`.
///
/// # Errors
/// libvirt's.
pub fn commit(domain: &Domain, target: &str, base: &str, top: &str, active: bool) -> Result<(), Error> {
    let flags = if active { sys::VIR_DOMAIN_BLOCK_COMMIT_ACTIVE } else { sys::VIR_DOMAIN_BLOCK_COMMIT_RELATIVE };
    let (target, base, top) = (text(target)?, text(base)?, text(top)?);
    // SAFETY: the domain is alive for the call and the names end with a NUL.
    let done = unsafe {
        sys::virDomainBlockCommit(domain.as_ptr(), target.as_ptr(), base.as_ptr(), top.as_ptr(), 0, flags as _)
    };
    if done < 0 { Err(Error::last_error()) } else { Ok(()) }
}

/// Switches the guest over to what the job has made.
///
/// # Errors
/// libvirt's.
pub fn pivot(domain: &Domain, target: &str) -> Result<(), Error> {
    let target = text(target)?;
    // SAFETY: the domain is alive for the call and the name ends with a NUL.
    let done = unsafe {
        sys::virDomainBlockJobAbort(domain.as_ptr(), target.as_ptr(), sys::VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT as _)
    };
    if done < 0 { Err(Error::last_error()) } else { Ok(()) }
}
