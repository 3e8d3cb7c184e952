//! Durations, sizes and limits as people write and read them.

use std::time::Duration;

use bytesize::ByteSize;
use larder::{Expiry, Limit};

/// A duration, such as `1500ms`, `90s`, `10m`, `2h 30m` or `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; a duration is written like 1500ms, 90s, 10m or 7d"))
}

/// A time to live: a duration or `never`.
pub(crate) fn expiry(text: &str) -> Result<Expiry, String> {
    if text == "never" { Ok(Expiry::Never) } else { duration(text).map(Expiry::After) }
}

/// A number of bytes, such as `4096`, `512M` (millions) or `1GiB` (of 1024 MiB).
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    text.parse::<ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| "a size is written like 4096, 512M, 512MiB or 1G".to_owned())
}

/// A bound on a size, or `none`.
pub(crate) fn size_limit(text: &str) -> Result<Limit, String> {
    limit(text, bytes)
}

/// A bound on a number of entries, or `none`.
pub(crate) fn item_limit(text: &str) -> Result<Limit, String> {
    limit(text, |text| text.parse().map_err(|_| "a limit is a whole number or `none`".to_owned()))
}

fn limit(text: &str, parse: impl FnOnce(&str) -> Result<u64, String>) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit::Unlimited),
        text => match parse(text)? {
            0 => Err("a limit of 0 would keep nothing; `none` is no limit".to_owned()),
            most => Ok(Limit::AtMost(most)),
        },
    }
}

/// A size of at most 4 GiB.
pub(crate) fn small_size(text: &str) -> Result<u32, String> {
    u32::try_from(bytes(text)?).map_err(|_| "at most 4 GiB".to_owned())
}

/// A size for people: exact below 1 KiB, then rounded.
pub(crate) fn show_size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// A duration for people, exact.
pub(crate) fn show_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, milliseconds) in [("1500ms", 1500), ("90s", 90_000), ("10m", 600_000), ("2h 30m", 9_000_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "90", "ten minutes", "-1s", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn never_is_a_time_to_live() {
        assert_eq!(expiry("never"), Ok(Expiry::Never));
        assert_eq!(expiry("0s"), Ok(Expiry::After(Duration::ZERO)));
    }

    #[test]
    fn sizes_are_decimal_unless_marked_binary() {
        for (text, size) in [("4096", 4096), ("512M", 512_000_000), ("1GiB", 1 << 30), ("1.5Ki", 1536)] {
            assert_eq!(size_limit(text), Ok(Limit::AtMost(size)), "{text}");
        }
        for text in ["", "0", "-1", "many", "1X"] {
            assert!(size_limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn none_is_no_limit() {
        assert_eq!(size_limit("none"), Ok(Limit::Unlimited));
        assert_eq!(item_limit("none"), Ok(Limit::Unlimited));
        assert_eq!(item_limit("10"), Ok(Limit::AtMost(10)));
    }

    #[test]
    fn a_size_beyond_32_bits_is_refused_where_it_does_not_fit() {
        assert_eq!(small_size("32KiB"), Ok(32 << 10));
        assert!(small_size("5GiB").is_err());
    }
}
