//! libvirt's events and statistics: the few functions the `virt` crate does not bind.

use super::connection::Raw;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Once;
use tokio::sync::mpsc::UnboundedSender;
use virt::connect::Connect;
use virt::domain::Domain;
use virt_sys as sys;

/// Where callbacks put what they hear.
type Sender = UnboundedSender<Raw>;

static EVENT_LOOP: Once = Once::new();

unsafe extern "C" fn ignore_error(_: *mut c_void, _: sys::virErrorPtr) {}

/// Starts libvirt's event loop in a thread of its own; must come before the first connection is opened.
pub fn start_event_loop() {
    EVENT_LOOP.call_once(|| {
        // SAFETY: the function does nothing with its arguments. Without it libvirt prints every error on stderr, also those that are asked
        // for ("is there such a network?"); the errors themselves are returned by each call.
        unsafe { sys::virSetErrorFunc(std::ptr::null_mut(), Some(ignore_error)) };
        if let Err(e) = virt::event::event_register_default_impl() {
            tracing::error!("libvirt's event loop cannot be set up: {e}");
            return;
        }
        std::thread::spawn(|| {
            loop {
                if virt::event::event_run_default_impl().is_err() {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
            }
        });
    });
}

unsafe extern "C" fn free_sender(opaque: *mut c_void) {
    // SAFETY: `opaque` is the box that `register` leaked; libvirt calls this once, when the callback is gone.
    drop(unsafe { Box::from_raw(opaque.cast::<Sender>()) });
}

fn send(opaque: *mut c_void, event: Raw) {
    // SAFETY: `opaque` is the box that `register` leaked; it lives until `free_sender`.
    let sender = unsafe { &*opaque.cast::<Sender>() };
    // The receiver is gone when the agent ends: nobody wants the event then.
    let _ = sender.send(event);
}

fn uuid_of(domain: sys::virDomainPtr) -> Option<uuid::Uuid> {
    let mut text = [0 as c_char; sys::VIR_UUID_STRING_BUFLEN as usize];
    // SAFETY: libvirt hands a live domain to its callbacks; the buffer has the length it asks for.
    let done = unsafe { sys::virDomainGetUUIDString(domain, text.as_mut_ptr()) };
    if done < 0 {
        return None;
    }
    // SAFETY: virDomainGetUUIDString ends the text with a NUL.
    let text = unsafe { CStr::from_ptr(text.as_ptr()) };
    uuid::Uuid::parse_str(text.to_str().ok()?).ok()
}

unsafe extern "C" fn on_lifecycle(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    event: c_int,
    _detail: c_int,
    opaque: *mut c_void,
) {
    if let Some(vm) = uuid_of(domain) {
        let gone = event == sys::VIR_DOMAIN_EVENT_UNDEFINED as c_int;
        send(opaque, if gone { Raw::Undefined(vm) } else { Raw::Changed(vm) });
    }
}

unsafe extern "C" fn on_reboot(_: sys::virConnectPtr, domain: sys::virDomainPtr, opaque: *mut c_void) {
    if let Some(vm) = uuid_of(domain) {
        send(opaque, Raw::Rebooted(vm));
    }
}

unsafe extern "C" fn on_agent(
    _: sys::virConnectPtr,
    domain: sys::virDomainPtr,
    _state: c_int,
    _reason: c_int,
    opaque: *mut c_void,
) {
    if let Some(vm) = uuid_of(domain) {
        send(opaque, Raw::Changed(vm));
    }
}

unsafe extern "C" fn on_watchdog(_: sys::virConnectPtr, domain: sys::virDomainPtr, action: c_int, opaque: *mut c_void) {
    if let Some(vm) = uuid_of(domain) {
        send(opaque, Raw::Watchdog { vm, powers_off: action == sys::VIR_DOMAIN_EVENT_WATCHDOG_POWEROFF as c_int });
    }
}

unsafe extern "C" fn on_close(_: sys::virConnectPtr, _reason: c_int, opaque: *mut c_void) {
    send(opaque, Raw::Closed);
}

/// Registers for everything the agent reports.
pub fn register(connection: &Connect, sender: &Sender) -> Result<(), virt::error::Error> {
    let lifecycle: unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, c_int, c_int, *mut c_void) =
        on_lifecycle;
    let agent: unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, c_int, c_int, *mut c_void) = on_agent;
    let watchdog: unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, c_int, *mut c_void) = on_watchdog;
    // SAFETY: libvirt takes every callback under one generic type and calls it with the arguments of its event id
    // (virConnectDomainEventRegisterAny's documentation); the ids below fit the functions.
    let (lifecycle, agent, watchdog) = unsafe {
        (
            std::mem::transmute::<
                unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, c_int, c_int, *mut c_void),
                unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *mut c_void),
            >(lifecycle),
            std::mem::transmute::<
                unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, c_int, c_int, *mut c_void),
                unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *mut c_void),
            >(agent),
            std::mem::transmute::<
                unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, c_int, *mut c_void),
                unsafe extern "C" fn(sys::virConnectPtr, sys::virDomainPtr, *mut c_void),
            >(watchdog),
        )
    };
    for (id, callback) in [
        (sys::VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle),
        (sys::VIR_DOMAIN_EVENT_ID_REBOOT, on_reboot as _),
        (sys::VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, agent),
        (sys::VIR_DOMAIN_EVENT_ID_WATCHDOG, watchdog),
    ] {
        let opaque = Box::into_raw(Box::new(sender.clone())).cast();
        // SAFETY: the connection is open; `opaque` stays alive until libvirt calls `free_sender`.
        let registered = unsafe {
            sys::virConnectDomainEventRegisterAny(
                connection.as_ptr(),
                std::ptr::null_mut(),
                id as c_int,
                Some(callback),
                opaque,
                Some(free_sender),
            )
        };
        if registered < 0 {
            return Err(virt::error::Error::last_error());
        }
    }
    let opaque = Box::into_raw(Box::new(sender.clone())).cast();
    // SAFETY: as above.
    let registered =
        unsafe { sys::virConnectRegisterCloseCallback(connection.as_ptr(), Some(on_close), opaque, Some(free_sender)) };
    if registered < 0 { Err(virt::error::Error::last_error()) } else { Ok(()) }
}

/// A migration's numbers by libvirt's names (`memory_iteration`, `data_remaining`, …); none: no job runs.
///
/// The crate's own wrapper frees libvirt's array with this program's allocator, which is another.
pub fn job_stats(domain: &Domain, flags: u32) -> Result<Vec<(String, u64)>, virt::error::Error> {
    let (mut kind, mut count) = (0, 0);
    let mut params: sys::virTypedParameterPtr = std::ptr::null_mut();
    // SAFETY: the domain is alive for the call; `params` receives an array that virTypedParamsFree frees below.
    let done = unsafe { sys::virDomainGetJobStats(domain.as_ptr(), &mut kind, &mut params, &mut count, flags) };
    if done < 0 {
        return Err(virt::error::Error::last_error());
    }
    if params.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: libvirt filled `count` entries.
    let all = unsafe { std::slice::from_raw_parts(params, usize::try_from(count).unwrap_or(0)) };
    let numbers = all.iter().filter_map(number).collect();
    // SAFETY: `params` came from virDomainGetJobStats with `count` entries and is not used afterwards.
    unsafe { sys::virTypedParamsFree(params, count) };
    Ok(numbers)
}

/// Has a migrating guest go on at the target and fetch what is left of its memory from there.
pub fn start_post_copy(domain: &Domain) -> Result<(), virt::error::Error> {
    // SAFETY: the domain is alive for the call. (The `virt` crate does not bind it.)
    let done = unsafe { sys::virDomainMigrateStartPostCopy(domain.as_ptr(), 0) };
    if done < 0 { Err(virt::error::Error::last_error()) } else { Ok(()) }
}

/// Ends the job that holds the domain: a migration, say.
pub fn abort_job(domain: &Domain) -> Result<(), virt::error::Error> {
    // SAFETY: the domain is alive for the call. (The `virt` crate does not bind it.)
    let done = unsafe { sys::virDomainAbortJob(domain.as_ptr()) };
    if done < 0 { Err(virt::error::Error::last_error()) } else { Ok(()) }
}

/// One domain's numbers out of libvirt's statistics: name (`cpu.time`, `balloon.rss`, `net.0.rx.bytes`, …) and value.
pub struct DomainStats {
    pub vm: uuid::Uuid,
    pub numbers: Vec<(String, u64)>,
}

/// Statistics of all running domains in one call.
pub fn all_stats(connection: &Connect) -> Result<Vec<DomainStats>, virt::error::Error> {
    let groups = sys::VIR_DOMAIN_STATS_CPU_TOTAL
        | sys::VIR_DOMAIN_STATS_BALLOON
        | sys::VIR_DOMAIN_STATS_VCPU
        | sys::VIR_DOMAIN_STATS_INTERFACE
        | sys::VIR_DOMAIN_STATS_BLOCK;
    let flags = sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING | sys::VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
    let mut records: *mut sys::virDomainStatsRecordPtr = std::ptr::null_mut();
    // SAFETY: the connection is open; `records` receives an array that virDomainStatsRecordListFree frees below.
    let count = unsafe { sys::virConnectGetAllDomainStats(connection.as_ptr(), groups as _, &mut records, flags as _) };
    if count < 0 {
        return Err(virt::error::Error::last_error());
    }
    let mut all = Vec::new();
    for i in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: libvirt filled `count` entries, each a valid record.
        let record = unsafe { &**records.add(i) };
        let (domain, known) = (record.dom, usize::try_from(record.nparams).unwrap_or(0));
        // Of a guest that is busy nothing is known, and there is no array.
        let params = if record.params.is_null() || known == 0 {
            &[]
        } else {
            // SAFETY: it has `nparams` parameters, which live until the list is freed.
            unsafe { std::slice::from_raw_parts(record.params, known) }
        };
        if let Some(vm) = uuid_of(domain) {
            all.push(DomainStats { vm, numbers: params.iter().filter_map(number).collect() });
        }
    }
    // SAFETY: `records` came from virConnectGetAllDomainStats and is not used afterwards.
    unsafe { sys::virDomainStatsRecordListFree(records) };
    Ok(all)
}

fn number(param: &sys::virTypedParameter) -> Option<(String, u64)> {
    // SAFETY: `field` is a NUL-terminated array of libvirt's making; `type_` says which member of the union is set.
    let (name, value) = unsafe {
        let value = match param.type_ as u32 {
            sys::VIR_TYPED_PARAM_ULLONG => param.value.ul,
            sys::VIR_TYPED_PARAM_LLONG => u64::try_from(param.value.l).ok()?,
            sys::VIR_TYPED_PARAM_UINT => u64::from(param.value.ui),
            sys::VIR_TYPED_PARAM_INT => u64::try_from(param.value.i).ok()?,
            _ => return None,
        };
        (CStr::from_ptr(param.field.as_ptr()), value)
    };
    Some((name.to_str().ok()?.to_owned(), value))
}

/// What guests run on: emulator, architecture, machine, accelerator.
pub type Hypervisor<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Compares a CPU with what guests can have on this host; an error names what is missing.
pub fn compare_hypervisor_cpu(
    connection: &Connect,
    (emulator, arch, machine, kind): Hypervisor<'_>,
    cpu: &str,
) -> Result<(), virt::error::Error> {
    let [emulator, arch, machine, kind, cpu] = [emulator, arch, machine, kind, cpu].map(std::ffi::CString::new);
    let (emulator, arch, machine, kind, cpu) = (emulator?, arch?, machine?, kind?, cpu?);
    // SAFETY: the connection is open, and the texts live until the call is over. (The `virt` crate does not bind it.)
    let compared = unsafe {
        sys::virConnectCompareHypervisorCPU(
            connection.as_ptr(),
            emulator.as_ptr(),
            arch.as_ptr(),
            machine.as_ptr(),
            kind.as_ptr(),
            cpu.as_ptr(),
            sys::VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE as _,
        )
    };
    if compared < 0 { Err(virt::error::Error::last_error()) } else { Ok(()) }
}

/// The CPU that these (each a `<cpu>`) have in common, as libvirt writes it.
pub fn baseline_hypervisor_cpu(
    connection: &Connect,
    (emulator, arch, machine, kind): Hypervisor<'_>,
    cpus: &[String],
) -> Result<String, virt::error::Error> {
    let [emulator, arch, machine, kind] = [emulator, arch, machine, kind].map(std::ffi::CString::new);
    let (emulator, arch, machine, kind) = (emulator?, arch?, machine?, kind?);
    let cpus: Vec<std::ffi::CString> =
        cpus.iter().map(|cpu| std::ffi::CString::new(cpu.as_str())).collect::<Result<_, _>>()?;
    let mut pointers: Vec<*const std::ffi::c_char> = cpus.iter().map(|cpu| cpu.as_ptr()).collect();
    // SAFETY: the connection is open, and texts and their list live until the call is over; libvirt writes to none of them. What it
    // returns is a text of its own that the caller frees. (The `virt` crate does not bind it.)
    unsafe {
        let found = sys::virConnectBaselineHypervisorCPU(
            connection.as_ptr(),
            emulator.as_ptr(),
            arch.as_ptr(),
            machine.as_ptr(),
            kind.as_ptr(),
            pointers.as_mut_ptr(),
            pointers.len().try_into().unwrap_or(0),
            0,
        );
        if found.is_null() {
            return Err(virt::error::Error::last_error());
        }
        let text = CStr::from_ptr(found).to_string_lossy().into_owned();
        nix::libc::free(found.cast());
        Ok(text)
    }
}
