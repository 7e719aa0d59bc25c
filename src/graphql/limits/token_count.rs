//! The text of a query before it is parsed: how many tokens, and how deep they nest.

/// What a text holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Names, numbers, strings and punctuators, by the lexical grammar of GraphQL (2.1).
    pub count: usize,
    /// The most selections that are open at once.
    pub selections: usize,
    /// The most lists and objects that are open at once in an argument.
    pub values: usize,
}

impl Tokens {
    /// Counts them. A text that is no GraphQL has some number of tokens too.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut tokens = Self::default();
        let (mut braces, mut values, mut parentheses) = (0_usize, 0_usize, 0_usize);
        let mut place = 0;
        while let Some(byte) = bytes.get(place) {
            place = match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' | 0xef | 0xbb | 0xbf => {
                    place += 1;
                    continue;
                }
                b'#' => {
                    place += line(&bytes[place..]);
                    continue;
                }
                b'"' => place + string(&bytes[place..]),
                b'.' => place + run(&bytes[place..], |byte| byte == b'.').min(3),
                byte if is_word(*byte) => place + run(&bytes[place..], is_word),
                _ => place + 1,
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
            tokens.count += 1;
            tokens.selections = tokens.selections.max(braces);
            tokens.values = tokens.values.max(values).max(parentheses);
        }
        tokens
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+') || byte >= 0x80
}

/// How many bytes hold on from the first.
fn run(bytes: &[u8], holds: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| holds(**byte)).count()
}

fn line(bytes: &[u8]) -> usize {
    run(bytes, |byte| byte != b'\n' && byte != b'\r')
}

/// The length of the string that begins here, to its end or that of the text; of a plain one, that of its line.
fn string(bytes: &[u8]) -> usize {
    let is_block = bytes.starts_with(b"\"\"\"");
    let mut place = if is_block { 3 } else { 1 };
    while let Some(byte) = bytes.get(place) {
        let rest = &bytes[place..];
        place += match byte {
            b'\\' if is_block && rest.starts_with(b"\\\"\"\"") => 4,
            b'"' if is_block && rest.starts_with(b"\"\"\"") => return place + 3,
            b'\\' if !is_block => 2,
            b'"' if !is_block => return place + 1,
            b'\n' | b'\r' if !is_block => return place,
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
            let counted = Tokens::of(text).count;
            assert!(counted.abs_diff(count) <= 1, "{text}: {counted}");
        }
    }

    #[test]
    fn nesting() {
        let tokens = Tokens::of("query($a: A = {b: [1]}) { a { b(c: {d: [{}]}) { e } } }");
        assert_eq!((tokens.selections, tokens.values), (3, 3));
        assert_eq!(Tokens::of(&"{a".repeat(100_000)).selections, 100_000);
        assert_eq!(Tokens::of(&format!("{{a(b:{}", "[".repeat(100_000))).values, 100_000);
        // What stands in strings and comments opens nothing.
        assert_eq!(Tokens::of("{ a(b: \"{{{{\") # {{{{\n }").selections, 1);
    }

    proptest! {
        #[test]
        fn any_text_has_tokens(text in "\\PC*|[{}()\\[\\]\"\\\\#.\\n a-z0-9$@!]*") {
            let tokens = Tokens::of(&text);
            prop_assert!(tokens.count <= text.len());
            prop_assert!(tokens.selections <= text.len() && tokens.values <= text.len());
        }
    }
}
