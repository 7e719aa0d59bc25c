//! The directory itself.

use async_graphql::{Context, Object, SimpleObject};

use crate::error::Error;
use crate::graphql::context::State as _;
use crate::graphql::inputs::localized_string::LocalizedString;
use crate::graphql::types::quality::{self, DirectoryQuality, DirectorySource, QualityFilter};
use crate::model::language::LanguageTag;
use crate::store::reader::directory as store;

/// The directory itself: whose it is, in which languages, how much it holds.
pub struct Directory;

/// The directory itself: whose it is, in which languages, how much it holds.
#[Object]
impl Directory {
    /// Its name.
    async fn name(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Without effect: the name is the same in all languages.")] languages: Option<Vec<LanguageTag>>,
    ) -> LocalizedString {
        let _ = languages;
        LocalizedString::neutral(&ctx.identity().name)
    }

    /// The version of the software.
    async fn version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    /// The language of texts where the reader's are not known.
    async fn default_language(&self, ctx: &Context<'_>) -> LanguageTag {
        ctx.identity().default_language.clone()
    }

    /// The languages that labels of topics and names of organizations exist in.
    async fn languages(&self, ctx: &Context<'_>) -> Result<Vec<LanguageTag>, Error> {
        let tags = ctx.store().label_languages().await?;
        Ok(tags.iter().filter_map(|tag| tag.parse().ok()).collect())
    }

    /// Papers with more authors than this make no coauthors unless a filter asks for them.
    async fn consortium_size(&self, ctx: &Context<'_>) -> i32 {
        i32::try_from(ctx.store().consortium_size()).unwrap_or(i32::MAX)
    }

    /// How much it holds.
    async fn statistics(&self, ctx: &Context<'_>) -> Option<Result<DirectoryStatistics, Error>> {
        Some(ctx.store().statistics().await.map(Into::into))
    }

    /// Where its records came from, most records first. Null where counting failed.
    async fn sources(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many at most: 1 to 100.", default = 20)] first: i32,
    ) -> Option<Result<Vec<DirectorySource>, Error>> {
        Some(quality::sources(ctx, first).await)
    }

    /// What is missing, damaged or doubtful in it, for those who put it right.
    async fn quality(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "In which part of it; everywhere where absent.")] filter: Option<QualityFilter>,
    ) -> Result<DirectoryQuality, Error> {
        DirectoryQuality::new(ctx, filter)
    }
}

/// How much the directory holds.
#[derive(SimpleObject)]
pub struct DirectoryStatistics {
    /// The number of people.
    researcher_count: i32,
    /// The number of organizations.
    organization_count: i32,
    /// The number of affiliations, past ones too.
    affiliation_count: i32,
    /// The number of topics.
    topic_count: i32,
    /// The number of papers, every version of a work among them.
    paper_count: i32,
    /// The number of authors of papers, each paper's counted anew.
    authorship_count: i32,
}

impl From<store::DirectoryStatistics> for DirectoryStatistics {
    fn from(counted: store::DirectoryStatistics) -> Self {
        let narrow = |count| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            researcher_count: narrow(counted.researcher_count),
            organization_count: narrow(counted.organization_count),
            affiliation_count: narrow(counted.affiliation_count),
            topic_count: narrow(counted.topic_count),
            paper_count: narrow(counted.paper_count),
            authorship_count: narrow(counted.authorship_count),
        }
    }
}

/// The part of the query that reads the directory itself.
#[derive(Default)]
pub struct DirectoryQuery;

#[Object]
impl DirectoryQuery {
    /// The directory itself.
    async fn directory(&self) -> Directory {
        Directory
    }
}
