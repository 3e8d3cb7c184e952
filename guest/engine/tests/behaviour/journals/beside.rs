//! A handle with journals beside one without: the same operations have the same answers.

use larder_engine::testing::TestPlatform;
use larder_engine::{Cache, Error, OpenOptions, Platform, Queued, Selection, SetOptions, Side, Value};

use crate::support::{Fixture, Shared, lasting, open, plain, tagged};

const QUEUES: [&str; 2] = ["a", "b"];

/// What is said, but for what no two caches have in common.
fn told(queued: Option<Queued>) -> String {
    let parts = queued.map(|queued| {
        let metadata = queued.entry.metadata;
        let common = (metadata.stored_ms, metadata.expires_ms, metadata.sliding, metadata.size, metadata.tags);
        (queued.position, queued.entry.value, common)
    });
    format!("{parts:?}")
}

fn say(result: Result<String, Error>) -> String {
    result.unwrap_or_else(|error| format!("{:?}", std::mem::discriminant(&error)))
}

fn below(random: &TestPlatform, limit: usize) -> usize {
    usize::try_from(random.random() % limit as u64).unwrap()
}

/// One operation, the same for everybody with the same random numbers, and what was said.
fn operate(cache: &mut Cache, random: &TestPlatform) -> (String, String) {
    let queue = QUEUES[below(random, 4) / 3];
    let side = if below(random, 4) == 0 { Side::Front } else { Side::Back };
    let other = if below(random, 4) == 0 { Side::Back } else { Side::Front };
    let kind = below(random, 40);
    let done = match kind {
        0..18 => {
            let (value, options) = value(random);
            cache.push(queue, &value, side, &options).map(|position| position.to_string())
        }
        18..32 => cache.pull(queue, other).map(told),
        32..35 => cache.peek(queue, other).map(told),
        35 => cache.queue_length(queue).map(|length| length.to_string()),
        36 => cache.queues().map(|names| names.join(",")),
        37 => cache.count().map(|count| count.to_string()),
        38 => cache.evict(&Selection::Queue(queue.into())).map(|count| count.to_string()),
        _ => in_transaction(cache, queue, below(random, 2) == 0),
    };
    (format!("{kind} {queue} {side:?} {other:?}"), say(done))
}

fn value(random: &TestPlatform) -> (Value, SetOptions) {
    let value = match below(random, 12) {
        0 => Value::Bytes(vec![7; 1025]),
        1 => Value::Bytes(vec![8; 40_000]),
        2 => Value::Text("x".repeat(below(random, 600))),
        3 => Value::Real(0.5),
        _ => Value::Integer(i64::try_from(below(random, 1000)).unwrap()),
    };
    let options = match below(random, 16) {
        0 => tagged(&["t"]),
        1 => SetOptions { sliding: true, ..lasting(20) },
        2..5 => lasting(1 + below(random, 30) as u64),
        _ => plain(),
    };
    (value, options)
}

fn in_transaction(cache: &mut Cache, queue: &str, commits: bool) -> Result<String, Error> {
    let ticket = cache.begin()?;
    let pulled = cache.within(ticket, |cache| cache.pull(queue, Side::Front).map(told))?;
    let pushed = cache.within(ticket, |cache| cache.push(queue, &Value::Integer(1), Side::Back, &plain()))?;
    if commits {
        cache.commit(ticket)?;
    } else {
        cache.rollback(ticket)?;
    }
    Ok(format!("{pulled} {pushed}"))
}

#[test]
fn journals_make_no_difference_to_what_a_queue_does() {
    for seed in 0..40 {
        let options = OpenOptions { shards: Some(1 + u32::from(seed % 2 == 0)), ..OpenOptions::default() };
        let (shared, mut fixture) = (Shared::new(), Fixture::with(&options));
        let (platform, mut cache) = shared.biasing(1, &options);
        let (one, two) = (TestPlatform::seeded(seed), TestPlatform::seeded(seed));
        let mut done = Vec::new();
        for _ in 0..400 {
            let (operation, expected) = operate(&mut fixture.cache, &one);
            let (_, said) = operate(&mut cache, &two);
            done.push(operation);
            assert_eq!(said, expected, "seed {seed}: {done:#?}");
            let milliseconds = u32::try_from(below(&one, 3)).unwrap();
            assert_eq!(below(&two, 3), milliseconds as usize);
            fixture.platform.advance(milliseconds);
            platform.advance(milliseconds);
        }
        let [with, without] = [&mut cache, &mut fixture.cache].map(|cache| cache.statistics().unwrap());
        assert_eq!((with.sets, with.deletes), (without.sets, without.deletes), "seed {seed}");
        assert_eq!(cache.check().unwrap(), [], "seed {seed}");
        cache.close().unwrap();
        let mut again = open(shared.directory.path(), &OpenOptions { create: false, ..options }, &platform).unwrap();
        for queue in QUEUES {
            let [found, expected] = [&mut again, &mut fixture.cache].map(|cache| cache.queue_length(queue).unwrap());
            assert_eq!(found, expected, "seed {seed}: {queue}");
        }
    }
}
