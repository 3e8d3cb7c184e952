//! What the attribute `memoize` calls. Not for others.

use std::fmt::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::memo::{MemoOptions, Task, keep};
use super::vacancy::Vacancy;
use crate::cache::Cache;
use crate::cache::typed::encode;
use crate::error::Error;
use crate::value::Key;

/// The key of a call: the name of the function, and a hash of all that makes a difference, each part
/// with its length before it, so that no two calls have the same. None if the arguments can not be
/// encoded.
pub fn key(
    name: &str,
    signature: &str,
    version: u64,
    types: &[&str],
    arguments: &impl Serialize,
) -> Result<Key<'static>, Error> {
    let encoded = encode(arguments)?;
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(signature.as_bytes());
    part(&version.to_le_bytes());
    for name in types {
        part(name.as_bytes());
    }
    part(&encoded);
    let digest = hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(Key::Text(format!("memo:{name}:{digest}").into()))
}

/// Answers a call of a function that returns a value.
pub fn run<T: Serialize + DeserializeOwned>(
    cache: &Cache,
    key: Result<Key<'static>, Error>,
    options: &MemoOptions,
    compute: impl FnOnce() -> T,
) -> T {
    let Ok(value) = run_result(cache, key, options, || Ok::<T, std::convert::Infallible>(compute()));
    value
}

/// Answers a call of a function that can fail: what it returns then is not kept.
pub fn run_result<T: Serialize + DeserializeOwned, E>(
    cache: &Cache,
    key: Result<Key<'static>, Error>,
    options: &MemoOptions,
    compute: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let task = key.and_then(|key| cache.task::<T, std::convert::Infallible>(&key, options).map_err(Error::from));
    match task {
        Ok(Task::Have(value)) => Ok(value),
        Ok(Task::Compute { vacancy, old, .. }) => finish(vacancy, options, compute(), old),
        Err(error) => {
            tracing::warn!(%error, "a function is computed without the cache");
            compute()
        }
    }
}

/// [`run`] for an asynchronous function.
#[cfg(feature = "async")]
pub async fn run_async<T: Serialize + DeserializeOwned + Send + 'static, F: Future<Output = T>>(
    cache: &Cache,
    key: Result<Key<'static>, Error>,
    options: &MemoOptions,
    compute: impl FnOnce() -> F,
) -> T {
    let compute = || async { Ok::<T, std::convert::Infallible>(compute().await) };
    let Ok(value) = run_result_async(cache, key, options, compute).await;
    value
}

/// [`run_result`] for an asynchronous function.
#[cfg(feature = "async")]
pub async fn run_result_async<T, E, F>(
    cache: &Cache,
    key: Result<Key<'static>, Error>,
    options: &MemoOptions,
    compute: impl FnOnce() -> F,
) -> Result<T, E>
where
    T: Serialize + DeserializeOwned + Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>>,
{
    use super::asynchronous::Later;
    use super::memo::task;
    let found = match key {
        Ok(key) => match cache.lookup_async(&key, options).await {
            Ok(outcome) => task::<T, std::convert::Infallible>(&key, outcome).map_err(Error::from),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match found {
        Ok(Task::Have(value)) => Ok(value),
        Ok(Task::Compute { vacancy, old, .. }) => {
            let mut vacancy = Later(Some(vacancy));
            let computed = compute().await;
            match vacancy.take() {
                Some(vacancy) => {
                    let options = options.clone();
                    blocking::unblock(move || finish(vacancy, &options, computed, old)).await
                }
                None => computed,
            }
        }
        Err(error) => {
            tracing::warn!(%error, "a function is computed without the cache");
            compute().await
        }
    }
}

/// Keeps what was computed, as far as that can be done; falls back upon what there was.
fn finish<T: Serialize, E>(
    vacancy: Vacancy,
    options: &MemoOptions,
    computed: Result<T, E>,
    old: Option<T>,
) -> Result<T, E> {
    match computed {
        Ok(value) => {
            if let Err(error) = keep(vacancy, options, &value) {
                tracing::warn!(%error, "a value that was computed was not kept");
            }
            Ok(value)
        }
        Err(error) => old.ok_or(error),
    }
}
