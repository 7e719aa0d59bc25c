//! What the conditions of a filter cost.

use crate::graphql::engine::field_directives::{FREE, FieldCost, statements};

/// A condition on related entities joins other tables: it counts as several statements, each time the list is read.
pub const RELATED: FieldCost = statements(25);
/// IDs are looked up for each parent.
pub const IDS: FieldCost = FREE.counts(25);
/// The index of the times of the last changes can be read for each parent.
pub const UPDATED_SINCE: FieldCost = FREE.counts(200);
