//! What happens when a mapped page has lost its file.
//!
//! Linux answers the access to a page past the end of its file, or one the disk has no room for,
//! with SIGBUS, which ends the process unless handled. The handler here puts zeros in place of the rest
//! of a registered region from the page on that could not be had, and marks the region, so that the next
//! coordination call reports `damaged`. Any other SIGBUS goes where it would have gone before.
//!
//! The rest, and not the page alone: a file that was cut has lost all pages from there on, and the
//! kernel keeps a record for each stretch of memory that differs from its neighbours, of which a process
//! has some 65,000. A guest that touched every second page of a large region would use them up, for
//! itself, for its host, and for this handler. So a region is never more than two stretches.

#![allow(unsafe_code, reason = "installs and runs a signal handler")]

use std::sync::{Mutex, OnceLock, PoisonError};

use crate::{Fault, registry, sys};

/// What handled SIGBUS before.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// Installs the handler, once in the life of the process.
pub(crate) fn watch_for_faults() -> Result<(), Fault> {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if *installed {
        return Ok(());
    }
    // Known before the handler can run, so that it always finds it.
    let previous = *PREVIOUS.get_or_init(current_action);
    let mut action = previous;
    // The previous handler may rely on being interruptible by the same signal, and on its mask.
    let inherited = libc::SA_NODEFER | libc::SA_RESTART;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | (previous.sa_flags & inherited);
    action.sa_sigaction = on_sigbus as *const () as usize;
    // SAFETY: `action` is a valid action, its handler has the signature that SA_SIGINFO asks for
    // and does only what a handler may do.
    let result = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) };
    if result != 0 {
        let error = std::io::Error::last_os_error();
        return Err(Fault::Io(format!("installing a SIGBUS handler: {error}")));
    }
    *installed = true;
    Ok(())
}

fn current_action() -> libc::sigaction {
    // SAFETY: all zeros is a valid `sigaction`: default action, no flags, no mask.
    let mut action = unsafe { std::mem::zeroed::<libc::sigaction>() };
    // SAFETY: a query writes to `action` only. It can not fail for a valid signal; if it did,
    // `action` would still say "default".
    unsafe { libc::sigaction(libc::SIGBUS, std::ptr::null(), &raw mut action) };
    action
}

extern "C" fn on_sigbus(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a pointer to the signal's information, valid during the handler.
    let Some(details) = (unsafe { info.as_ref() }) else {
        return;
    };
    // A signal that another process sent has no address, whatever the field holds.
    let has_address = matches!(details.si_code, libc::BUS_ADRERR | libc::BUS_MCEERR_AR);
    if has_address {
        // SAFETY: for these codes the kernel has set the address.
        let address = unsafe { details.si_addr() }.addr();
        if registry::mark_faulted(address).is_some_and(|end| replace_rest(address, end)) {
            return;
        }
    }
    pass_on(signal, info, context, has_address);
}

/// Puts zeros in place of the memory from the page of `address` on up to `end`.
fn replace_rest(address: usize, end: usize) -> bool {
    let start = address & !(sys::page_size() - 1);
    // SAFETY: the address lies in a registered region that ends there, which is guest memory in whole
    // pages. The thread that was interrupted is the one that uses it, and whatever it has read of it is
    // void, as the next call reports.
    unsafe { sys::map_anonymous(start, end - start) }.is_ok()
}

/// Does what the previous action would have done.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void, will_recur: bool) {
    let Some(previous) = PREVIOUS.get() else {
        return;
    };
    match previous.sa_sigaction {
        libc::SIG_IGN if !will_recur => {}
        // A fault can not be ignored: the kernel ends the process then, too.
        libc::SIG_DFL | libc::SIG_IGN => die(signal, will_recur),
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            type Detailed = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
            // SAFETY: whoever installed it with SA_SIGINFO has promised this signature.
            let handler = unsafe { std::mem::transmute::<usize, Detailed>(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: whoever installed it without SA_SIGINFO has promised this signature.
            let handler = unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int)>(handler) };
            handler(signal);
        }
    }
}

/// Restores the default action and lets it happen: by itself once the handler returns and the
/// instruction faults again, or by raising the signal if it was sent.
fn die(signal: libc::c_int, will_recur: bool) {
    // SAFETY: all zeros is a valid `sigaction`: default action, no flags, no mask.
    let default = unsafe { std::mem::zeroed::<libc::sigaction>() };
    // SAFETY: `default` is a valid action.
    unsafe { libc::sigaction(signal, &raw const default, std::ptr::null_mut()) };
    if !will_recur {
        // SAFETY: `raise` may be called from a handler.
        unsafe { libc::raise(signal) };
    }
}
