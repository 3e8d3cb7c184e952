//! How much one call returns at most.

use crate::error::{Error, Result};

/// Most keys, items or values.
const LIMIT: u32 = 10_000;
/// Values stop at this size, in bytes.
pub(crate) const SIZE: usize = 1024 * 1024;

/// Refuses a limit that can not be.
pub(crate) fn check_limit(limit: u32) -> Result<()> {
    if limit == 0 || limit > LIMIT {
        return Err(Error::InvalidArgument(format!("a call can ask for 1 to {LIMIT}, not for {limit}")));
    }
    Ok(())
}
