//! The types of the schema with their resolvers and root fields, one file per concept.

pub(crate) mod affiliation;
pub(crate) mod authorship;
pub(crate) mod change;
pub(crate) mod citation;
pub(crate) mod coauthor_network;
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
    use crate::graphql::engine::lookahead::ProjectedType;
    use crate::graphql::engine::schema_index::{IndexedType, fields_of, named_type};
    use crate::graphql::types::affiliation::Affiliation;
    use crate::graphql::types::authorship::Authorship;
    use crate::graphql::types::organization::Organization;
    use crate::graphql::types::paper::Paper;
    use crate::graphql::types::researcher::Researcher;
    use crate::graphql::types::topic::Topic;
    use crate::store::access::column_projection::{ColumnProjection, ColumnSet};
    use crate::store::reader::coauthorship::CoauthorEdge;
    use async_graphql::parser::types::TypeKind;

    fn are_columns<C: ColumnProjection>(names: &[String]) -> bool {
        ColumnSet::from_names::<C>(names) != ColumnSet::ALL
    }

    #[test]
    fn fields_of_rows_declare_their_columns() {
        let index = crate::graphql::index_schema(crate::graphql::builder(&Default::default()));
        for ty in index.types().filter(|ty| index.is_node(ty.name()) && ty.is_object() || *ty.name() == "CoauthorEdge")
        {
            for field in fields_of(&ty.definition) {
                let (ty, name) = (ty.name().as_str(), field.name.node.as_str());
                let columns = index.field(ty, name).and_then(|field| field.columns.as_deref());
                let Some(columns) = columns else { panic!("{ty}.{name} does not declare the columns it reads") };
                let exist = match ty {
                    "Researcher" => are_columns::<<Researcher as ProjectedType>::Row>(columns),
                    "Organization" => are_columns::<<Organization as ProjectedType>::Row>(columns),
                    "Topic" => are_columns::<<Topic as ProjectedType>::Row>(columns),
                    "Paper" => are_columns::<<Paper as ProjectedType>::Row>(columns),
                    "Affiliation" => are_columns::<<Affiliation as ProjectedType>::Row>(columns),
                    "Authorship" => are_columns::<<Authorship as ProjectedType>::Row>(columns),
                    "CoauthorEdge" => are_columns::<CoauthorEdge>(columns),
                    _ => panic!("of which row is a {ty}?"),
                };
                assert!(exist, "{ty}.{name} reads {columns:?}, not all of which are columns");
            }
        }
    }

    /// Whether a field is read by statements of its own, only the service knows: `tests/api/declared_costs.rs` counts them.
    #[test]
    fn fields_with_objects_declare_their_cost() {
        let index = crate::graphql::index_schema(crate::graphql::builder(&Default::default()));
        for ty in index.types().filter(|ty| !ty.name().starts_with("__")) {
            for field in fields_of(&ty.definition) {
                let is_object = index.is_composite(named_type(&field.ty.node.base));
                let declared = index.field(ty.name(), &field.name.node).and_then(|field| field.cost);
                assert!(
                    !is_object || declared.is_some(),
                    "{}.{} does not declare its cost",
                    ty.name(),
                    field.name.node
                );
            }
        }
    }

    #[test]
    fn conditions_by_ids_declare_their_cost() {
        let index = crate::graphql::index_schema(crate::graphql::builder(&Default::default()));
        let is_filter = |ty: &&IndexedType| ty.name().ends_with("Filter");
        for ty in index.types().filter(is_filter) {
            let TypeKind::InputObject(filter) = &ty.definition.kind else { panic!("{} is not an input", ty.name()) };
            for condition in filter.fields.iter().map(|field| &field.node) {
                let is_declared = condition.directives.iter().any(|directive| directive.node.name.node == "cost");
                let by_ids = *named_type(&condition.ty.node.base) == "ID";
                assert!(!by_ids || is_declared, "{}.{} does not declare its cost", ty.name(), condition.name.node);
            }
        }
    }
}
