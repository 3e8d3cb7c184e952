//! Storing and removing entries, with their tags and value files, inside a change.

use super::change::Change;
use super::onward::assure_found;
use super::parts::{Draft, Kept, Prior, Stored, admit, split_tags};
use super::row::Columns;
use crate::error::Result;
use crate::lifetime::Lifetime;
use crate::policy::Moment;

/// Why an entry is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// By key, or pulled from a queue.
    Deleted,
    /// To make room.
    Evicted,
    /// By selection.
    Selected,
    /// By age.
    Expired,
}

impl Change<'_> {
    /// Stores an entry in place of the prior one, makes room for it, and returns its version.
    pub(super) fn store(&mut self, draft: &Draft<'_>) -> Result<i64> {
        admit(draft.address, draft.size(), &self.settings, self.index)?;
        let (id, version) = self.put_entry(draft)?;
        self.make_room(id)?;
        Ok(version)
    }

    /// The same, whatever the limits say. Returns the id, too.
    pub(super) fn put_entry(&mut self, draft: &Draft<'_>) -> Result<(i64, i64)> {
        let live = self.live().cloned();
        let version = if live.is_some() { self.next_sequence() } else { self.new_sequence() };
        if live.is_none()
            && let Some(prior) = self.prior.take()
        {
            // Expired: what is stored now is new, and takes its place at the end.
            self.remove(&prior.stored, Reason::Expired)?;
        }
        let (id, hits) = live.as_ref().map_or((version, 0), |prior| (prior.stored.id, prior.hits));
        self.keep_for_undo(id, live.is_none())?;
        let moment = Moment { sequence: version, age: self.totals.age };
        let rank = self.settings.policy.rank(moment, hits);
        let tags = (!draft.tags.is_empty()).then(|| draft.tags.join("\0"));
        let size = i64::try_from(draft.size()).unwrap_or(i64::MAX);
        let columns = Columns { id, version, rank, size, hits, tags: tags.as_deref() };
        self.database.note_growth(size.unsigned_abs());
        self.write_row(live.as_ref(), draft, &columns)?;
        self.count_in(live.as_ref(), draft)?;
        self.retag(id, live.as_ref(), draft, tags.as_deref())?;
        self.adopt(draft.value)?;
        self.effects.counts.sets += 1;
        Ok((id, version))
    }

    /// Adds a stored entry to the totals, in place of the one that was there.
    fn count_in(&mut self, live: Option<&Prior>, draft: &Draft<'_>) -> Result<()> {
        if let Some(prior) = live {
            self.let_go_of(&prior.stored)?;
        } else {
            self.totals.count = self.totals.count.saturating_add(1);
        }
        self.totals.files = self.totals.files.saturating_add(draft.occupied());
        Ok(())
    }

    fn retag(&self, id: i64, live: Option<&Prior>, draft: &Draft<'_>, tags: Option<&str>) -> Result<()> {
        let before = live.and_then(|prior| prior.stored.tags.as_deref());
        if tags == before {
            return Ok(());
        }
        if let Some(prior) = live {
            self.remove_tags_but(&prior.stored, None)?;
        }
        self.add_tags(id, draft.tags)
    }

    /// Removes an entry and all that belongs to it; returns how many entries there are less: none, if it was
    /// dead already.
    pub(super) fn remove(&mut self, stored: &Stored, reason: Reason) -> Result<u64> {
        self.remove_but(stored, reason, None)
    }

    /// The same, but for the row of one tag, if one is given, which somebody else removes.
    pub(super) fn remove_but(&mut self, stored: &Stored, reason: Reason, tag: Option<&str>) -> Result<u64> {
        self.keep_for_undo(stored.id, false)?;
        let removed =
            self.run(|connection| connection.prepare_cached("DELETE FROM entry WHERE id = ?1")?.execute([stored.id]))?;
        assure_found(self.path(), removed)?;
        self.remove_tags_but(stored, tag)?;
        self.let_go_of(stored)?;
        self.outlive(stored.version);
        if stored.is_dead {
            return Ok(0);
        }
        self.totals.count = self.totals.count.saturating_sub(1);
        let counts = &mut self.effects.counts;
        match reason {
            Reason::Deleted => {
                counts.deletes += 1;
                self.next_sequence();
            }
            Reason::Expired => counts.expirations += 1,
            Reason::Selected => counts.removals += 1,
            Reason::Evicted => {
                counts.evictions += 1;
                self.totals.age = self.settings.policy.age_after_evicting(self.totals.age, stored.rank);
            }
        }
        Ok(1)
    }

    fn add_tags(&self, id: i64, tags: &[&str]) -> Result<()> {
        tags.iter().try_for_each(|tag| {
            self.run(|connection| {
                connection.prepare_cached("INSERT INTO tag (tag, entry) VALUES (?1, ?2)")?.execute((tag, id)).map(drop)
            })
        })
    }

    fn remove_tags_but(&self, stored: &Stored, but: Option<&str>) -> Result<()> {
        split_tags(stored.tags.as_deref()).filter(|tag| Some(*tag) != but).try_for_each(|tag| {
            self.run(|connection| {
                let mut statement = connection.prepare_cached("DELETE FROM tag WHERE tag = ?1 AND entry = ?2")?;
                statement.execute((tag, stored.id)).map(drop)
            })
        })
    }

    /// Takes over the file of a value, if it has one: from now on a row refers to it.
    pub(super) fn adopt(&mut self, kept: &Kept<'_>) -> Result<()> {
        let Some(file) = kept.file else { return Ok(()) };
        self.run(|connection| super::loose::forget(connection, &[file.number]))?;
        self.effects.adopted.push(file.number);
        Ok(())
    }

    /// Lists the value file of an entry, if it has one, as one to be removed.
    fn let_go_of(&mut self, stored: &Stored) -> Result<()> {
        self.let_go_of_file(stored.file, stored.occupied)
    }

    /// Lists a value file, if there is one, as one to be removed.
    pub(super) fn let_go_of_file(&mut self, file: Option<i64>, occupied: i64) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        let owner = self.tenure.owner()?;
        self.run(|connection| {
            connection
                .prepare_cached("INSERT INTO loose (file, owner, span) VALUES (?1, ?2, 1)")?
                .execute((file, owner))
        })?;
        self.totals.files = self.totals.files.saturating_sub(occupied);
        self.effects.let_go.push(file);
        Ok(())
    }

    /// Postpones the end of an entry, unless somebody changed its lifetime meanwhile.
    pub(super) fn slide(&self, id: i64, seen: Lifetime, expires: i64) -> Result<()> {
        self.run(|connection| {
            connection
                .prepare_cached("UPDATE entry SET expires = ?1 WHERE id = ?2 AND expires = ?3 AND ttl = ?4")?
                .execute((expires, id, seen.expires, seen.ttl))
                .map(drop)
        })
    }

    /// Gives a live entry another lifetime.
    pub(super) fn set_lifetime(&self, id: i64, lifetime: Lifetime) -> Result<()> {
        self.keep_for_undo(id, false)?;
        self.run(|connection| {
            connection
                .prepare_cached("UPDATE entry SET expires = ?1, ttl = ?2, sliding = ?3 WHERE id = ?4")?
                .execute((lifetime.expires, lifetime.ttl, lifetime.sliding, id))
                .map(drop)
        })
    }
}
