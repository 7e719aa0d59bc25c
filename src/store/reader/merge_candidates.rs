//! Whom a person should look at: people who may be one, and people who may be several. All of the directory is read once, and
//! what is kept of an authorship is a few numbers.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::disambiguation::{self, Candidate, Known, Mention, Mixture, Profile};
use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, ids};

/// Authorships that are read at once, as far as papers end there.
const CHUNK: i64 = 20_000;

/// Somebody as a list of candidates names them.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Named {
    /// The number behind the global id.
    pub id: i64,
    /// The address of the profile.
    pub slug: String,
    /// The name that is shown.
    pub name: String,
    /// The ORCID iD.
    pub orcid: Option<String>,
}

/// What to look at.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Everybody that the others refer to by their places.
    pub people: Vec<Named>,
    /// How many papers each of them has.
    pub paper_counts: Vec<usize>,
    /// People who may be one, likeliest first.
    pub duplicates: Vec<Candidate>,
    /// People who may be several, likeliest first, each with the place of the person.
    pub mixtures: Vec<(usize, Mixture)>,
}

#[derive(FromQueryResult)]
struct Row {
    paper_id: i64,
    name: String,
    researcher_id: Option<i64>,
    affiliations: Vec<String>,
    venue_name: Option<String>,
    year: Option<i32>,
    author_count: i32,
    is_decided: bool,
    organizations: Vec<i64>,
}

impl Store {
    /// Reads all of the directory and tells whom a person should look at.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn identity_candidates(&self) -> Result<Candidates, Error> {
        let people = "SELECT id, slug, display_name AS name, orcid FROM researcher ORDER BY id";
        let people = self.rows::<Named>("candidates::people", people.into()).await?;
        let places: HashMap<i64, usize> = people.iter().enumerate().map(|(place, person)| (person.id, place)).collect();
        let mut profiles: Vec<Profile> = people
            .iter()
            .map(|person| Profile {
                names: vec![person.name.clone()],
                orcid: person.orcid.clone(),
                ..Profile::default()
            })
            .collect();
        let mut mentions: Vec<Vec<Mention>> = vec![Vec::new(); people.len()];
        let mut known = Known::default();
        let mut last = 0;
        loop {
            let papers = self.papers_after(last).await?;
            let Some(end) = papers.last().copied() else { break };
            last = end;
            let rows = self.authorships_of(papers).await?;
            for paper in rows.chunk_by(|one, other| one.paper_id == other.paper_id) {
                self.read_paper(paper, &places, &mut known, &mut profiles, &mut mentions);
            }
        }
        let paper_counts = mentions.iter().map(Vec::len).collect();
        // The authorships are many, and gone before duplicates are looked for.
        let mut mixtures: Vec<(usize, Mixture)> = mentions
            .into_iter()
            .enumerate()
            .filter_map(|(place, mentions)| Some((place, disambiguation::mixture(&mentions, &known)?)))
            .collect();
        mixtures.sort_by(|one, other| other.1.likelihood.total_cmp(&one.1.likelihood).then(one.0.cmp(&other.0)));
        let duplicates = disambiguation::candidates(&profiles, &known);
        Ok(Candidates { people, paper_counts, duplicates, mixtures })
    }

    /// The next papers, fewer where they have many authors.
    async fn papers_after(&self, paper_id: i64) -> Result<Vec<i64>, Error> {
        #[derive(FromQueryResult)]
        struct Paper {
            id: i64,
        }
        let papers = Sql::with(
            "SELECT id FROM (SELECT id, sum(author_count) OVER (ORDER BY id) - author_count AS before FROM \
             (SELECT id, author_count FROM paper WHERE id > ? ORDER BY id LIMIT ",
            paper_id,
        )
        .then_with("?) AS next) AS counted ", CHUNK)
        .then_with("WHERE before < ? ORDER BY id", CHUNK);
        let papers = self.rows::<Paper>("candidates::papers", papers).await?;
        Ok(papers.into_iter().map(|paper| paper.id).collect())
    }

    async fn authorships_of(&self, papers: Vec<i64>) -> Result<Vec<Row>, Error> {
        let sql = "SELECT authorship.paper_id, authorship.name, authorship.researcher_id, \
             authorship.affiliations_as_published AS affiliations, paper.venue_name, paper.publication_year AS year, \
             paper.author_count, EXISTS (SELECT FROM identity_pin WHERE authorship_id = authorship.id) AS is_decided, \
             ARRAY(SELECT organization_id FROM authorship_organization WHERE authorship_id = authorship.id) AS organizations \
             FROM authorship JOIN paper ON paper.id = authorship.paper_id WHERE authorship.paper_id = ANY(?) \
             ORDER BY authorship.paper_id, authorship.list_order";
        self.rows("candidates::authorships", Sql::with(sql, ids(papers))).await
    }

    fn read_paper(
        &self,
        authors: &[Row],
        places: &HashMap<i64, usize>,
        known: &mut Known,
        profiles: &mut [Profile],
        mentions: &mut [Vec<Mention>],
    ) {
        let is_of_few =
            authors.iter().all(|row| u32::try_from(row.author_count).is_ok_and(|count| count <= self.consortium_size));
        let coauthors: Vec<u32> = authors.iter().filter(|_| is_of_few).map(|row| known.coauthor(&row.name)).collect();
        for (number, row) in authors.iter().enumerate() {
            let Some(place) = row.researcher_id.and_then(|id| places.get(&id)) else { continue };
            let others = coauthors.iter().enumerate().filter(|(other, _)| *other != number);
            let mention = Mention {
                name: row.name.clone(),
                paper: Some(row.paper_id),
                decided: row.researcher_id.filter(|_| row.is_decided),
                coauthors: others.map(|(_, coauthor)| *coauthor).collect(),
                organizations: row.organizations.iter().map(|id| known.organization(*id, "")).collect(),
                affiliations: row.affiliations.iter().filter_map(|text| known.affiliation(text)).collect(),
                venue: row.venue_name.as_deref().map(|venue| known.venue(venue)),
                years: row.year.map(|year| (year, year)),
                stable_key: row.paper_id.unsigned_abs(),
                ..Mention::default()
            };
            profiles[*place].add(&mention);
            mentions[*place].push(mention);
        }
    }
}
