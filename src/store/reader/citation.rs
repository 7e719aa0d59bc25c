//! What is cited of papers.

use std::any::type_name;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde::Deserialize;

use crate::citation::{CitedAuthor, CitedPaper, Locale, MOST_AUTHORS, Style};
use crate::error::Error;
use crate::model::language::LocalizedText;
use crate::model::record::PaperType;
use crate::store::Store;
use crate::store::access::data_loader::Loader;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::reader::authorship::{Hiding, joins_resolved};
use crate::store::reader::export::{AUTHORS, Snapshot};
use crate::store::reader::paper::PaperFilter;

/// Papers that are read at once for an export.
const BATCH: i64 = 500;

/// How many authors of a paper are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthorsRead {
    /// All.
    All,
    /// Those that a style may name: the first ones, and the last.
    Shown,
}

/// Asks for what is cited of a paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CitedPaperBy {
    /// The paper's id.
    pub id: i64,
    /// How many of its authors.
    pub authors: AuthorsRead,
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    slug: String,
    title: String,
    abstract_text: LocalizedText,
    publication_date: Option<String>,
    #[sea_orm(from_alias = "type")]
    paper_type: PaperType,
    venue_name: Option<String>,
    language: Option<String>,
    doi: Option<String>,
    arxiv_id: Option<String>,
    url: Option<String>,
    authors: String,
}

impl Row {
    fn paper(self) -> Result<CitedPaper, Error> {
        let authors: Vec<ReadAuthor> = serde_json::from_str(&self.authors).map_err(Error::internal)?;
        Ok(CitedPaper {
            slug: self.slug,
            title: self.title,
            abstract_text: self.abstract_text,
            publication_date: self.publication_date.and_then(|date| date.parse().ok()),
            paper_type: self.paper_type,
            venue_name: self.venue_name,
            language: self.language,
            doi: self.doi,
            arxiv_id: self.arxiv_id,
            url: self.url,
            authors: authors.into_iter().map(ReadAuthor::cited).collect(),
        })
    }
}

/// An author as read, and what hides names of whoever it is.
#[derive(Deserialize)]
struct ReadAuthor {
    name: String,
    published: Option<String>,
    given: Option<String>,
    family: Option<String>,
    hiding: Option<Hiding>,
}

impl ReadAuthor {
    fn cited(self) -> CitedAuthor {
        let published = self.published.as_deref().unwrap_or_default();
        let is_withheld = |hiding: &Hiding| hiding.is_shown_by(&self.name) || hiding.is_shown_by(published);
        let name = self.hiding.as_ref().filter(|hiding| is_withheld(hiding)).map(|hiding| hiding.name.clone());
        CitedAuthor { name: name.unwrap_or(self.name), given: self.given, family: self.family }
    }
}

/// What is selected of `paper`. Authors have the name that is on the paper, with what is certain repaired, or that of the
/// person where it is not to be shown.
fn columns(authors: AuthorsRead) -> String {
    let (text, shown) = match authors {
        AuthorsRead::All => ("paper.abstract_text", String::new()),
        AuthorsRead::Shown => (
            "'{}'::jsonb",
            format!(
                " AND authorship.id = ANY(ARRAY((SELECT id FROM authorship WHERE paper_id = paper.id ORDER BY list_order \
                 LIMIT {MOST_AUTHORS}) UNION (SELECT id FROM authorship WHERE paper_id = paper.id ORDER BY list_order DESC LIMIT 1)))"
            ),
        ),
    };
    let resolved = joins_resolved!("authorship");
    format!(
        "paper.id, paper.slug, paper.title, {text} AS abstract_text, paper.publication_date, paper.type, paper.venue_name, \
         paper.language, paper.doi, paper.arxiv_id, paper.url, coalesce((\
         SELECT json_agg(json_build_object('name', authorship.name, 'given', resolved.given_name, 'family', resolved.family_name, \
         'published', CASE WHEN resolved.hidden_forms IS NOT NULL THEN authorship.name_as_published END, \
         'hiding', CASE WHEN resolved.hidden_forms IS NOT NULL THEN json_build_object('name', resolved.display_name, \
         'forms', resolved.hidden_forms) END) ORDER BY authorship.list_order) FROM authorship{resolved} \
         WHERE authorship.paper_id = paper.id{shown}), '[]')::text AS authors"
    )
}

impl Loader<CitedPaperBy> for Store {
    type Value = Arc<CitedPaper>;

    async fn load(&self, keys: &[CitedPaperBy]) -> Result<HashMap<CitedPaperBy, Arc<CitedPaper>>, Error> {
        let mut found = HashMap::with_capacity(keys.len());
        for authors in [AuthorsRead::All, AuthorsRead::Shown] {
            let wanted: Vec<i64> = keys.iter().filter(|key| key.authors == authors).map(|key| key.id).collect();
            if wanted.is_empty() {
                continue;
            }
            let sql =
                Sql::with(&format!("SELECT {} FROM paper WHERE paper.id = ANY(?)", columns(authors)), ids(wanted));
            for row in self.rows::<Row>(type_name::<CitedPaperBy>(), sql).await? {
                found.insert(CitedPaperBy { id: row.id, authors }, Arc::new(row.paper()?));
            }
        }
        Ok(found)
    }
}

/// Asks for the reference to a paper in a style.
#[derive(Clone)]
pub struct Formatted {
    /// The paper's id.
    pub id: i64,
    /// What is cited of it.
    pub paper: Arc<CitedPaper>,
    /// The style.
    pub style: Style,
    /// The language of words.
    pub locale: Locale,
}

impl PartialEq for Formatted {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.style, self.locale) == (other.id, other.style, other.locale)
    }
}
impl Eq for Formatted {}
impl Hash for Formatted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.id, self.style, self.locale).hash(state);
    }
}

/// Reads nothing: formatting takes a while, and is done for all papers of a level in a thread where nobody waits for it.
impl Loader<Formatted> for Store {
    type Value = String;

    async fn load(&self, keys: &[Formatted]) -> Result<HashMap<Formatted, String>, Error> {
        let keys = keys.to_vec();
        let format = move || {
            let formatted = |key: Formatted| {
                let text = key.paper.formatted(key.style, key.locale).map_err(Error::internal)?;
                Ok((key, text))
            };
            keys.into_iter().map(formatted).collect::<Result<HashMap<_, _>, Error>>()
        };
        tokio::task::spawn_blocking(format).await.map_err(Error::internal)?
    }
}

impl Snapshot {
    /// What is cited of the next papers that pass a filter behind an id, in the order of their ids, and the last of these;
    /// none where that was all.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn cited(&self, filter: &PaperFilter, after: i64) -> Result<Option<(Vec<CitedPaper>, i64)>, Error> {
        let sql = Sql::from(format!("SELECT {} FROM paper WHERE ", columns(AuthorsRead::All)))
            .then("paper.id IN (SELECT id FROM (SELECT paper.id, sum(author_count) OVER (ORDER BY paper.id) - author_count AS before \
                   FROM (SELECT * FROM paper WHERE ")
            .then(filter.condition())
            .then_with(" AND paper.id > ? ORDER BY paper.id ", after)
            .then_with("LIMIT ?) AS paper) AS weighed ", BATCH)
            .then_with("WHERE before < ?) ORDER BY paper.id", AUTHORS);
        let rows = self.rows::<Row>(sql).await?;
        let Some(last) = rows.last().map(|row| row.id) else { return Ok(None) };
        Ok(Some((rows.into_iter().map(Row::paper).collect::<Result<_, _>>()?, last)))
    }
}
