//! The words of a query as conditions on the index.

use crate::model::entity_type::EntityType;
use crate::text::tokenizer::SearchTerms;

pub(super) fn quote_lexeme(word: &str) -> String {
    // Words are letters and digits: nothing to escape.
    format!("'{word}'")
}

/// Returns a `tsquery` that requires all words, each in any of its forms.
pub(super) fn all_words_tsquery<'a>(
    words: impl Iterator<Item = &'a Vec<Vec<String>>>,
    lexeme: impl Fn(&str) -> String,
) -> String {
    let form = |form: &Vec<String>| {
        let lexemes: Vec<String> = form.iter().map(|word| lexeme(word)).collect();
        format!("({})", lexemes.join(" & "))
    };
    let any = |forms: &Vec<Vec<String>>| {
        let forms: Vec<String> = forms.iter().map(form).collect();
        format!("({})", forms.join(" | "))
    };
    words.map(any).collect::<Vec<_>>().join(" & ")
}

pub(super) fn is_initial(forms: &[Vec<String>]) -> bool {
    matches!(forms, [form] if matches!(form.as_slice(), [word] if word.len() == 1))
}

/// Returns the last word if it may be incomplete, otherwise an empty string.
pub(super) fn prefix_word(query: &SearchTerms) -> String {
    let forms = query.terms.last().filter(|forms| forms.len() == 1);
    forms.and_then(|forms| forms.first()?.last().cloned()).unwrap_or_default()
}

pub(super) fn kind_condition(kinds: &[EntityType], alias: &str) -> String {
    let conditions: Vec<String> =
        kinds.iter().map(|kind| format!("{alias}.{} IS NOT NULL", kind.reference_column())).collect();
    match kinds.len() {
        0 => "false".to_owned(),
        4 => "true".to_owned(),
        _ => format!("({})", conditions.join(" OR ")),
    }
}
