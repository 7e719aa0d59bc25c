//! Maximum lengths of texts by which entities are found. Texts that are only displayed or searched have no such limit.
//!
//! An entry of a B-tree index of Postgres has at most 2,704 bytes, one of an index on two texts for both together.

/// Maximum length of the name of a person, an organization or a topic, in characters. The rules for names compare each with
/// others, word by word.
pub const MAX_NAME_CHARS: usize = 1_000;
/// Maximum length of an identifier, a code or a slug, in characters.
pub const MAX_ID_CHARS: usize = 500;
/// Maximum length of the name of an identifier scheme, a vocabulary or a source, in characters.
pub const MAX_SCHEME_CHARS: usize = 150;

/// Maximum length of a volume, an issue, pages, an article number, an edition or a keyword of a paper, in characters.
pub const MAX_DETAIL_CHARS: usize = 200;
/// Maximum number of keywords of a paper.
pub const MAX_KEYWORDS: usize = 100;
/// Maximum number of ISSNs, and of ISBNs, of a paper.
pub const MAX_STANDARD_NUMBERS: usize = 50;

/// Checks the length of a text; `what` names it, as in `the name`.
///
/// # Errors
/// A sentence with the length and the limit.
pub fn check_length(what: &str, text: &str, max_chars: usize) -> Result<(), String> {
    // No text has more characters than bytes.
    if text.len() <= max_chars {
        return Ok(());
    }
    match text.chars().count() {
        length if length > max_chars => {
            let beginning: String = text.chars().take(40).collect();
            Err(format!("{what} '{beginning}…' has {length} characters; the maximum is {max_chars}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted() {
        assert_eq!(check_length("the name", &"é".repeat(5), 5), Ok(()));
        assert_eq!(
            check_length("the name", &"é".repeat(6), 5),
            Err("the name 'éééééé…' has 6 characters; the maximum is 5".to_owned())
        );
    }
}
