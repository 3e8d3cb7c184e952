//! Values as they are stored: they show by themselves whether they are whole.

use larder::Value;

use super::operation::Content;

/// The number of a member of a group stands above what tells calls apart.
const MEMBER_SHIFT: u32 = 56;

/// What a member of a group holds, of what the whole group is given.
pub(super) fn member_content(content: Content, member: u32) -> Content {
    match content {
        Content::Body { stamp, size } => Content::Body { stamp: stamp | (u64::from(member) << MEMBER_SHIFT), size },
        other => other,
    }
}

/// The value to be stored. Every other body is text.
pub(super) fn encode(content: Content) -> Value<'static> {
    match content {
        Content::Number(number) => number.into(),
        Content::Body { stamp, size } => {
            let text = text_of(stamp, size);
            if is_text(stamp) { text.into() } else { text.into_bytes().into() }
        }
        Content::Torn => Value::Text("".into()),
    }
}

/// Whether the body of a stamp is text.
pub(super) fn is_text(stamp: u64) -> bool {
    stamp.is_multiple_of(2)
}

fn text_of(stamp: u64, size: u32) -> String {
    let size = size as usize;
    let mut text = format!("{stamp:016x}").repeat(size.div_ceil(Content::LEAST as usize));
    text.truncate(size);
    text
}

/// What a value was made of.
pub(super) fn decode(value: &Value<'_>) -> Content {
    if let Some(number) = value.as_integer() {
        return Content::Number(number);
    }
    let content = || {
        let bytes = value.as_bytes()?;
        Some(decode_part(bytes, 0, bytes.len(), value.as_text().is_some()))
    };
    content().unwrap_or(Content::Torn)
}

/// What a value was made of that is so large and has these bytes at a place.
pub(super) fn decode_part(part: &[u8], place: usize, size: usize, is_text_value: bool) -> Content {
    let content = || {
        let mut first = part.get(..Content::LEAST as usize)?.to_vec();
        // It begins wherever the stamp was when the part began.
        first.rotate_right(place % Content::LEAST as usize);
        let stamp = u64::from_str_radix(std::str::from_utf8(&first).ok()?, 16).ok()?;
        let content = Content::Body { stamp, size: u32::try_from(size).ok()? };
        let whole = text_of(stamp, u32::try_from(size).ok()?);
        let is_part = whole.as_bytes().get(place..place + part.len()) == Some(part);
        (is_part && is_text(stamp) == is_text_value).then_some(content)
    };
    content().unwrap_or(Content::Torn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_tells_what_it_was_made_of_and_shows_where_it_is_torn() {
        for content in
            [Content::Number(-3), Content::Body { stamp: 0xabc, size: 16 }, Content::Body { stamp: 77, size: 50_001 }]
        {
            assert_eq!(decode(&encode(content)), content);
        }
        let mut bytes = encode(Content::Body { stamp: 77, size: 5_000 }).as_bytes().unwrap().to_vec();
        bytes[4_321] ^= 1;
        assert_eq!(decode(&bytes.into()), Content::Torn);
        // Text is not bytes.
        let text = Value::from(format!("{:016x}", 77));
        assert_eq!(decode(&text), Content::Torn);
        assert_eq!(decode(&2.5.into()), Content::Torn);
    }

    #[test]
    fn a_range_tells_what_its_value_was_made_of_and_a_mixture_does_not() {
        let content = Content::Body { stamp: 0xabd, size: 70_001 };
        let bytes = encode(content).as_bytes().unwrap().to_vec();
        for (from, to) in [(0, 16), (5, 21), (40_003, 55_555), (69_985, 70_001), (0, 70_001)] {
            assert_eq!(decode_part(&bytes[from..to], from, bytes.len(), false), content, "{from} to {to}");
        }
        assert_ne!(decode_part(&bytes[5..21], 6, bytes.len(), false), content);
        assert_eq!(decode_part(&bytes[5..21], 5, bytes.len(), true), Content::Torn);
        let other = encode(Content::Body { stamp: 0xabf, size: 70_001 });
        let mixed = [&bytes[..8_192], &other.as_bytes().unwrap()[8_192..]].concat();
        assert_eq!(decode_part(&mixed, 0, mixed.len(), false), Content::Torn);
    }
}
