//! Loads the metadata of cited papers and formats references.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::citation::{CitationLocale, CitationStyle, CitedAuthor, CitedPaper, MAX_CITED_AUTHORS};
use crate::error::Error;
use crate::model::language::LocalizedText;
use crate::model::record::PaperType;
use crate::store::Store;
use crate::store::access::data_loader::{Loader, LoaderKey};
use crate::store::access::sql_fragment::{Sql, bigint_array, sql};
use crate::store::reader::authorship::{NameRedaction, join_resolved_researcher};
use crate::store::reader::export::{EXPORT_BATCH_AUTHORSHIPS, ExportSnapshot};
use crate::store::reader::paper::PaperFilter;

/// Number of papers read at once for an export.
const CITATION_BATCH_PAPERS: i64 = 500;

/// Which authors of a paper are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthorSelection {
    /// All authors.
    All,
    /// Authors that a citation style can print: the first ones and the last.
    Cited,
}

/// Loader key of the citation metadata of a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CitedPaperKey {
    /// Id of the paper.
    pub id: i64,
    /// Which of its authors are read.
    pub authors: AuthorSelection,
}

/// A paper as read from the database, with its authors as JSON.
#[derive(FromQueryResult)]
pub(super) struct CitedPaperRow {
    pub(super) id: i64,
    slug: String,
    title: String,
    abstract_text: LocalizedText,
    publication_date: Option<String>,
    #[sea_orm(from_alias = "type")]
    paper_type: PaperType,
    venue_name: Option<String>,
    volume: Option<String>,
    issue: Option<String>,
    pages: Option<String>,
    article_number: Option<String>,
    edition: Option<String>,
    publisher_name: Option<String>,
    issns: Vec<String>,
    isbns: Vec<String>,
    keywords: Vec<String>,
    language: Option<String>,
    doi: Option<String>,
    arxiv_id: Option<String>,
    url: Option<String>,
    authors: String,
}

impl CitedPaperRow {
    fn into_cited_paper(self) -> Result<CitedPaper, Error> {
        self.with_authors(CitedAuthorRow::into_cited_author)
    }

    /// The paper with its authors, each of which is read as `R`.
    pub(super) fn with_authors<R: DeserializeOwned, A>(
        self,
        into_author: impl Fn(R) -> A,
    ) -> Result<CitedPaper<A>, Error> {
        let authors: Vec<R> = serde_json::from_str(&self.authors).map_err(Error::internal)?;
        Ok(CitedPaper {
            slug: self.slug,
            title: self.title,
            abstract_text: self.abstract_text,
            publication_date: self.publication_date.and_then(|date| date.parse().ok()),
            paper_type: self.paper_type,
            venue_name: self.venue_name,
            volume: self.volume,
            issue: self.issue,
            pages: self.pages,
            article_number: self.article_number,
            edition: self.edition,
            publisher_name: self.publisher_name,
            issns: self.issns,
            isbns: self.isbns,
            keywords: self.keywords,
            language: self.language,
            doi: self.doi,
            arxiv_id: self.arxiv_id,
            url: self.url,
            authors: authors.into_iter().map(into_author).collect(),
        })
    }
}

/// Author as read from the database by [`CITED_AUTHOR_FIELDS`], with the redaction of the resolved researcher.
#[derive(Deserialize)]
pub(super) struct CitedAuthorRow {
    name: String,
    published: Option<String>,
    given: Option<String>,
    family: Option<String>,
    hiding: Option<NameRedaction>,
}

impl CitedAuthorRow {
    pub(super) fn into_cited_author(self) -> CitedAuthor {
        let published = self.published.as_deref().unwrap_or_default();
        let is_withheld = |hiding: &NameRedaction| hiding.redacts_name(&self.name) || hiding.redacts_name(published);
        let name = self.hiding.as_ref().filter(|hiding| is_withheld(hiding)).map(|hiding| hiding.name.clone());
        CitedAuthor { name: name.unwrap_or(self.name), given: self.given, family: self.family }
    }
}

/// The fields of a [`CitedAuthorRow`], as arguments of `json_build_object`.
pub(super) const CITED_AUTHOR_FIELDS: &str = "'name', authorship.name, 'given', resolved.given_name, \
     'family', resolved.family_name, \
     'published', CASE WHEN resolved.hidden_forms IS NOT NULL THEN authorship.name_as_published END, \
     'hiding', CASE WHEN resolved.hidden_forms IS NOT NULL THEN json_build_object('name', resolved.display_name, \
     'forms', resolved.hidden_forms) END";

/// Returns the selected columns of `paper`. Authors are named as published, with certain repairs applied; a suppressed
/// name is replaced by the researcher's display name.
fn citation_columns(authors: AuthorSelection) -> String {
    let (text, author_filter) = match authors {
        AuthorSelection::All => ("paper.abstract_text", String::new()),
        AuthorSelection::Cited => (
            "'{}'::jsonb",
            format!(
                " AND authorship.id = ANY(ARRAY((SELECT id FROM authorship WHERE paper_id = paper.id ORDER BY list_order \
                 LIMIT {MAX_CITED_AUTHORS}) UNION (SELECT id FROM authorship WHERE paper_id = paper.id ORDER BY list_order DESC LIMIT 1)))"
            ),
        ),
    };
    let resolved = join_resolved_researcher!("authorship");
    format!(
        "paper.id, paper.slug, paper.title, {text} AS abstract_text, paper.publication_date, paper.type, paper.venue_name, \
         paper.volume, paper.issue, paper.pages, paper.article_number, paper.edition, paper.publisher_name, paper.issns, \
         paper.isbns, paper.keywords, paper.language, paper.doi, paper.arxiv_id, paper.url, coalesce((\
         SELECT json_agg(json_build_object({CITED_AUTHOR_FIELDS}) ORDER BY authorship.list_order) FROM authorship{resolved} \
         WHERE authorship.paper_id = paper.id{author_filter}), '[]')::text AS authors"
    )
}

impl LoaderKey for CitedPaperKey {
    const NAME: &'static str = "citation::papers";
}

impl Loader<CitedPaperKey> for Store {
    type Value = Arc<CitedPaper>;

    async fn load(&self, keys: &[CitedPaperKey]) -> Result<HashMap<CitedPaperKey, Arc<CitedPaper>>, Error> {
        let mut papers = HashMap::with_capacity(keys.len());
        for authors in [AuthorSelection::All, AuthorSelection::Cited] {
            let paper_ids: Vec<i64> = keys.iter().filter(|key| key.authors == authors).map(|key| key.id).collect();
            if paper_ids.is_empty() {
                continue;
            }
            let sql = Sql::with(
                &format!("SELECT {} FROM paper WHERE paper.id = ANY(?)", citation_columns(authors)),
                bigint_array(paper_ids),
            );
            for row in self.query_all::<CitedPaperRow>(CitedPaperKey::NAME, sql).await? {
                papers.insert(CitedPaperKey { id: row.id, authors }, Arc::new(row.into_cited_paper()?));
            }
        }
        Ok(papers)
    }
}

/// Loader key of a formatted reference.
#[derive(Clone)]
pub struct FormattedCitationKey {
    /// Id of the paper.
    pub id: i64,
    /// Citation metadata of the paper.
    pub paper: Arc<CitedPaper>,
    /// Citation style.
    pub style: CitationStyle,
    /// Language of the words in the reference.
    pub locale: CitationLocale,
}

impl PartialEq for FormattedCitationKey {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.style, self.locale) == (other.id, other.style, other.locale)
    }
}
impl Eq for FormattedCitationKey {}
impl Hash for FormattedCitationKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.id, self.style, self.locale).hash(state);
    }
}

impl LoaderKey for FormattedCitationKey {
    const NAME: &'static str = "citation::format";
}

/// Sends no query: formats the references of one nesting level on a blocking thread.
impl Loader<FormattedCitationKey> for Store {
    type Value = String;

    async fn load(&self, keys: &[FormattedCitationKey]) -> Result<HashMap<FormattedCitationKey, String>, Error> {
        let keys = keys.to_vec();
        let format = move || {
            let formatted = |key: FormattedCitationKey| {
                let text = key.paper.format_reference(key.style, key.locale).map_err(Error::internal)?;
                Ok((key, text))
            };
            keys.into_iter().map(formatted).collect::<Result<HashMap<_, _>, Error>>()
        };
        tokio::task::spawn_blocking(format).await.map_err(Error::internal)?
    }
}

impl ExportSnapshot {
    /// Returns the next papers that match a filter, in order of id, and the id of the last one. Returns `None` after
    /// the last paper.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn cited_papers_after(
        &self,
        filter: &PaperFilter,
        after: i64,
    ) -> Result<Option<(Vec<CitedPaper>, i64)>, Error> {
        let sql = Sql::from(format!("SELECT {} FROM paper WHERE ", citation_columns(AuthorSelection::All)))
            .then(
                "paper.id IN (SELECT id FROM (SELECT paper.id, sum(author_count) OVER \
                 (ORDER BY paper.id) - author_count AS before FROM (SELECT * FROM paper WHERE ",
            )
            .then(filter.condition())
            .then(sql!(
                " AND paper.id > ? ORDER BY paper.id LIMIT ?) AS paper) AS weighed WHERE before < ?) ORDER BY paper.id",
                after,
                CITATION_BATCH_PAPERS,
                EXPORT_BATCH_AUTHORSHIPS,
            ));
        let rows = self.query_all::<CitedPaperRow>(sql).await?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
        Ok(Some((rows.into_iter().map(CitedPaperRow::into_cited_paper).collect::<Result<_, _>>()?, last)))
    }
}
