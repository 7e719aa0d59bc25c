//! Places of whom nobody can tell whose they are, and people of whom nothing is left.

use std::collections::HashSet;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::ingest::reassign_authorships::Relocation;
use crate::store::projections::disambiguation::Place;
use crate::store::unit_of_work::Batch;

impl Batch<'_> {
    /// Takes people away from places of whom nobody can tell whose they are.
    pub(super) async fn leave_open(&mut self, places: &[Place]) -> Result<(), Error> {
        if places.is_empty() {
            return Ok(());
        }
        let people: HashSet<i64> = places.iter().filter_map(|place| place.held_by).collect();
        let papers: Vec<i64> = places.iter().map(|place| place.paper_id).collect();
        self.versions.insert_papers(papers.iter().copied());
        let mut pairs = self.pairs_of(&papers).await?;
        let leave = "UPDATE authorship SET same_as_id = researcher_id, researcher_id = NULL WHERE id = ANY(?)";
        self.execute(Sql::with(leave, ids(places.iter().map(|place| place.id)))).await?;
        pairs.extend(self.pairs_of(&papers).await?);
        self.recount_people(&people).await?;
        self.touched.counted.extend(people);
        self.recount_pairs(&pairs).await
    }

    /// Merges people of whom nothing but an open place is left into those who stand on its paper under the same name.
    pub(super) async fn merge_left(&mut self, places: &[Place]) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Left {
            id: i64,
            paper_id: i64,
            former_id: i64,
            researcher_id: i64,
        }
        let sql = "SELECT open.id, open.paper_id, open.same_as_id AS former_id, other.researcher_id FROM authorship AS open \
             JOIN authorship AS other ON other.paper_id = open.paper_id AND other.block = open.block AND other.researcher_id <> open.same_as_id \
             WHERE open.researcher_id IS NULL AND open.id = ANY(?) ORDER BY open.id, other.list_order";
        let left = self.rows::<Left>(Sql::with(sql, ids(places.iter().map(|place| place.id)))).await?;
        let moves: Vec<Relocation> = left
            .into_iter()
            .map(|Left { id, paper_id, former_id, researcher_id }| Relocation {
                authorship_id: id,
                paper_id,
                former_id: Some(former_id),
                researcher_id,
            })
            .collect();
        self.merge_empty(&moves).await
    }

    /// Merges people of whom nothing is left, because their papers name somebody else now, into the one of the same name who has
    /// most papers.
    pub(super) async fn merge_forsaken(&mut self, names: &[String]) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Forsaken {
            id: i64,
            researcher_id: i64,
        }
        let sql = "SELECT person.id, namesake.id AS researcher_id FROM researcher AS person \
             JOIN researcher_statistics AS counted ON counted.researcher_id = person.id AND counted.paper_count = 0 \
             CROSS JOIN LATERAL (SELECT other.id FROM researcher AS other JOIN researcher_statistics AS known ON known.researcher_id = other.id \
             WHERE other.block = person.block AND other.sort_name = person.sort_name AND known.paper_count > 0 \
             ORDER BY known.paper_count DESC, other.id LIMIT 1) AS namesake WHERE person.block = ANY(?)";
        let forsaken = self.rows::<Forsaken>(Sql::with(sql, texts(names.to_vec()))).await?;
        let moves: Vec<Relocation> = forsaken
            .into_iter()
            .map(|Forsaken { id, researcher_id }| Relocation {
                authorship_id: 0,
                paper_id: 0,
                former_id: Some(id),
                researcher_id,
            })
            .collect();
        self.merge_empty(&moves).await
    }
}
