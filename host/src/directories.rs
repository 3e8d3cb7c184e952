//! Where things belong on this platform.

use std::path::PathBuf;

use etcetera::BaseStrategy;

/// The user's cache directory: `$XDG_CACHE_HOME` or `~/.cache` on Unix; none without a home.
pub fn user_cache() -> Option<PathBuf> {
    etcetera::choose_base_strategy().ok().map(|strategy| strategy.cache_dir())
}
