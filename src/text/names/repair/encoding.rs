//! Characters that were read in the wrong encoding, or are written as references.

/// How often UTF-8 may have been read wrongly in a row.
const MOST_TIMES: usize = 3;

/// The name where its UTF-8 was read as Latin-1 or Windows-1252.
pub(super) fn read_again(name: &str) -> Option<String> {
    let mut repaired: Option<String> = None;
    for _ in 0..MOST_TIMES {
        let Some(better) = once(repaired.as_deref().unwrap_or(name)) else { break };
        repaired = Some(better);
    }
    repaired
}

fn once(name: &str) -> Option<String> {
    if name.is_ascii() {
        return None;
    }
    let characters: Vec<char> = name.chars().collect();
    let bytes: Vec<Option<u8>> = characters.iter().map(|character| byte(*character)).collect();
    let mut text = String::with_capacity(name.len());
    let (mut sequences, mut has_accented_latin) = (0, false);
    let mut index = 0;
    while index < characters.len() {
        match sequence(&bytes[index..]) {
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
    // One such pair outside accented Latin may be an accident: É’ is a capital before an apostrophe.
    (sequences > 1 || has_accented_latin).then_some(text)
}

/// The character that the bytes begin with, where it takes more than one of them.
fn sequence(bytes: &[Option<u8>]) -> Option<(char, usize)> {
    let length = match bytes.first()?.as_ref()? {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let bytes: Vec<u8> = bytes.get(..length)?.iter().copied().collect::<Option<_>>()?;
    let character = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    let is_mark = unicode_normalization::char::is_combining_mark(character);
    // Signs too that are a byte themselves, as where it happened twice.
    (character.is_alphabetic() || is_mark || byte(character).is_some() || matches!(character, '‐'..='―'))
        .then_some((character, length))
}

/// The byte that is read as this character: in Windows-1252, and in Latin-1 where the former has none.
fn byte(character: char) -> Option<u8> {
    const HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    match u32::from(character) {
        code @ 0..=0xFF => u8::try_from(code).ok(),
        _ => HIGH.chars().zip(0x80..=0x9F).find(|(high, _)| *high == character).map(|(_, byte)| byte),
    }
}

/// The name without HTML's character references; they may have been escaped twice.
pub(super) fn without_references(name: &str) -> Option<String> {
    if !name.contains('&') || !name.contains(';') {
        return None;
    }
    let once = html_escape::decode_html_entities(name);
    let twice = html_escape::decode_html_entities(&once);
    (twice != name).then(|| twice.into_owned())
}
