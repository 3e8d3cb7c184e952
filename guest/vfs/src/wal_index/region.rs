//! Blocks of our own memory that the host replaces by pages of a file.

#![allow(unsafe_code, reason = "allocates the memory, has it mapped, and reads what others write to")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::coordination::{Coordination, Fault, SharedFile};

/// Pages of the host are at most this large, and so are those of WebAssembly.
const ALIGNMENT: usize = 64 << 10;

/// A block of memory that was mapped. It has to be given back with [`Region::unmap`]; where that
/// never happens, or fails, it stays allocated for ever, since it may still be the file's.
pub(super) struct Region {
    memory: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the block belongs to the region alone as far as this process's Rust code goes; all
// access is through atomics or by SQLite, which follows its own protocol for shared memory.
unsafe impl Send for Region {}

impl Region {
    /// Maps `length` bytes of `file` from `offset` on.
    pub(super) fn map(file: &dyn SharedFile, offset: u64, length: usize) -> Result<Self, Fault> {
        let layout = Layout::from_size_align(length, ALIGNMENT)
            .ok()
            .filter(|layout| layout.size() > 0)
            .ok_or_else(|| Fault::Invalid(format!("region of {length} bytes")))?;
        // SAFETY: the layout has a size above 0.
        let block = unsafe { alloc_zeroed(layout) };
        let memory = NonNull::new(block).ok_or_else(|| Fault::Exhausted("memory".to_owned()))?;
        // SAFETY: the block was just allocated with this length and alignment and nothing refers
        // into it; it is freed only here, when it was not mapped, and after `unmap`.
        let mapped = unsafe { file.map(offset, memory.as_ptr(), length) };
        if let Err(fault) = mapped {
            // SAFETY: allocated above with this layout, and not mapped.
            unsafe { dealloc(memory.as_ptr(), layout) };
            return Err(fault);
        }
        Ok(Self { memory, layout })
    }

    /// Makes the memory private again and frees it. What SQLite was given as its address must no
    /// longer be used.
    pub(super) fn unmap(self, file: &dyn SharedFile) -> Result<(), Fault> {
        // SAFETY: exactly what `map` mapped, and `self` is gone after this.
        unsafe { file.unmap(self.memory.as_ptr(), self.layout.size()) }?;
        // SAFETY: allocated in `map` with this layout, and no longer mapped.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) };
        Ok(())
    }

    /// Orders all accesses to shared memory, see [`Coordination::barrier`].
    pub(super) fn barrier(&self, coordination: &dyn Coordination) -> Result<(), Fault> {
        // SAFETY: the whole region, which stays mapped while `self` is borrowed.
        unsafe { coordination.barrier(self.memory.as_ptr(), self.layout.size()) }
    }

    /// The address for SQLite.
    pub(super) fn address(&self) -> *mut c_void {
        self.memory.as_ptr().cast()
    }

    /// The 32-bit word at an index, in the byte order of the machine; 0 beyond the end.
    pub(super) fn word(&self, index: usize) -> u32 {
        self.atomic(index).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// Sets the word at an index to 0.
    pub(super) fn clear_word(&self, index: usize) {
        if let Some(word) = self.atomic(index) {
            word.store(0, Ordering::Relaxed);
        }
    }

    fn atomic(&self, index: usize) -> Option<&AtomicU32> {
        if index >= self.layout.size() / size_of::<u32>() {
            return None;
        }
        // SAFETY: within the block, as checked above.
        let word = unsafe { self.memory.cast::<u32>().add(index) };
        // SAFETY: aligned, since the block is, and valid while `self` is borrowed; no Rust
        // reference to it other than such atomics exists, and whole words are what SQLite and
        // others write here.
        Some(unsafe { AtomicU32::from_ptr(word.as_ptr()) })
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Region").field("length", &self.layout.size()).finish_non_exhaustive()
    }
}
