//! The types of the schema with their resolvers and root fields, one file per concept.

pub(crate) mod affiliation;
pub(crate) mod authorship;
pub(crate) mod citation;
pub(crate) mod coauthor_path;
pub(crate) mod coauthorship;
pub(crate) mod directory;
pub(crate) mod facet;
pub(crate) mod identifier;
pub(crate) mod localized_string;
pub(crate) mod name_repair;
pub(crate) mod node;
pub(crate) mod organization;
pub(crate) mod paper;
pub(crate) mod quality;
pub(crate) mod researcher;
pub(crate) mod resolution;
pub(crate) mod search;
pub(crate) mod topic;

#[cfg(test)]
mod tests {
    use crate::graphql::connection::{COLUMNS_BY_BASE_EDGE_FIELD, ConnectionType};
    use crate::graphql::engine::lookahead::{FieldColumns, ProjectedType};
    use crate::graphql::engine::schema_index::SchemaIndex;
    use crate::graphql::types::affiliation::Affiliation;
    use crate::graphql::types::authorship::Authorship;
    use crate::graphql::types::organization::Organization;
    use crate::graphql::types::paper::Paper;
    use crate::graphql::types::researcher::Researcher;
    use crate::graphql::types::topic::Topic;
    use crate::store::access::column_projection::{ColumnProjection, ColumnSet};
    use crate::store::reader::coauthorship::{CoauthorEdge, Coauthors};

    fn assert_all_are_columns<C: ColumnProjection>(fields: &[FieldColumns]) {
        for (field, columns) in fields {
            assert_ne!(
                ColumnSet::from_names::<C>(columns),
                ColumnSet::ALL,
                "{field} reads {columns:?}, not all of which are columns"
            );
        }
    }

    #[test]
    fn fields_name_existing_columns() {
        assert_all_are_columns::<<Researcher as ProjectedType>::Row>(Researcher::COLUMNS_BY_FIELD);
        assert_all_are_columns::<<Organization as ProjectedType>::Row>(Organization::COLUMNS_BY_FIELD);
        assert_all_are_columns::<<Topic as ProjectedType>::Row>(Topic::COLUMNS_BY_FIELD);
        assert_all_are_columns::<<Paper as ProjectedType>::Row>(Paper::COLUMNS_BY_FIELD);
        assert_all_are_columns::<<Affiliation as ProjectedType>::Row>(Affiliation::COLUMNS_BY_FIELD);
        assert_all_are_columns::<<Authorship as ProjectedType>::Row>(Authorship::COLUMNS_BY_FIELD);
        assert_all_are_columns::<CoauthorEdge>(Coauthors::COLUMNS_BY_EDGE_FIELD);
    }

    #[test]
    fn every_field_lists_its_columns() {
        let index = SchemaIndex::parse(&crate::graphql::sdl());
        for (ty, listed) in [
            ("Researcher", Researcher::COLUMNS_BY_FIELD),
            ("Organization", Organization::COLUMNS_BY_FIELD),
            ("Topic", Topic::COLUMNS_BY_FIELD),
            ("Paper", Paper::COLUMNS_BY_FIELD),
            ("Affiliation", Affiliation::COLUMNS_BY_FIELD),
            ("Authorship", Authorship::COLUMNS_BY_FIELD),
            ("CoauthorEdge", Coauthors::COLUMNS_BY_EDGE_FIELD),
        ] {
            for (field, _) in listed {
                assert!(index.field(ty, field).is_some(), "{ty} has no field {field}");
            }
            let base_fields = if ty.ends_with("Edge") { COLUMNS_BY_BASE_EDGE_FIELD } else { &[] };
            let count = listed.len() + base_fields.len();
            assert_eq!(index.field_count(ty), count, "a field of {ty} does not list the columns it reads");
        }
    }
}
