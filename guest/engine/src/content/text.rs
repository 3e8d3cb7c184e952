//! Whether bytes that come in parts are text.

/// Looks at the parts of a text in turn.
#[derive(Debug, Default)]
pub(crate) struct TextCheck {
    /// The beginning of a character whose rest is in the next part: up to three bytes.
    open: Vec<u8>,
}

impl TextCheck {
    /// Looks at the next part; whether all so far is UTF-8, or can become it.
    pub(crate) fn accepts(&mut self, mut part: &[u8]) -> bool {
        while !self.open.is_empty() {
            let Some((first, rest)) = part.split_first() else { return true };
            self.open.push(*first);
            part = rest;
            match std::str::from_utf8(&self.open) {
                Ok(_) => self.open.clear(),
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(part) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                self.open.extend_from_slice(part.get(error.valid_up_to()..).unwrap_or_default());
                true
            }
        }
    }

    /// Whether no character is cut off.
    pub(crate) fn is_complete(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether text in two parts passes.
    fn passes(first: &[u8], second: &[u8]) -> bool {
        let mut check = TextCheck::default();
        check.accepts(first) && check.accepts(second) && check.is_complete()
    }

    #[test]
    fn text_passes_wherever_it_is_cut_and_nothing_else_does() {
        let text = "aé€😀z".as_bytes();
        for at in 0..=text.len() {
            let (first, second) = text.split_at(at);
            assert!(passes(first, second), "{at}");
        }
        let bytewise = text.iter().fold(TextCheck::default(), |mut check, byte| {
            assert!(check.accepts(&[*byte]));
            check
        });
        assert!(bytewise.is_complete());
        for wrong in [&b"\xff"[..], b"a\xc3", b"\xe2\x82", b"\xc3(", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
            for at in 0..=wrong.len() {
                let (first, second) = wrong.split_at(at);
                assert!(!passes(first, second), "{wrong:?} at {at}");
            }
        }
    }
}
