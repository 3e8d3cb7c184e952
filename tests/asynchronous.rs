//! The asynchronous versions: they never block, and what is dropped on the way is given back.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_lite::future::{block_on, or, yield_now, zip};
use larder::{Cache, Error, MemoError, MemoOptions};

/// Lets a future come as far as it comes, and drops it there.
fn drop_on_the_way<F: Future>(future: F) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(future.as_mut().poll(&mut context), Poll::Pending));
}

/// Something that comes about in the background.
fn eventually(mut happens: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happens() {
        assert!(Instant::now() < deadline, "it never happens");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_lock_is_waited_for_without_blocking_the_executor() {
    let cache = Cache::temporary().unwrap();
    let lock = cache.lock("a");
    block_on(async {
        let guard = lock.acquire_async().await.unwrap();
        assert!(guard.is_held());
        assert!(lock.try_acquire_async().await.unwrap().is_none());
        let refused = lock.acquire_within_async(Duration::from_millis(20)).await;
        assert!(matches!(refused, Err(Error::Timeout(_))), "{refused:?}");
        // On one thread: it can only be released while the other one waits.
        let (fence, ()) = zip(async { lock.acquire_async().await.unwrap().fence() }, async {
            for _ in 0..10 {
                yield_now().await;
            }
            guard.release().await.unwrap();
        })
        .await;
        assert!(fence > 0);
    });
}

#[test]
fn a_lock_that_nobody_awaits_any_more_is_given_back() {
    let cache = Cache::temporary().unwrap();
    let lock = cache.lock("a");
    for _ in 0..20 {
        drop_on_the_way(lock.acquire_async());
    }
    eventually(|| lock.holders().unwrap().holders.is_empty());
    let guard = lock.acquire().unwrap();
    for _ in 0..20 {
        let lock = lock.clone();
        block_on(or(async { drop(lock.acquire_async().await) }, async {
            pass(Duration::from_millis(1)).await;
        }));
    }
    eventually(|| lock.holders().unwrap().waiting == 0);
    drop(guard);
    eventually(|| lock.try_acquire().unwrap().is_some());
}

/// Time passes.
async fn pass(pause: Duration) {
    let end = Instant::now() + pause;
    while Instant::now() < end {
        yield_now().await;
    }
}

#[test]
fn a_value_is_computed_by_one_task_while_the_others_wait() {
    let cache = Cache::temporary().unwrap();
    let runs = AtomicU32::new(0);
    let value = || {
        cache.memoize_async("k", Duration::from_mins(1), || async {
            pass(Duration::from_millis(20)).await;
            runs.fetch_add(1, Ordering::Relaxed) + 41
        })
    };
    let ((a, b), c) = block_on(zip(zip(value(), value()), value()));
    assert_eq!((a.unwrap(), b.unwrap(), c.unwrap()), (41, 41, 41));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[test]
fn a_computation_that_is_dropped_is_the_next_ones() {
    let cache = Cache::temporary().unwrap();
    let never = cache.memoize_async("k", Duration::from_mins(1), std::future::pending::<u32>);
    block_on(or(async { drop(never.await) }, pass(Duration::from_millis(50))));
    assert_eq!(cache.memoize("k", Duration::from_mins(1), || 7).unwrap(), 7);
}

#[test]
fn a_failure_is_remembered_as_long_as_asked() {
    let cache = Cache::temporary().unwrap();
    let options = MemoOptions::new().negative_ttl(Duration::from_mins(1));
    let fails = cache.try_memoize_async::<u32, _, _>("k", &options, || async { Err("no network".to_owned()) });
    assert!(matches!(block_on(fails), Err(MemoError::Compute(reason)) if reason == "no network"));
    let again = cache.try_memoize_async::<u32, String, _>("k", &options, || async { panic!("not yet") });
    assert!(matches!(block_on(again), Err(MemoError::Remembered(reason)) if reason == "no network"));
}

#[test]
fn limits_barriers_and_tasks_have_their_twins() {
    let cache = Cache::temporary().unwrap();
    block_on(async {
        let limit = cache.rate_limit("l", 1, Duration::from_millis(30));
        assert!(limit.try_take_async(1).await.unwrap().granted);
        assert!(limit.take_async(1).await.unwrap().granted);
        let refused = limit.take_within_async(1, Duration::from_millis(1)).await;
        assert!(matches!(refused, Err(Error::Timeout(_))), "{refused:?}");

        let barrier = cache.barrier("b", 2);
        let (first, second) = zip(barrier.wait_async(), barrier.wait_async()).await;
        assert_eq!(first.unwrap(), second.unwrap());
        assert!(matches!(barrier.wait_within_async(Duration::from_millis(5)).await, Err(Error::Timeout(_))));

        let once = cache.once("o");
        let failed = once.run_async(|| async { Err(Error::Closed) }).await;
        assert_eq!(failed, Err(Error::Closed));
        assert_eq!(once.run_async(|| async { Ok::<(), Error>(()) }).await, Ok(true));
        assert_eq!(once.run_async(|| async { Ok::<(), Error>(()) }).await, Ok(false));
    });
}
