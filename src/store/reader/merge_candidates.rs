//! Candidates for manual disambiguation: probable duplicates and conflated researchers. Scans the whole directory once
//! and keeps a few numbers per authorship in memory.

use std::collections::HashMap;

use sea_orm::{
    DerivePartialModel, EntityTrait as _, FromQueryResult, PartialModelTrait as _, QueryOrder as _, QuerySelect as _,
    QueryTrait as _,
};

use crate::disambiguation::{self, Mention, MergeCandidate, ResearcherProfile, SplitCandidate, Vocabulary};
use crate::entity::researcher;
use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{bigint_array, sql};

/// Maximum number of authorships read at once, unless a single paper has more.
const SCAN_CHUNK_AUTHORSHIPS: i64 = 20_000;

/// Researcher as identified in a list of candidates.
#[derive(Clone, Debug, PartialEq, Eq, DerivePartialModel)]
#[sea_orm(entity = "researcher::Entity")]
pub struct CandidateResearcher {
    /// Numeric id, as in the global id.
    pub id: i64,
    /// Slug of the profile.
    pub slug: String,
    /// Display name.
    #[sea_orm(from_col = "display_name")]
    pub name: String,
    /// ORCID iD.
    pub orcid: Option<String>,
}

/// Researchers to review.
#[derive(Debug, Default)]
pub struct DisambiguationCandidates {
    /// All researchers; the other fields refer to them by index.
    pub researchers: Vec<CandidateResearcher>,
    /// Number of papers of each researcher.
    pub paper_counts: Vec<usize>,
    /// Probable duplicates, sorted by likelihood, highest first.
    pub duplicates: Vec<MergeCandidate>,
    /// Probably conflated researchers with their index, sorted by likelihood, highest first.
    pub conflated: Vec<(usize, SplitCandidate)>,
}

#[derive(FromQueryResult)]
struct CandidateAuthorshipRow {
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
    /// Scans the directory for researchers to merge or split.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub async fn find_disambiguation_candidates(&self) -> Result<DisambiguationCandidates, Error> {
        let researchers = CandidateResearcher::select_cols(researcher::Entity::find().select_only());
        let researchers = researchers.order_by_asc(researcher::Column::Id).into_query();
        let researchers = self.query_all::<CandidateResearcher>("candidates::people", researchers.into()).await?;
        let indexes: HashMap<i64, usize> =
            researchers.iter().enumerate().map(|(index, researcher)| (researcher.id, index)).collect();
        let mut profiles: Vec<ResearcherProfile> = researchers
            .iter()
            .map(|researcher| ResearcherProfile {
                names: vec![researcher.name.clone()],
                orcid: researcher.orcid.clone(),
                ..ResearcherProfile::default()
            })
            .collect();
        let mut mentions: Vec<Vec<Mention>> = vec![Vec::new(); researchers.len()];
        let mut vocabulary = Vocabulary::default();
        let mut last = 0;
        loop {
            let papers = self.paper_ids_after(last).await?;
            let Some(end) = papers.last().copied() else { break };
            last = end;
            let rows = self.candidate_authorships(papers).await?;
            for paper in rows.chunk_by(|left, right| left.paper_id == right.paper_id) {
                self.collect_mentions(paper, &indexes, &mut vocabulary, &mut profiles, &mut mentions);
            }
        }
        let paper_counts = mentions.iter().map(Vec::len).collect();
        // Drops the authorships before duplicates are searched, to bound memory.
        let mut conflated: Vec<(usize, SplitCandidate)> = mentions
            .into_iter()
            .enumerate()
            .filter_map(|(index, mentions)| {
                Some((index, disambiguation::find_split_candidate(&mentions, &vocabulary)?))
            })
            .collect();
        conflated.sort_by(|left, right| right.1.likelihood.total_cmp(&left.1.likelihood).then(left.0.cmp(&right.0)));
        let duplicates = disambiguation::find_merge_candidates(&profiles, &vocabulary);
        Ok(DisambiguationCandidates { researchers, paper_counts, duplicates, conflated })
    }

    /// Returns the ids of the next papers, fewer if they have many authors.
    async fn paper_ids_after(&self, paper_id: i64) -> Result<Vec<i64>, Error> {
        let papers = sql!(
            "SELECT id FROM (SELECT id, sum(author_count) OVER (ORDER BY id) - author_count AS before \
             FROM (SELECT id, author_count FROM paper WHERE id > ? ORDER BY id LIMIT ?) AS next) AS counted \
             WHERE before < ? ORDER BY id",
            paper_id,
            SCAN_CHUNK_AUTHORSHIPS,
            SCAN_CHUNK_AUTHORSHIPS,
        );
        self.query_tuples("candidates::papers", papers).await
    }

    async fn candidate_authorships(&self, papers: Vec<i64>) -> Result<Vec<CandidateAuthorshipRow>, Error> {
        self.query_all(
            "candidates::authorships",
            sql!(
                "SELECT authorship.paper_id, authorship.name, authorship.researcher_id, \
                 authorship.affiliations_as_published AS affiliations, paper.venue_name, \
                 paper.publication_year AS year, paper.author_count, EXISTS (SELECT FROM identity_pin \
                 WHERE authorship_id = authorship.id) AS is_decided, ARRAY(SELECT organization_id \
                 FROM authorship_organization WHERE authorship_id = authorship.id) AS organizations FROM authorship \
                 JOIN paper ON paper.id = authorship.paper_id WHERE authorship.paper_id = ANY(?) \
                 ORDER BY authorship.paper_id, authorship.list_order",
                bigint_array(papers),
            ),
        )
        .await
    }

    fn collect_mentions(
        &self,
        authors: &[CandidateAuthorshipRow],
        indexes: &HashMap<i64, usize>,
        vocabulary: &mut Vocabulary,
        profiles: &mut [ResearcherProfile],
        mentions: &mut [Vec<Mention>],
    ) {
        let counts_coauthors =
            authors.iter().all(|row| u32::try_from(row.author_count).is_ok_and(|count| count <= self.consortium_size));
        let coauthors: Vec<u32> =
            authors.iter().filter(|_| counts_coauthors).map(|row| vocabulary.intern_coauthor(&row.name)).collect();
        for (position, row) in authors.iter().enumerate() {
            let Some(index) = row.researcher_id.and_then(|id| indexes.get(&id)) else { continue };
            let others = coauthors.iter().enumerate().filter(|(other, _)| *other != position);
            let mention = Mention {
                name: row.name.clone(),
                paper: Some(row.paper_id),
                decided_researcher_id: row.researcher_id.filter(|_| row.is_decided),
                coauthors: others.map(|(_, coauthor)| *coauthor).collect(),
                organizations: row.organizations.iter().map(|id| vocabulary.intern_organization(*id, "")).collect(),
                affiliations: row.affiliations.iter().filter_map(|text| vocabulary.intern_affiliation(text)).collect(),
                venue: row.venue_name.as_deref().map(|venue| vocabulary.intern_venue(venue)),
                years: row.year.map(|year| (year, year)),
                stable_key: row.paper_id.unsigned_abs(),
                ..Mention::default()
            };
            profiles[*index].add_mention(&mention);
            mentions[*index].push(mention);
        }
    }
}
