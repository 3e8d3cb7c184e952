//! Values as they are stored: they show by themselves whether they are whole.

use larder::Value;

use super::event::Content;

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
            let text: String = format!("{stamp:016x}").chars().cycle().take(size as usize).collect();
            if stamp.is_multiple_of(2) { text.into() } else { text.into_bytes().into() }
        }
        Content::Torn => Value::Text("".into()),
    }
}

/// What a value was made of.
pub(super) fn decode(value: &Value<'_>) -> Content {
    if let Some(number) = value.as_integer() {
        return Content::Number(number);
    }
    let content = || {
        let bytes = value.as_bytes()?;
        let stamp = std::str::from_utf8(bytes.get(..Content::LEAST as usize)?).ok()?;
        let stamp = u64::from_str_radix(stamp, 16).ok()?;
        let content = Content::Body { stamp, size: u32::try_from(bytes.len()).ok()? };
        (encode(content) == *value).then_some(content)
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
}
