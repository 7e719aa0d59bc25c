//! The key=value form of an address, with the quoting rules of libpq.

use std::iter::Peekable;
use std::str::Chars;

use super::InvalidAddress;
use super::parameters::{self, Given};

/// Parses `host=db.example.org user=app password='with blanks'`. In a value, a backslash takes the next character as it is.
pub(super) fn parse(text: &str) -> Result<Given, InvalidAddress> {
    let mut given = Given::default();
    let mut rest = text.chars().peekable();
    let mut is_after_bare_password = false;
    loop {
        skip_blanks(&mut rest);
        if rest.peek().is_none() {
            return Ok(given);
        }
        let name = take_name(&mut rest);
        skip_blanks(&mut rest);
        if rest.next_if_eq(&'=').is_none() {
            // The name is not repeated: it may be the second word of a password.
            return Err(InvalidAddress::new(
                "a word is not followed by = ; write parameters as name=value, and put a value with blanks in single quotes, \
                 as in password='two words'",
            ));
        }
        skip_blanks(&mut rest);
        let is_quoted = rest.peek() == Some(&'\'');
        let value = if is_quoted { take_quoted(&mut rest)? } else { take_bare(&mut rest) };
        if is_after_bare_password && !parameters::is_known(&name) {
            return Err(InvalidAddress::new(
                "the parameter after password is unknown; if the password has blanks, put it in single quotes, as in \
                 password='two words'",
            ));
        }
        is_after_bare_password = name == "password" && !is_quoted;
        given.insert(&name, value)?;
    }
}

fn skip_blanks(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|character| character.is_ascii_whitespace()).is_some() {}
}

fn take_name(rest: &mut Peekable<Chars<'_>>) -> String {
    let is_name = |character: &char| *character != '=' && !character.is_ascii_whitespace();
    std::iter::from_fn(|| rest.next_if(is_name)).collect()
}

fn take_bare(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut value = String::new();
    while let Some(character) = rest.next_if(|character| !character.is_ascii_whitespace()) {
        match character {
            '\\' => value.extend(rest.next()),
            character => value.push(character),
        }
    }
    value
}

fn take_quoted(rest: &mut Peekable<Chars<'_>>) -> Result<String, InvalidAddress> {
    rest.next();
    let mut value = String::new();
    while let Some(character) = rest.next() {
        match character {
            '\'' => return Ok(value),
            '\\' => value.extend(rest.next()),
            character => value.push(character),
        }
    }
    Err(InvalidAddress::new("a single quote is not closed; inside quotes, write ' as \\' and \\ as \\\\"))
}
