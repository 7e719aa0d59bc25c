//! The authors of an entry.

use biblatex::{ChunksExt as _, Person};

use crate::import::formats::bibtex::latex;
use crate::import::normalize::{author_list, dblp_name, field_parsing};
use crate::model::record::AuthorRecord;
use crate::text::names::{self, AuthorField};

pub(super) fn author_records(text: &str, warnings: &mut Vec<String>) -> Vec<AuthorRecord> {
    let mut text = text.trim().to_owned();
    if let Some(before) = author_list::strip_et_al(&text) {
        warnings.push("the authors end with 'et al.': the list is truncated".to_owned());
        text = before.to_owned();
    }
    // Some exporters separate names by semicolons; in `&eacute;` a semicolon ends a character reference.
    if text.contains(';') && !text.contains(" and ") && !text.contains('&') {
        text = text.replace(';', " and ");
    }
    let text = lower_conjunctions(&text);
    let Some(people) = latex::parse_chunks("author", &text).and_then(|chunks| chunks.parse::<Vec<Person>>().ok())
    else {
        warnings.push("the authors cannot be parsed and were ignored".to_owned());
        return Vec::new();
    };
    let mut authors = Vec::new();
    for person in people {
        let Some(author) = author_record(&person, u32::try_from(authors.len() + 1).ok()) else { continue };
        if author.name == "others" {
            warnings.push("the authors end with 'others': the list is truncated".to_owned());
            continue;
        }
        authors.push(author);
    }
    authors
}

/// Lowers the "AND" between names, which BibTeX accepts in any case. In braces it is part of a name.
fn lower_conjunctions(text: &str) -> String {
    let mut lowered = String::with_capacity(text.len());
    let mut depth = 0_usize;
    for word in text.split_inclusive(char::is_whitespace) {
        let name = word.trim_end();
        let is_conjunction = depth == 0 && name.eq_ignore_ascii_case("and");
        lowered.push_str(if is_conjunction { "and" } else { name });
        lowered.push_str(&word[name.len()..]);
        depth = (depth + name.matches('{').count()).saturating_sub(name.matches('}').count());
    }
    lowered
}

/// Returns the author for a name that BibTeX's rules have split, or `None` if it is empty. These rules know one suffix,
/// between commas; what they mistake for it is read as the text that it was.
fn author_record(person: &Person, position: Option<u32>) -> Option<AuthorRecord> {
    let part = |text: &str| Some(latex::strip_commands(text)).filter(|text| !text.is_empty());
    let (given, suffix) = (part(&person.given_name), part(&person.suffix));
    let family = field_parsing::join_name_parts(&[part(&person.prefix).as_deref(), part(&person.name).as_deref()]);
    let with_commas = || {
        let parts = [family.as_deref(), suffix.as_deref(), given.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let is_list = given.is_some() && names::parse_author_field(&with_commas()) != AuthorField::One(with_commas());
    let is_misplaced = suffix.as_deref().is_some_and(|suffix| !names::is_suffix_after_comma(suffix));
    if is_list || is_misplaced {
        return Some(author_list::author_from_text(position, &with_commas()));
    }
    let name = field_parsing::join_name_parts(&[given.as_deref(), family.as_deref(), suffix.as_deref()])?;
    // dblp tells people of one name apart by a number behind the name.
    if let Some(plain) = dblp_name::strip_homonym_number(&name) {
        let identifiers = dblp_name::homonym_identifier(&name).into_iter().collect();
        return Some(AuthorRecord { identifiers, ..author_list::author_from_text(position, plain) });
    }
    // In "Brook I.M." the family name is first, and in braces a name may have a suffix of its own.
    if names::split_final_initials(&name, true).is_some() || given.is_none() && names::split_suffix(&name).is_some() {
        return Some(author_list::author_from_text(position, &name));
    }
    Some(AuthorRecord { position, name, given_name: given, family_name: family, ..AuthorRecord::default() })
}
