//! Languages: tags, a reader's preferences, and texts that exist in several of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many of a reader's languages count: nobody reads more, and each one costs.
const MOST_PREFERENCES: usize = 20;

/// The longest tag, in letters, digits and hyphens. BCP 47 has 35 suffice for what has no extensions, and each part is
/// a shorter form to try.
const LONGEST_TAG: usize = 100;

/// The key of a text whose language nobody stated: BCP 47's own tag for that.
const UNDETERMINED: &str = "und";

/// A well-formed BCP 47 language tag in its canonical case: `fr`, `fr-CA`, `zh-Hant`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanguageTag(String);

/// A text that is not a BCP 47 language tag.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a language tag; write one as BCP 47 has it, such as fr, en or fr-CA")]
pub struct InvalidLanguageTag(String);

impl FromStr for LanguageTag {
    type Err = InvalidLanguageTag;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidLanguageTag(text.chars().take(40).collect());
        let text = text.trim();
        if text.len() > LONGEST_TAG {
            return Err(invalid());
        }
        oxilangtag::LanguageTag::parse_and_normalize(text).map(|tag| Self(tag.into_inner())).map_err(|_| invalid())
    }
}

impl LanguageTag {
    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag and its shorter forms, most specific first: `fr-CA`, `fr` (RFC 4647, section 3.4).
    fn lookup_chain(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.as_str()), |tag| {
            let shorter = &tag[..tag.rfind('-')?];
            // A single letter introduces an extension and means nothing alone.
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

/// What a reader's `Accept-Language` says (RFC 9110, section 12.5.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AcceptedLanguages {
    /// The languages that the reader wants, most wanted first; those of one weight in the order of the header.
    pub wanted: Vec<LanguageTag>,
    /// The languages that the reader does not want: those with `q=0`.
    pub refused: Vec<LanguageTag>,
    /// Whether the reader wants no other than those that are wanted: `*;q=0`.
    pub refuses_others: bool,
}

impl AcceptedLanguages {
    /// Reads a header. What is malformed in it is passed over, and so is a `*` with a weight: it names no language.
    #[must_use]
    pub fn of(header: &str) -> Self {
        let mut accepted = Self::default();
        let mut wanted: Vec<(u16, LanguageTag)> = Vec::new();
        for entry in header.split(',') {
            let (range, weight) = entry.split_once(';').unwrap_or((entry, "q=1"));
            let Some(weight) = thousandths(weight) else { continue };
            match range.trim().parse::<LanguageTag>() {
                Ok(tag) if weight == 0 => accepted.refused.push(tag),
                Ok(tag) => wanted.push((weight, tag)),
                Err(_) => accepted.refuses_others |= weight == 0 && range.trim() == "*",
            }
        }
        wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        accepted.wanted = wanted.into_iter().map(|(_, tag)| tag).take(MOST_PREFERENCES).collect();
        accepted.refused.truncate(MOST_PREFERENCES);
        accepted
    }
}

/// The weight of `q=0.5`, in thousandths; none where it is malformed.
fn thousandths(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    let (whole, fraction) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let is_number = whole.len() == 1 && fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !name.trim().eq_ignore_ascii_case("q") || !is_number {
        return None;
    }
    format!("{whole}{fraction:0<3}").parse().ok().filter(|weight| *weight <= 1000)
}

/// What a reader wants to read, in order, and what the directory falls back to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Languages {
    /// The tags to try in order, each followed by its shorter forms; the reader's come first.
    chain: Vec<String>,
    /// How many of `chain` the reader asked for.
    asked: usize,
}

impl Languages {
    /// A reader's preferences, before the directory's default language. The first twenty count.
    ///
    /// A reader without preferences wants the default language.
    #[must_use]
    pub fn new(preferred: &[LanguageTag], default: &LanguageTag) -> Self {
        Self::without(preferred, &[], preferred.is_empty(), default)
    }

    /// The same, by a request's header: what it refuses is not tried, not even as the default language.
    #[must_use]
    pub fn accepted(accepted: &AcceptedLanguages, default: &LanguageTag) -> Self {
        let wants_default = accepted.wanted.is_empty() && !accepted.refuses_others;
        Self::without(&accepted.wanted, &accepted.refused, wants_default, default)
    }

    fn without(wanted: &[LanguageTag], refused: &[LanguageTag], wants_default: bool, default: &LanguageTag) -> Self {
        let mut chain: Vec<String> = Vec::new();
        let mut extend = |tag: &LanguageTag| {
            for form in tag.lookup_chain() {
                let is_refused = refused.iter().any(|refused| refused.as_str() == form);
                if !is_refused && !chain.iter().any(|known| known == form) {
                    chain.push(form.to_owned());
                }
            }
            chain.len()
        };
        let mut asked = 0;
        for tag in wanted.iter().take(MOST_PREFERENCES) {
            asked = extend(tag);
        }
        let all = extend(default);
        Self { chain, asked: if wants_default { all } else { asked } }
    }

    /// The tags to try, in order: the rule that [`LocalizedText::best`] follows, for the database to follow too.
    #[must_use]
    pub fn chain(&self) -> &[String] {
        &self.chain
    }
}

/// One text chosen for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Localized<'a> {
    /// The text.
    pub value: &'a str,
    /// Its language, where known.
    pub language: Option<&'a str>,
    /// Whether the reader asked for other languages than this one. A text of unknown language is none.
    pub is_fallback: bool,
}

/// A text in several languages: a map from BCP 47 tag to text, `und` where the language is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalizedText(BTreeMap<String, String>);

impl LocalizedText {
    /// A text in one language, or in an unknown one.
    #[must_use]
    pub fn of(language: Option<&LanguageTag>, text: impl Into<String>) -> Self {
        let mut texts = Self::default();
        texts.insert(language, text);
        texts
    }

    /// Adds or replaces the text of a language.
    pub fn insert(&mut self, language: Option<&LanguageTag>, text: impl Into<String>) {
        let tag = language.map_or(UNDETERMINED, LanguageTag::as_str);
        self.0.insert(tag.to_owned(), text.into());
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every tag with its text, in the order of the tags.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(tag, text)| (tag.as_str(), text.as_str()))
    }

    /// The same texts, each changed by `change`; those it empties are dropped.
    #[must_use]
    pub fn map(&self, change: impl Fn(&str) -> String) -> Self {
        let changed = self.0.iter().map(|(tag, text)| (tag.clone(), change(text)));
        Self(changed.filter(|(_, text)| !text.is_empty()).collect())
    }

    /// The texts of the tags that `is_wanted` holds for.
    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(tag, _)| is_wanted(tag)).map(|(tag, text)| (tag.clone(), text.clone())).collect())
    }

    /// The text that suits a reader best: the first language of the preference chain that there is, exactly or in a
    /// regional form, then a text of unknown language, then any.
    #[must_use]
    pub fn best(&self, languages: &Languages) -> Option<Localized<'_>> {
        for (rank, wanted) in languages.chain.iter().enumerate() {
            let exact = self.0.get_key_value(wanted);
            let regional = || {
                let mut tags = self.0.iter();
                tags.find(|(tag, _)| tag.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('-')))
            };
            if let Some((tag, value)) = exact.or_else(regional) {
                // A reader can ask for what is in no known language, too.
                let language = (tag != UNDETERMINED).then_some(tag.as_str());
                return Some(Localized { value, language, is_fallback: language.is_some() && rank >= languages.asked });
            }
        }
        if let Some(value) = self.0.get(UNDETERMINED) {
            return Some(Localized { value, language: None, is_fallback: false });
        }
        let (tag, value) = self.0.first_key_value()?;
        Some(Localized { value, language: Some(tag), is_fallback: true })
    }

    /// The texts by what a reader may ask for: every tag, every shorter form of one, and the empty text for readers of
    /// none of these. The first of a preference chain that is here, else the empty text, has what [`Self::best`] gives.
    #[must_use]
    pub fn by_wanted(&self) -> BTreeMap<&str, &str> {
        let mut wanted = BTreeMap::new();
        for (tag, text) in self.iter() {
            for (dash, _) in tag.match_indices('-') {
                wanted.entry(&tag[..dash]).or_insert(text);
            }
        }
        wanted.extend(self.iter());
        if let Some(text) = self.0.get(UNDETERMINED).or_else(|| self.0.values().next()) {
            wanted.insert("", text);
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tag(text: &str) -> LanguageTag {
        text.parse().expect("a tag")
    }

    fn languages(preferred: &[&str]) -> Languages {
        Languages::new(&preferred.iter().map(|text| tag(text)).collect::<Vec<_>>(), &tag("en"))
    }

    fn texts(entries: &[(&str, &str)]) -> LocalizedText {
        LocalizedText(entries.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned())).collect())
    }

    proptest! {
        #[test]
        fn any_text_is_a_header(text in any::<String>()) {
            let accepted = AcceptedLanguages::of(&text);
            prop_assert!(accepted.wanted.len() <= MOST_PREFERENCES && accepted.refused.len() <= MOST_PREFERENCES);
        }

        #[test]
        fn weights(thousandth in 0_u16..=1000) {
            let weight = format!("q={}.{:03}", thousandth / 1000, thousandth % 1000);
            prop_assert_eq!(thousandths(&weight), Some(thousandth));
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
    fn regional_readers_take_the_general_language() {
        let both = texts(&[("en", "Learning"), ("fr", "Apprentissage")]);
        let best = both.best(&languages(&["fr-CA"])).expect("a text");
        assert_eq!((best.value, best.language, best.is_fallback), ("Apprentissage", Some("fr"), false));
    }

    #[test]
    fn general_readers_take_a_regional_text() {
        let regional = texts(&[("en", "Learning"), ("fr-CA", "Apprentissage")]);
        assert_eq!(regional.best(&languages(&["fr"])).expect("a text").value, "Apprentissage");
    }

    #[test]
    fn another_language_is_a_fallback() {
        let french = texts(&[("fr", "Apprentissage")]);
        let best = french.best(&languages(&["de"])).expect("a text");
        assert_eq!((best.language, best.is_fallback), (Some("fr"), true));
        let english = texts(&[("en", "Learning"), ("fr", "Apprentissage")]);
        assert!(english.best(&languages(&["de"])).expect("a text").is_fallback);
        assert!(!english.best(&languages(&[])).expect("a text").is_fallback);
    }

    #[test]
    fn tags_have_an_end() {
        let parts = |amount: usize| format!("en-x{}", "-a".repeat(amount));
        assert_eq!(tag(&parts(48)).as_str().len(), LONGEST_TAG);
        assert!(parts(49).parse::<LanguageTag>().is_err());
    }

    #[test]
    fn a_header() {
        let accepted = AcceptedLanguages::of("de;q=0.7, fr-CA, *;q=0.1, en;q=0, nonsense;q, fr;q=0.7, *;q=0");
        assert_eq!(accepted.wanted, [tag("fr-CA"), tag("de"), tag("fr")]);
        assert_eq!((accepted.refused, accepted.refuses_others), (vec![tag("en")], true));
        assert_eq!(AcceptedLanguages::of(""), AcceptedLanguages::default());
    }

    #[test]
    fn refused_languages_are_not_tried() {
        let chain = |header: &str| Languages::accepted(&AcceptedLanguages::of(header), &tag("en")).chain;
        assert_eq!(chain("fr-CA, de"), ["fr-CA", "fr", "de", "en"]);
        assert_eq!(chain("fr-CA, fr;q=0"), ["fr-CA", "en"]);
        assert_eq!(chain("fr, en;q=0"), ["fr"]);
        assert!(chain("en;q=0").is_empty());
    }

    #[test]
    fn a_text_of_unknown_language_is_never_a_fallback() {
        let untagged = LocalizedText::of(None, "Mila");
        let best = untagged.best(&languages(&["fr"])).expect("a text");
        assert_eq!((best.language, best.is_fallback), (None, false));
    }

    proptest! {
        #[test]
        fn the_first_of_a_chain_that_is_wanted_is_the_best(
            tags in prop::collection::btree_set(prop::sample::select(TAGS.to_vec()), 1..5),
            preferred in prop::collection::vec(prop::sample::select(TAGS.to_vec()), 0..3),
        ) {
            let texts = texts(&tags.iter().map(|tag| (*tag, *tag)).collect::<Vec<_>>());
            let languages = languages(&preferred);
            let wanted = texts.by_wanted();
            let found = languages.chain().iter().find_map(|tag| wanted.get(tag.as_str())).unwrap_or(&wanted[""]);
            prop_assert_eq!(*found, texts.best(&languages).expect("a text").value);
        }
    }

    const TAGS: [&str; 12] =
        ["ar", "de", "en", "en-GB", "fr", "fr-CA", "fr-x-alt", "und", "zh", "zh-Hans", "zh-Hant-HK", "zh-Hant-TW"];
}
