//! The names by which dblp tells people of one name apart: "Wei Brook 0044".

use crate::model::record::ExternalIdentifier;

/// The scheme of dblp's names with a homonym number, which identify a person at dblp.
const SCHEME: &str = "dblp-name";

/// Returns the name without its homonym number, if it has one.
pub(crate) fn strip_homonym_number(name: &str) -> Option<&str> {
    let (name, number) = name.trim().rsplit_once(' ')?;
    let is_homonym_number = number.len() == 4 && number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
    is_homonym_number.then_some(name)
}

/// Returns a name with a homonym number as an identifier of the person.
pub(crate) fn homonym_identifier(name: &str) -> Option<ExternalIdentifier> {
    strip_homonym_number(name)?;
    let value = name.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(ExternalIdentifier { scheme: SCHEME.to_owned(), value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homonym_numbers() {
        assert_eq!(strip_homonym_number("Wei Brook 0044"), Some("Wei Brook"));
        assert_eq!(strip_homonym_number("Class of 1944"), None);
        assert_eq!(homonym_identifier("Wei  Brook 0044").map(|id| id.value).as_deref(), Some("Wei Brook 0044"));
        assert_eq!(homonym_identifier("Wei Brook"), None);
    }
}
