//! The database schema: one change a file, applied in the order of the list below.
//!
//! Migrations are never edited after a release, and know nothing of the application's entities. What a new table needs
//! is in `migration/README.md`.

use sea_orm_migration::prelude::*;
pub use sea_orm_migration::{Migration, MigrationStatus, MigratorTrait};

pub use crate::inventory::{DERIVED_TABLES, FUNCTIONS, TABLES};

pub mod changed_fields;
mod extensions;
mod inventory;
mod m20261123_000001_localized_text;
mod m20261123_000002_researcher;
mod m20261123_000003_organization;
mod m20261123_000004_affiliation;
mod m20261123_000005_topic;
mod m20261123_000006_paper;
mod m20261123_000007_authorship;
mod m20261123_000008_external_id;
mod m20261123_000009_setting;
mod m20261123_000010_search;
mod m20261123_000011_label;
mod m20261123_000012_statistics;
mod m20261123_000013_affiliation_start;
mod m20261125_000014_directory_change;
mod m20261125_000015_coauthor_count;
mod m20261125_000020_name_repair;
mod m20261126_000022_paper_version;
mod m20261126_000023_name_use;
mod m20261126_000024_identity;
mod m20261126_000025_identity_pending;
mod m20261126_000026_quality;
mod m20261126_000027_renamed_row;
mod m20261126_000028_told;
mod m20261126_000029_known_words;
mod m20261129_000030_write_time;
mod m20261129_000031_restorable_typos;
mod m20261129_000032_long_role;
mod m20261129_000033_bibliographic_details;
mod m20261129_000034_awaited_organization;
mod m20261129_000036_paper_organization;
mod m20261129_000037_swapped_letters;
mod m20261129_000038_names_with_final_initials;
mod m20261129_000039_ended_affiliation;
mod m20261129_000040_awaited_by_id;
mod m20261129_000041_doubtful_identifiers;
mod m20261129_000042_topic_uri;
mod m20261129_000043_change_feed;
mod m20261129_000044_changed_fields;
mod m20261129_000045_derived_changes;
mod m20261130_000046_shown_authors;
mod m20261130_000047_family_words;
mod m20261130_000048_authorships_by_statement;
mod m20261130_000049_coauthorship_without_keys;
mod sql;

/// Applies and reverts the migrations.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_localized_text::Migration),
            Box::new(m20261123_000002_researcher::Migration),
            Box::new(m20261123_000003_organization::Migration),
            Box::new(m20261123_000004_affiliation::Migration),
            Box::new(m20261123_000005_topic::Migration),
            Box::new(m20261123_000006_paper::Migration),
            Box::new(m20261123_000007_authorship::Migration),
            Box::new(m20261123_000008_external_id::Migration),
            Box::new(m20261123_000009_setting::Migration),
            Box::new(m20261123_000010_search::Migration),
            Box::new(m20261123_000011_label::Migration),
            Box::new(m20261123_000012_statistics::Migration),
            Box::new(m20261123_000013_affiliation_start::Migration),
            Box::new(m20261125_000014_directory_change::Migration),
            Box::new(m20261125_000015_coauthor_count::Migration),
            Box::new(m20261125_000020_name_repair::Migration),
            Box::new(m20261126_000022_paper_version::Migration),
            Box::new(m20261126_000023_name_use::Migration),
            Box::new(m20261126_000024_identity::Migration),
            Box::new(m20261126_000025_identity_pending::Migration),
            Box::new(m20261126_000026_quality::Migration),
            Box::new(m20261126_000027_renamed_row::Migration),
            Box::new(m20261126_000028_told::Migration),
            Box::new(m20261126_000029_known_words::Migration),
            Box::new(m20261129_000030_write_time::Migration),
            Box::new(m20261129_000031_restorable_typos::Migration),
            Box::new(m20261129_000032_long_role::Migration),
            Box::new(m20261129_000033_bibliographic_details::Migration),
            Box::new(m20261129_000034_awaited_organization::Migration),
            Box::new(m20261129_000036_paper_organization::Migration),
            Box::new(m20261129_000037_swapped_letters::Migration),
            Box::new(m20261129_000038_names_with_final_initials::Migration),
            Box::new(m20261129_000039_ended_affiliation::Migration),
            Box::new(m20261129_000040_awaited_by_id::Migration),
            Box::new(m20261129_000041_doubtful_identifiers::Migration),
            Box::new(m20261129_000042_topic_uri::Migration),
            Box::new(m20261129_000043_change_feed::Migration),
            Box::new(m20261129_000044_changed_fields::Migration),
            Box::new(m20261129_000045_derived_changes::Migration),
            Box::new(m20261130_000046_shown_authors::Migration),
            Box::new(m20261130_000047_family_words::Migration),
            Box::new(m20261130_000048_authorships_by_statement::Migration),
            Box::new(m20261130_000049_coauthorship_without_keys::Migration),
        ]
    }
}
