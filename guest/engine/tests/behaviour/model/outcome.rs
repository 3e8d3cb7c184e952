//! What an operation comes to in the model: what it says, and what state it leaves.

use std::collections::HashMap;

use larder_engine::testing::{shard_of, shard_of_queue};

use super::answer::{Answer, Refusal};
use super::faults::Fault;
use super::operation::{Choice, Content, Operation, Setting, Stored, beginning, key_of, name, ticks};
use super::room::add_new;
use super::state::{CLOCK_TOLERANCE, Entry, Model, Place};

/// What of its surroundings the cache goes by, and the model can not know.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// How long the log of each shard is.
    pub(super) logs: Vec<u64>,
    /// Versions and last uses of all entries, as they are recorded when another policy is set.
    pub(super) recorded: HashMap<String, (u64, u64)>,
}

/// What may come of an operation.
pub(super) type Outcomes = Vec<(Answer, Model)>;

impl Model {
    /// All that an operation may come to.
    pub(super) fn outcomes(&self, operation: &Operation, around: &Surroundings) -> Outcomes {
        if self.read_only && operation.changes() {
            return vec![(Answer::Refused(Refusal::ReadOnly), self.clone())];
        }
        match operation {
            Operation::Set(key, content) | Operation::Write(key, _, content) => {
                self.set(*key, content, &Answer::Done, around)
            }
            Operation::SetMany(drafts) => self.set_many(drafts, around),
            Operation::Add(key, content) if self.live(*key).is_none() => {
                self.set(*key, content, &Answer::Whether(true), around)
            }
            Operation::CompareAndSet(key, right, content) => self.compare_and_set(*key, *right, content, around),
            Operation::Increment(key, delta, create, content) => {
                self.increment(*key, *delta, create.then_some(content), around)
            }
            Operation::Push(queue, front, content) => self.push(*queue, *front, content, around),
            Operation::Cull => self.cull(around),
            sure => {
                let mut next = self.clone();
                let answer = next.look_up(sure).or_else(|| next.change(sure)).or_else(|| next.work(sure, around));
                vec![(answer.unwrap_or_else(|| panic!("{sure:?} is nothing the model knows")), next)]
            }
        }
    }

    fn shard_of(&self, place: Place) -> usize {
        match place {
            Place::Key(key) => shard_of(&key_of(key), self.settings.shards),
            Place::Queue(queue, _) => shard_of_queue(&name(queue), self.settings.shards),
        }
    }

    /// Every state that storing can lead to, with what it says; `change` stores in the entry it names.
    fn store(
        &self,
        shard: usize,
        stored: &Answer,
        around: &Surroundings,
        change: impl FnOnce(&mut Self) -> usize,
    ) -> Outcomes {
        let mut next = self.clone();
        let at = change(&mut next);
        let entry = &next.entries[at];
        let (surely, perhaps) = self.is_too_large(entry.size(), shard);
        let mut all = Vec::new();
        if perhaps {
            all.push((Answer::Refused(Refusal::TooLarge), self.clone()));
        }
        if !surely {
            let keep = Some(entry.number);
            let made = next.make_room(shard, keep, around.logs[shard]).into_iter().map(|made| match made {
                Ok(next) => (stored.clone(), next),
                Err(_) => (Answer::Refused(Refusal::Full), self.clone()),
            });
            add_new(&mut all, made.collect());
        }
        all
    }

    fn set_at(&self, place: Place, content: &Content, stored: &Answer, around: &Surroundings) -> Outcomes {
        let shard = self.shard_of(place);
        self.store(shard, stored, around, |next| next.put(place, shard, content))
    }

    fn set(&self, key: u8, content: &Content, stored: &Answer, around: &Surroundings) -> Outcomes {
        self.set_at(Place::Key(key), content, stored, around)
    }

    fn set_many(&self, drafts: &[(u8, Content)], around: &Surroundings) -> Outcomes {
        let mut all = vec![(Answer::Done, self.clone())];
        // One that could never fit is refused before anything is stored.
        let too_large = drafts.iter().map(|(key, content)| {
            let (place, mut next) = (Place::Key(*key), self.clone());
            let at = next.put(place, self.shard_of(place), content);
            self.is_too_large(next.entries[at].size(), next.entries[at].shard)
        });
        for (surely, perhaps) in too_large {
            if surely {
                return vec![(Answer::Refused(Refusal::TooLarge), self.clone())];
            }
            if perhaps {
                add_new(&mut all, vec![(Answer::Refused(Refusal::TooLarge), self.clone())]);
            }
        }
        for (key, content) in drafts {
            let mut next = Vec::new();
            for (answer, model) in all {
                match answer {
                    Answer::Done => add_new(&mut next, model.set(*key, content, &Answer::Done, around)),
                    refused => add_new(&mut next, vec![(refused, model)]),
                }
            }
            all = next;
        }
        // All or none.
        let whole = all.into_iter().map(|(answer, model)| match answer {
            Answer::Done => (answer, model),
            refused => (refused, self.clone()),
        });
        let mut all = Vec::new();
        add_new(&mut all, whole.collect());
        all
    }

    /// To look at the version is to read.
    fn compare_and_set(&self, key: u8, right: bool, content: &Content, around: &Surroundings) -> Outcomes {
        let mut read = self.clone();
        read.read(key);
        let stored = read.set(key, content, &Answer::Whether(true), around);
        if right {
            return stored;
        }
        // An entry that could never fit may be refused as such, whatever is there.
        let too_large = stored.into_iter().filter(|(answer, _)| *answer == Answer::Refused(Refusal::TooLarge));
        too_large.chain([(Answer::Whether(false), read)]).collect()
    }

    fn increment(&self, key: u8, delta: i64, create: Option<&Content>, around: &Surroundings) -> Outcomes {
        let place = Place::Key(key);
        let Some(at) = self.live(key) else {
            let Some(content) = create else { return vec![(Answer::Sum(None), self.clone())] };
            let content = Content { value: Stored::Integer(5 + delta), ..content.clone() };
            return self.set_at(place, &content, &Answer::Sum(Some(5 + delta)), around);
        };
        let Stored::Integer(old) = self.entries[at].value else {
            return vec![(Answer::Refused(Refusal::WrongType), self.clone())];
        };
        self.store(self.entries[at].shard, &Answer::Sum(Some(old + delta)), around, |next| {
            next.set_value(at, Stored::Integer(old + delta));
            at
        })
    }

    fn push(&self, queue: u8, front: bool, content: &Content, around: &Surroundings) -> Outcomes {
        let end = self.line(queue, front).first().map(|at| self.entries[*at].position());
        let position = end.map_or(0, |end| if front { end - 1 } else { end + 1 });
        self.set_at(Place::Queue(queue, position), content, &Answer::Position(position), around)
    }

    fn cull(&self, around: &Surroundings) -> Outcomes {
        let mut next = self.clone();
        next.remove_expired();
        let mut all = vec![next];
        for shard in 0..self.settings.shards {
            let mut culled = Vec::new();
            for model in all {
                let made = model.make_room(shard, None, around.logs[shard]);
                add_new(&mut culled, made.into_iter().map(|made| made.unwrap_or_else(|full| full)).collect());
            }
            all = culled;
        }
        let counted = |next: Self| (Answer::Count((self.entries.len() - next.entries.len()) as u64), next);
        all.into_iter().map(counted).collect()
    }

    /// Counts a read, and says what is read.
    fn read(&mut self, key: u8) -> Option<Stored> {
        let at = self.live(key)?;
        self.hit(at);
        Some(self.entries[at].value)
    }

    /// Operations that change nothing but what is known of reads.
    fn look_up(&mut self, operation: &Operation) -> Option<Answer> {
        Some(match operation {
            Operation::Get(key) | Operation::GetEntry(key) => Answer::Found(self.read(*key)),
            Operation::GetRecent(key, most) => {
                let most = u64::from(*most);
                let fresh = self.live(*key).filter(|at| {
                    let stored = self.entries[*at].stored;
                    // One from the future tells of a clock that was set back.
                    let age = self.now.saturating_sub(stored);
                    stored <= self.now + CLOCK_TOLERANCE
                        && (age < most || age == most && !self.has(Fault::AgeExclusive))
                });
                Answer::Found(fresh.and_then(|_| self.read(*key)))
            }
            Operation::GetMany(keys) => Answer::FoundEach(keys.iter().map(|key| self.read(*key)).collect()),
            Operation::Read(key, _) => match self.live(*key) {
                Some(at) if matches!(self.entries[at].value, Stored::Integer(_)) => Answer::Refused(Refusal::WrongType),
                Some(at) if self.has(Fault::PartsUncounted) => Answer::Found(Some(self.entries[at].value)),
                _ => Answer::Found(self.read(*key)),
            },
            Operation::Contains(key) => Answer::Whether(self.live(*key).is_some()),
            Operation::Peek(queue, front) => {
                let live = self.line(*queue, *front).into_iter().find(|at| self.is_live(&self.entries[*at]));
                Answer::Queued(live.map(|at| (self.entries[at].position(), self.entries[at].value)))
            }
            Operation::QueueLength(queue) => Answer::Count(self.line(*queue, true).len() as u64),
            Operation::Keys { choice, by_key, reverse, expired } => {
                Answer::Names(self.names(*choice, *by_key, *reverse, *expired))
            }
            Operation::Measure(choice, expired) => {
                let all = self.entries.iter().filter(|entry| self.chosen(entry, *choice));
                let sizes: Vec<u64> = all.filter(|entry| *expired || self.is_live(entry)).map(Entry::size).collect();
                Answer::Measured(sizes.len() as u64, sizes.iter().sum())
            }
            _ => return None,
        })
    }

    fn names(&self, choice: Choice, by_key: bool, reverse: bool, expired: bool) -> Vec<String> {
        let queues = matches!(choice, Choice::Queue(_));
        let all = self.entries.iter().filter(|entry| self.chosen(entry, choice) && entry.is_queued() == queues);
        let mut chosen: Vec<&Entry> = all.filter(|entry| expired || self.is_live(entry)).collect();
        if by_key {
            chosen.sort_by_key(|entry| match entry.place {
                Place::Key(key) => (0, name(key)),
                Place::Queue(_, position) => (position, String::new()),
            });
        }
        if reverse {
            chosen.reverse();
        }
        let name = |entry: &&Entry| match entry.place {
            Place::Key(key) => name(key),
            Place::Queue(_, position) => position.to_string(),
        };
        chosen.iter().map(name).collect()
    }

    fn chosen(&self, entry: &Entry, choice: Choice) -> bool {
        match (choice, entry.place) {
            (Choice::All, _) => true,
            (Choice::Tag(tag), _) if self.has(Fault::FirstTagOnly) => entry.tags.first() == Some(&tag),
            (Choice::Tag(tag), _) => entry.tags.contains(&tag),
            (Choice::Prefix(number), Place::Key(key)) => name(key).starts_with(beginning(number)),
            (Choice::Queue(queue), Place::Queue(of, _)) => queue == of,
            _ => false,
        }
    }

    /// Changes that need no room.
    fn change(&mut self, operation: &Operation) -> Option<Answer> {
        Some(match operation {
            // With room or none, it is there.
            Operation::Add(..) => Answer::Whether(false),
            Operation::Delete(key) => Answer::Whether(self.delete(*key)),
            Operation::DeleteMany(keys) => Answer::WhetherEach(keys.iter().map(|key| self.delete(*key)).collect()),
            Operation::CompareAndDelete(key, right) => {
                let there = self.read(*key).is_some();
                Answer::Whether((*right || !there) && self.delete(*key))
            }
            Operation::Pop(key) => {
                let value = self.live(*key).map(|at| self.entries[at].value);
                Answer::Found(value.filter(|_| self.delete(*key)))
            }
            Operation::Touch(key, lasting) => Answer::Whether(self.touch(*key, *lasting)),
            Operation::TouchMany(keys, lasting) => {
                Answer::WhetherEach(keys.iter().map(|key| self.touch(*key, *lasting)).collect())
            }
            Operation::Pull(queue, front) => Answer::Queued(self.pull(*queue, *front)),
            _ => return None,
        })
    }

    fn delete(&mut self, key: u8) -> bool {
        let live = self.live(key).is_some();
        self.remove(|entry| entry.place == Place::Key(key));
        live
    }

    fn touch(&mut self, key: u8, lasting: super::operation::Lasting) -> bool {
        let Some(at) = self.live(key) else { return false };
        self.start_life(at, lasting, self.entries[at].sliding);
        true
    }

    fn pull(&mut self, queue: u8, front: bool) -> Option<(i64, Stored)> {
        while let Some(at) = self.line(queue, front).first().copied() {
            let entry = self.entries.remove(at);
            if self.is_live(&entry) {
                return Some((entry.position(), entry.value));
            }
        }
        None
    }

    /// Work on the whole cache.
    fn work(&mut self, operation: &Operation, around: &Surroundings) -> Option<Answer> {
        Some(match operation {
            Operation::Evict(choice) => {
                let before = self.clone();
                Answer::Count(self.remove(|entry| before.chosen(entry, *choice)))
            }
            Operation::Expire => Answer::Count(self.remove_expired()),
            Operation::Clear => Answer::Count(self.remove(|_| true)),
            Operation::Compact => Answer::Done,
            Operation::Configure(setting) => {
                match *setting {
                    Setting::Policy(policy) => self.change_policy(policy, &around.recorded),
                    Setting::ItemLimit(limit) => self.settings.item_limit = limit,
                    Setting::SizeLimit(limit) => self.settings.size_limit = limit,
                    Setting::DefaultTtl(ttl) => self.settings.default_ttl = ttl.map(ticks),
                    Setting::InlineThreshold(threshold) => self.settings.inline_threshold = threshold,
                }
                Answer::Done
            }
            _ => return None,
        })
    }
}

impl Entry {
    pub(super) fn is_queued(&self) -> bool {
        matches!(self.place, Place::Queue(..))
    }

    fn position(&self) -> i64 {
        match self.place {
            Place::Queue(_, position) => position,
            Place::Key(_) => 0,
        }
    }
}
