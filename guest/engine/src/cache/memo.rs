//! Memoization: a value that is missing is computed by one, while all others wait for it.

use super::Cache;
use super::records::Patience;
use crate::entry::Entry;
use crate::error::{Error, Result};
use crate::key::Key;
use crate::options::SetOptions;
use crate::recipes::Kind;
use crate::recipes::check_lease;
use crate::recipes::vacancy::{Decision, Moment, Vacancy};
use crate::shard::{Shard, Store, Worth, vacancy_name};
use crate::value::Value;

/// How often somebody else may come first before something is wrong.
const ATTEMPTS: u32 = 100;

/// How to look a value up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LookUp {
    /// How long whoever computes may be silent, in milliseconds.
    pub lease_ms: u32,
    /// How eagerly to compute anew before a value is stale, weighed with what it costs: 0 for never, 1
    /// unless there is a reason.
    pub eagerness: f64,
}

/// What a look-up comes to.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The value.
    Hit(Value),
    /// The value, which is not fresh any more or soon will not be; and, under a vacancy, the task to
    /// compute it anew.
    Stale(Value, Option<u64>),
    /// There is none: it is to be computed, under this vacancy. If that fails, there may be an old one that
    /// is good enough then.
    Vacant(u64, Option<Value>),
    /// There is none yet: another computes it. If that one has been silent for longer than its lease by the
    /// wall clock, with that in milliseconds, else with 0: only who waits for so long can tell whether it is
    /// dead.
    Wait(u32),
    /// There is none, since computing it has failed a while ago, for this reason.
    Failed(String),
}

/// How to keep what was computed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filling {
    /// How long it is fresh, and its labels. It slides only if all that follows is 0.
    pub options: SetOptions,
    /// How long after that it may be handed out while it is computed anew, in milliseconds.
    pub stale_ms: u64,
    /// How long after that it may be handed out if computing it fails, in milliseconds.
    pub stale_if_error_ms: u64,
    /// How long computing it has taken, in milliseconds; 0 if it is never to be computed early.
    pub cost_ms: u64,
}

impl Cache {
    /// Looks a value up, or takes on to compute it. Whoever gets a vacancy fills it, drops it or says
    /// that computing has failed.
    pub fn look_up(&mut self, key: &Key, options: &LookUp) -> Result<Answer> {
        check_lease(options.lease_ms)?;
        if !options.eagerness.is_finite() || options.eagerness < 0.0 {
            return Err(Error::InvalidArgument(format!("an eagerness of {}", options.eagerness)));
        }
        self.assure_no_transaction()?;
        let luck = luck(self.platform.random());
        for _ in 0..ATTEMPTS {
            if let Some(answer) = self.attempt(key, options, luck)? {
                return Ok(answer);
            }
        }
        Err(Error::Timeout(format!("a moment in which {key} does not change")))
    }

    /// Looks a value up, and waits while another computes it, at most so long unless for ever.
    pub fn look_up_within(&mut self, key: &Key, options: &LookUp, wait_ms: Option<u64>) -> Result<Answer> {
        let platform = std::rc::Rc::clone(&self.platform);
        let mut patience = Patience::begin(&*platform, wait_ms);
        loop {
            let answer = self.look_up(key, options)?;
            if !matches!(answer, Answer::Wait(_)) || !patience.pause(&*platform) {
                return Ok(answer);
            }
        }
    }

    /// None if somebody else came first.
    fn attempt(&mut self, key: &Key, options: &LookUp, luck: f64) -> Result<Option<Answer>> {
        let name = vacancy_name(key);
        let vacancy = self.on_key(key, |shard, _| shard.record::<Vacancy>(&name))?.unwrap_or_default();
        let watch = self.watch(Kind::Vacancy, &name, vacancy.members());
        // While all wait for a value, looking whether it is there counts as no read.
        let waits = vacancy.members().next().is_some() && !self.contains(key)?;
        let entry: Option<Entry> = if waits { None } else { self.get_entry(key)? };
        let moment = Moment {
            now_ms: self.platform.wall_ms(),
            entry: entry.as_ref().map(|entry| entry.metadata.version),
            luck,
            eagerness: options.eagerness,
        };
        let decision = vacancy.decide(&moment, &watch);
        let value = entry.map(|entry| entry.value);
        let answer = match (decision, value) {
            (Decision::Hit, Some(value)) => Answer::Hit(value),
            (Decision::Stale, Some(value)) => Answer::Stale(value, None),
            (Decision::Wait, _) => Answer::Wait(vacancy.doubt_ms(moment.now_ms)),
            (Decision::Failed, _) => Answer::Failed(vacancy.reason().to_owned()),
            (_, value) => return self.occupy(key, options, decision, moment, value),
        };
        Ok(Some(answer))
    }

    /// Takes on to compute a value, if there still is nothing else to do than what was found.
    fn occupy(
        &mut self,
        key: &Key,
        options: &LookUp,
        decision: Decision,
        moment: Moment,
        value: Option<Value>,
    ) -> Result<Option<Answer>> {
        let (name, token) = (vacancy_name(key), self.new_token());
        let mut watches = std::mem::take(&mut self.watches);
        let monotonic_ms = self.platform.monotonic_ms();
        let occupied = self.on_key(key, |shard, _| {
            shard.change_vacancy(key, |found, version| {
                let mut vacancy = found.state.clone().unwrap_or_default();
                let watch = watches.look(Kind::Vacancy, &name, vacancy.members(), monotonic_ms);
                let same = vacancy.decide(&Moment { entry: version, ..moment }, &watch) == decision;
                if same {
                    vacancy.occupy(token, options.lease_ms, moment.now_ms);
                    found.state = Some(vacancy);
                }
                Ok(same)
            })
        });
        self.watches = watches;
        match (occupied, decision, value) {
            // What can not be computed anew here is good enough as it is.
            (Err(Error::ReadOnly(_)), Decision::Refresh, Some(value)) => Ok(Some(Answer::Stale(value, None))),
            (Err(error), ..) => Err(error),
            (Ok(false), ..) => Ok(None),
            (Ok(true), Decision::Refresh, Some(value)) => Ok(Some(Answer::Stale(value, Some(token)))),
            (Ok(true), _, value) => Ok(Some(Answer::Vacant(token, value))),
        }
    }

    /// Stores what was computed; returns its version. It is an entry like any other.
    pub fn fill(&mut self, key: &Key, token: u64, value: &Value, filling: &Filling) -> Result<u64> {
        value.validate(key)?;
        let Filling { stale_ms, stale_if_error_ms, cost_ms, .. } = *filling;
        if filling.options.sliding && (stale_ms, stale_if_error_ms, cost_ms) != (0, 0, 0) {
            return Err(Error::InvalidArgument("a value that slides is never stale, nor computed early".into()));
        }
        self.assure_no_transaction()?;
        let store = Store::new(value, &filling.options)?;
        let worth = Worth { stale_ms, stale_if_error_ms, cost_ms };
        self.on_key(key, |shard, hash| shard.fill(key, hash, token, &store, worth))
    }

    /// Shows that whoever computes lives.
    pub fn renew_vacancy(&mut self, key: &Key, token: u64) -> Result<()> {
        self.on_vacancy(key, token, Vacancy::renew)
    }

    /// Does not compute after all: the next one who asks does.
    pub fn drop_vacancy(&mut self, key: &Key, token: u64) -> Result<()> {
        self.on_vacancy(key, token, |vacancy, _| vacancy.vacate())
    }

    /// Says that computing has failed. For a while nobody tries again: who asks gets the value there
    /// was, as long as it may be handed out, else the reason.
    pub fn fail_vacancy(&mut self, key: &Key, token: u64, reason: &str, for_ms: u64) -> Result<()> {
        self.on_vacancy(key, token, |vacancy, now_ms| vacancy.fail(reason, now_ms, for_ms))
    }

    fn on_vacancy(&mut self, key: &Key, token: u64, change: impl Fn(&mut Vacancy, i64)) -> Result<()> {
        self.assure_no_transaction()?;
        let (name, now_us) = (vacancy_name(key), self.platform.wall_us());
        let change = |shard: &mut Shard| {
            shard.change_record(&name, |found| {
                let vacancy = found.state.as_mut().filter(|vacancy: &&mut Vacancy| vacancy.is_held_by(token));
                let vacancy = vacancy.ok_or_else(|| Error::NotHeld(format!("the vacancy of {key}")))?;
                change(vacancy, now_us / 1000);
                found.tidy(now_us);
                Ok(())
            })
        };
        self.on_key(key, |shard, _| change(shard))
    }
}

/// A number above 0, at most 1.
#[allow(clippy::cast_precision_loss, reason = "53 bits, which a float holds")]
fn luck(random: u64) -> f64 {
    ((random >> 11) + 1) as f64 / (1_u64 << 53) as f64
}
