//! Columns read by their places in a row, which takes far less than to find each by its name.

use sea_orm::{DbErr, QueryResult};

use crate::entity::{affiliation, authorship, organization, paper, researcher, topic};

/// A part of a row.
pub trait Columns: Sized {
    /// How many columns it has.
    const COUNT: usize;

    /// Its columns of a table, as a list in SQL. Texts that are long, or many, are read as empty where they are not wanted.
    fn of(table: &str, with_texts: bool) -> String;

    /// Reads it where its first column is at this place.
    ///
    /// # Errors
    /// Where a column is of another type.
    fn read(row: &QueryResult, first: usize) -> Result<Self, DbErr>;
}

/// Names the columns of a struct's fields, in order: each by the field's name or by the text behind it. Those behind the bar
/// are texts.
macro_rules! columns {
    ($type:ty { $($field:ident $(= $name:literal)?),* $(,)? $(| $($text:ident),*)? }) => {
        impl $crate::store::columns::Columns for $type {
            const COUNT: usize = [$(stringify!($field),)* $($(stringify!($text)),*)?].len();

            fn of(table: &str, with_texts: bool) -> String {
                let names = [$($crate::store::columns::columns!(@name $field $($name)?)),*];
                let texts: &[&str] = &[$($(stringify!($text)),*)?];
                let column = |name: &&str| format!("{table}.{name}");
                let text = |name: &&str| if with_texts { column(name) } else { "NULL::jsonb".to_owned() };
                names.iter().map(column).chain(texts.iter().map(text)).collect::<Vec<_>>().join(", ")
            }

            fn read(row: &sea_orm::QueryResult, first: usize) -> Result<Self, sea_orm::DbErr> {
                let mut places = first..;
                $(let $field = row.try_get_by_index(places.next().unwrap_or_default())?;)*
                $($(let $text = row.try_get_by_index::<Option<_>>(places.next().unwrap_or_default())?.unwrap_or_default();)*)?
                Ok(Self { $($field,)* $($($text),*)? })
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
}
pub(super) use columns;

columns!(researcher::Model {
    id, slug, display_name, given_name, family_name, other_names, orcid, portrait_url, homepage_url, created_at, updated_at
    | headline, biography
});
columns!(organization::Model {
    id, slug, ror, display_names, types, status, country_code, city, homepage_url, created_at, updated_at | names
});
columns!(affiliation::Model {
    id, researcher_id, organization_id, kind, start_date, end_date, is_primary, created_at, updated_at
    | role_title, department_name
});
columns!(topic::Model { id, slug, scheme, code, display_names, created_at, updated_at | names });
columns!(paper::Model {
    id, slug, title, abstract_completeness, publication_date, publication_year, paper_type = "type", venue_name, language, doi,
    arxiv_id, url, is_retracted, author_count, version_of_id, created_at, updated_at
    | translated_titles, abstract_text
});
columns!(authorship::Model {
    id,
    paper_id,
    position,
    name_as_published,
    name,
    researcher_id,
    is_corresponding,
    equal_contribution_group,
    affiliations_as_published
});
