use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::memory::MemoryFile;

/// Bytes in memory that count writes and can refuse them.
#[derive(Clone, Default)]
struct Disk(Rc<RefCell<DiskState>>);

#[derive(Default)]
struct DiskState {
    file: MemoryFile,
    writes: Vec<(u64, usize)>,
    full: bool,
}

impl Storage for Disk {
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.borrow().file.read(buffer, offset)
    }
    fn write(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        if state.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.writes.push((offset, bytes.len()));
        state.file.write(bytes, offset)
    }
    fn resize(&mut self, size: u64) -> io::Result<()> {
        self.0.borrow_mut().file.resize(size)
    }
    fn size(&self) -> io::Result<u64> {
        self.0.borrow().file.size()
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const PAGE: usize = 512;
const FRAME: usize = FRAME_HEADER + PAGE;

fn log() -> (Disk, WalLog<Disk>) {
    let disk = Disk::default();
    (disk.clone(), WalLog::new(disk))
}

impl Disk {
    fn writes(&self) -> Vec<(u64, usize)> {
        std::mem::take(&mut self.0.borrow_mut().writes)
    }
    fn set_full(&self, full: bool) {
        self.0.borrow_mut().full = full;
    }
}

fn frame_offset(frame: u64) -> u64 {
    FILE_HEADER as u64 + frame * FRAME as u64
}

fn frame_header(commits: bool) -> [u8; FRAME_HEADER] {
    let mut header = [7; FRAME_HEADER];
    header[4..8].copy_from_slice(&u32::from(commits).to_be_bytes());
    header
}

/// Writes a frame as SQLite does: a header, then a page.
fn write_frame(log: &mut WalLog<Disk>, frame: u64, commits: bool) -> io::Result<()> {
    log.write(&frame_header(commits), frame_offset(frame))?;
    log.write(&[9; PAGE], frame_offset(frame) + FRAME_HEADER as u64)
}

#[test]
fn a_commit_of_many_frames_is_one_write() {
    let (disk, mut log) = log();
    log.write(&[1; FILE_HEADER], 0).unwrap();
    write_frame(&mut log, 0, false).unwrap();
    write_frame(&mut log, 1, false).unwrap();
    assert_eq!(disk.writes(), []);
    write_frame(&mut log, 2, true).unwrap();
    assert_eq!(disk.writes(), [(0, FILE_HEADER + 3 * FRAME)]);
    write_frame(&mut log, 3, true).unwrap();
    assert_eq!(disk.writes(), [(frame_offset(3), FRAME)]);
}

#[test]
fn the_commit_itself_fails_when_its_frames_can_not_be_written() {
    let (disk, mut log) = log();
    write_frame(&mut log, 4, false).unwrap();
    disk.set_full(true);
    let error = write_frame(&mut log, 5, true).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    // SQLite rolls back and later begins anew where the log was.
    disk.set_full(false);
    log.end_transaction().unwrap();
    write_frame(&mut log, 4, true).unwrap();
    assert_eq!(disk.writes(), [(frame_offset(4), FRAME)]);
}

#[test]
fn frames_lost_where_nobody_was_told_make_the_commit_fail() {
    let (disk, mut log) = log();
    write_frame(&mut log, 4, false).unwrap();
    disk.set_full(true);
    assert!(log.flush().is_err());
    disk.set_full(false);
    assert_eq!(write_frame(&mut log, 5, true).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert!(log.sync().is_err());
    assert!(log.read(&mut [0; PAGE], frame_offset(4)).is_err());
    assert!(log.read(&mut [0; FILE_HEADER], 0).is_ok());
    // Written anew from the beginning of what was lost, all is well.
    write_frame(&mut log, 4, true).unwrap();
    log.sync().unwrap();
}

#[test]
fn checksums_rewritten_after_the_last_frame_are_written_at_once() {
    let (disk, mut log) = log();
    write_frame(&mut log, 2, false).unwrap();
    write_frame(&mut log, 3, false).unwrap();
    // A page of the transaction once more, then the commit, then the checksums from there on.
    log.write(&[5; PAGE], frame_offset(2) + FRAME_HEADER as u64).unwrap();
    write_frame(&mut log, 4, true).unwrap();
    disk.writes();
    for frame in 2..=4 {
        log.read(&mut [0; FRAME], frame_offset(frame)).unwrap();
        log.write(&frame_header(frame == 4), frame_offset(frame)).unwrap();
        assert_eq!(disk.writes(), [(frame_offset(frame), FRAME_HEADER)]);
    }
    disk.set_full(true);
    assert!(log.write(&frame_header(true), frame_offset(4)).is_err());
}

#[test]
fn what_is_read_or_measured_is_written_before() {
    let (disk, mut log) = log();
    write_frame(&mut log, 0, false).unwrap();
    let mut page = [0; PAGE];
    let count = log.read(&mut page, frame_offset(0) + FRAME_HEADER as u64).unwrap();
    assert_eq!((count, page), (PAGE, [9; PAGE]));
    assert_eq!(disk.writes().len(), 1);
    write_frame(&mut log, 1, false).unwrap();
    // What comes before is read without that.
    log.read(&mut page, frame_offset(0)).unwrap();
    assert_eq!(disk.writes(), []);
    assert_eq!(log.size().unwrap(), frame_offset(2));
}

#[test]
fn a_huge_transaction_is_written_in_pieces() {
    let (disk, mut log) = log();
    let frames = (3 * PENDING_MAX / FRAME) as u64;
    for frame in 0..frames {
        write_frame(&mut log, frame, false).unwrap();
        assert!(log.pending.len() <= PENDING_MAX + FRAME);
    }
    assert_eq!(disk.writes().len(), 2);
    log.flush().unwrap();
    assert!(log.pending.capacity() <= PENDING_KEPT);
}

#[test]
fn a_transaction_over_frames_of_one_rolled_back_is_written_whole() {
    let (disk, mut log) = log();
    write_frame(&mut log, 4, false).unwrap();
    write_frame(&mut log, 5, false).unwrap();
    // Rolled back within the same hold of the lock, as in exclusive mode.
    write_frame(&mut log, 4, false).unwrap();
    write_frame(&mut log, 5, false).unwrap();
    write_frame(&mut log, 6, true).unwrap();
    for frame in 4..=6 {
        let mut page = [0; PAGE];
        disk.read(&mut page, frame_offset(frame) + FRAME_HEADER as u64).unwrap();
        assert_eq!(page, [9; PAGE]);
    }
}
