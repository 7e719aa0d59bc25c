//! Orders by a label in the best of a reader's languages.
//!
//! The label of each thing for each language that a reader may want is stored (`LocalizedText::by_wanted`), so that the
//! order is a merge: those with a label in the first language, those without it that have one in the second, …, and
//! those that have none of them. Each of these is a range of one index.

use crate::model::language::LanguagePreferences;
use crate::store::access::sql_fragment::{Sql, text_array};
use crate::store::reader::page::{MergePartitions, SortKey, SortKeyType};

/// The parts of a list of things of this table, whose id is `id`.
pub(crate) fn label_partitions(table: &str, id: &str, languages: &LanguagePreferences) -> MergePartitions {
    let wanted = || text_array(languages.chain().iter().map(String::as_str).chain([""]));
    MergePartitions {
        partitions: Sql::with("unnest(?::text[]) WITH ORDINALITY AS wanted(language, rank)", wanted()),
        join: Sql::from(format!(" JOIN {table}_label AS label ON label.{table}_id = {id}")),
        condition: Sql::with(
            "label.language = wanted.language AND NOT label.languages && (?::text[])[:wanted.rank::integer - 1]",
            wanted(),
        ),
    }
}

/// The label by which a part is ordered.
pub(crate) fn label_sort_key() -> SortKey {
    SortKey::new("label.sort_name", SortKeyType::Text)
}

/// The id of the labelled thing, which the label's index has too.
pub(crate) fn label_id_key(table: &str) -> SortKey {
    SortKey::new(format!("label.{table}_id"), SortKeyType::Integer)
}
