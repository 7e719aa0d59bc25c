//! Shortest coauthor path between two researchers, by bidirectional breadth-first search.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{bigint_array, sql};

/// Limits of the path search.
#[derive(Clone, Copy, Debug)]
pub struct PathLimits {
    /// Maximum number of edges of a path.
    pub max_length: usize,
    /// Maximum number of researchers visited from both ends, which bounds time and memory.
    pub max_researchers: usize,
}

/// One end of the search and the researchers visited from it.
struct SearchSide {
    /// Visited researchers, each mapped to its predecessor on the path to the end.
    predecessors: HashMap<i64, i64>,
    /// Researchers visited in the last step.
    frontier: Vec<i64>,
}

/// Coauthor of a researcher in the frontier.
#[derive(FromQueryResult)]
struct ReachedRow {
    id: i64,
    before: i64,
}

impl SearchSide {
    fn new(end: i64) -> Self {
        Self { predecessors: HashMap::from([(end, end)]), frontier: vec![end] }
    }

    /// Returns the path from a visited researcher to the end.
    fn path_to_end(&self, from: i64) -> Vec<i64> {
        let before = |id: &i64| self.predecessors.get(id).copied().filter(|before| before != id);
        std::iter::successors(Some(from), before).collect()
    }
}

impl Store {
    /// Returns the researchers on a shortest coauthor path, both ends included, or `None` if no path exists within the
    /// limits. The result is deterministic: among paths of equal length, the smallest ids win.
    ///
    /// Papers with more authors than the consortium size create no edges.
    ///
    /// # Errors
    /// Returns [`Error::LimitExceeded`] if the search visits too many researchers, or an error if the query fails.
    pub async fn find_coauthor_path(&self, from: i64, to: i64, limits: PathLimits) -> Result<Option<Vec<i64>>, Error> {
        if from == to {
            return Ok(Some(vec![from]));
        }
        let (mut start, mut goal) = (SearchSide::new(from), SearchSide::new(to));
        // Expands the smaller frontier, one level at a time. The first researcher visited from both ends lies on a
        // shortest path.
        for length in 1..=limits.max_length {
            let forward = start.frontier.len() <= goal.frontier.len();
            let (near, far) = if forward { (&mut start, &goal) } else { (&mut goal, &start) };
            if near.frontier.is_empty() {
                return Ok(None);
            }
            let remaining = limits.max_researchers.saturating_sub(near.predecessors.len() + far.predecessors.len());
            let is_last = length == limits.max_length;
            let reached = if is_last {
                self.find_meeting(near, far).await?
            } else {
                self.expand_frontier(near, remaining).await?
            };
            near.frontier = reached.iter().map(|researcher| researcher.id).collect();
            near.predecessors.extend(reached.iter().map(|researcher| (researcher.id, researcher.before)));
            if let Some(meeting) = near.frontier.iter().copied().find(|id| far.predecessors.contains_key(id)) {
                let mut path = start.path_to_end(meeting);
                path.reverse();
                path.extend(goal.path_to_end(meeting).into_iter().skip(1));
                return Ok(Some(path));
            }
            if reached.len() > remaining {
                let limit = limits.max_researchers;
                let message = format!(
                    "the search visited more than {limit} researchers before its ends met; use a maxLength of at most \
                     {length}"
                );
                return Err(Error::limit_exceeded("pathPeople", limit + 1, limit, message));
            }
        }
        Ok(None)
    }

    /// Returns the unvisited coauthors of a frontier, each with the smallest id of its predecessors. Reads at most one
    /// row more than `remaining`, which shows that the limit is exceeded.
    async fn expand_frontier(&self, near: &SearchSide, remaining: usize) -> Result<Vec<ReachedRow>, Error> {
        let sql = sql!(
            "SELECT coauthor_id AS id, min(researcher_id) AS before FROM coauthorship WHERE researcher_id = ANY(?)",
            bigint_array(near.frontier.iter().copied()),
        );
        let row_limit = i64::try_from(near.predecessors.len() + remaining + 1).unwrap_or(i64::MAX);
        let sql = sql.then(sql!(" GROUP BY coauthor_id ORDER BY coauthor_id LIMIT ?", row_limit));
        let coauthors: Vec<ReachedRow> = self.query_all("coauthor_path::coauthors", sql.counting_many_rows()).await?;
        Ok(coauthors.into_iter().filter(|researcher| !near.predecessors.contains_key(&researcher.id)).collect())
    }

    /// Returns a member of the far frontier who is a coauthor of the near frontier. The last step needs no other.
    async fn find_meeting(&self, near: &SearchSide, far: &SearchSide) -> Result<Vec<ReachedRow>, Error> {
        let sql = sql!(
            "SELECT coauthor_id AS id, min(researcher_id) AS before FROM coauthorship WHERE researcher_id = ANY(?)",
            bigint_array(near.frontier.iter().copied()),
        );
        let sql = sql.then(sql!(" AND coauthor_id = ANY(?)", bigint_array(far.frontier.iter().copied())));
        let sql = sql.then(" GROUP BY coauthor_id ORDER BY coauthor_id LIMIT 1").counting_many_rows();
        self.query_all("coauthor_path::links", sql).await
    }
}
