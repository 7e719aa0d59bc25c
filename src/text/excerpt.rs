//! Excerpts: the beginning of a text, cut at a word boundary.

use unicode_segmentation::UnicodeSegmentation;

/// Returns the longest prefix of at most `most` characters (grapheme clusters of UAX 29) that ends with a whole word,
/// without trailing white space. A single word longer than `most` is cut.
#[must_use]
pub fn excerpt(text: &str, most: usize) -> &str {
    let text = text.trim_end();
    let Some((limit, _)) = text.grapheme_indices(true).nth(most) else { return text };
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
    fn cuts_at_words() {
        assert_eq!(excerpt("One two three", 100), "One two three");
        assert_eq!(excerpt("One two three", 13), "One two three");
        assert_eq!(excerpt("One two three", 9), "One two");
        assert_eq!(excerpt("One two three", 7), "One two");
        assert_eq!(excerpt("Incomprehensible", 4), "Inco");
    }

    #[test]
    fn never_inside_a_character() {
        assert_eq!(excerpt("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}e\u{301}");
        assert_eq!(excerpt("👩‍🔬👩‍🔬", 1), "👩‍🔬");
    }

    proptest! {
        #[test]
        fn is_a_beginning_within_the_limit(text in "\\PC{0,60}", most in 1_usize..40) {
            let shown = excerpt(&text, most);
            prop_assert!(text.starts_with(shown));
            prop_assert!(shown.graphemes(true).count() <= most);
            prop_assert!(shown.is_empty() == text.trim_end().is_empty() || text.starts_with(char::is_whitespace));
        }
    }
}
