//! Finding an entry.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row};

use super::Shard;
use super::address::{Address, Slot};
use super::content::{Part, ValueFile};
use super::parts::split_tags;
use super::tombstone::dead;
use super::undo::Standing;
use crate::collection::Home;
use crate::content::STREAM_LIMIT;
use crate::entry::{Entry, Metadata, Queued};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::lifetime::{CLOCK_TOLERANCE_MS, Lifetime};
use crate::value::{Form, Value};

/// The columns of a [`Hit`].
macro_rules! hit {
    () => {
        "id, expires, ttl, sliding, form, file, length, checksum, value"
    };
}
/// The columns of a [`Hit`] with its metadata.
macro_rules! hit_with_metadata {
    () => {
        concat!($crate::shard::read::hit!(), ", version, size, stored, accessed, hits, tags")
    };
}
pub(super) use {hit, hit_with_metadata};

const GET: &str = concat!("SELECT ", hit!(), " FROM entry WHERE key = ?1 AND NOT ", dead!("entry"));
const GET_ENTRY: &str = concat!("SELECT ", hit_with_metadata!(), " FROM entry WHERE key = ?1 AND NOT ", dead!("entry"));
const GET_QUEUED: &str =
    concat!("SELECT ", hit_with_metadata!(), " FROM entry WHERE queue = ?1 AND position = ?2 AND NOT ", dead!("entry"));
const GET_LIFETIME: &str = concat!("SELECT expires, ttl, sliding FROM entry WHERE key = ?1 AND NOT ", dead!("entry"));
const GET_ROW: &str = "SELECT position, NULL, NULL, 0, form, file, length, checksum, value FROM member \
    WHERE collection = ?1 AND position = ?2";
const ROWS_OF_LENGTH: &str = "SELECT position, NULL, NULL, 0, form, file, length, checksum, value FROM member \
    WHERE collection = ?1 AND length = ?2 ORDER BY position";
const GET_KEYED: &str = "SELECT m.position, NULL, NULL, 0, m.form, m.file, m.length, m.checksum, m.value \
    FROM collection AS c JOIN member AS m ON m.collection = c.id AND m.key = ?3 WHERE c.kind = ?1 AND c.name = ?2";
/// How often a value file may vanish between the row and its opening before something is wrong:
/// each time another writer must have replaced the entry in between.
const ATTEMPTS: u32 = 100;
/// How many transactions over several shards are awaited for one reading. Each time others come first, or,
/// in a damaged database, what was settled is not.
const SETTLEMENTS: u32 = 1000;

/// What reading returns: the value alone, or all that is known.
pub(crate) trait Found: Sized {
    /// Whether the columns of the metadata are needed.
    const WITH_METADATA: bool;

    /// Puts it together.
    fn assemble(value: Value, row: Option<Metadata>) -> Option<Self>;
}

impl Found for Value {
    const WITH_METADATA: bool = false;

    fn assemble(value: Value, _: Option<Metadata>) -> Option<Self> {
        Some(value)
    }
}

impl Found for Entry {
    const WITH_METADATA: bool = true;

    fn assemble(value: Value, metadata: Option<Metadata>) -> Option<Self> {
        metadata.map(|metadata| Self { value, metadata })
    }
}

/// A row as it was found.
struct Hit {
    id: i64,
    lifetime: Lifetime,
    payload: Payload,
    metadata: Option<Metadata>,
}

/// A value where it was found.
pub(super) enum Held {
    /// In the row.
    Value(Value),
    /// In a file, which may vanish once the row changes.
    File(ValueFile),
}

enum Payload {
    /// In the row; none if the row makes no sense or the checksum is wrong.
    Inline(Option<Value>),
    /// In a file.
    File(ValueFile),
}

impl Shard {
    /// The live entry under a key, with or without its metadata, if it was stored at most
    /// `max_age_ms` ago.
    pub(crate) fn get<F: Found>(&mut self, key: &Key, hash: u64, max_age_ms: Option<u64>) -> Result<Option<F>> {
        let with_metadata = F::WITH_METADATA || max_age_ms.is_some();
        let found = self.guard(|shard| {
            let Some(hit) = shard.find(Address::Key(key, hash), with_metadata)? else { return Ok(None) };
            let (hit, value) = shard.load(Address::Key(key, hash), hit, with_metadata)?;
            let Some(value) = value.filter(|_| shard.is_recent(&hit, max_age_ms)) else { return Ok(None) };
            shard.note_hit(&hit)?;
            Ok(F::assemble(value, hit.metadata))
        })?;
        self.count_read(found.is_some());
        Ok(found)
    }

    /// The live value under a key, to be read in parts.
    pub(crate) fn open_value(&mut self, key: &Key, hash: u64) -> Result<Option<(Metadata, Part)>> {
        let address = Address::Key(key, hash);
        let found = self.guard(|shard| {
            let Some(hit) = shard.find(address, true)? else { return Ok(None) };
            let (hit, part) = shard.load_part(address, hit)?;
            // A number is an error for who asks, and errors change nothing.
            if part.as_ref().is_some_and(Part::has_parts) {
                shard.note_hit(&hit)?;
            }
            Ok(hit.metadata.zip(part))
        })?;
        self.count_read(found.is_some());
        Ok(found)
    }

    /// The live values under many keys, all from one moment.
    pub(crate) fn get_many(&mut self, keys: &[&(&Key, u64)]) -> Result<Vec<Option<Value>>> {
        let hits = self.guard(|shard| {
            let find = |(key, hash): &&(&Key, u64)| shard.row_at(Address::Key(key, *hash), false);
            let rows = shard.read_optimistically(|| keys.iter().map(find).collect::<Result<Vec<_>>>())?;
            Ok(rows.into_iter().map(|hit| hit.filter(|hit| shard.is_live(&hit.lifetime))).collect::<Vec<_>>())
        })?;
        keys.iter().zip(hits).map(|((key, hash), hit)| self.deliver(Address::Key(key, *hash), hit)).collect()
    }

    /// Loads the value of a hit, and counts it.
    fn deliver(&mut self, address: Address<'_>, hit: Option<Hit>) -> Result<Option<Value>> {
        let value = self.guard(|shard| {
            let Some(hit) = hit else { return Ok(None) };
            let (hit, value) = shard.load(address, hit, false)?;
            if value.is_some() {
                shard.note_hit(&hit)?;
            }
            Ok(value)
        })?;
        self.count_read(value.is_some());
        Ok(value)
    }

    pub(super) fn count_read(&mut self, found: bool) {
        if found {
            self.counts.hits += 1;
        } else {
            self.counts.misses += 1;
        }
    }

    /// The entry of a row, if it is still there and, unless `expired`, live. Counts as no read.
    pub(crate) fn inspect(&mut self, address: Address<'_>, expired: bool) -> Result<Option<Entry>> {
        self.guard(|shard| {
            let Some(hit) = shard.find_any(address, true)? else { return Ok(None) };
            if !expired && !shard.is_live(&hit.lifetime) {
                return Ok(None);
            }
            let (hit, value) = shard.load(address, hit, true)?;
            Ok(value.and_then(|value| Entry::assemble(value, hit.metadata)))
        })
    }

    /// The live entry at an address, its value to be read in parts. Counts as no read.
    pub(crate) fn inspect_part(&mut self, address: Address<'_>) -> Result<Option<(Metadata, Part)>> {
        self.guard(|shard| {
            let Some(hit) = shard.find(address, true)? else { return Ok(None) };
            let (hit, part) = shard.load_part(address, hit)?;
            Ok(hit.metadata.zip(part))
        })
    }

    /// The live entry at an address, inside of another operation.
    pub(super) fn live_entry(&self, address: Address<'_>) -> Result<Option<Entry>> {
        let Some(hit) = self.find(address, true)? else { return Ok(None) };
        let (hit, value) = self.load(address, hit, true)?;
        Ok(value.and_then(|value| Entry::assemble(value, hit.metadata)))
    }

    /// Whether a key has a live entry.
    pub(crate) fn contains(&mut self, key: &Key) -> Result<bool> {
        self.guard(|shard| shard.is_taken(key))
    }

    /// [`Shard::contains`] inside of another operation.
    pub(super) fn is_taken(&self, key: &Key) -> Result<bool> {
        let database = self.database()?;
        let lifetime = self.read_optimistically(|| {
            database.run(|connection| {
                connection.prepare_cached(GET_LIFETIME)?.query_row([key], |row| lifetime(row, 0)).optional()
            })
        })?;
        Ok(lifetime.is_some_and(|lifetime| self.is_live(&lifetime)))
    }

    /// Looks at the clock only if the entry can expire.
    fn is_live(&self, lifetime: &Lifetime) -> bool {
        lifetime.expires.is_none() || lifetime.is_live(self.platform.wall_ms())
    }

    /// Whether a hit was stored at most `max_age_ms` ago. One from the future, because the clock was
    /// set back, is not.
    fn is_recent(&self, hit: &Hit, max_age_ms: Option<u64>) -> bool {
        let (Some(most), Some(metadata)) = (max_age_ms, &hit.metadata) else { return true };
        let now = self.platform.wall_ms().max(0).cast_unsigned();
        let tolerance = CLOCK_TOLERANCE_MS.cast_unsigned();
        metadata.stored_ms <= now.saturating_add(tolerance) && now.saturating_sub(metadata.stored_ms) <= most
    }

    fn find(&self, address: Address<'_>, with_metadata: bool) -> Result<Option<Hit>> {
        Ok(self.find_any(address, with_metadata)?.filter(|hit| self.is_live(&hit.lifetime)))
    }

    /// The row at an address, expired or not, if it is not dead. Only entries have metadata.
    fn find_any(&self, address: Address<'_>, with_metadata: bool) -> Result<Option<Hit>> {
        self.read_optimistically(|| self.row_at(address, with_metadata))
    }

    /// [`Shard::find_any`] inside of another read.
    fn row_at(&self, address: Address<'_>, with_metadata: bool) -> Result<Option<Hit>> {
        self.database()?.run(|connection| {
            let read = |row: &Row<'_>| read_hit(row, address.hash(), with_metadata);
            match address {
                Address::Key(key, _) if with_metadata => connection.prepare_cached(GET_ENTRY)?.query_row([key], read),
                Address::Key(key, _) => connection.prepare_cached(GET)?.query_row([key], read),
                Address::Queue(queue, position) => {
                    connection.prepare_cached(GET_QUEUED)?.query_row((queue, position), read)
                }
                Address::Member(_, Slot::Row(collection, position)) => {
                    connection.prepare_cached(GET_ROW)?.query_row((collection, position), read)
                }
                Address::Member(home, Slot::Key(key)) => {
                    connection.prepare_cached(GET_KEYED)?.query_row((home.kind as i64, &home.name, key), read)
                }
            }
            .optional()
        })
    }

    /// The value of a row, inside of another read; none if there is none.
    pub(super) fn held_at(&self, address: Address<'_>) -> Result<Option<Held>> {
        self.row_at(address, false)?.map(|hit| self.held(address, hit)).transpose()
    }

    /// Values in the rows of a collection that have this length, with their positions, inside of another
    /// read. Costs in proportion to the rows.
    pub(super) fn held_of_length(&self, home: &Home, collection: i64, length: u64) -> Result<Vec<(i64, Held)>> {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let hits = self.database()?.run(|connection| {
            let mut statement = connection.prepare_cached(ROWS_OF_LENGTH)?;
            let rows = statement.query_map((collection, length), |row| read_hit(row, home.hash(), false))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let held = |hit: Hit| Ok((hit.id, self.held(Address::Member(home, Slot::Row(collection, hit.id)), hit)?));
        hits.into_iter().map(held).collect()
    }

    fn held(&self, address: Address<'_>, hit: Hit) -> Result<Held> {
        Ok(match hit.payload {
            Payload::Inline(value) => Held::Value(value.ok_or_else(|| self.corrupt_row(address))?),
            Payload::File(file) => Held::File(file),
        })
    }

    /// The value in a row of a collection or under a key of it.
    pub(super) fn member_value(&self, address: Address<'_>) -> Result<Option<Value>> {
        let Some(hit) = self.find_any(address, false)? else { return Ok(None) };
        self.load(address, hit, false).map(|(_, value)| value)
    }

    /// Reads without locks first, and under locks if somebody else has committed meanwhile: then
    /// whatever the first attempt gave, an error too, means nothing.
    pub(super) fn read_optimistically<T>(&self, read: impl Fn() -> Result<T>) -> Result<T> {
        let database = self.database()?;
        if database.is_in_transaction() {
            return read();
        }
        if self.settings.shards == 1 {
            return self.read_unlocked(read);
        }
        let mut waited = 0;
        for _ in 0..SETTLEMENTS {
            let attempt = || Ok((self.pending()?, read()?));
            self.platform.begin_optimistic_read();
            let result = attempt();
            let result = if self.platform.end_optimistic_read() { database.snapshot(attempt) } else { result };
            match result? {
                (0, result) => return Ok(result),
                (transaction, _) => self.await_decision(transaction, &mut waited)?,
            }
        }
        Err(Error::Timeout(format!("a moment in which {} waits for no transaction", self.directory.display())))
    }

    /// [`Shard::read_optimistically`] where a transaction over several shards that is not decided does not
    /// matter.
    pub(super) fn read_unlocked<T>(&self, read: impl Fn() -> Result<T>) -> Result<T> {
        self.platform.begin_optimistic_read();
        let result = read();
        // Of one moment, too, if it reads several rows.
        if self.platform.end_optimistic_read() { self.database()?.snapshot(read) } else { result }
    }

    /// The transaction that has changed the shard and is perhaps not decided; 0 for none.
    pub(super) fn pending(&self) -> Result<i64> {
        self.database()?
            .run(|connection| connection.prepare_cached("SELECT pending FROM totals")?.query_row([], |row| row.get(0)))
    }

    /// Settles the shard, or lets a moment pass.
    fn await_decision(&self, transaction: i64, waited: &mut u64) -> Result<()> {
        if self.access.read_only {
            return self.wait_for_decision(waited);
        }
        let database = self.database()?;
        let settled = database.write(|_| {
            if self.pending()? == transaction { self.settle_pending(transaction) } else { Ok(Standing::Settled) }
        })?;
        if settled == Standing::Undecided { self.wait_for_decision(waited) } else { Ok(()) }
    }

    /// The value of a hit, from its file if it has one. The file may be gone because somebody
    /// replaced the entry since the row was read; then the row has changed, too.
    fn load(&self, address: Address<'_>, hit: Hit, with_metadata: bool) -> Result<(Hit, Option<Value>)> {
        self.load_with(address, hit, with_metadata, |value| value, |file| self.read_file(address, file))
    }

    /// [`Shard::load`], where a value in a file is to be read in parts.
    fn load_part(&self, address: Address<'_>, hit: Hit) -> Result<(Hit, Option<Part>)> {
        let open = |file: &ValueFile| {
            let reader = self.open_file(address, file)?;
            Ok(reader.map(|reader| Part::File { reader, is_text: file.form.is_text() }))
        };
        self.load_with(address, hit, true, Part::Inline, open)
    }

    /// [`Shard::load`], where `take` takes a value out of its file, if that is there.
    fn load_with<T>(
        &self,
        address: Address<'_>,
        mut hit: Hit,
        with_metadata: bool,
        inline: impl Fn(Value) -> T,
        take: impl Fn(&ValueFile) -> Result<Option<T>>,
    ) -> Result<(Hit, Option<T>)> {
        for _ in 0..ATTEMPTS {
            let file = match std::mem::replace(&mut hit.payload, Payload::Inline(None)) {
                Payload::Inline(value) => {
                    let value = value.ok_or_else(|| self.corrupt_row(address))?;
                    return Ok((hit, Some(inline(value))));
                }
                Payload::File(file) => file,
            };
            if let Some(value) = take(&file)? {
                return Ok((hit, Some(value)));
            }
            let Some(again) = self.find_any(address, with_metadata)? else { return Ok((hit, None)) };
            if matches!(again.payload, Payload::File(same) if same.file == file.file) {
                let path = self.files.path(file.file);
                return Err(Error::Corrupt(format!("{}, the value of {address}, is missing", path.display())));
            }
            hit = again;
        }
        Err(Error::Timeout(format!("a moment in which {address} is not being replaced")))
    }

    fn corrupt_row(&self, address: Address<'_>) -> Error {
        let database = self.directory.join(super::DATABASE);
        Error::Corrupt(format!("{}: the value of {address} was altered", database.display()))
    }

    /// What a hit entails: a later expiry for an entry that slides, a note for the policy. Where
    /// nothing can be written, as on a full disk, reading still works: the entry ends as it would
    /// have, and the policy does not learn of the reads.
    fn note_hit(&mut self, hit: &Hit) -> Result<()> {
        match self.record_hit(hit) {
            Err(Error::Full(_) | Error::Timeout(_) | Error::ReadOnly(_)) => {
                self.recency.clear();
                Ok(())
            }
            recorded => recorded,
        }
    }

    fn record_hit(&mut self, hit: &Hit) -> Result<()> {
        let tracks = self.settings.policy.tracks_reads();
        if self.access.read_only || !(tracks || hit.lifetime.sliding) {
            return Ok(());
        }
        let now = self.platform.wall_us();
        if let Some(expires) = hit.lifetime.slide(now / 1000) {
            let (id, version) = (hit.id, hit.lifetime);
            self.change(|change| change.slide(id, version, expires))?;
        }
        if tracks {
            self.recency.note(hit.id, now, &self.sequence);
            if self.recency.is_due(self.settings.reads_limit(self.index)) {
                self.write_reads()?;
            }
        }
        Ok(())
    }
}

fn lifetime(row: &Row<'_>, first: usize) -> rusqlite::Result<Lifetime> {
    Ok(Lifetime { expires: row.get(first)?, ttl: row.get(first + 1)?, sliding: row.get(first + 2)? })
}

/// A value of a queue that can be pulled as it is, of the columns of the metadata, `position` and whether it
/// is dead; none if it is dead, damaged, or has a file.
pub(super) fn read_waiting(row: &Row<'_>, hash: u64) -> rusqlite::Result<Option<(Queued, Lifetime)>> {
    let (hit, position) = (read_hit(row, hash, true)?, row.get(15)?);
    let is_dead: bool = row.get(16)?;
    let Payload::Inline(Some(value)) = hit.payload else { return Ok(None) };
    let entry = Entry::assemble(value, hit.metadata).filter(|_| !is_dead);
    Ok(entry.map(|entry| (Queued { position, entry }, hit.lifetime)))
}

fn read_hit(row: &Row<'_>, hash: u64, with_metadata: bool) -> rusqlite::Result<Hit> {
    let lifetime = lifetime(row, 1)?;
    Ok(Hit {
        id: row.get(0)?,
        lifetime,
        payload: read_payload(row, hash)?,
        metadata: if with_metadata { Some(read_metadata(row, lifetime)?) } else { None },
    })
}

fn read_payload(row: &Row<'_>, hash: u64) -> rusqlite::Result<Payload> {
    let expected: i64 = row.get(7)?;
    let Some(form) = Form::from_number(row.get(4)?) else { return Ok(Payload::Inline(None)) };
    if !form.is_file() {
        let value = Value::from_column(form, row.get_ref(8)?);
        return Ok(Payload::Inline(value.filter(|value| value.checksum(hash, form) == expected)));
    }
    let (file, length): (Option<i64>, Option<i64>) = (row.get(5)?, row.get(6)?);
    let length = length.and_then(|length| u64::try_from(length).ok()).filter(|length| *length <= STREAM_LIMIT);
    Ok(match (file, length) {
        (Some(file), Some(length)) => Payload::File(ValueFile { form, file, length, checksum: expected }),
        _ => Payload::Inline(None),
    })
}

fn read_metadata(row: &Row<'_>, lifetime: Lifetime) -> rusqlite::Result<Metadata> {
    let tags = match row.get_ref(14)? {
        ValueRef::Text(text) => split_tags(Some(&String::from_utf8_lossy(text))).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let number = |column| row.get(column).map(|number: i64| number.max(0).cast_unsigned());
    Ok(Metadata {
        stored_ms: number(11)?,
        expires_ms: lifetime.expires.map(|expires| expires.max(0).cast_unsigned()),
        sliding: lifetime.sliding,
        accessed_ms: number(12)?,
        hits: number(13)?,
        size: number(10)?,
        tags,
        version: number(9)?,
    })
}
