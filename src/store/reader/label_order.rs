//! Orders by a label in the best of a reader's languages.
//!
//! The label of each thing for each language that a reader may want is stored (`LocalizedText::by_wanted`), so that the
//! order is a merge: those with a label in the first language, those without it that have one in the second, …, and
//! those that have none of them. Each of these is a range of one index.

use crate::model::language::Languages;
use crate::store::access::sql_fragment::{Sql, texts};
use crate::store::reader::page::{Key, KeyKind, Parts};

/// The parts of a list of things of this table, whose id is `id`.
pub(crate) fn parts(table: &str, id: &str, languages: &Languages) -> Parts {
    let wanted = || texts(languages.chain().iter().map(String::as_str).chain([""]));
    Parts {
        each: Sql::with("unnest(?::text[]) WITH ORDINALITY AS wanted(language, rank)", wanted()),
        join: Sql::from(format!(" JOIN {table}_label AS label ON label.{table}_id = {id}")),
        condition: Sql::with(
            "label.language = wanted.language AND NOT label.languages && (?::text[])[:wanted.rank::integer - 1]",
            wanted(),
        ),
    }
}

/// The label by which a part is ordered.
pub(crate) fn key() -> Key {
    Key::new("label.sort_name", KeyKind::Text)
}

/// The id of the labelled thing, which the label's index has too.
pub(crate) fn id(table: &str) -> Key {
    Key::new(format!("label.{table}_id"), KeyKind::Integer)
}
