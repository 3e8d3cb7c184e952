//! Pages of a file in place of guest memory.

#![allow(unsafe_code, reason = "replaces memory that belongs to a guest")]

use crate::registry::Registration;
use crate::{Fault, SharedFile, sys};

/// Guest memory that is backed by a file.
///
/// Dropping it only forgets it, and leaves the memory as it is: when a store goes away, its data
/// may be dropped before its memories or, by `Store::into_data`, after them. In the second case
/// the addresses may belong to someone else by then, so nothing may be mapped over them. Either
/// way unmapping the guest's memory as a whole releases the file.
#[derive(Debug)]
pub struct Region {
    registration: Registration,
}

impl Region {
    /// Puts the `length` bytes of `file` from `offset` on in place of the memory at `start`.
    ///
    /// `invalid` unless all three are multiples of the page size, the length is not zero, the
    /// file holds the bytes and no region of the process overlaps; `denied` for a file that is
    /// read-only, because guest memory must remain writable for guest and host. If the system
    /// refuses the mapping, the memory is all zeros.
    ///
    /// # Safety
    ///
    /// The memory must be mapped by `mmap`, must be the caller's to replace, of its content
    /// nothing may be borrowed, and other processes may change it at any time from then on.
    /// It must not be given back to an allocator before [`Region::unmap`]; unmapping all of it
    /// for good is fine.
    pub unsafe fn map(file: &SharedFile, offset: u64, start: usize, length: usize) -> Result<Self, Fault> {
        check_alignment(offset, start, length)?;
        if !file.is_writable() {
            return Err(Fault::Denied);
        }
        let end = u64::try_from(length).ok().and_then(|length| offset.checked_add(length));
        let size = file.size()?;
        if end.is_none_or(|end| end > size) {
            return Err(Fault::invalid(format!("{length} bytes from {offset} on of a file of {size} bytes")));
        }
        // Before any page can fault, and before the addresses are anyone's.
        sys::watch_for_faults()?;
        let registration = Registration::new(start, length)?;
        // SAFETY: the caller vouches for the memory; its bounds are whole pages, as checked.
        if let Err(fault) = unsafe { sys::map_shared(file.handle(), offset, start, length) } {
            // A refused replacement may leave a hole, into which the host must never fall.
            // SAFETY: as above. If this fails too, the memory is as the system left it.
            let _ = unsafe { sys::map_anonymous(start, length) };
            return Err(fault);
        }
        Ok(Self { registration })
    }

    /// Puts fresh memory, all zeros, in its place. On failure nothing has changed.
    ///
    /// # Safety
    ///
    /// The memory must still be the one it was mapped over, and of its content nothing may be
    /// borrowed.
    pub unsafe fn unmap(&self) -> Result<(), Fault> {
        // SAFETY: the caller vouches for the memory; its bounds are whole pages since `map`.
        unsafe { sys::map_anonymous(self.start(), self.length()) }
            .map_err(|error| Fault::exhausted(format!("taking mapped memory back: {error}")))
    }

    /// Address of its first byte.
    pub fn start(&self) -> usize {
        self.registration.start()
    }

    /// Number of its bytes.
    pub fn length(&self) -> usize {
        self.registration.length()
    }

    /// Whether a page of it was lost with its file, and replaced by zeros.
    pub fn has_faulted(&self) -> bool {
        self.registration.has_faulted()
    }
}

fn check_alignment(offset: u64, start: usize, length: usize) -> Result<(), Fault> {
    let page = sys::page_size();
    if length == 0 {
        return Err(Fault::invalid("no memory to map"));
    }
    let aligned_offset = u64::try_from(page).is_ok_and(|page| offset.is_multiple_of(page));
    if start.is_multiple_of(page) && length.is_multiple_of(page) && aligned_offset {
        Ok(())
    } else {
        Err(Fault::invalid(format!("memory, length and offset must be multiples of {page} bytes")))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
