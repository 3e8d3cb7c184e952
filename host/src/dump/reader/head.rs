//! Heads of CBOR items: the kind, and a number or a length.
//!
//! A decoder of whole items, such as `minicbor`'s, wants all of an item in memory. Values need not fit
//! there, so the reader goes from head to head.

/// The head of an item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Head {
    /// An integer that is not negative.
    Unsigned(u64),
    /// The integer `-1 - n`.
    Negative(u64),
    /// Bytes: how many, if that is known.
    Bytes(Option<u64>),
    /// Text: of how many bytes, if that is known.
    Text(Option<u64>),
    /// An array: of how many items, if that is known.
    Array(Option<u64>),
    /// A map: of how many pairs, if that is known.
    Map(Option<u64>),
    /// A tag on the item that follows.
    Tag(u64),
    /// A boolean.
    Flag(bool),
    /// A float; a shorter one was widened.
    Real(f64),
    /// A simple value.
    Other(&'static str),
    /// The end of an item of unknown length.
    Break,
}

/// Bytes that follow the initial byte; nothing if there is no such item.
pub(super) fn argument_length(initial: u8) -> Option<usize> {
    match initial & 0x1f {
        0..=23 => Some(0),
        24 => Some(1),
        25 => Some(2),
        26 => Some(4),
        27 => Some(8),
        // Of unknown length: strings, arrays, maps, and the end of all these.
        31 if !matches!(initial >> 5, 0 | 1 | 6) => Some(0),
        _ => None,
    }
}

impl Head {
    /// The head with this initial byte, and the bytes after it read as a number.
    pub(super) fn new(initial: u8, argument: u64) -> Self {
        let detail = initial & 0x1f;
        let number = if detail < 24 { u64::from(detail) } else { argument };
        let length = (detail != 31).then_some(number);
        match initial >> 5 {
            0 => Self::Unsigned(number),
            1 => Self::Negative(number),
            2 => Self::Bytes(length),
            3 => Self::Text(length),
            4 => Self::Array(length),
            5 => Self::Map(length),
            6 => Self::Tag(number),
            _ => Self::simple(detail, argument),
        }
    }

    fn simple(detail: u8, argument: u64) -> Self {
        match detail {
            20 => Self::Flag(false),
            21 => Self::Flag(true),
            22 => Self::Other("null"),
            25 => Self::Real(widened_half(argument)),
            26 => Self::Real(widened_single(argument)),
            27 => Self::Real(f64::from_bits(argument)),
            31 => Self::Break,
            _ => Self::Other("a simple value"),
        }
    }

    /// The item in words.
    pub(super) fn describe(self) -> String {
        let counted = |what: &str, unit: &str, length: Option<u64>| match length {
            Some(length) => format!("{what} of {length} {unit}"),
            None => format!("{what} of indefinite length"),
        };
        match self {
            Self::Unsigned(number) => format!("the integer {number}"),
            Self::Negative(number) => format!("the integer {}", -1 - i128::from(number)),
            Self::Bytes(length) => counted("a byte string", "bytes", length),
            Self::Text(length) => counted("a text", "bytes", length),
            Self::Array(length) => counted("an array", "items", length),
            Self::Map(length) => counted("a map", "pairs", length),
            Self::Tag(tag) => format!("the tag {tag}"),
            Self::Flag(flag) => flag.to_string(),
            Self::Real(real) => format!("the float {real:?}"),
            Self::Other(what) => what.to_owned(),
            Self::Break => "the end of an item of indefinite length".to_owned(),
        }
    }
}

/// The 16-bit float of these bits: a sign, 5 bits of exponent, 10 of fraction.
fn widened_half(bits: u64) -> f64 {
    let fraction = u16::try_from(bits & 0x3ff).unwrap_or_default();
    let exponent = i32::try_from(bits >> 10 & 0x1f).unwrap_or_default();
    let magnitude = match (exponent, fraction) {
        (0, _) => f64::from(fraction) * 2_f64.powi(-24),
        (31, 0) => f64::INFINITY,
        (31, _) => f64::NAN,
        _ => f64::from(1024 + fraction) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

/// The 32-bit float of these bits.
fn widened_single(bits: u64) -> f64 {
    f64::from(f32::from_bits(u32::try_from(bits).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_rfc_8949_are_recognised() {
        let cases = [
            (0x00, 0, Head::Unsigned(0)),
            (0x17, 0, Head::Unsigned(23)),
            (0x18, 24, Head::Unsigned(24)),
            (0x1b, u64::MAX, Head::Unsigned(u64::MAX)),
            (0x20, 0, Head::Negative(0)),
            (0x40, 0, Head::Bytes(Some(0))),
            (0x5f, 0, Head::Bytes(None)),
            (0x61, 0, Head::Text(Some(1))),
            (0x7f, 0, Head::Text(None)),
            (0x98, 25, Head::Array(Some(25))),
            (0xbf, 0, Head::Map(None)),
            (0xc1, 0, Head::Tag(1)),
            (0xf5, 0, Head::Flag(true)),
            (0xf6, 0, Head::Other("null")),
            (0xfb, 0x3ff1_9999_9999_999a, Head::Real(1.1)),
            (0xff, 0, Head::Break),
        ];
        for (initial, argument, head) in cases {
            assert_eq!(Head::new(initial, argument), head, "{initial:#04x}");
        }
    }

    #[test]
    fn shorter_floats_are_widened() {
        // The examples of RFC 8949, appendix A.
        let halves = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0x3e00, 1.5),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x0400, 0.000_061_035_156_25),
            (0xc400, -4.0),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ];
        for (bits, real) in halves {
            assert_eq!(Head::new(0xf9, bits), Head::Real(real), "{bits:#06x}");
        }
        let singles = [(0x47c3_5000, 100_000.0), (0x7f7f_ffff, 3.402_823_466_385_288_6e38), (0x8000_0000, -0.0)];
        for (bits, real) in singles {
            assert_eq!(Head::new(0xfa, bits), Head::Real(real), "{bits:#010x}");
        }
        for (initial, bits) in [(0xf9, 0x7e00), (0xfa, 0x7fc0_0000)] {
            assert!(matches!(Head::new(initial, bits), Head::Real(real) if real.is_nan()), "{initial:#04x}");
        }
    }

    #[test]
    fn reserved_initial_bytes_are_refused() {
        for initial in [0x1c, 0x1d, 0x1e, 0x1f, 0x3f, 0x5c, 0xdf, 0xfc, 0xfe] {
            assert_eq!(argument_length(initial), None, "{initial:#04x}");
        }
    }
}
