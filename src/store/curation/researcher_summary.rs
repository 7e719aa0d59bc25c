//! All that the directory says of somebody, for whoever decides.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::language::{LanguageTag, Languages, LocalizedText};
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::unit_of_work::Batch;
use crate::text::names;

/// The language of labels, where there is one in it: the program's messages are English.
const LANGUAGE: &str = "en";

/// Somebody as the directory knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The number of their id.
    pub id: i64,
    /// Their slug.
    pub slug: String,
    /// The name as displayed.
    pub name: String,
    /// Their ORCID iD.
    pub orcid: Option<String>,
    /// How many papers, and how many coauthors.
    pub paper_count: i32,
    /// How many people wrote with them.
    pub coauthor_count: i32,
    /// The years of the first and the last paper; 0 where none has a year.
    pub years: (i32, i32),
    /// What they wrote, the latest first.
    pub papers: Vec<PersonPaper>,
    /// Other names.
    pub other_names: Vec<String>,
    /// Headline, biography, portrait and homepage, with the language of each text.
    pub profile: Vec<String>,
    /// Where they are and were.
    pub affiliations: Vec<String>,
    /// What they declare.
    pub topics: Vec<String>,
    /// Ids of other schemes, as `scheme:value`.
    pub identifiers: Vec<String>,
    /// What sources say of them, as `source key`.
    pub records: Vec<String>,
    /// The numbers and slugs of those who were merged into them.
    pub former: Vec<(i64, String)>,
}

/// A paper of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonPaper {
    /// The number of its id.
    pub id: i64,
    /// Its slug.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its DOI.
    pub doi: Option<String>,
    /// Its year.
    pub year: Option<i32>,
    /// The name of the author there, as published.
    pub name: String,
}

#[derive(FromQueryResult)]
struct PersonRow {
    id: i64,
    slug: String,
    display_name: String,
    other_names: Vec<String>,
    orcid: Option<String>,
    headline: LocalizedText,
    biography: LocalizedText,
    portrait_url: Option<String>,
    homepage_url: Option<String>,
    paper_count: i32,
    coauthor_count: i32,
    first_year: i32,
    last_year: i32,
}

#[derive(FromQueryResult)]
struct PaperRow {
    researcher_id: i64,
    id: i64,
    slug: String,
    title: String,
    doi: Option<String>,
    publication_year: Option<i32>,
    name_as_published: String,
    display_name: String,
    hidden_forms: Option<Vec<String>>,
}

#[derive(FromQueryResult)]
struct AffiliationRow {
    researcher_id: i64,
    organization: LocalizedText,
    kind: String,
    role_title: LocalizedText,
    department_name: LocalizedText,
    start_date: Option<String>,
    end_date: Option<String>,
    is_primary: bool,
}

#[derive(FromQueryResult)]
struct TopicRow {
    researcher_id: i64,
    display_names: LocalizedText,
}

#[derive(FromQueryResult)]
struct TextRow {
    researcher_id: i64,
    text: String,
}

#[derive(FromQueryResult)]
struct FormerRow {
    researcher_id: i64,
    former_id: i64,
    former_slug: String,
}

impl From<PersonRow> for Person {
    fn from(row: PersonRow) -> Self {
        let texts = [("headline", &row.headline), ("biography", &row.biography)];
        let texts =
            texts.into_iter().flat_map(|(what, text)| text.iter().map(move |(tag, _)| format!("{what} ({tag})")));
        let addresses = [("portrait", &row.portrait_url), ("homepage", &row.homepage_url)];
        let addresses = addresses.into_iter().filter_map(|(what, url)| Some(format!("{what} {}", url.as_ref()?)));
        Self {
            profile: texts.chain(addresses).collect(),
            id: row.id,
            slug: row.slug,
            name: row.display_name,
            orcid: row.orcid,
            paper_count: row.paper_count,
            coauthor_count: row.coauthor_count,
            years: (row.first_year, row.last_year),
            other_names: row.other_names,
            ..Self::default()
        }
    }
}

impl AffiliationRow {
    fn text(&self, languages: &Languages) -> String {
        let best = |text: &LocalizedText| text.best(languages).map(|best| best.value.to_owned());
        // In all languages: it may be one of these that changes.
        let all = |text: &LocalizedText| {
            let texts: Vec<&str> = text.iter().map(|(_, text)| text).collect();
            (!texts.is_empty()).then(|| texts.join(" / "))
        };
        let kind = Some(self.kind.to_lowercase().replace('_', " "));
        let dates = match (&self.start_date, &self.end_date) {
            (None, None) => None,
            (start, end) => Some(format!("{}–{}", start.as_deref().unwrap_or("?"), end.as_deref().unwrap_or_default())),
        };
        let primary = self.is_primary.then(|| "primary".to_owned());
        let parts = [best(&self.organization), kind, all(&self.role_title), all(&self.department_name), dates, primary];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Batch<'_> {
    /// Those of these people who are there, in the order of the ids.
    pub(super) async fn describe_people(&self, people: &[i64]) -> Result<Vec<Person>, Error> {
        let of = |sql: &str| Sql::with(sql, ids(people.iter().copied()));
        let mut found: HashMap<i64, Person> = HashMap::new();
        let rows = of(
            "SELECT researcher.id, slug, display_name, other_names, orcid, headline, biography, portrait_url, homepage_url, \
             paper_count, coauthor_count, first_year, last_year FROM researcher JOIN researcher_statistics \
             ON researcher_id = researcher.id WHERE researcher.id = ANY(?)",
        );
        for row in self.rows::<PersonRow>(rows).await? {
            found.insert(row.id, row.into());
        }
        let papers = of(
            "SELECT researcher_id, paper.id, paper.slug, title, doi, publication_year, name_as_published, display_name, hidden_forms \
             FROM authorship JOIN paper ON paper.id = paper_id JOIN researcher ON researcher.id = researcher_id \
             WHERE researcher_id = ANY(?) \
             ORDER BY paper.publication_key DESC, sort_title, paper.id",
        );
        for row in self.rows::<PaperRow>(papers).await? {
            let is_hidden = row.hidden_forms.is_some_and(|forms| names::shows_hidden(&row.name_as_published, &forms));
            let name = if is_hidden { row.display_name } else { row.name_as_published };
            let PaperRow { id, slug, title, doi, publication_year: year, .. } = row;
            let person = found.entry(row.researcher_id).or_default();
            person.papers.push(PersonPaper { id, slug, title, doi, year, name });
        }
        let language: LanguageTag = LANGUAGE.parse()?;
        let languages = Languages::new(&[], &language);
        let affiliations =
            of("SELECT researcher_id, display_names AS organization, kind, role_title, department_name, start_date, \
             end_date, is_primary FROM affiliation JOIN organization ON organization.id = organization_id \
             WHERE researcher_id = ANY(?) ORDER BY is_primary DESC, ends_on DESC, starts_on DESC, affiliation.id");
        for row in self.rows::<AffiliationRow>(affiliations).await? {
            found.entry(row.researcher_id).or_default().affiliations.push(row.text(&languages));
        }
        let topics = of("SELECT researcher_id, display_names FROM researcher_topic JOIN topic ON topic.id = topic_id \
             WHERE researcher_id = ANY(?) ORDER BY position, topic_id");
        for row in self.rows::<TopicRow>(topics).await? {
            let label = row.display_names.best(&languages).map(|label| label.value.to_owned());
            found.entry(row.researcher_id).or_default().topics.extend(label);
        }
        let identifiers = of("SELECT researcher_id, scheme || ':' || value AS text FROM external_id \
             WHERE researcher_id = ANY(?) ORDER BY scheme, value");
        for row in self.rows::<TextRow>(identifiers).await? {
            found.entry(row.researcher_id).or_default().identifiers.push(row.text);
        }
        let records =
            of("SELECT researcher_id, source || ' ' || key AS text FROM source_record WHERE researcher_id = ANY(?) \
             ORDER BY source, key");
        for row in self.rows::<TextRow>(records).await? {
            found.entry(row.researcher_id).or_default().records.push(row.text);
        }
        let former = of("SELECT survivor_id AS researcher_id, former_id, former_slug FROM former_identity \
             WHERE kind = 'researcher' AND survivor_id = ANY(?) ORDER BY former_id");
        for row in self.rows::<FormerRow>(former).await? {
            found.entry(row.researcher_id).or_default().former.push((row.former_id, row.former_slug));
        }
        Ok(people.iter().filter_map(|id| found.remove(id)).filter(|person| person.id != 0).collect())
    }
}
