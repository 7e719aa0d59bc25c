//! The tokens of a GraphQL document (GraphQL specification, section 2.1).

use std::borrow::Cow;
use std::fmt;

use async_graphql::Pos;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// One of `! $ & ( ) : = @ [ ] { | }`.
    Punctuator(char),
    /// `...`
    Spread,
    Name(&'a str),
    Int(&'a str),
    Float(&'a str),
    /// The value of a string or a block string.
    String(String),
    /// The end of the document.
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Punctuator(character) => write!(formatter, "`{character}`"),
            Self::Spread => formatter.write_str("`...`"),
            Self::Name(text) | Self::Int(text) | Self::Float(text) => write!(formatter, "`{text}`"),
            Self::String(_) => formatter.write_str("a string"),
            Self::End => formatter.write_str("the end of the document"),
        }
    }
}

/// What is wrong with the syntax of a document, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub message: Cow<'static, str>,
    pub position: Pos,
}

/// Splits a document into tokens.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// The offset of the next character to read.
    offset: usize,
    /// The last offset whose position was asked for, and its position. Positions are counted on from here, so that all
    /// of a document take linear time.
    counted: (usize, Pos),
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, offset: 0, counted: (0, Pos { line: 1, column: 1 }) }
    }

    /// Returns the next token and the position of its first character.
    ///
    /// # Errors
    /// If the text is not a token.
    pub fn next_token(&mut self) -> Result<(Token<'a>, Pos), SyntaxError> {
        self.skip_ignored();
        let start = self.offset;
        let position = self.position_at(start);
        let token = match self.peek() {
            None => Token::End,
            Some(b'"') if self.rest().starts_with("\"\"\"") => Token::String(self.block_string(position)?),
            Some(b'"') => Token::String(self.string(position)?),
            Some(b'.') if self.rest().starts_with("...") => {
                self.offset += 3;
                Token::Spread
            }
            Some(byte @ (b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}')) => {
                self.offset += 1;
                Token::Punctuator(char::from(byte))
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(byte) if is_name_start(byte) => {
                self.skip_while(|byte| is_name_start(byte) || byte.is_ascii_digit());
                Token::Name(&self.text[start..self.offset])
            }
            Some(_) => {
                let character = self.rest().chars().next().unwrap_or_default();
                return Err(self.error_at(start, format!("unexpected character {character:?}")));
            }
        };
        Ok((token, position))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn skip_while(&mut self, predicate: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&predicate) {
            self.offset += 1;
        }
    }

    /// Skips white space, line ends, commas, comments and byte order marks.
    fn skip_ignored(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',') => self.offset += 1,
                Some(b'#') => self.skip_while(|byte| byte != b'\n' && byte != b'\r'),
                Some(_) if self.rest().starts_with('\u{feff}') => self.offset += '\u{feff}'.len_utf8(),
                _ => return,
            }
        }
    }

    /// Returns the position of an offset. Columns count characters.
    fn position_at(&mut self, offset: usize) -> Pos {
        let (mut counted, mut position) = self.counted;
        if offset < counted {
            (counted, position) = (0, Pos { line: 1, column: 1 });
        }
        let bytes = self.text.as_bytes();
        for (index, byte) in bytes.iter().enumerate().take(offset).skip(counted) {
            match byte {
                // `\r\n` is one line end.
                b'\n' if index > 0 && bytes[index - 1] == b'\r' => {}
                b'\n' | b'\r' => position = Pos { line: position.line + 1, column: 1 },
                // The later bytes of a character.
                0x80..=0xbf => {}
                _ => position.column += 1,
            }
        }
        self.counted = (offset, position);
        position
    }

    fn error_at(&mut self, offset: usize, message: impl Into<Cow<'static, str>>) -> SyntaxError {
        SyntaxError { message: message.into(), position: self.position_at(offset) }
    }

    fn number(&mut self) -> Result<Token<'a>, SyntaxError> {
        let start = self.offset;
        self.offset += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.offset += 1;
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.error_at(start, "a number must not begin with 0"));
            }
        } else {
            self.digits(start)?;
        }
        let mut is_float = false;
        if self.peek() == Some(b'.') {
            is_float = true;
            self.offset += 1;
            self.digits(start)?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_float = true;
            self.offset += 1;
            self.offset += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits(start)?;
        }
        if self.peek().is_some_and(|byte| byte == b'.' || is_name_start(byte)) {
            return Err(self.error_at(start, "a number must not be followed by a letter or a dot"));
        }
        let text = &self.text[start..self.offset];
        Ok(if is_float { Token::Float(text) } else { Token::Int(text) })
    }

    fn digits(&mut self, start: usize) -> Result<(), SyntaxError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.error_at(start, "a number needs digits after its sign, dot and exponent"));
        }
        self.skip_while(|byte| byte.is_ascii_digit());
        Ok(())
    }

    fn string(&mut self, position: Pos) -> Result<String, SyntaxError> {
        self.offset += 1;
        let mut value = String::new();
        loop {
            let start = self.offset;
            self.skip_while(|byte| !matches!(byte, b'"' | b'\\' | b'\n' | b'\r'));
            value.push_str(&self.text[start..self.offset]);
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(value);
                }
                Some(b'\\') => value.push(self.escape()?),
                _ => {
                    let message =
                        "the string is not closed on its line; close it with \", or use a block string (\"\"\")";
                    return Err(SyntaxError { message: message.into(), position });
                }
            }
        }
    }

    /// Reads an escape sequence, such as `\n`, `\u00e9`, `\u{1f600}` or the surrogate pair `\ud83d\ude00`.
    fn escape(&mut self) -> Result<char, SyntaxError> {
        let start = self.offset;
        let kind = self.text.as_bytes().get(start + 1).copied();
        self.offset += 2;
        let character = match kind {
            Some(byte @ (b'"' | b'\\' | b'/')) => Some(char::from(byte)),
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(b'n') => Some('\n'),
            Some(b'r') => Some('\r'),
            Some(b't') => Some('\t'),
            Some(b'u') => self.unicode_escape(),
            _ => None,
        };
        character.ok_or_else(|| {
            let message = "invalid escape sequence in a string; write a backslash as \\\\, and a character as \\uXXXX or \
                           \\u{X}, where X are hexadecimal digits of a Unicode character";
            self.error_at(start, message)
        })
    }

    /// Reads what follows `\u`.
    fn unicode_escape(&mut self) -> Option<char> {
        if let Some(braced) = self.rest().strip_prefix('{') {
            let (digits, _) = braced.split_once('}')?;
            self.offset += digits.len() + 2;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            return char::from_u32(u32::from_str_radix(digits, 16).ok().filter(|_| is_number)?);
        }
        let code = self.four_digits()?;
        match code {
            0xd800..0xdc00 => {
                self.offset += self.rest().strip_prefix("\\u").map(|_| 2)?;
                let trailing = self.four_digits().filter(|trailing| (0xdc00..0xe000).contains(trailing))?;
                char::from_u32(0x10000 + ((code - 0xd800) << 10) + (trailing - 0xdc00))
            }
            code => char::from_u32(code),
        }
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        self.offset += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn block_string(&mut self, position: Pos) -> Result<String, SyntaxError> {
        self.offset += 3;
        let mut raw = String::new();
        loop {
            let start = self.offset;
            self.skip_while(|byte| !matches!(byte, b'"' | b'\\'));
            raw.push_str(&self.text[start..self.offset]);
            let rest = self.rest();
            if rest.starts_with("\"\"\"") {
                self.offset += 3;
                return Ok(block_string_value(&raw));
            }
            if rest.starts_with("\\\"\"\"") {
                raw.push_str("\"\"\"");
                self.offset += 4;
            } else if let Some(byte) = self.peek() {
                raw.push(char::from(byte));
                self.offset += 1;
            } else {
                let message = "the block string is not closed; close it with \"\"\"";
                return Err(SyntaxError { message: message.into(), position });
            }
        }
    }
}

fn is_name_start(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphabetic()
}

/// Removes the common indentation of a block string, and its blank lines at the beginning and the end (GraphQL
/// specification, section 2.9.4).
fn block_string_value(raw: &str) -> String {
    let text = raw.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    let indentation = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let is_blank = |line: &&str| indentation(line) == line.len();
    let common = lines.iter().skip(1).filter(|line| !is_blank(line)).map(|line| indentation(line)).min().unwrap_or(0);
    let dedented = lines
        .iter()
        .enumerate()
        .map(|(index, line)| if index == 0 { *line } else { line.get(common..).unwrap_or_default() });
    let dedented: Vec<&str> = dedented.collect();
    let Some(first) = dedented.iter().position(|line| !is_blank(line)) else { return String::new() };
    let last = dedented.iter().rposition(|line| !is_blank(line)).unwrap_or(first);
    dedented[first..=last].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<Token<'_>>, SyntaxError> {
        let mut lexer = Lexer::new(text);
        let mut tokens = Vec::new();
        loop {
            match lexer.next_token()?.0 {
                Token::End => return Ok(tokens),
                token => tokens.push(token),
            }
        }
    }

    fn string(text: &str) -> Option<String> {
        match tokens(text).ok()?.as_slice() {
            [Token::String(value)] => Some(value.clone()),
            _ => None,
        }
    }

    #[test]
    fn tokens_of_all_kinds() {
        let expected = vec![
            Token::Punctuator('{'),
            Token::Name("a_1"),
            Token::Spread,
            Token::Int("-0"),
            Token::Float("1.5e-3"),
            Token::String("x".to_owned()),
            Token::Punctuator('@'),
        ];
        assert_eq!(tokens("\u{feff}{,a_1 ...-0 1.5e-3 # { \" \r\n\"x\"@"), Ok(expected));
    }

    #[test]
    fn escapes() {
        for (text, value) in [
            (r#""""#, ""),
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r#""\u00e9\u00E9""#, "éé"),
            (r#""\u{e9}\u{1F600}\u{00000041}""#, "é😀A"),
            (r#""\ud83d\ude00""#, "😀"),
            ("\"é\t😀\"", "é\t😀"),
        ] {
            assert_eq!(string(text).as_deref(), Some(value), "{text}");
        }
        for text in [
            r#""\x""#,
            r#""\u12""#,
            r#""\u12g4""#,
            r#""\ud83d""#,
            r#""\ud83d\u0041""#,
            r#""\ude00""#,
            r#""\u{}""#,
            r#""\u{d800}""#,
            r#""\u{110000}""#,
            r#""\u{+41}""#,
            r#""\u{41""#,
            r#""\""#,
            r#"""#,
            "\"a\nb\"",
            "\"\\é\"",
        ] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }

    #[test]
    fn block_strings() {
        for (text, value) in [
            ("\"\"\"\"\"\"", ""),
            ("\"\"\"a \\n \\\"\"\" \" \"\" b\"\"\"", "a \\n \"\"\" \" \"\" b"),
            ("\"\"\"\r\n\r\n    a\r      b\n\n    c\n  \t\n\"\"\"", "a\n  b\n\nc"),
            ("\"\"\"  a\n    b\"\"\"", "  a\nb"),
        ] {
            assert_eq!(string(text).as_deref(), Some(value), "{text}");
        }
        assert!(tokens("\"\"\"a").is_err());
    }

    #[test]
    fn invalid_tokens() {
        for text in ["00", "01", "-", "1.", "1.e1", "1e", "1a", "1.2.3", "0x1", "..", "é", "%", "\0", "'a'", "+1"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }

    #[test]
    fn positions() {
        let mut lexer = Lexer::new("a\r\n é\"é\" b\rc");
        let mut position = || lexer.next_token().map(|(_, at)| (at.line, at.column)).map_err(|error| error.position);
        assert_eq!(position(), Ok((1, 1)));
        assert_eq!(position(), Err(Pos { line: 2, column: 2 }));
        let mut lexer = Lexer::new("a\r\n \"é\" b\r\"c");
        let mut position = || lexer.next_token().map(|(_, at)| (at.line, at.column)).map_err(|error| error.position);
        assert_eq!([position(), position(), position()], [Ok((1, 1)), Ok((2, 2)), Ok((2, 6))]);
        assert_eq!(position(), Err(Pos { line: 3, column: 1 }));
    }
}
