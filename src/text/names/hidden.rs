//! Redaction of hidden names: recognizes texts that reveal one, by words and initials that a researcher's hidden names
//! have and the displayed ones do not, in any order and form. "A. Lake" reveals Anna Lake if she is displayed as Ben
//! Brook, but not if she is displayed as Ada Lake.

use std::collections::BTreeSet;

use crate::text::normalize::fold;
use crate::text::slug::slug;

/// A form that every name matches: no published name of the researcher is displayed.
pub const WILDCARD_FORM: &str = "*";

/// Returns the forms that hidden names have and displayed names do not.
#[must_use]
pub fn hidden_forms<'a>(
    displayed: impl IntoIterator<Item = &'a str>,
    hidden: impl IntoIterator<Item = &'a str>,
) -> BTreeSet<String> {
    let (mut own, mut swapped_own) = (BTreeSet::new(), BTreeSet::new());
    for name in displayed {
        own.extend(name_forms(name));
        swapped_own.extend(latin_spellings(name).iter().flat_map(|name| swapped_pairs(name)));
    }
    let mut all = BTreeSet::new();
    for name in hidden {
        all.extend(name_forms(name));
        let spellings = latin_spellings(name);
        let others =
            spellings.iter().flat_map(|name| swapped_pairs(name).into_iter().chain(without_middle_names(name)));
        all.extend(others.filter(|form| !swapped_own.contains(form)));
    }
    all.retain(|form| !own.contains(form));
    all
}

/// Returns a name as written and in Latin letters.
fn latin_spellings(name: &str) -> BTreeSet<String> {
    BTreeSet::from([name.to_owned(), deunicode::deunicode(name)])
}

/// Returns whether a name has one of the forms.
#[must_use]
pub fn name_reveals_hidden(name: &str, forms: &[String]) -> bool {
    let has = |form: &str| forms.iter().any(|hidden| hidden == form);
    has(WILDCARD_FORM) || written_forms(name).iter().any(|form| has(form))
}

/// Returns whether a text, such as an affiliation, contains a whole hidden name or an e-mail address derived from one.
#[must_use]
pub fn text_reveals_hidden(text: &str, forms: &[String]) -> bool {
    if forms.is_empty() {
        return false;
    }
    if text.contains('@') {
        return name_reveals_hidden(text, forms);
    }
    let has = |form: &str| forms.iter().any(|hidden| hidden == form);
    // Forms that consist of several words: `annalake` of `lake`.
    let is_of_several = |whole: &str| {
        let is_part = |form: &String| {
            form.len() > 1 && form != whole && (whole.starts_with(form.as_str()) || whole.ends_with(form.as_str()))
        };
        forms.iter().any(is_part)
    };
    let is_one_word = !forms.iter().any(|form| is_of_several(form));
    let folded = fold(text);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    let reveals_alone = |word: &&str| word.chars().count() > 1 && has(word) && (is_one_word || is_of_several(word));
    // In any order, with up to two words in between.
    let reveals_in_pair = |number: usize, one: &str| {
        words.iter().skip(number + 1).take(3).any(|other| {
            let is_more_than_initials = one.chars().count() > 1 || other.chars().count() > 1;
            is_more_than_initials && (has(&format!("{one}{other}")) || has(&format!("{other}{one}")))
        })
    };
    words.iter().any(reveals_alone) || words.iter().enumerate().any(|(number, one)| reveals_in_pair(number, one))
}

/// Returns whether a slug is derived from one of the forms.
#[must_use]
pub fn slug_reveals_hidden(slug_text: &str, forms: &BTreeSet<String>) -> bool {
    let slug_text = format!("-{slug_text}-");
    forms.iter().map(|form| slug(form, "")).any(|form| !form.is_empty() && slug_text.contains(&format!("-{form}-")))
}

/// Returns the forms in which a name can be written: also with initials, as one word, and as an account name.
fn name_forms(name: &str) -> BTreeSet<String> {
    latin_spellings(name).iter().flat_map(|name| forms_of_spelling(name)).collect()
}

/// Returns the forms of one spelling of a name.
fn forms_of_spelling(name: &str) -> BTreeSet<String> {
    let folded = fold(name);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    let initials: Vec<char> = words.iter().filter_map(|word| word.chars().next()).collect();
    let mut forms = written_forms(name);
    forms.extend(initials.iter().map(ToString::to_string));
    forms.extend((2..=initials.len()).map(|length| initials.iter().take(length).collect()));
    for (one, initial) in words.iter().zip(&initials) {
        for (other, other_initial) in words.iter().zip(&initials).filter(|(other, _)| *other != one) {
            forms.insert(format!("{initial}{other}"));
            forms.insert(format!("{one}{other_initial}"));
        }
    }
    forms
}

/// Returns adjacent words of a name in reverse order, joined: `lakeanna`.
fn swapped_pairs(name: &str) -> Vec<String> {
    let folded = fold(name);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    words.windows(2).map(|pair| format!("{}{}", pair[1], pair[0])).collect()
}

/// Returns the first and the last word of a name joined, in both orders, because middle names are often omitted.
fn without_middle_names(name: &str) -> Vec<String> {
    let folded = fold(name);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    match words[..] {
        [first, .., last] => vec![format!("{first}{last}"), format!("{last}{first}")],
        _ => Vec::new(),
    }
}

/// Returns the words of a name, adjacent pairs of them joined, and all of them joined.
fn written_forms(name: &str) -> BTreeSet<String> {
    let folded = fold(name);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return BTreeSet::from([name.to_lowercase()]);
    }
    let mut forms: BTreeSet<String> = words.iter().map(ToString::to_string).collect();
    forms.extend(adjacent_pairs(&words));
    forms.insert(words.concat());
    forms
}

fn adjacent_pairs(words: &[&str]) -> impl Iterator<Item = String> {
    words.windows(2).map(<[&str]>::concat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reveals(hidden: &str, displayed: &str, name: &str) -> bool {
        let forms: Vec<String> = hidden_forms([displayed], [hidden]).into_iter().collect();
        name_reveals_hidden(name, &forms)
    }

    #[test]
    fn names_that_reveal_a_hidden_name() {
        for name in ["Anna Lake", "Lake, Anna", "A. Lake", "ÁNNA M. L.", "Annalake", "Lakeanna", "Anna", "alake"] {
            assert!(reveals("Anna Lake", "Ben Brook", name), "{name}");
        }
        for name in ["Ben Brook", "B. Brook", "Brook, Ben", "Benjamin Brook"] {
            assert!(!reveals("Anna Lake", "Ben Brook", name), "{name}");
        }
        assert!(reveals("Иван Петров", "Ben Brook", "I. Petrov") && reveals("王小明", "Ben Brook", "Xiaoming Wang"));
        // What both names have in common is not secret.
        assert!(!reveals("Anna Lake", "Ada Lake", "A. Lake"));
        assert!(reveals("Anna Lake", "Ada Lake", "Anna Lake") && reveals("Ida Lake", "Ida Brook", "I. Lake"));
        // Nor are words that are only omitted or in another order. All of them together are.
        assert!(reveals("Ida Maria Lake", "Ida Lake", "I. M. Lake"));
        assert!(
            reveals("Ida Lake", "Ida Maria Lake", "Ida Lake") && !reveals("Ida Lake", "Ida Maria Lake", "Ida M. Lake")
        );
        assert!(reveals("山田太郎", "山田次郎", "山田 太郎") && reveals("山田 太郎", "Ben Brook", "太郎"));
    }

    #[test]
    fn texts_that_reveal_a_hidden_name() {
        let forms: Vec<String> = hidden_forms(["Ben Brook"], ["Anna Oxford"]).into_iter().collect();
        for text in [
            "Univ. X; anna.oxford@x.org",
            "aoxford@x.org",
            "Lab of Anna Oxford",
            "Oxford, Anna, Hill",
            "Dr A. M. Oxford",
            "~aoxford",
        ] {
            assert!(text_reveals_hidden(text, &forms), "{text}");
        }
        for text in ["University of Oxford", "brook@x.org", ""] {
            assert!(!text_reveals_hidden(text, &forms), "{text}");
        }
        assert!(!text_reveals_hidden("anna@x.org", &[]));
    }

    #[test]
    fn slugs_that_reveal_a_hidden_name() {
        let forms = hidden_forms(["Ben Brook"], ["Anna Łake"]);
        assert!(slug_reveals_hidden("anna-lake-2", &forms) && slug_reveals_hidden("dr-lake", &forms));
        assert!(!slug_reveals_hidden("ben-brook", &forms) && !slug_reveals_hidden("annabel-lakes", &forms));
        assert!(slug_reveals_hidden("shan-tian-tai-lang", &hidden_forms(["Ben Brook"], ["山田太郎"])));
    }

    proptest! {
        #[test]
        fn displayed_names_reveal_nothing_and_hidden_names_do(displayed in "[a-zé]{1,6} [a-z-]{1,8}", hidden in "[a-zé]{1,6} [a-z-]{1,8}") {
            let forms: Vec<String> = hidden_forms([displayed.as_str()], [hidden.as_str()]).into_iter().collect();
            prop_assert!(!name_reveals_hidden(&displayed, &forms));
            let is_the_same = written_forms(&hidden).is_subset(&super::name_forms(&displayed));
            prop_assert_eq!(name_reveals_hidden(&hidden, &forms), !is_the_same);
        }
    }
}
