//! `wasi:filesystem`, each call judged first and noted in the journal when it is done.

use std::path::{Path, PathBuf};

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    self, Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    ErrorCode, Filesize, Host, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::bindings::sync::io::streams;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::stream::{LayeredInput, LayeredOutput};
use super::{Call, Seat, Verdict};
use crate::component::State;

/// Marks what [`Layered`] is made of.
struct OfState;

impl HasData for OfState {
    type Data<'a> = Layered<'a>;
}

/// The files of WASI beneath the layer.
struct Layered<'a> {
    files: WasiFilesystemCtxView<'a>,
    seat: &'a mut Seat,
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) {
    types::add_to_linker::<State, OfState>(linker, State::layered).unwrap();
}

impl State {
    fn layered(&mut self) -> Layered<'_> {
        let seat = self.seat.get_or_insert_with(|| super::Layer::new().seat());
        Layered { files: WasiFilesystemCtxView { ctx: self.wasi.filesystem(), table: &mut self.table }, seat }
    }
}

type Fd = Resource<Descriptor>;

impl Layered<'_> {
    /// Fails if the call is to fail; whether it is to do half of its work.
    fn judge(&self, call: Call) -> FsResult<bool> {
        match self.seat.layer.judge(call) {
            Verdict::Proceed => Ok(false),
            Verdict::Short => Ok(true),
            Verdict::Fail(code) => Err(FsError::from(code)),
        }
    }

    /// The path of a descriptor within the directory; that of the directory itself is empty.
    fn path(&self, fd: &Fd) -> PathBuf {
        self.seat.paths.get(&fd.rep()).cloned().unwrap_or_default()
    }

    fn path_at(&self, fd: &Fd, path: &str) -> PathBuf {
        // Without `.` and a trailing slash.
        self.path(fd).join(path).components().filter(|part| part.as_os_str() != ".").collect()
    }

    /// The same handle once more, for a call beneath that takes it.
    fn again(fd: &Fd) -> Fd {
        Resource::new_borrow(fd.rep())
    }
}

impl Host for Layered<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        Host::convert_error_code(&mut self.files, error)
    }

    fn filesystem_error_code(&mut self, error: Resource<streams::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        Host::filesystem_error_code(&mut self.files, error)
    }
}

/// Calls that are only judged.
macro_rules! judged {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ty, $call:ident;)*) => {
        $(
            fn $name(&mut self, fd: Fd, $($argument: $kind),*) -> FsResult<$result> {
                self.judge(Call::$call)?;
                HostDescriptor::$name(&mut self.files, fd, $($argument),*)
            }
        )*
    };
}

impl HostDescriptor for Layered<'_> {
    judged! {
        advise(offset: Filesize, length: Filesize, advice: Advice) -> (), Stat;
        get_flags() -> DescriptorFlags, Stat;
        set_times(accessed: NewTimestamp, modified: NewTimestamp) -> (), Stat;
        read_directory() -> Resource<DirectoryEntryStream>, List;
        stat() -> DescriptorStat, Stat;
        stat_at(flags: PathFlags, path: String) -> DescriptorStat, Stat;
        set_times_at(flags: PathFlags, path: String, accessed: NewTimestamp, modified: NewTimestamp) -> (), Stat;
        readlink_at(path: String) -> String, Stat;
        metadata_hash() -> MetadataHashValue, Stat;
        metadata_hash_at(flags: PathFlags, path: String) -> MetadataHashValue, Stat;
    }

    /// Judged apart of what was given: WASI's adapter for preview 1 traps where it can not learn what that is.
    fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        if self.seat.paths.contains_key(&fd.rep()) {
            self.judge(Call::Stat)?;
        } else if self.seat.layer.is_blind() {
            return Err(wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode::Io.into());
        }
        HostDescriptor::get_type(&mut self.files, fd)
    }

    fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        let path = self.path(&fd);
        self.judge(Call::Sync)?;
        HostDescriptor::sync_data(&mut self.files, fd)?;
        self.seat.layer.note(|journal| journal.synced(&path));
        Ok(())
    }

    fn sync(&mut self, fd: Fd) -> FsResult<()> {
        let path = self.path(&fd);
        self.judge(Call::Sync)?;
        HostDescriptor::sync(&mut self.files, fd)?;
        self.seat.layer.note(|journal| journal.synced(&path));
        Ok(())
    }

    fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        let path = self.path(&fd);
        self.judge(Call::Resize)?;
        HostDescriptor::set_size(&mut self.files, fd, size)?;
        self.seat.layer.note(|journal| journal.resized(&path, size));
        Ok(())
    }

    fn read(&mut self, fd: Fd, length: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        let short = self.judge(Call::Read)?;
        let length = if short { length.div_ceil(2) } else { length };
        HostDescriptor::read(&mut self.files, fd, length, offset)
    }

    fn write(&mut self, fd: Fd, mut bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let path = self.path(&fd);
        let judged = self.judge(Call::Write);
        if judged.as_ref().map_or(true, |is_short| *is_short) {
            // What fails need not have done nothing.
            bytes.truncate(bytes.len().div_ceil(2));
        }
        let written = HostDescriptor::write(&mut self.files, fd, bytes.clone(), offset)?;
        bytes.truncate(usize::try_from(written).unwrap_or(usize::MAX));
        self.seat.layer.note(|journal| journal.wrote(&path, offset, &bytes));
        judged.map(|_| written)
    }

    fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let created = self.path_at(&fd, &path);
        self.judge(Call::CreateDirectory)?;
        HostDescriptor::create_directory_at(&mut self.files, fd, path)?;
        self.seat.layer.note(|journal| journal.created_directory(&created));
        Ok(())
    }

    fn link_at(&mut self, fd: Fd, follow: PathFlags, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let (from, to) = (self.path_at(&fd, &old), self.path_at(&new_fd, &new));
        self.judge(Call::Link)?;
        HostDescriptor::link_at(&mut self.files, fd, follow, old, new_fd, new)?;
        self.seat.layer.note(|journal| journal.linked(&from, &to));
        Ok(())
    }

    fn open_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let opened = self.path_at(&fd, &path);
        self.judge(Call::Open)?;
        let handle = HostDescriptor::open_at(&mut self.files, fd, follow, path, how, flags)?;
        if how.contains(OpenFlags::CREATE) {
            self.seat.layer.note(|journal| journal.opened(&opened));
        }
        if how.contains(OpenFlags::TRUNCATE) {
            self.seat.layer.note(|journal| journal.resized(&opened, 0));
        }
        self.seat.paths.insert(handle.rep(), opened);
        Ok(handle)
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.seat.paths.remove(&fd.rep());
        HostDescriptor::drop(&mut self.files, fd)
    }

    fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let removed = self.path_at(&fd, &path);
        self.judge(Call::RemoveDirectory)?;
        HostDescriptor::remove_directory_at(&mut self.files, fd, path)?;
        self.seat.layer.note(|journal| journal.removed(&removed));
        Ok(())
    }

    fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let (from, to) = (self.path_at(&fd, &old), self.path_at(&new_fd, &new));
        self.judge(Call::Rename)?;
        HostDescriptor::rename_at(&mut self.files, fd, old, new_fd, new)?;
        self.seat.moved(&from, &to);
        self.seat.layer.note(|journal| journal.renamed(&from, &to));
        Ok(())
    }

    fn symlink_at(&mut self, _: Fd, path: String, _: String) -> FsResult<()> {
        panic!("the layer knows no symbolic links, as of {path}")
    }

    fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let removed = self.path_at(&fd, &path);
        self.judge(Call::Unlink)?;
        HostDescriptor::unlink_file_at(&mut self.files, fd, path)?;
        self.seat.layer.note(|journal| journal.removed(&removed));
        Ok(())
    }

    fn read_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let stream = HostDescriptor::read_via_stream(&mut self.files, fd, offset)?;
        let beneath = self.files.table.delete(stream)?;
        let layered: DynInputStream = Box::new(LayeredInput { beneath, layer: self.seat.layer.clone() });
        Ok(self.files.table.push(layered)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let path = self.path(&fd);
        let stream = HostDescriptor::write_via_stream(&mut self.files, fd, offset)?;
        let beneath = self.files.table.delete(stream)?;
        let layered: DynOutputStream =
            Box::new(LayeredOutput { beneath, layer: self.seat.layer.clone(), path, offset });
        Ok(self.files.table.push(layered)?)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let size = HostDescriptor::stat(&mut self.files, Self::again(&fd))?.size;
        self.write_via_stream(fd, size)
    }

    fn is_same_object(&mut self, one: Fd, other: Fd) -> wasmtime::Result<bool> {
        HostDescriptor::is_same_object(&mut self.files, one, other)
    }
}

impl HostDirectoryEntryStream for Layered<'_> {
    fn read_directory_entry(&mut self, stream: Resource<DirectoryEntryStream>) -> FsResult<Option<DirectoryEntry>> {
        self.judge(Call::List)?;
        HostDirectoryEntryStream::read_directory_entry(&mut self.files, stream)
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        HostDirectoryEntryStream::drop(&mut self.files, stream)
    }
}

impl Seat {
    /// Whatever is open beneath a path that was renamed has another one now.
    fn moved(&mut self, from: &Path, to: &Path) {
        for path in self.paths.values_mut() {
            if let Ok(rest) = path.strip_prefix(from) {
                *path = if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) };
            }
        }
    }
}
