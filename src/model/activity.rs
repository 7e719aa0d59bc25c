//! What a transaction that changed the directory did.

use sea_orm::{DeriveActiveEnum, EnumIter};

/// The kind of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ActivityKind {
    /// A batch of records of one source.
    #[sea_orm(string_value = "IMPORT")]
    Import,
    /// A source was removed.
    #[sea_orm(string_value = "DELETE")]
    Delete,
    /// A decision on names.
    #[sea_orm(string_value = "NAMES")]
    Names,
    /// A decision to merge researchers.
    #[sea_orm(string_value = "MERGE")]
    Merge,
    /// A decision to split a researcher.
    #[sea_orm(string_value = "SPLIT")]
    Split,
    /// The disambiguation of authors.
    #[sea_orm(string_value = "RESOLVE")]
    Resolve,
    /// A decision was undone.
    #[sea_orm(string_value = "UNDO")]
    Undo,
    /// Anything else: derived data, the calendar, writers outside the application.
    #[sea_orm(string_value = "MAINTENANCE")]
    Maintenance,
}
