//! Checks text that comes in pieces.

/// Has seen the text so far, all of it UTF-8 but for a last character that may be cut.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    cut: Vec<u8>,
}

impl Utf8 {
    /// Whether the text can still be UTF-8 with these bytes after it.
    pub(super) fn accepts(&mut self, mut bytes: &[u8]) -> bool {
        while !self.cut.is_empty() {
            let Some((first, rest)) = bytes.split_first() else { return true };
            self.cut.push(*first);
            bytes = rest;
            match std::str::from_utf8(&self.cut) {
                Ok(_) => self.cut.clear(),
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                self.cut.extend_from_slice(bytes.get(error.valid_up_to()..).unwrap_or_default());
                true
            }
        }
    }

    /// Whether the text may end here.
    pub(super) fn is_whole(&self) -> bool {
        self.cut.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_accepted_wherever_it_is_cut() {
        let text = "aé€😀z".as_bytes();
        for size in 1..=text.len() {
            let mut utf8 = Utf8::default();
            assert!(text.chunks(size).all(|piece| utf8.accepts(piece)), "pieces of {size} bytes");
            assert!(utf8.is_whole());
        }
    }

    #[test]
    fn other_bytes_are_refused_wherever_they_are_cut() {
        for bytes in [&b"a\xff"[..], b"\xe2\x28\xa1", b"\xed\xa0\x80", b"\xf0\x9f\x98z", b"\xc0\x80"] {
            for size in 1..=bytes.len() {
                let mut utf8 = Utf8::default();
                assert!(!bytes.chunks(size).all(|piece| utf8.accepts(piece)), "{bytes:?} in pieces of {size} bytes");
            }
        }
    }

    #[test]
    fn a_text_does_not_end_inside_a_character() {
        let mut utf8 = Utf8::default();
        assert!(utf8.accepts(b"a\xf0\x9f\x98"));
        assert!(!utf8.is_whole());
    }
}
