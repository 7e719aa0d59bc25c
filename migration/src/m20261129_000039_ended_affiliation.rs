//! Affiliations that ended on an unknown date: they are not current, and no day is known on which they were held.

use sea_orm_migration::prelude::*;

use crate::sql::{execute, trigger};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = "ALTER TABLE affiliation ADD COLUMN has_ended boolean NOT NULL DEFAULT false";
        execute(manager, &[column]).await?;
        replace_last_day(manager, "CASE WHEN has_ended THEN '-infinity'::date ELSE 'infinity'::date END").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        replace_last_day(manager, "'infinity'::date").await?;
        execute(manager, &["ALTER TABLE affiliation DROP COLUMN has_ended"]).await
    }
}

/// Generates `ends_on` with another value for affiliations without an end date. The trigger refers to the column.
async fn replace_last_day(manager: &SchemaManager<'_>, without_date: &str) -> Result<(), DbErr> {
    let column = format!(
        "DROP TRIGGER queues_changed_members ON affiliation; ALTER TABLE affiliation DROP COLUMN ends_on,
            ADD COLUMN ends_on date NOT NULL GENERATED ALWAYS AS (CASE length(end_date)
                WHEN 4 THEN make_date(end_date::integer, 12, 31)
                WHEN 7 THEN (make_date(left(end_date, 4)::integer, right(end_date, 2)::integer, 1) + interval '1 month')::date - 1
                WHEN 10 THEN make_date(left(end_date, 4)::integer, substr(end_date, 6, 2)::integer, right(end_date, 2)::integer)
                ELSE {without_date} END) STORED;"
    );
    execute(manager, &[&column, trigger!(queues_changed_members v1)]).await
}
