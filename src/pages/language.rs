//! The two languages of the pages: how each writes numbers, dates, counts and the names of languages.

use crate::model::language::AcceptedLanguages;
use crate::pages::text::{ENGLISH, FRENCH, Plural, Texts};

/// A language that the pages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// French.
    French,
}

/// All languages of the pages.
pub const LANGUAGES: [Language; 2] = [Language::English, Language::French];

impl Language {
    /// The language with this code in an address.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        LANGUAGES.into_iter().find(|language| language.code() == code)
    }

    /// The language that a client prefers by its `Accept-Language`, or else that of the directory, or else English.
    #[must_use]
    pub fn negotiate(accept_language: &str, directory_language: &str) -> Self {
        let primary = |tag: &str| Self::from_code(&tag.split('-').next().unwrap_or_default().to_ascii_lowercase());
        let accepted = AcceptedLanguages::parse(accept_language);
        let preferred = accepted.preferred.iter().find_map(|tag| primary(tag.as_str()));
        preferred.or_else(|| primary(directory_language)).unwrap_or(Self::English)
    }

    /// The code in addresses and `lang` attributes.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// The locale for social networks.
    pub(super) fn locale(self) -> &'static str {
        match self {
            Self::English => "en_GB",
            Self::French => "fr_FR",
        }
    }

    /// The other language.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::English => Self::French,
            Self::French => Self::English,
        }
    }

    /// The name of the language in itself.
    pub(super) fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::French => "Français",
        }
    }

    /// The texts of the interface.
    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::French => &FRENCH,
        }
    }

    /// A number with its thousands separated: by a comma, or by a narrow no-break space.
    pub(super) fn number(self, number: impl Into<i64>) -> String {
        let number: i64 = number.into();
        let separator = match self {
            Self::English => ',',
            Self::French => '\u{202f}',
        };
        let digits = number.unsigned_abs().to_string();
        let mut text = if number < 0 { "-".to_owned() } else { String::new() };
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        text
    }

    /// A colon after a word.
    pub(super) fn colon(self) -> &'static str {
        match self {
            Self::English => ":",
            Self::French => "\u{202f}:",
        }
    }

    /// A share as a percentage, without decimals above ten percent.
    pub(super) fn percentage(self, share: f64) -> String {
        let percent = share * 100.0;
        let decimals = usize::from(percent < 10.0 && percent > 0.0);
        match self {
            Self::English => format!("{percent:.decimals$}%"),
            Self::French => format!("{percent:.decimals$}\u{202f}%").replace('.', ","),
        }
    }

    /// A text that depends on a number, with the number in it. In French, 0 is singular.
    pub(super) fn count(self, plural: &Plural, number: impl Into<i64>) -> String {
        let number: i64 = number.into();
        let is_singular = match self {
            Self::English => number == 1,
            Self::French => number == 0 || number == 1,
        };
        let text = if is_singular { plural.one } else { plural.other };
        text.replace("{n}", &self.number(number))
    }

    /// A date, as precise as it is given: `2024`, `2024-05` or `2024-05-17`. What is not a date is returned as it is.
    pub(super) fn date(self, date: &str) -> String {
        let day_part = date.split('T').next().unwrap_or(date);
        let parts: Vec<Option<usize>> = day_part.split('-').map(|part| part.parse().ok()).collect();
        let month_name = |month: usize| self.texts().months.split(' ').nth(month.checked_sub(1)?);
        let written = match parts.as_slice() {
            [Some(year), Some(month), Some(day)] => month_name(*month).map(|month| match (self, day) {
                (Self::French, 1) => format!("1er {month} {year}"),
                _ => format!("{day} {month} {year}"),
            }),
            [Some(year), Some(month)] => month_name(*month).map(|month| format!("{month} {year}")),
            _ => None,
        };
        written.unwrap_or_else(|| day_part.to_owned())
    }

    /// The name of a language by its tag; an unknown tag is returned as it is.
    pub(super) fn language_name(self, tag: &str) -> String {
        let code = tag.split('-').next().unwrap_or_default();
        let name = LANGUAGE_NAMES.iter().find(|(known, ..)| *known == code);
        name.map_or_else(
            || tag.to_owned(),
            |(_, english, french)| match self {
                Self::English => (*english).to_owned(),
                Self::French => (*french).to_owned(),
            },
        )
    }
}

/// The languages of most publications, in English and in French.
const LANGUAGE_NAMES: [(&str, &str, &str); 20] = [
    ("ar", "Arabic", "arabe"),
    ("ca", "Catalan", "catalan"),
    ("cs", "Czech", "tchèque"),
    ("da", "Danish", "danois"),
    ("de", "German", "allemand"),
    ("el", "Greek", "grec"),
    ("en", "English", "anglais"),
    ("es", "Spanish", "espagnol"),
    ("fi", "Finnish", "finnois"),
    ("fr", "French", "français"),
    ("it", "Italian", "italien"),
    ("ja", "Japanese", "japonais"),
    ("ko", "Korean", "coréen"),
    ("la", "Latin", "latin"),
    ("nl", "Dutch", "néerlandais"),
    ("pl", "Polish", "polonais"),
    ("pt", "Portuguese", "portugais"),
    ("ru", "Russian", "russe"),
    ("sv", "Swedish", "suédois"),
    ("zh", "Chinese", "chinois"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negotiation() {
        for (accept, directory, expected) in [
            ("", "en", Language::English),
            ("", "fr", Language::French),
            ("", "fr-CA", Language::French),
            ("", "de", Language::English),
            ("fr-CA", "en", Language::French),
            ("de, fr;q=0.5, en;q=0.7", "fr", Language::English),
            ("de", "fr", Language::French),
            ("fr;q=0, en", "fr", Language::English),
        ] {
            assert_eq!(Language::negotiate(accept, directory), expected, "{accept} {directory}");
        }
    }

    #[test]
    fn numbers() {
        for (number, english, french) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (12_345, "12,345", "12\u{202f}345"),
            (-1_000, "-1,000", "-1\u{202f}000"),
        ] {
            assert_eq!(Language::English.number(number), english);
            assert_eq!(Language::French.number(number), french);
        }
        assert_eq!(Language::English.percentage(0.456), "46%");
        assert_eq!(Language::French.percentage(0.0456), "4,6\u{202f}%");
    }

    #[test]
    fn plurals() {
        let counted = |language: Language, number: i64| language.count(&language.texts().n_papers, number);
        assert_eq!(
            [0, 1, 2].map(|number| counted(Language::English, number)),
            ["0 papers", "1 paper", "2 papers"].map(str::to_owned)
        );
        assert_eq!(
            [0, 1, 2].map(|number| counted(Language::French, number)),
            ["0 publication", "1 publication", "2 publications"].map(str::to_owned)
        );
    }

    #[test]
    fn dates() {
        for (date, english, french) in [
            ("2024", "2024", "2024"),
            ("2024-05", "May 2024", "mai 2024"),
            ("2024-05-01", "1 May 2024", "1er mai 2024"),
            ("2026-11-27T10:00:00Z", "27 November 2026", "27 novembre 2026"),
            ("2024-13", "2024-13", "2024-13"),
            ("soon", "soon", "soon"),
        ] {
            assert_eq!(Language::English.date(date), english);
            assert_eq!(Language::French.date(date), french);
        }
    }
}
