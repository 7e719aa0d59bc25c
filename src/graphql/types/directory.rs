//! The directory type and its root field.

use async_graphql::{Context, Object, SimpleObject};

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::field_directives::{Cost, FREE, statements};
use crate::graphql::inputs::scalars::saturating_i32;
use crate::graphql::types::localized_string::LocalizedString;
use crate::graphql::types::quality::{self, DirectoryQuality, DirectorySource, QualityFilter};
use crate::model::language::LanguageTag;
use crate::store::reader::directory as store;

/// The directory itself: its name, its languages and its size.
pub struct Directory;

/// The directory itself: its name, its languages and its size.
#[Object]
impl Directory {
    /// The display name of the directory.
    #[graphql(directive = Cost::apply(FREE))]
    async fn name(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Has no effect: the name is the same in all languages.")] languages: Option<Vec<LanguageTag>>,
    ) -> LocalizedString {
        let _ = languages;
        LocalizedString::without_language(&ctx.directory_info().name)
    }

    /// The version of the software.
    async fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    /// The language used if the client does not request one.
    async fn default_language(&self, ctx: &Context<'_>) -> LanguageTag {
        ctx.directory_info().default_language.clone()
    }

    /// The languages in which topic labels and organization names are available.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn languages(&self, ctx: &Context<'_>) -> Result<Vec<LanguageTag>, Error> {
        let tags = ctx.store().label_languages().await?;
        Ok(tags.iter().filter_map(|tag| tag.parse().ok()).collect())
    }

    /// The hyperauthorship threshold: papers with more authors than this are excluded from coauthorship, unless a
    /// filter sets `maxAuthorsPerPaper`.
    async fn consortium_size(&self, ctx: &Context<'_>) -> i32 {
        i32::try_from(ctx.store().consortium_size()).unwrap_or(i32::MAX)
    }

    /// The number of entities of each type.
    #[graphql(directive = Cost::apply(statements(15)))]
    async fn statistics(&self, ctx: &Context<'_>) -> Option<Result<DirectoryStatistics, Error>> {
        Some(ctx.store().directory_counts().await.map(Into::into))
    }

    /// The sources of the imported records, most records first. Null if counting fails.
    #[graphql(directive = Cost::apply(statements(10)))]
    async fn sources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Returns at most this many items: 1 to 100.", default = 20)] first: i32,
    ) -> Option<Result<Vec<DirectorySource>, Error>> {
        Some(quality::load_sources(ctx, first).await)
    }

    /// The current end of the change feed: `changes` after it returns what is committed from now on. To make a copy of the
    /// directory, read this first, then the entities, then follow the feed.
    #[graphql(directive = Cost::apply(statements(1)))]
    async fn change_cursor(&self, ctx: &Context<'_>) -> Result<String, Error> {
        let state = ctx.store().feed_state().await?;
        Ok(state.encode(state.head()))
    }

    /// Data quality: missing, corrupted or suspicious data.
    // The report on a part of the directory joins papers, authors and organizations, for each kind of issue.
    #[graphql(directive = Cost::apply(FREE.filter_statements(175)))]
    async fn quality(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Restricts the report to a part of the directory. Defaults to the whole directory.")]
        filter: Option<QualityFilter>,
    ) -> Result<DirectoryQuality, Error> {
        DirectoryQuality::new(ctx, filter)
    }
}

/// The number of entities of each type in the directory.
#[derive(SimpleObject)]
pub struct DirectoryStatistics {
    /// The number of researchers.
    researcher_count: i32,
    /// The number of organizations.
    organization_count: i32,
    /// The number of affiliations, including past ones.
    affiliation_count: i32,
    /// The number of topics.
    topic_count: i32,
    /// The number of papers. Versions of a work count separately.
    paper_count: i32,
    /// The number of authorships: the sum of the author counts of all papers.
    authorship_count: i32,
}

impl From<store::DirectoryCounts> for DirectoryStatistics {
    fn from(counts: store::DirectoryCounts) -> Self {
        Self {
            researcher_count: saturating_i32(counts.researcher_count),
            organization_count: saturating_i32(counts.organization_count),
            affiliation_count: saturating_i32(counts.affiliation_count),
            topic_count: saturating_i32(counts.topic_count),
            paper_count: saturating_i32(counts.paper_count),
            authorship_count: saturating_i32(counts.authorship_count),
        }
    }
}

/// Root fields for the directory.
#[derive(Default)]
pub struct DirectoryQuery;

#[Object]
impl DirectoryQuery {
    /// The directory itself.
    #[graphql(directive = Cost::apply(FREE))]
    async fn directory(&self) -> Directory {
        Directory
    }
}
