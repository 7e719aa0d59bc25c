//! Columns read by their places in a row, which takes far less than to find each by its name.

use sea_orm::{DbErr, QueryResult};

use crate::entity::{affiliation, authorship, organization, paper, researcher, topic};

/// A part of a row.
pub trait Columns: Sized {
    /// The names of its columns, in order.
    const NAMES: &'static [&'static str];

    /// Reads it where its first column is at this place.
    ///
    /// # Errors
    /// Where a column is of another type.
    fn read(row: &QueryResult, first: usize) -> Result<Self, DbErr>;

    /// Its columns of a table, as a list in SQL.
    #[must_use]
    fn of(table: &str) -> String {
        Self::NAMES.iter().map(|name| format!("{table}.{name}")).collect::<Vec<_>>().join(", ")
    }
}

/// Names the columns of a struct's fields, in order; each by the field's name or by the text behind it.
macro_rules! columns {
    ($type:ty { $($field:ident $(= $name:literal)?),* $(,)? }) => {
        impl $crate::store::columns::Columns for $type {
            const NAMES: &'static [&'static str] = &[$($crate::store::columns::columns!(@name $field $($name)?)),*];

            fn read(row: &sea_orm::QueryResult, first: usize) -> Result<Self, sea_orm::DbErr> {
                let mut places = first..;
                $(let $field = row.try_get_by_index(places.next().unwrap_or_default())?;)*
                Ok(Self { $($field),* })
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
}
pub(super) use columns;

columns!(researcher::Model {
    id,
    slug,
    display_name,
    given_name,
    family_name,
    other_names,
    orcid,
    headline,
    biography,
    portrait_url,
    homepage_url,
    created_at,
    updated_at,
});
columns!(organization::Model {
    id,
    slug,
    ror,
    display_names,
    names,
    types,
    status,
    country_code,
    city,
    homepage_url,
    created_at,
    updated_at,
});
columns!(affiliation::Model {
    id,
    researcher_id,
    organization_id,
    kind,
    role_title,
    department_name,
    start_date,
    end_date,
    is_primary,
    created_at,
    updated_at,
});
columns!(topic::Model { id, slug, scheme, code, display_names, names, created_at, updated_at });
columns!(paper::Model {
    id, slug, title, translated_titles, abstract_text, abstract_completeness, publication_date, publication_year,
    paper_type = "type", venue_name, language, doi, arxiv_id, url, is_retracted, author_count, created_at, updated_at,
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
    affiliations_as_published,
});
