//! Sort order by label in the reader's preferred languages.
//!
//! The label of each entity in each requestable language is stored (`LocalizedText::by_requested_tag`). The order is a
//! merge of disjoint parts: entities with a label in the first language, then those with one only in the second, and so
//! on, and finally those without any. Each part is a range of one index.

use crate::model::entity_type::EntityType;
use crate::model::language::LanguagePreferences;
use crate::store::access::sql_fragment::{Sql, sql, text_array};
use crate::store::reader::page::{MergePartitions, SortKey, SortKeyType};

/// Returns the merge partitions of a list of entities of this type, whose id is the column `id`.
pub(crate) fn label_partitions(kind: EntityType, id: &str, languages: &LanguagePreferences) -> MergePartitions {
    let (table, column) = (kind.table(), kind.reference_column());
    let languages_sql = || text_array(languages.chain().iter().map(String::as_str).chain([""]));
    MergePartitions {
        partitions: sql!("unnest(?::text[]) WITH ORDINALITY AS wanted(language, rank)", languages_sql()),
        join: Sql::from(format!(" JOIN {table}_label AS label ON label.{column} = {id}")),
        condition: sql!(
            "label.language = wanted.language AND NOT label.languages && (?::text[])[:wanted.rank::integer - 1]",
            languages_sql(),
        ),
    }
}

/// Sort key of a partition: the label.
pub(crate) fn label_sort_key() -> SortKey {
    SortKey::new("label.sort_name", SortKeyType::Text)
}

/// Sort key of the entity's id, from the index of labels.
pub(crate) fn label_id_key(kind: EntityType) -> SortKey {
    SortKey::new(format!("label.{}", kind.reference_column()), SortKeyType::Integer)
}
