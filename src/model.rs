//! The vocabulary that all layers share: global ids, external identifiers, partial dates, languages and the neutral record.

pub mod activity;
pub mod backup;
pub mod change;
pub mod concept_uri;
pub mod decision;
pub mod entity_type;
pub mod global_id;
pub mod identifier;
pub mod language;
pub mod partial_date;
pub mod record;
pub mod source_order;
pub mod standard_number;
pub mod text_limit;
