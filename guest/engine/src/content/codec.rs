//! Making values smaller, and the other way.

use crate::options::Compression;

/// Level of Zstandard: its default, which favours speed.
const ZSTD_LEVEL: i32 = 3;

/// In which way bytes are kept; the numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// As they are.
    Raw = 0,
    /// As a block of LZ4, <https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>.
    Lz4 = 1,
    /// As a frame of Zstandard, RFC 8878.
    Zstd = 2,
}

impl Codec {
    /// The codec with a number; none if no version of the format has it.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        [Self::Raw, Self::Lz4, Self::Zstd].into_iter().find(|codec| *codec as u32 == number)
    }
}

/// Bytes made smaller, and how; none if that saves less than a sixteenth of them.
pub(crate) fn pack(bytes: &[u8], compression: Compression) -> Option<(Codec, Vec<u8>)> {
    let (codec, packed) = match compression {
        Compression::None => return None,
        Compression::Lz4 => (Codec::Lz4, lz4_flex::block::compress(bytes)),
        Compression::Zstd => (Codec::Zstd, zstd::bulk::compress(bytes, ZSTD_LEVEL).ok()?),
    };
    (packed.len() <= bytes.len() - bytes.len() / 16 && packed.len() < bytes.len()).then_some((codec, packed))
}

/// The `length` bytes that were packed; none if these are not theirs.
pub(crate) fn unpack(codec: Codec, packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let bytes = match codec {
        Codec::Raw => packed.to_vec(),
        Codec::Lz4 => lz4_flex::block::decompress(packed, length).ok()?,
        Codec::Zstd => zstd::bulk::decompress(packed, length).ok()?,
    };
    (bytes.len() == length).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_only_those_are_packed_that_get_smaller() {
        let repeated = b"the same again and again ".repeat(100);
        for compression in [Compression::Lz4, Compression::Zstd] {
            let (codec, packed) = pack(&repeated, compression).unwrap();
            assert!(packed.len() < repeated.len() / 10, "{codec:?}: {}", packed.len());
            assert_eq!(unpack(codec, &packed, repeated.len()), Some(repeated.clone()));
            for wrong in [repeated.len() - 1, repeated.len() + 1] {
                assert_eq!(unpack(codec, &packed, wrong), None, "{codec:?}");
            }
            for cut in 0..packed.len() {
                assert_ne!(unpack(codec, &packed[..cut], repeated.len()), Some(repeated.clone()), "{codec:?} {cut}");
            }
            for short in [&b""[..], b"x", b"no repetition"] {
                assert_eq!(pack(short, compression), None);
            }
        }
        assert_eq!(pack(&repeated, Compression::None), None);
        for number in 0..3 {
            assert_eq!(Codec::from_number(number).unwrap() as u32, number);
        }
        assert_eq!(Codec::from_number(3), None);
    }
}
