//! Repair of misread encodings (mojibake) and of HTML.

use crate::text::markup::strip_markup;

/// The maximum number of times that UTF-8 can have been misread in a row.
const MAX_DECODE_PASSES: usize = 3;

/// Decodes a name whose UTF-8 was read as Latin-1 or Windows-1252.
pub(super) fn decode_misread_utf8(name: &str) -> Option<String> {
    let mut repaired: Option<String> = None;
    for _ in 0..MAX_DECODE_PASSES {
        let Some(better) = decode_once(repaired.as_deref().unwrap_or(name)) else { break };
        repaired = Some(better);
    }
    repaired
}

/// Decodes one misreading.
fn decode_once(name: &str) -> Option<String> {
    if name.is_ascii() {
        return None;
    }
    let characters: Vec<char> = name.chars().collect();
    let bytes: Vec<Option<u8>> = characters.iter().map(|character| windows_1252_byte(*character)).collect();
    let mut text = String::with_capacity(name.len());
    let (mut sequences, mut has_accented_latin) = (0, false);
    let mut index = 0;
    while index < characters.len() {
        match utf8_sequence(&bytes[index..]) {
            Some((character, length)) => {
                text.push(if character.is_whitespace() { ' ' } else { character });
                sequences += 1;
                has_accented_latin |= matches!(bytes[index], Some(0xC2..=0xC5));
                index += length;
            }
            None => {
                text.push(characters[index]);
                index += 1;
            }
        }
    }
    // A single sequence outside accented Latin can be accidental: É’ is a capital before an apostrophe.
    (sequences > 1 || has_accented_latin).then_some(text)
}

/// Returns the character of the multi-byte UTF-8 sequence at the beginning of the bytes, and its length.
fn utf8_sequence(bytes: &[Option<u8>]) -> Option<(char, usize)> {
    let length = match bytes.first()?.as_ref()? {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let bytes: Vec<u8> = bytes.get(..length)?.iter().copied().collect::<Option<_>>()?;
    let character = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    let is_mark = unicode_normalization::char::is_combining_mark(character);
    // Characters that are a byte themselves are accepted too: the text was misread twice.
    (character.is_alphabetic() || is_mark || windows_1252_byte(character).is_some() || matches!(character, '‐'..='―'))
        .then_some((character, length))
}

/// Returns the byte of a character in Windows-1252, or in Latin-1 if Windows-1252 has none.
fn windows_1252_byte(character: char) -> Option<u8> {
    /// The characters of the bytes 0x80 to 0x9F in Windows-1252, or in Latin-1 if Windows-1252 has none.
    const WINDOWS_1252_HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    match u32::from(character) {
        code @ 0..=0xFF => u8::try_from(code).ok(),
        _ => WINDOWS_1252_HIGH.chars().zip(0x80..=0x9F).find(|(high, _)| *high == character).map(|(_, byte)| byte),
    }
}

/// Strips HTML: character references and tags, which may be escaped themselves.
pub(super) fn strip_html(name: &str) -> Option<String> {
    if !name.contains(['&', '<']) {
        return None;
    }
    Some(strip_markup(name)).filter(|plain| plain != name)
}
