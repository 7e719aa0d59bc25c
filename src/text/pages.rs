//! Page numbers: one form for all sources.
//!
//! The two ends of a range are joined by an en dash without spaces: `123–145`, `S12–S15`, `1-5–1-9`. Ranges and single
//! pages are separated by a comma and a space. An abbreviated end is complete: `1221-5` becomes `1221–1225`.

/// The page numbers and the article number that a source's text for pages states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// The pages, in the form above.
    pub pages: Option<String>,
    /// The article number, if the text is one: `e12345`, `Article 17`, or six digits and more.
    pub article_number: Option<String>,
}

/// The digits of the smallest number that is an article number rather than a page.
const MIN_ARTICLE_NUMBER_DIGITS: usize = 6;
/// Maximum number of passes until nothing changes: odd texts lose a stray dash in each.
const MAX_PASSES: usize = 20;
/// What stands before pages or article numbers, in lower case.
const PAGE_LABELS: [&str; 9] = ["pages", "page", "pags.", "págs.", "pp.", "pp", "pgs.", "pg.", "p."];
const ARTICLE_LABELS: [&str; 9] = [
    "article number",
    "article no.",
    "article no",
    "article id",
    "art. no.",
    "art. no",
    "article",
    "art.",
    "paper no.",
];

/// Parses the text that a source has for pages. Applied to its own result, it changes nothing.
#[must_use]
pub fn parse_pages(text: &str) -> Pages {
    let mut parsed = parse_pages_once(text);
    for _ in 0..MAX_PASSES {
        let Some(pages) = &parsed.pages else { break };
        let next = parse_pages_once(pages);
        if next == parsed {
            break;
        }
        parsed = next;
    }
    parsed
}

fn parse_pages_once(text: &str) -> Pages {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(number) = strip_label(&text, &ARTICLE_LABELS).filter(|number| is_article_label(number)) {
        return Pages { article_number: Some(number.to_owned()), ..Pages::default() };
    }
    if is_page_count(&text) {
        return Pages::default();
    }
    let mut text = text.as_str();
    while let Some(rest) = strip_label(text, &PAGE_LABELS) {
        text = rest;
    }
    let parts: Vec<String> = text.split([',', ';', '&']).map(parse_part).filter(|part| !part.is_empty()).collect();
    let pages = parts.join(", ");
    if is_article_number(&pages) {
        return Pages { article_number: Some(pages), ..Pages::default() };
    }
    Pages { pages: Some(pages).filter(|pages| !pages.is_empty()), article_number: None }
}

/// The pages with another dash in place of en dashes, as formats have them, unless these would be read otherwise.
#[must_use]
pub fn pages_with_dash(pages: &str, dash: &str) -> String {
    let replaced = pages.replace('–', dash);
    if parse_pages(&replaced).pages.as_deref() == Some(pages) { replaced } else { pages.to_owned() }
}

/// The two ends of the pages if they are one range.
#[must_use]
pub fn page_ends(pages: &str) -> Option<(&str, &str)> {
    pages.split_once('–').filter(|(first, last)| !first.contains(", ") && !last.contains([',', '–']))
}

/// Whether a text is an article number: `e0123456`, `e2020GL12345`, or a number with more digits than pages have.
fn is_article_number(text: &str) -> bool {
    let mut bytes = text.bytes();
    match bytes.next() {
        Some(b'e' | b'E') => {
            bytes.next().is_some_and(|byte| byte.is_ascii_digit())
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        }
        Some(b'0'..=b'9') => text.len() >= MIN_ARTICLE_NUMBER_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

/// Whether a text is the number of pages of a book: `xii, 320 p.`
fn is_page_count(text: &str) -> bool {
    let lower = text.to_lowercase();
    let number = [" p.", " p", " pp.", " pp", " pages", " s."].iter().find_map(|label| lower.strip_suffix(label));
    number.is_some_and(|number| number.ends_with(|c: char| c.is_ascii_digit()))
}

/// Whether a text after the word "article" is its number.
fn is_article_label(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit()) && !text.contains(' ')
}

/// The text after a label, if it begins with one and a digit, a space or a colon follows.
fn strip_label<'a>(text: &'a str, labels: &[&str]) -> Option<&'a str> {
    labels.iter().find_map(|label| {
        let start = text.get(..label.len()).filter(|start| start.to_lowercase() == *label)?;
        let rest = &text[start.len()..];
        let is_end =
            label.ends_with('.') || rest.starts_with(|c: char| matches!(c, ' ' | ':' | '.') || c.is_ascii_digit());
        let rest = rest.trim_start_matches([' ', ':', '.', '#']);
        Some(rest).filter(|rest| is_end && !rest.is_empty())
    })
}

/// Parses a page or a range. Words before it are kept: `discussion 145-6`.
fn parse_part(text: &str) -> String {
    let text = join_dashes(text.trim());
    let (words, range) = match text.rsplit_once(' ') {
        Some((words, range)) if !words.contains(|c: char| c.is_ascii_digit()) => (format!("{words} "), range),
        Some(_) => return text,
        None => (String::new(), text.as_str()),
    };
    match split_range(range) {
        _ if is_missing(range) => String::new(),
        Some((first, last)) if is_missing(first) && is_missing(last) => String::new(),
        Some((first, last)) if is_missing(last) || first == last => format!("{words}{first}"),
        Some((first, last)) if is_missing(first) => format!("{words}{last}"),
        Some((first, last)) => match complete_end(first, last) {
            Some(last) => format!("{words}{first}–{last}"),
            // "3-1" is page 1 of chapter 3.
            None if !range.contains('–') => format!("{words}{range}"),
            None => format!("{words}{first}–{last}"),
        },
        None => format!("{words}{range}"),
    }
}

/// Whether an end of a range stands for no page: `n/a`, `no`, `-`.
fn is_missing(end: &str) -> bool {
    let end = end.trim_matches(|c| matches!(c, '-' | '–' | '.' | ' '));
    end.is_empty()
        || ["n/a", "na", "no", "null", "none", "undefined", "?"].iter().any(|none| end.eq_ignore_ascii_case(none))
}

/// Unifies dashes: those between the ends of a range become an en dash, without spaces around it. One hyphen may be
/// part of a page number.
fn join_dashes(text: &str) -> String {
    let unified: String = text
        .chars()
        .map(|character| match character {
            '‐' | '‑' | '‒' | '−' => '-',
            '—' | '―' => '–',
            other => other,
        })
        .collect();
    let mut joined = String::with_capacity(unified.len());
    let mut rest = unified.as_str();
    while let Some(start) = rest.find(['-', '–']) {
        let end = start + rest[start..].find(|c| !matches!(c, '-' | '–')).unwrap_or(rest.len() - start);
        let dashes = &rest[start..end];
        joined.push_str(rest[..start].trim_end_matches(' '));
        joined.push_str(if dashes == "-" { "-" } else { "–" });
        rest = rest[end..].trim_start_matches(' ');
    }
    joined + rest
}

/// Splits a range at its en dash, or at the hyphen in the middle if both ends are numbers.
fn split_range(text: &str) -> Option<(&str, &str)> {
    if let Some(ends) = text.split_once('–') {
        return Some(ends).filter(|(_, last)| !last.contains('–'));
    }
    let hyphens: Vec<usize> = text.match_indices('-').map(|(index, _)| index).collect();
    let middle = *hyphens.get(hyphens.len() / 2).filter(|_| hyphens.len() % 2 == 1)?;
    let (first, last) = (&text[..middle], &text[middle + 1..]);
    let is_empty = first.is_empty() || last.is_empty();
    let is_range = is_empty || is_missing(first) && is_missing(last) || is_page(first) && is_page(last);
    // "1-5-1-9" is a range of pages such as "1-5", "12-15-18" is not.
    let prefix = |end: &str| end.rsplit_once('-').map(|(prefix, _)| prefix.to_owned());
    Some((first, last)).filter(|_| is_range && (hyphens.len() == 1 || prefix(first) == prefix(last)))
}

/// Whether a text is the number of a page: it has a digit, or is a Roman numeral.
fn is_page(text: &str) -> bool {
    let is_roman = |c: char| matches!(c.to_ascii_lowercase(), 'i' | 'v' | 'x' | 'l' | 'c' | 'd' | 'm');
    text.contains(|c: char| c.is_ascii_digit()) || (!text.is_empty() && text.chars().all(is_roman))
}

/// The end of a range, completed by the digits and letters that it shares with the start: `1221`, `5` → `1225`. `None`
/// if it is before the start.
fn complete_end(first: &str, last: &str) -> Option<String> {
    let split = |text: &str| -> Option<(usize, u64)> {
        let start = text
            .rfind(|c: char| !c.is_ascii_digit())
            .map_or(0, |index| index + text[index..].chars().next().map_or(1, char::len_utf8));
        Some((start, text[start..].parse().ok()?))
    };
    let (Some((first_start, first_number)), Some((last_start, last_number))) = (split(first), split(last)) else {
        return Some(last.to_owned());
    };
    let (prefix, first_digits) = first.split_at(first_start);
    let (last_prefix, last_digits) = last.split_at(last_start);
    if !last_prefix.is_empty() && last_prefix != prefix {
        return Some(last.to_owned());
    }
    if last_digits.len() >= first_digits.len() {
        let is_after = last_number >= first_number || !last_prefix.is_empty();
        return is_after
            .then(|| format!("{prefix}{last_digits}"))
            .filter(|_| last_prefix == prefix || !prefix.contains('-'));
    }
    let shared = &first_digits[..first_digits.len() - last_digits.len()];
    let completed: u64 = format!("{shared}{last_digits}").parse().ok()?;
    (completed > first_number).then(|| format!("{prefix}{shared}{last_digits}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_as_sources_write_them() {
        for (text, expected) in [
            ("123--145", "123–145"),
            ("123-145", "123–145"),
            ("123 – 145", "123–145"),
            ("123—145", "123–145"),
            ("pp. 123-145", "123–145"),
            ("Pages: 123-145", "123–145"),
            ("p.12", "12"),
            ("12", "12"),
            ("1221-5", "1221–1225"),
            ("123-45", "123–145"),
            ("S12-5", "S12–S15"),
            ("S12-S15", "S12–S15"),
            ("e12-e15", "e12–e15"),
            ("189-2", "189-2"),
            ("3-1", "3-1"),
            ("A-12", "A-12"),
            ("xii-xx", "xii–xx"),
            ("1-5--1-9", "1-5–1-9"),
            ("1-5-1-9", "1-5–1-9"),
            ("I-123-I-130", "I-123–I-130"),
            ("12-15-18", "12-15-18"),
            ("12:1--12:23", "12:1–12:23"),
            ("12-15, 27;30-1", "12–15, 27, 30–31"),
            ("123-45; discussion 145-6", "123–145, discussion 145–146"),
            ("123-123", "123"),
            ("123-", "123"),
            ("123 ff.", "123 ff."),
            ("xii, 320 p.", ""),
            ("320 pages", ""),
            ("n/a-n/a", ""),
            ("no-no", ""),
            ("-", ""),
            ("", ""),
        ] {
            let parsed = parse_pages(text);
            assert_eq!(parsed.pages.as_deref().unwrap_or_default(), expected, "{text}");
            assert_eq!(parsed.article_number, None, "{text}");
        }
    }

    #[test]
    fn article_numbers() {
        for (text, expected) in [
            ("e12345", "e12345"),
            ("e0123456", "e0123456"),
            ("e2020GL12345", "e2020GL12345"),
            ("e7-e7", "e7"),
            ("104567", "104567"),
            ("Article 17", "17"),
            ("Article number 104567", "104567"),
            ("Art. No. A12", "A12"),
        ] {
            let parsed = parse_pages(text);
            assert_eq!((parsed.pages, parsed.article_number.as_deref()), (None, Some(expected)), "{text}");
        }
    }

    #[test]
    fn hyphens_where_they_are_read_the_same() {
        for (pages, expected) in [
            ("123–145", "123-145"),
            ("1-5–1-9", "1-5-1-9"),
            ("a–b", "a–b"),
            ("189–2", "189–2"),
            ("12–15, 27", "12-15, 27"),
        ] {
            assert_eq!(pages_with_dash(pages, "-"), expected);
        }
        assert_eq!(page_ends("123–145"), Some(("123", "145")));
        assert_eq!((page_ends("12–15, 27"), page_ends("12")), (None, None));
    }

    proptest! {
        #[test]
        fn canonical_pages_stay(text in "[0-9eSx ,;:&–—.-]{0,14}|\\PC{0,20}|[0-9]{1,5}-{1,2}[0-9]{1,5}") {
            let once = parse_pages(&text);
            if let Some(pages) = &once.pages {
                prop_assert_eq!(parse_pages(pages), once.clone(), "{}", text);
                for dash in ["-", "--"] {
                    prop_assert_eq!(parse_pages(&pages_with_dash(pages, dash)), once.clone());
                }
            }
        }
    }
}
