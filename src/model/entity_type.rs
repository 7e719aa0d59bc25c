//! The types of entities that have a slug, can be searched, and can be merged.

use sea_orm::{DeriveActiveEnum, EnumIter};

/// The type of an entity. In columns, it is the name of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum EntityType {
    /// Researchers.
    #[sea_orm(string_value = "researcher")]
    Researcher,
    /// Organizations.
    #[sea_orm(string_value = "organization")]
    Organization,
    /// Topics.
    #[sea_orm(string_value = "topic")]
    Topic,
    /// Papers.
    #[sea_orm(string_value = "paper")]
    Paper,
}

impl EntityType {
    /// All types; the order breaks ties in search results.
    pub const ALL: [Self; 4] = [Self::Researcher, Self::Organization, Self::Topic, Self::Paper];

    /// Returns the name of the table, which is also the word for the type in records and in stored keys.
    #[must_use]
    pub fn table(self) -> &'static str {
        match self {
            Self::Researcher => "researcher",
            Self::Organization => "organization",
            Self::Topic => "topic",
            Self::Paper => "paper",
        }
    }

    /// Returns the column that references the entity.
    #[must_use]
    pub fn reference_column(self) -> &'static str {
        match self {
            Self::Researcher => "researcher_id",
            Self::Organization => "organization_id",
            Self::Topic => "topic_id",
            Self::Paper => "paper_id",
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ActiveEnum as _;

    use super::*;

    /// The words are stored in `former_identity` and `former_slug`.
    #[test]
    fn stored_words_are_names_of_tables() {
        assert_eq!(EntityType::ALL.map(|kind| kind.to_value()), EntityType::ALL.map(EntityType::table));
    }
}
