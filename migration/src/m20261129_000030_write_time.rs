//! Timestamps of rows follow the order of commits.
//!
//! `now()` is the start of the transaction, which may have waited for the write lock for minutes: others commit later
//! timestamps meanwhile, and a reader of `updatedSince` misses the rows. The start of the statement is after the lock.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

const COLUMNS: &[(&str, &[&str])] = &[
    ("researcher", &["created_at", "updated_at"]),
    ("organization", &["created_at", "updated_at"]),
    ("affiliation", &["created_at", "updated_at"]),
    ("topic", &["created_at", "updated_at"]),
    ("paper", &["created_at", "updated_at"]),
    ("name_decision", &["decided_at"]),
    ("identity_decision", &["decided_at"]),
];

async fn set_defaults(manager: &SchemaManager<'_>, default: &str) -> Result<(), DbErr> {
    for (table, columns) in COLUMNS {
        for column in *columns {
            execute(manager, &[&format!("ALTER TABLE {table} ALTER {column} SET DEFAULT {default}")]).await?;
        }
    }
    Ok(())
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        set_defaults(manager, "statement_timestamp()").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        set_defaults(manager, "now()").await
    }
}
