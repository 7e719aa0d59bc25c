//! Excerpts: the beginning of a text, cut at a word boundary.

use unicode_segmentation::UnicodeSegmentation;

/// Returns the longest prefix of at most `max_chars` characters (grapheme clusters of UAX 29) that ends with a whole
/// word, without trailing white space. A single word longer than that is cut.
#[must_use]
pub fn excerpt(text: &str, max_chars: usize) -> &str {
    let text = text.trim_end();
    let Some((limit, _)) = text.grapheme_indices(true).nth(max_chars) else { return text };
    let words = text.split_word_bound_indices().map(|(start, _)| start);
    let boundary =
        words.take_while(|start| *start <= limit).filter(|start| !text[..*start].trim_end().is_empty()).last();
    // A position before punctuation is a word boundary too, and would leave a space before a full stop.
    text[..boundary.unwrap_or(limit)].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn excerpts_end_with_a_word() {
        assert_eq!(excerpt("One two three", 100), "One two three");
        assert_eq!(excerpt("One two three", 13), "One two three");
        assert_eq!(excerpt("One two three", 9), "One two");
        assert_eq!(excerpt("One two three", 7), "One two");
        assert_eq!(excerpt("Incomprehensible", 4), "Inco");
    }

    #[test]
    fn grapheme_clusters_stay_whole() {
        assert_eq!(excerpt("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}e\u{301}");
        assert_eq!(excerpt("👩‍🔬👩‍🔬", 1), "👩‍🔬");
    }

    proptest! {
        #[test]
        fn excerpts_are_prefixes_within_the_limit(text in "\\PC{0,60}", max_chars in 1_usize..40) {
            let prefix = excerpt(&text, max_chars);
            prop_assert!(text.starts_with(prefix));
            prop_assert!(prefix.graphemes(true).count() <= max_chars);
            prop_assert!(prefix.is_empty() == text.trim_end().is_empty() || text.starts_with(char::is_whitespace));
        }
    }
}
