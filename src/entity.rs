//! SeaORM entities: columns and relations of all tables with a primary key but those that are derived from others. The
//! statistics of researchers are derived, and read by their columns.

pub mod activity;
pub mod affiliation;
pub mod authorship;
pub mod authorship_organization;
pub mod authorship_resolution;
pub mod change;
pub mod external_id;
pub mod feed_epoch;
pub mod former_identity;
pub mod former_slug;
pub mod identity_decision;
pub mod identity_pending;
pub mod identity_pin;
pub mod name_decision;
pub mod organization;
pub mod organization_awaited_relation;
pub mod organization_parent;
pub mod organization_succession;
pub mod paper;
pub mod paper_topic;
pub mod researcher;
pub mod researcher_name;
pub mod researcher_statistics;
pub mod researcher_topic;
pub mod setting;
pub mod source_record;
pub mod topic;
pub mod topic_broader;

use sea_orm::sea_query::Expr;

/// The time of the statement, as a write stamps its rows. `Expr::current_timestamp()` is the time of the transaction.
#[must_use]
pub fn statement_timestamp() -> Expr {
    Expr::cust("statement_timestamp()")
}

#[cfg(test)]
mod tests {
    use sea_orm::{ActiveEnum, IntoIdentity as _, Iterable, Related, RelatedSelfVia};
    use serde::Serialize;

    use super::*;
    use crate::model::decision::DecisionKind;
    use crate::model::record::{AbstractCompleteness, AffiliationKind, NameUse, PaperType};
    use crate::text::names::RepairRule;

    /// The words in columns, by the names of variants.
    fn words<T: ActiveEnum<Value = String> + Iterable + Serialize>() -> String {
        let words: Vec<String> = T::iter().map(|variant| variant.to_value()).collect();
        let as_json = serde_json::to_value(T::iter().collect::<Vec<_>>()).expect("JSON");
        assert_eq!(as_json, serde_json::json!(words), "the words in records and in columns differ");
        words.join(" ")
    }

    /// SeaORM derives a relation from the `belongs_to` of the other entity, which the compiler and `tests/api/entities.rs`
    /// check. Where the other entity has two for the same table, the attributes choose one.
    #[test]
    fn relations_choose_their_columns() {
        let authorships = <researcher::Entity as Related<authorship::Entity>>::to();
        assert_eq!(authorships.to_col, authorship::Column::ResearcherId.into_identity());
        let parents = <organization::Entity as RelatedSelfVia<organization_parent::Entity>>::via();
        assert_eq!(parents.to_col, organization_parent::Column::ChildId.into_identity());
        let broader = <topic::Entity as RelatedSelfVia<topic_broader::Entity>>::via();
        assert_eq!(broader.to_col, topic_broader::Column::TopicId.into_identity());
    }

    #[test]
    fn stored_words_are_stable() {
        assert_eq!(words::<AbstractCompleteness>(), "FULL TRUNCATED ABSENT WITHHELD");
        assert_eq!(
            words::<AffiliationKind>(),
            "EMPLOYMENT MEMBERSHIP EDUCATION QUALIFICATION SERVICE INVITED_POSITION DISTINCTION"
        );
        assert_eq!(words::<NameUse>(), "DISPLAY SEARCH_ONLY PRIVATE");
        assert_eq!(
            words::<PaperType>(),
            "ARTICLE CONFERENCE_PAPER PREPRINT BOOK BOOK_CHAPTER THESIS REPORT DATASET OTHER"
        );
        assert_eq!(
            words::<RepairRule>(),
            "LATEX BARE_ACCENT CARON MISREAD_ENCODING DETACHED_ACCENT DECOMPOSED_ACCENT HTML_ENTITY CAPITALS STRAY_CHARACTERS"
        );
        assert_eq!(words::<DecisionKind>(), "MERGE SPLIT");
    }
}
