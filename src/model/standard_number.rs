//! Standard numbers of publications: ISSN (ISO 3297) and ISBN (ISO 2108), with their check digits.

use std::fmt;

/// A valid standard number in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StandardNumber {
    /// An ISSN, as `1234-5679`.
    Issn(String),
    /// An ISBN of 13 digits without hyphens, as `9783161484100`. An ISBN of 10 digits is converted.
    Isbn(String),
}

/// The reason why a text is not a standard number.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStandardNumber {
    /// The check digit is wrong.
    #[error("'{0}' is not a valid {1}: its check digit is wrong")]
    CheckDigit(String, NumberKind),
    /// It has another form.
    #[error("'{0}' is not an ISSN or ISBN")]
    Form(String),
}

/// A kind of standard number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// International Standard Serial Number.
    Issn,
    /// International Standard Book Number.
    Isbn,
}

impl fmt::Display for NumberKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Issn => "ISSN",
            Self::Isbn => "ISBN",
        })
    }
}

/// Maximum number of characters of a text that an error repeats.
const MAX_QUOTED_CHARS: usize = 40;

/// Returns the standard numbers in a text, such as `0028-0836 (print), 1476-4687`, or why a part of it is none.
/// The number of digits decides which kind a number is, since sources confuse the fields. A text without digits has no
/// standard numbers.
#[must_use]
pub fn parse_standard_numbers(text: &str) -> Vec<Result<StandardNumber, InvalidStandardNumber>> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, 'x' | 'X') || c.is_whitespace() || is_dash(c);
    let mut numbers = Vec::new();
    for run in text.split(|c: char| !is_part(c)).filter(|run| run.contains(|c: char| c.is_ascii_digit())) {
        // An ISBN may be divided by spaces, and spaces may divide several numbers.
        if matches!(digits_of(run).len(), 8 | 10 | 13) {
            numbers.push(parse_standard_number(run));
        } else {
            let words = run.split_whitespace().filter(|word| word.contains(|c: char| c.is_ascii_digit()));
            numbers.extend(words.map(parse_standard_number));
        }
    }
    let is_form = |number: &Result<_, InvalidStandardNumber>| matches!(number, Err(InvalidStandardNumber::Form(_)));
    if numbers.iter().all(is_form) {
        numbers.truncate(1);
        numbers.iter_mut().for_each(|number| *number = Err(InvalidStandardNumber::Form(quoted(text))));
    }
    // The 13 of `ISBN-13:` is a label, not a number.
    let is_label = |number: &Result<_, InvalidStandardNumber>| match number {
        Err(InvalidStandardNumber::Form(form)) => digits_of(form).len() <= 2,
        _ => false,
    };
    if numbers.iter().any(Result::is_ok) {
        numbers.retain(|number| !is_label(number));
    }
    numbers
}

/// Returns the standard number that a text is, with or without hyphens and spaces.
///
/// # Errors
/// If the form or the check digit is wrong.
pub fn parse_standard_number(text: &str) -> Result<StandardNumber, InvalidStandardNumber> {
    let digits = digits_of(text);
    let quoted = || quoted(text);
    let is_form = digits.bytes().enumerate().all(|(index, digit)| digit != b'X' || index + 1 == digits.len());
    match digits.len() {
        8 if is_form => match weighted_sum(&digits, 8) % 11 {
            0 => Ok(StandardNumber::Issn(format!("{}-{}", &digits[..4], &digits[4..]))),
            _ => Err(InvalidStandardNumber::CheckDigit(quoted(), NumberKind::Issn)),
        },
        10 if is_form => match weighted_sum(&digits, 10) % 11 {
            0 => Ok(StandardNumber::Isbn(isbn_of_ten(&digits))),
            _ => Err(InvalidStandardNumber::CheckDigit(quoted(), NumberKind::Isbn)),
        },
        13 if is_form && !digits.ends_with('X') && (digits.starts_with("978") || digits.starts_with("979")) => {
            if digits.ends_with(ean_check_digit(&digits[..12])) {
                Ok(StandardNumber::Isbn(digits))
            } else {
                Err(InvalidStandardNumber::CheckDigit(quoted(), NumberKind::Isbn))
            }
        }
        _ => Err(InvalidStandardNumber::Form(quoted())),
    }
}

/// The beginning of a text, for an error.
fn quoted(text: &str) -> String {
    text.trim().chars().take(MAX_QUOTED_CHARS).collect()
}

fn is_dash(character: char) -> bool {
    matches!(character, '-' | '‐' | '‑' | '‒' | '–' | '—' | '−')
}

/// The digits of a number, and an `X`.
fn digits_of(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_digit() || matches!(c, 'x' | 'X')).map(|c| c.to_ascii_uppercase()).collect()
}

/// The sum of the digits, the first times a weight, each later one times one less. `X` is 10.
fn weighted_sum(digits: &str, weight: u32) -> u32 {
    let value = |digit: char| digit.to_digit(10).unwrap_or(10);
    digits.chars().zip((1..=weight).rev()).map(|(digit, weight)| value(digit) * weight).sum()
}

/// The check digit of the first 12 digits of an ISBN of 13 digits.
fn ean_check_digit(digits: &str) -> char {
    let sum: u32 = digits
        .chars()
        .zip([1, 3].into_iter().cycle())
        .map(|(digit, weight)| digit.to_digit(10).unwrap_or(0) * weight)
        .sum();
    char::from_digit((10 - sum % 10) % 10, 10).unwrap_or('0')
}

fn isbn_of_ten(digits: &str) -> String {
    let with_prefix = format!("978{}", &digits[..9]);
    let check_digit = ean_check_digit(&with_prefix);
    format!("{with_prefix}{check_digit}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(text: &str) -> Vec<String> {
        let number = |parsed| match parsed {
            Ok(StandardNumber::Issn(number)) => format!("issn {number}"),
            Ok(StandardNumber::Isbn(number)) => format!("isbn {number}"),
            Err(error) => format!("{error}"),
        };
        parse_standard_numbers(text).into_iter().map(number).collect()
    }

    #[test]
    fn numbers_as_sources_write_them() {
        for (text, expected) in [
            ("0028-0836", vec!["issn 0028-0836"]),
            ("ISSN: 00280836", vec!["issn 0028-0836"]),
            ("2434-561x", vec!["issn 2434-561X"]),
            ("0028–0836 (Print) 1476-4687 (Electronic)", vec!["issn 0028-0836", "issn 1476-4687"]),
            ("0028-0836 1476-4687", vec!["issn 0028-0836", "issn 1476-4687"]),
            ("978-3-16-148410-0", vec!["isbn 9783161484100"]),
            ("ISBN-13: 978 3 16 148410 0", vec!["isbn 9783161484100"]),
            ("0-306-40615-2", vec!["isbn 9780306406157"]),
            ("080442957X; 9783161484100", vec!["isbn 9780804429573", "isbn 9783161484100"]),
            ("9780306406157 9783161484100", vec!["isbn 9780306406157", "isbn 9783161484100"]),
            ("979-10-90636-07-1", vec!["isbn 9791090636071"]),
            ("0028-0837", vec!["'0028-0837' is not a valid ISSN: its check digit is wrong"]),
            ("978-3-16-148410-1", vec!["'978-3-16-148410-1' is not a valid ISBN: its check digit is wrong"]),
            ("0-306-40615-3", vec!["'0-306-40615-3' is not a valid ISBN: its check digit is wrong"]),
            ("part-2 of 3", vec!["'part-2 of 3' is not an ISSN or ISBN"]),
            ("12345", vec!["'12345' is not an ISSN or ISBN"]),
            ("X0280836", vec!["'X0280836' is not an ISSN or ISBN"]),
            ("1233161484100", vec!["'1233161484100' is not an ISSN or ISBN"]),
            ("electronic", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(numbers(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn valid_numbers_parse_to_themselves(text in "\\PC{0,40}|[0-9Xx -]{7,20}") {
            for number in parse_standard_numbers(&text).into_iter().flatten() {
                let (StandardNumber::Issn(written) | StandardNumber::Isbn(written)) = &number;
                prop_assert_eq!(parse_standard_numbers(written), vec![Ok(number.clone())]);
            }
        }

        #[test]
        fn one_wrong_digit_is_detected(digits in "97[89][0-9]{9}", position in 3..12_usize, step in 1..10_u32) {
            let isbn = format!("{digits}{}", ean_check_digit(&digits));
            prop_assert!(parse_standard_number(&isbn).is_ok());
            let changed = isbn.char_indices().map(|(index, digit)| {
                let value = digit.to_digit(10).unwrap_or(0);
                if index == position { char::from_digit((value + step) % 10, 10).unwrap_or(digit) } else { digit }
            });
            let changed: String = changed.collect();
            prop_assert!(parse_standard_number(&changed).is_err());
        }
    }
}
