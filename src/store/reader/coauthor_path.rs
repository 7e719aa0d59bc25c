//! A shortest chain of coauthors between two people.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, ids};

/// How far the search may go.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most steps of a chain.
    pub longest: usize,
    /// The most people whom the search may come to from both ends, which bounds its time and its memory.
    pub people: usize,
}

/// One end of the chain, and whom the search came to from there.
struct Side {
    /// Everybody reached, with the one before, nearer to the end.
    before: HashMap<i64, i64>,
    /// Those reached last.
    frontier: Vec<i64>,
}

/// A coauthor of somebody in the frontier.
#[derive(FromQueryResult)]
struct Reached {
    id: i64,
    before: i64,
}

impl Side {
    fn of(end: i64) -> Self {
        Self { before: HashMap::from([(end, end)]), frontier: vec![end] }
    }

    /// From somebody reached to the end.
    fn way_back(&self, from: i64) -> Vec<i64> {
        let before = |id: &i64| self.before.get(id).copied().filter(|before| before != id);
        std::iter::successors(Some(from), before).collect()
    }
}

impl Store {
    /// The people of a shortest chain of coauthors, both ends included; none where there is none within the bounds. The
    /// same for the same pairs: among equals the smallest ids win.
    ///
    /// Papers with more authors than the consortium size tie nobody here.
    ///
    /// # Errors
    /// Where the search would come to more people than it may, or the database does not answer.
    pub async fn coauthor_path(&self, from: i64, to: i64, bounds: Bounds) -> Result<Option<Vec<i64>>, Error> {
        if from == to {
            return Ok(Some(vec![from]));
        }
        let (mut start, mut goal) = (Side::of(from), Side::of(to));
        // Level by level from the end that has fewer people to ask for: whoever is reached from both ends lies on a
        // shortest chain, since all shorter ones were ruled out.
        for length in 1..=bounds.longest {
            let forward = start.frontier.len() <= goal.frontier.len();
            let (near, far) = if forward { (&mut start, &goal) } else { (&mut goal, &start) };
            if near.frontier.is_empty() {
                return Ok(None);
            }
            let room = bounds.people.saturating_sub(near.before.len() + far.before.len());
            let is_last = length == bounds.longest;
            let found = if is_last { self.links(near, far).await? } else { self.coauthors_of(near, room).await? };
            near.frontier = found.iter().map(|person| person.id).collect();
            near.before.extend(found.iter().map(|person| (person.id, person.before)));
            if let Some(meeting) = near.frontier.iter().copied().find(|id| far.before.contains_key(id)) {
                let mut path = start.way_back(meeting);
                path.reverse();
                path.extend(goal.way_back(meeting).into_iter().skip(1));
                return Ok(Some(path));
            }
            if found.len() > room {
                let most = bounds.people;
                let message = format!(
                    "the search came to more than {most} people before its two ends met; ask with a maxLength of at most \
                     {length}"
                );
                return Err(Error::limit("pathPeople", most + 1, most, message));
            }
        }
        Ok(None)
    }

    /// The coauthors of a side's last people whom it has not reached yet, each with the first of these people. Where they
    /// are more than there is room for, so many that this is seen.
    async fn coauthors_of(&self, near: &Side, room: usize) -> Result<Vec<Reached>, Error> {
        let sql = Sql::with(
            "SELECT coauthor_id AS id, min(researcher_id) AS before FROM coauthorship WHERE researcher_id = ANY(?)",
            ids(near.frontier.iter().copied()),
        );
        let most = i64::try_from(near.before.len() + room + 1).unwrap_or(i64::MAX);
        let sql = sql.then_with(" GROUP BY coauthor_id ORDER BY coauthor_id LIMIT ?", most);
        let coauthors: Vec<Reached> = self.rows("coauthor_path::coauthors", sql).await?;
        Ok(coauthors.into_iter().filter(|person| !near.before.contains_key(&person.id)).collect())
    }

    /// One of the other side's last people with whom somebody of this side's wrote: for the last step nobody else matters.
    async fn links(&self, near: &Side, far: &Side) -> Result<Vec<Reached>, Error> {
        let sql = Sql::with(
            "SELECT coauthor_id AS id, min(researcher_id) AS before FROM coauthorship WHERE researcher_id = ANY(?)",
            ids(near.frontier.iter().copied()),
        );
        let sql = sql.then_with(" AND coauthor_id = ANY(?)", ids(far.frontier.iter().copied()));
        self.rows("coauthor_path::links", sql.then(" GROUP BY coauthor_id ORDER BY coauthor_id LIMIT 1")).await
    }
}
