//! Counts the tokens and the nesting depth of a document before it is parsed.

/// Token count and nesting depths of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Names, numbers, strings and punctuators (GraphQL specification, section 2.1).
    pub tokens: usize,
    /// Maximum nesting depth of selection sets.
    pub selection_depth: usize,
    /// Maximum nesting depth of lists and objects in an argument.
    pub value_depth: usize,
}

impl TokenCounts {
    /// Counts the tokens of a text, which need not be valid GraphQL.
    #[must_use]
    pub fn count(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut tokens = Self::default();
        let (mut braces, mut values, mut parentheses) = (0_usize, 0_usize, 0_usize);
        let mut offset = 0;
        while let Some(byte) = bytes.get(offset) {
            offset = match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' | 0xef | 0xbb | 0xbf => {
                    offset += 1;
                    continue;
                }
                b'#' => {
                    offset += line_length(&bytes[offset..]);
                    continue;
                }
                b'"' => offset + string_length(&bytes[offset..]),
                b'.' => offset + run_length(&bytes[offset..], |byte| byte == b'.').min(3),
                byte if is_word_byte(*byte) => offset + run_length(&bytes[offset..], is_word_byte),
                _ => offset + 1,
            };
            match byte {
                b'(' => parentheses += 1,
                b')' => parentheses = parentheses.saturating_sub(1),
                b'{' | b'[' if parentheses > 0 => values += 1,
                b'}' | b']' if parentheses > 0 => values = values.saturating_sub(1),
                b'{' => braces += 1,
                b'}' => braces = braces.saturating_sub(1),
                _ => {}
            }
            tokens.tokens += 1;
            tokens.selection_depth = tokens.selection_depth.max(braces);
            tokens.value_depth = tokens.value_depth.max(values).max(parentheses);
        }
        tokens
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+') || byte >= 0x80
}

/// Returns the length of the prefix whose bytes satisfy the predicate.
fn run_length(bytes: &[u8], predicate: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| predicate(**byte)).count()
}

fn line_length(bytes: &[u8]) -> usize {
    run_length(bytes, |byte| byte != b'\n' && byte != b'\r')
}

/// Returns the length of the string literal at the start of `bytes`. An unterminated string ends with its line; an
/// unterminated block string ends with the text.
fn string_length(bytes: &[u8]) -> usize {
    let is_block = bytes.starts_with(b"\"\"\"");
    let mut offset = if is_block { 3 } else { 1 };
    while let Some(byte) = bytes.get(offset) {
        let rest = &bytes[offset..];
        offset += match byte {
            b'\\' if is_block && rest.starts_with(b"\\\"\"\"") => 4,
            b'"' if is_block && rest.starts_with(b"\"\"\"") => return offset + 3,
            b'\\' if !is_block => 2,
            b'"' if !is_block => return offset + 1,
            b'\n' | b'\r' if !is_block => return offset,
            _ => 1,
        };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_of_the_grammar() {
        for (text, count) in [
            ("", 0),
            ("{ a }", 3),
            ("query($a:[Int!]=[1,2]){b(c:$a)}#comment {{{", 24),
            ("{ a(b: \"c } \\\" {\") ...F }", 10),
            ("{ a(b: \"\"\"c \" \\\"\"\" }\"\"\") }", 8),
            ("\u{feff}{ a }", 3),
            ("-1.5e10 1 ...", 4),
        ] {
            let counted = TokenCounts::count(text).tokens;
            assert!(counted.abs_diff(count) <= 1, "{text}: {counted}");
        }
    }

    #[test]
    fn nesting() {
        let tokens = TokenCounts::count("query($a: A = {b: [1]}) { a { b(c: {d: [{}]}) { e } } }");
        assert_eq!((tokens.selection_depth, tokens.value_depth), (3, 3));
        assert_eq!(TokenCounts::count(&"{a".repeat(100_000)).selection_depth, 100_000);
        assert_eq!(TokenCounts::count(&format!("{{a(b:{}", "[".repeat(100_000))).value_depth, 100_000);
        // Strings and comments do not open a level.
        assert_eq!(TokenCounts::count("{ a(b: \"{{{{\") # {{{{\n }").selection_depth, 1);
    }

    proptest! {
        #[test]
        fn any_text_has_tokens(text in "\\PC*|[{}()\\[\\]\"\\\\#.\\n a-z0-9$@!]*") {
            let tokens = TokenCounts::count(&text);
            prop_assert!(tokens.tokens <= text.len());
            prop_assert!(tokens.selection_depth <= text.len() && tokens.value_depth <= text.len());
        }
    }
}
