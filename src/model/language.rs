//! Languages: BCP 47 tags, a reader's preferences, and texts in several languages.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};

/// The maximum number of preferred languages. Further ones are ignored.
const MAX_PREFERENCES: usize = 20;

/// The maximum length of a tag in bytes. BCP 47 needs 35 for tags without extensions, and each part is another tag to
/// try.
const MAX_TAG_BYTES: usize = 100;

/// The key of a text in an unknown language: the tag `und` of BCP 47.
const UNDETERMINED: &str = "und";

/// A well-formed BCP 47 language tag in canonical case: `fr`, `fr-CA`, `zh-Hant`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanguageTag(String);

/// The error for a text that is not a BCP 47 language tag.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a language tag; use BCP 47 tags such as fr, en or fr-CA")]
pub struct InvalidLanguageTag(String);

impl FromStr for LanguageTag {
    type Err = InvalidLanguageTag;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidLanguageTag(text.chars().take(40).collect());
        let text = text.trim();
        if text.len() > MAX_TAG_BYTES {
            return Err(invalid());
        }
        oxilangtag::LanguageTag::parse_and_normalize(text).map(|tag| Self(tag.into_inner())).map_err(|_| invalid())
    }
}

impl LanguageTag {
    /// Returns the tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the tag and its prefixes, most specific first: `fr-CA`, `fr` (RFC 4647, section 3.4).
    fn lookup_chain(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.as_str()), |tag| {
            let shorter = &tag[..tag.rfind('-')?];
            // A single letter introduces an extension and has no meaning of its own.
            match shorter.rfind('-') {
                Some(dash) if shorter.len() - dash == 2 => Some(&shorter[..dash]),
                _ => Some(shorter),
            }
        })
    }
}

impl fmt::Display for LanguageTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The languages of an `Accept-Language` header (RFC 9110, section 12.5.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AcceptedLanguages {
    /// Preferred languages, highest weight first. Languages with the same weight keep the order of the header.
    pub preferred: Vec<LanguageTag>,
    /// Excluded languages: those with `q=0`.
    pub excluded: Vec<LanguageTag>,
    /// Whether all other languages are excluded: `*;q=0`.
    pub excludes_others: bool,
}

impl AcceptedLanguages {
    /// Parses a header. Malformed entries are ignored, and so is `*` with a weight, which names no language.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let mut accepted = Self::default();
        let mut weighted: Vec<(u16, LanguageTag)> = Vec::new();
        for entry in header.split(',') {
            let (range, weight) = entry.split_once(';').unwrap_or((entry, "q=1"));
            let Some(weight) = parse_quality(weight) else { continue };
            match range.trim().parse::<LanguageTag>() {
                Ok(tag) if weight == 0 => accepted.excluded.push(tag),
                Ok(tag) => weighted.push((weight, tag)),
                Err(_) => accepted.excludes_others |= weight == 0 && range.trim() == "*",
            }
        }
        weighted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        accepted.preferred = weighted.into_iter().map(|(_, tag)| tag).take(MAX_PREFERENCES).collect();
        accepted.excluded.truncate(MAX_PREFERENCES);
        // The response cache keeps them: a long header must not keep its memory.
        accepted.preferred.shrink_to_fit();
        accepted.excluded.shrink_to_fit();
        accepted
    }
}

/// Parses the weight of `q=0.5`, in thousandths. Returns `None` if it is malformed.
fn parse_quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_number = whole.len() == 1 && fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !name.trim().eq_ignore_ascii_case("q") || !is_number {
        return None;
    }
    format!("{whole}{fraction:0<3}").parse().ok().filter(|weight| *weight <= 1000)
}

/// The languages in which a reader wants a text, in order, followed by the directory's default language.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LanguagePreferences {
    /// The tags to try in order, each followed by its prefixes. Requested languages come first.
    chain: Vec<String>,
    /// The number of tags in `chain` that the reader requested.
    requested_count: usize,
}

impl LanguagePreferences {
    /// Creates the preferences of a reader, using at most 20 languages. The directory's default language
    /// comes last.
    ///
    /// A reader without preferences is taken to request the default language.
    #[must_use]
    pub fn new(preferred: &[LanguageTag], default: &LanguageTag) -> Self {
        Self::build(preferred, &[], preferred.is_empty(), default)
    }

    /// Creates the preferences of a request by its `Accept-Language` header. Excluded languages are not tried, not even
    /// the default language.
    #[must_use]
    pub fn from_accepted(accepted: &AcceptedLanguages, default: &LanguageTag) -> Self {
        let wants_default = accepted.preferred.is_empty() && !accepted.excludes_others;
        Self::build(&accepted.preferred, &accepted.excluded, wants_default, default)
    }

    fn build(preferred: &[LanguageTag], excluded: &[LanguageTag], wants_default: bool, default: &LanguageTag) -> Self {
        let mut chain: Vec<String> = Vec::new();
        let mut extend = |tag: &LanguageTag| {
            for form in tag.lookup_chain() {
                let is_excluded = excluded.iter().any(|excluded| excluded.as_str() == form);
                if !is_excluded && !chain.iter().any(|tag| tag == form) {
                    chain.push(form.to_owned());
                }
            }
            chain.len()
        };
        let mut requested = 0;
        for tag in preferred.iter().take(MAX_PREFERENCES) {
            requested = extend(tag);
        }
        let all = extend(default);
        Self { chain, requested_count: if wants_default { all } else { requested } }
    }

    /// Returns the tags to try, in order. SQL queries use them to apply the rule of [`LocalizedText::best_match`].
    #[must_use]
    pub fn chain(&self) -> &[String] {
        &self.chain
    }
}

/// The text selected for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Localized<'a> {
    /// The text.
    pub value: &'a str,
    /// The language of the text, if known.
    pub language: Option<&'a str>,
    /// Whether the text is in a language that the reader did not request. False if the language is unknown.
    pub is_fallback: bool,
}

/// A text in several languages: a map from BCP 47 tag to text, with the key `und` for an unknown language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct LocalizedText(BTreeMap<String, String>);

impl LocalizedText {
    /// Creates a text in one language, or in an unknown one.
    #[must_use]
    pub fn new(language: Option<&LanguageTag>, text: impl Into<String>) -> Self {
        let mut texts = Self::default();
        texts.insert(language, text);
        texts
    }

    /// Adds or replaces the text of a language.
    pub fn insert(&mut self, language: Option<&LanguageTag>, text: impl Into<String>) {
        let tag = language.map_or(UNDETERMINED, LanguageTag::as_str);
        self.0.insert(tag.to_owned(), text.into());
    }

    /// Returns whether the map is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all tags with their texts, sorted by tag.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(tag, text)| (tag.as_str(), text.as_str()))
    }

    /// Returns the texts, each changed by `change`, without those that become empty.
    #[must_use]
    pub fn map(&self, change: impl Fn(&str) -> String) -> Self {
        let changed = self.0.iter().map(|(tag, text)| (tag.clone(), change(text)));
        Self(changed.filter(|(_, text)| !text.is_empty()).collect())
    }

    /// Returns the texts whose tag satisfies `is_wanted`.
    #[must_use]
    pub fn filter_tags(&self, is_wanted: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(tag, _)| is_wanted(tag)).map(|(tag, text)| (tag.clone(), text.clone())).collect())
    }

    /// Returns the text that suits a reader best: the first available language of the preferences, exactly or in a
    /// regional variant; else a text of unknown language; else the first text.
    #[must_use]
    pub fn best_match(&self, languages: &LanguagePreferences) -> Option<Localized<'_>> {
        for (rank, tag_prefix) in languages.chain.iter().enumerate() {
            let exact = self.0.get_key_value(tag_prefix);
            let regional = || {
                let mut tags = self.0.iter();
                tags.find(|(tag, _)| tag.strip_prefix(tag_prefix.as_str()).is_some_and(|rest| rest.starts_with('-')))
            };
            if let Some((tag, value)) = exact.or_else(regional) {
                // A reader can request texts of undetermined language too.
                let language = (tag != UNDETERMINED).then_some(tag.as_str());
                return Some(Localized {
                    value,
                    language,
                    is_fallback: language.is_some() && rank >= languages.requested_count,
                });
            }
        }
        if let Some(value) = self.0.get(UNDETERMINED) {
            return Some(Localized { value, language: None, is_fallback: false });
        }
        let (tag, value) = self.0.first_key_value()?;
        Some(Localized { value, language: Some(tag), is_fallback: true })
    }

    /// Returns the texts by requested tag: every tag, every prefix of one, and the empty text for readers of other
    /// languages. The first tag of a preference chain that is a key here, else the empty text, has the text that
    /// [`Self::best_match`] returns.
    #[must_use]
    pub fn by_requested_tag(&self) -> BTreeMap<&str, &str> {
        let mut requested = BTreeMap::new();
        for (tag, text) in self.iter() {
            for (dash, _) in tag.match_indices('-') {
                requested.entry(&tag[..dash]).or_insert(text);
            }
        }
        requested.extend(self.iter());
        if let Some(text) = self.0.get(UNDETERMINED).or_else(|| self.0.values().next()) {
            requested.insert("", text);
        }
        requested
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tag(text: &str) -> LanguageTag {
        text.parse().expect("a tag")
    }

    fn languages(preferred: &[&str]) -> LanguagePreferences {
        LanguagePreferences::new(&preferred.iter().map(|text| tag(text)).collect::<Vec<_>>(), &tag("en"))
    }

    fn texts(entries: &[(&str, &str)]) -> LocalizedText {
        LocalizedText(entries.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned())).collect())
    }

    proptest! {
        #[test]
        fn any_header_is_accepted(text in any::<String>()) {
            let accepted = AcceptedLanguages::parse(&text);
            prop_assert!(accepted.preferred.len() <= MAX_PREFERENCES && accepted.excluded.len() <= MAX_PREFERENCES);
        }

        #[test]
        fn weights_in_thousandths(thousandth in 0_u16..=1000) {
            let weight = format!("q={}.{:03}", thousandth / 1000, thousandth % 1000);
            prop_assert_eq!(parse_quality(&weight), Some(thousandth));
        }
    }

    #[test]
    fn tags_are_canonical() {
        assert_eq!(tag("FR-ca").as_str(), "fr-CA");
        assert_eq!(tag("zh-hant-tw").as_str(), "zh-Hant-TW");
        assert!("not a tag".parse::<LanguageTag>().is_err());
        assert!("".parse::<LanguageTag>().is_err());
    }

    #[test]
    fn regional_readers_get_the_general_language() {
        let both = texts(&[("en", "Learning"), ("fr", "Apprentissage")]);
        let best = both.best_match(&languages(&["fr-CA"])).expect("a text");
        assert_eq!((best.value, best.language, best.is_fallback), ("Apprentissage", Some("fr"), false));
    }

    #[test]
    fn general_readers_get_a_regional_text() {
        let regional = texts(&[("en", "Learning"), ("fr-CA", "Apprentissage")]);
        assert_eq!(regional.best_match(&languages(&["fr"])).expect("a text").value, "Apprentissage");
    }

    #[test]
    fn another_language_is_a_fallback() {
        let french = texts(&[("fr", "Apprentissage")]);
        let best = french.best_match(&languages(&["de"])).expect("a text");
        assert_eq!((best.language, best.is_fallback), (Some("fr"), true));
        let english = texts(&[("en", "Learning"), ("fr", "Apprentissage")]);
        assert!(english.best_match(&languages(&["de"])).expect("a text").is_fallback);
        assert!(!english.best_match(&languages(&[])).expect("a text").is_fallback);
    }

    #[test]
    fn tags_have_a_maximum_length() {
        let parts = |amount: usize| format!("en-x{}", "-a".repeat(amount));
        assert_eq!(tag(&parts(48)).as_str().len(), MAX_TAG_BYTES);
        assert!(parts(49).parse::<LanguageTag>().is_err());
    }

    #[test]
    fn parsed_header() {
        let accepted = AcceptedLanguages::parse("de;q=0.7, fr-CA, *;q=0.1, en;q=0, nonsense;q, fr;q=0.7, *;q=0");
        assert_eq!(accepted.preferred, [tag("fr-CA"), tag("de"), tag("fr")]);
        assert_eq!((accepted.excluded, accepted.excludes_others), (vec![tag("en")], true));
        assert_eq!(AcceptedLanguages::parse(""), AcceptedLanguages::default());
    }

    #[test]
    fn excluded_languages_are_not_tried() {
        let chain =
            |header: &str| LanguagePreferences::from_accepted(&AcceptedLanguages::parse(header), &tag("en")).chain;
        assert_eq!(chain("fr-CA, de"), ["fr-CA", "fr", "de", "en"]);
        assert_eq!(chain("fr-CA, fr;q=0"), ["fr-CA", "en"]);
        assert_eq!(chain("fr, en;q=0"), ["fr"]);
        assert!(chain("en;q=0").is_empty());
    }

    #[test]
    fn a_text_of_unknown_language_is_never_a_fallback() {
        let untagged = LocalizedText::new(None, "Mila");
        let best = untagged.best_match(&languages(&["fr"])).expect("a text");
        assert_eq!((best.language, best.is_fallback), (None, false));
    }

    proptest! {
        #[test]
        fn first_key_of_the_chain_is_the_best_match(
            tags in prop::collection::btree_set(prop::sample::select(TAGS.to_vec()), 1..5),
            preferred in prop::collection::vec(prop::sample::select(TAGS.to_vec()), 0..3),
        ) {
            let texts = texts(&tags.iter().map(|tag| (*tag, *tag)).collect::<Vec<_>>());
            let languages = languages(&preferred);
            let requested = texts.by_requested_tag();
            let found = languages.chain().iter().find_map(|tag| requested.get(tag.as_str())).unwrap_or(&requested[""]);
            prop_assert_eq!(*found, texts.best_match(&languages).expect("a text").value);
        }
    }

    const TAGS: [&str; 12] =
        ["ar", "de", "en", "en-GB", "fr", "fr-CA", "fr-x-alt", "und", "zh", "zh-Hans", "zh-Hant-HK", "zh-Hant-TW"];
}
