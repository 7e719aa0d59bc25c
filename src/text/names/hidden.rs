//! What shows a name that is not to be shown: the words, and initials, that a person's hidden names have and the shown ones
//! have not, in any order and form. "A. Lake" shows Anna Lake of somebody who is called Ben Brook, and not of Ada Lake.

use std::collections::BTreeSet;

use crate::text::names::{fold, slug};

/// The form that is in every published name.
pub const EVERY_NAME: &str = "*";

/// The forms that hidden names have and shown ones have not.
#[must_use]
pub fn hidden_forms<'a>(
    shown: impl IntoIterator<Item = &'a str>,
    hidden: impl IntoIterator<Item = &'a str>,
) -> BTreeSet<String> {
    let (mut own, mut turned_own) = (BTreeSet::new(), BTreeSet::new());
    for name in shown {
        own.extend(forms(name));
        turned_own.extend(spellings(name).iter().flat_map(|name| turned(name)));
    }
    let mut all = BTreeSet::new();
    for name in hidden {
        all.extend(forms(name));
        let spellings = spellings(name);
        let others = spellings.iter().flat_map(|name| turned(name).into_iter().chain(without_middle(name)));
        all.extend(others.filter(|form| !turned_own.contains(form)));
    }
    all.retain(|form| !own.contains(form));
    all
}

/// A name as it is, and in Latin letters.
fn spellings(name: &str) -> BTreeSet<String> {
    BTreeSet::from([name.to_owned(), deunicode::deunicode(name)])
}

/// Whether a name has one of the forms.
#[must_use]
pub fn shows_hidden(name: &str, forms: &[String]) -> bool {
    let has = |form: &str| forms.iter().any(|hidden| hidden == form);
    has(EVERY_NAME) || written(name).iter().any(|form| has(form))
}

/// Whether a text that is no name has the whole of a hidden one, or an e-mail address made of one.
#[must_use]
pub fn tells_hidden(text: &str, forms: &[String]) -> bool {
    if forms.is_empty() {
        return false;
    }
    if text.contains('@') {
        return shows_hidden(text, forms);
    }
    let has = |form: &str| forms.iter().any(|hidden| hidden == form);
    // What a form is made of several words by: `annalake` of `lake`.
    let is_of_several = |whole: &str| {
        let is_part = |form: &String| {
            form.len() > 1 && form != whole && (whole.starts_with(form.as_str()) || whole.ends_with(form.as_str()))
        };
        forms.iter().any(is_part)
    };
    let is_one_word = !forms.iter().any(|form| is_of_several(form));
    let folded = fold(text);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    let is_told_by_one = |word: &&str| word.chars().count() > 1 && has(word) && (is_one_word || is_of_several(word));
    // In any order, with a word or two between them.
    let are_told_by_two = |number: usize, one: &str| {
        words.iter().skip(number + 1).take(3).any(|other| {
            let is_more_than_initials = one.chars().count() > 1 || other.chars().count() > 1;
            is_more_than_initials && (has(&format!("{one}{other}")) || has(&format!("{other}{one}")))
        })
    };
    words.iter().any(is_told_by_one) || words.iter().enumerate().any(|(number, one)| are_told_by_two(number, one))
}

/// Whether an address is made of one of the forms.
#[must_use]
pub fn slug_shows_hidden(address: &str, forms: &BTreeSet<String>) -> bool {
    let address = format!("-{address}-");
    forms.iter().map(|form| slug(form, "")).any(|form| !form.is_empty() && address.contains(&format!("-{form}-")))
}

/// How a name is written in other forms: also with its initials, as one word, as the name of an account.
fn forms(name: &str) -> BTreeSet<String> {
    spellings(name).iter().flat_map(|name| forms_in(name)).collect()
}

fn forms_in(name: &str) -> BTreeSet<String> {
    let folded = fold(name);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    let initials: Vec<char> = words.iter().filter_map(|word| word.chars().next()).collect();
    let mut forms = written(name);
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

/// The words of a name that stand beside each other, as one the other way round: `lakeanna`.
fn turned(name: &str) -> Vec<String> {
    let folded = fold(name);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    words.windows(2).map(|pair| format!("{}{}", pair[1], pair[0])).collect()
}

/// The first and the last word of a name as one, both ways round: middle names are often left out.
fn without_middle(name: &str) -> Vec<String> {
    let folded = fold(name);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    match words[..] {
        [first, .., last] => vec![format!("{first}{last}"), format!("{last}{first}")],
        _ => Vec::new(),
    }
}

/// The words of a name, each two of them that stand beside each other as one, and all of them as one.
fn written(name: &str) -> BTreeSet<String> {
    let folded = fold(name);
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return BTreeSet::from([name.to_lowercase()]);
    }
    let mut forms: BTreeSet<String> = words.iter().map(ToString::to_string).collect();
    forms.extend(pairs(&words));
    forms.insert(words.concat());
    forms
}

fn pairs(words: &[&str]) -> impl Iterator<Item = String> {
    words.windows(2).map(<[&str]>::concat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shows(hidden: &str, shown: &str, name: &str) -> bool {
        let forms: Vec<String> = hidden_forms([shown], [hidden]).into_iter().collect();
        shows_hidden(name, &forms)
    }

    #[test]
    fn names_that_show_a_hidden_one() {
        for name in ["Anna Lake", "Lake, Anna", "A. Lake", "ÁNNA M. L.", "Annalake", "Lakeanna", "Anna", "alake"] {
            assert!(shows("Anna Lake", "Ben Brook", name), "{name}");
        }
        for name in ["Ben Brook", "B. Brook", "Brook, Ben", "Benjamin Brook"] {
            assert!(!shows("Anna Lake", "Ben Brook", name), "{name}");
        }
        assert!(shows("Иван Петров", "Ben Brook", "I. Petrov") && shows("王小明", "Ben Brook", "Xiaoming Wang"));
        // What both have is no secret.
        assert!(!shows("Anna Lake", "Ada Lake", "A. Lake"));
        assert!(shows("Anna Lake", "Ada Lake", "Anna Lake") && shows("Ida Lake", "Ida Brook", "I. Lake"));
        // Nor is any of the words where only their order is another, or some are left out; all together are.
        assert!(shows("Ida Maria Lake", "Ida Lake", "I. M. Lake"));
        assert!(shows("Ida Lake", "Ida Maria Lake", "Ida Lake") && !shows("Ida Lake", "Ida Maria Lake", "Ida M. Lake"));
        assert!(shows("山田太郎", "山田次郎", "山田 太郎") && shows("山田 太郎", "Ben Brook", "太郎"));
    }

    #[test]
    fn other_texts() {
        let forms: Vec<String> = hidden_forms(["Ben Brook"], ["Anna Oxford"]).into_iter().collect();
        for text in [
            "Univ. X; anna.oxford@x.org",
            "aoxford@x.org",
            "Lab of Anna Oxford",
            "Oxford, Anna, Hill",
            "Dr A. M. Oxford",
            "~aoxford",
        ] {
            assert!(tells_hidden(text, &forms), "{text}");
        }
        for text in ["University of Oxford", "brook@x.org", ""] {
            assert!(!tells_hidden(text, &forms), "{text}");
        }
        assert!(!tells_hidden("anna@x.org", &[]));
    }

    #[test]
    fn addresses() {
        let forms = hidden_forms(["Ben Brook"], ["Anna Łake"]);
        assert!(slug_shows_hidden("anna-lake-2", &forms) && slug_shows_hidden("dr-lake", &forms));
        assert!(!slug_shows_hidden("ben-brook", &forms) && !slug_shows_hidden("annabel-lakes", &forms));
        assert!(slug_shows_hidden("shan-tian-tai-lang", &hidden_forms(["Ben Brook"], ["山田太郎"])));
    }

    proptest! {
        #[test]
        fn shown_names_show_nothing_and_hidden_ones_do(shown in "[a-zé]{1,6} [a-z-]{1,8}", hidden in "[a-zé]{1,6} [a-z-]{1,8}") {
            let forms: Vec<String> = hidden_forms([shown.as_str()], [hidden.as_str()]).into_iter().collect();
            prop_assert!(!shows_hidden(&shown, &forms));
            let is_the_same = written(&hidden).is_subset(&super::forms(&shown));
            prop_assert_eq!(shows_hidden(&hidden, &forms), !is_the_same);
        }
    }
}
