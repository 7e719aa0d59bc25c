//! Headings of abstracts.

use crate::text::markup::strip_markup;

/// Strips the markup of an abstract and a heading such as "Abstract".
pub(crate) fn strip_abstract_markup(text: &str) -> String {
    let text = strip_markup(text);
    let text = text.trim();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let heading = first.trim().trim_end_matches([':', '.']).to_lowercase();
    let is_heading = ["abstract", "summary", "résumé", "resumen", "zusammenfassung"].contains(&heading.as_str());
    if is_heading { rest.trim().to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_abstracts() {
        let written = "<jats:title>Abstract</jats:title><jats:p>Rivers rise.</jats:p>";
        assert_eq!(strip_abstract_markup(written), "Rivers rise.");
        assert_eq!(
            strip_abstract_markup("<jats:sec><jats:title>Aim</jats:title><jats:p>To rise.</jats:p></jats:sec>"),
            "Aim\n\nTo rise."
        );
    }
}
