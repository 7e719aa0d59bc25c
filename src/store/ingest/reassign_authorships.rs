//! Authorships on their way to other people, and what follows: counts, pairs, and people of whom nothing is left.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, ids, texts};
use crate::store::reader::search::Kind;
use crate::store::unit_of_work::Batch;
use crate::text::names::{self, Likeness};

/// An authorship on its way to another person.
#[derive(Clone, Debug, Serialize, FromQueryResult)]
pub(crate) struct Relocation {
    pub authorship_id: i64,
    pub paper_id: i64,
    /// Who has it; nobody where the place is open.
    pub former_id: Option<i64>,
    /// Who gets it.
    pub researcher_id: i64,
}

/// Whether a researcher is anything without papers.
pub(crate) const IS_KNOWN_BESIDES_PAPERS: &str = "(researcher.orcid IS NOT NULL \
     OR EXISTS (SELECT FROM source_record WHERE researcher_id = researcher.id \
     AND NOT starts_with(source_record.key, 'directory:')) \
     OR EXISTS (SELECT FROM external_id WHERE researcher_id = researcher.id) \
     OR EXISTS (SELECT FROM affiliation WHERE researcher_id = researcher.id) \
     OR EXISTS (SELECT FROM researcher_name WHERE researcher_id = researcher.id) \
     OR EXISTS (SELECT FROM name_decision WHERE researcher_id = researcher.id) \
     OR EXISTS (SELECT FROM researcher_topic WHERE researcher_id = researcher.id))";

const COLUMNS: &str = "authorship_id bigint, paper_id bigint, former_id bigint, researcher_id bigint";

/// Somebody of whom nothing is left, and who has it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Absorption {
    pub former_id: i64,
    pub survivor_id: i64,
    /// The key of the former's name, where whoever is called so is the survivor from now on.
    pub name_key: Option<String>,
}

impl Batch<'_> {
    /// Moves authorships, thousands at once. Who is on a paper already stays there once: the other place is left open. People
    /// of whom nothing is left are merged into those who have most of what they had, so that their ids and addresses lead on.
    /// What people decided stays: authorships that are pinned do not move.
    pub(crate) async fn relocate(&mut self, moves: &[Relocation]) -> Result<(), Error> {
        let pinned = self.pinned(moves).await?;
        let moves: Vec<Relocation> = moves.iter().filter(|row| !pinned.contains(&row.authorship_id)).cloned().collect();
        self.move_places(&moves).await?;
        self.merge_empty(&moves).await
    }

    async fn pinned(&self, moves: &[Relocation]) -> Result<HashSet<i64>, Error> {
        #[derive(FromQueryResult)]
        struct Pinned {
            authorship_id: i64,
        }
        let sql = "SELECT authorship_id FROM identity_pin WHERE authorship_id = ANY(?)";
        let pinned = self.rows::<Pinned>(Sql::with(sql, ids(moves.iter().map(|row| row.authorship_id)))).await?;
        Ok(pinned.into_iter().map(|row| row.authorship_id).collect())
    }

    /// Moves authorships, pinned or not, and brings the counts in step; those of whom nothing is left stay.
    pub(crate) async fn move_places(&mut self, moves: &[Relocation]) -> Result<(), Error> {
        if moves.is_empty() {
            return Ok(());
        }
        let papers: HashSet<i64> = moves.iter().map(|row| row.paper_id).collect();
        self.versions.insert_papers(papers.iter().copied());
        let people: HashSet<i64> =
            moves.iter().flat_map(|row| row.former_id.into_iter().chain([row.researcher_id])).collect();
        let mut pairs = self.pairs_at(moves).await?;
        // Two on one paper may change places: both leave before one enters.
        let mut places: HashMap<i64, Vec<i64>> = HashMap::new();
        for row in moves {
            places.entry(row.paper_id).or_default().push(row.authorship_id);
        }
        let beside = places.into_values().filter(|places| places.len() > 1).flatten();
        let leave = "UPDATE authorship SET researcher_id = NULL, same_as_id = NULL WHERE num_nonnulls(researcher_id, same_as_id) > 0 AND id = ANY(?)";
        self.execute(Sql::with(leave, ids(beside))).await?;
        let enter = "UPDATE authorship SET researcher_id = entering.researcher_id, same_as_id = NULL \
             FROM (SELECT DISTINCT ON (paper_id, researcher_id) * \
             FROM rows ORDER BY paper_id, researcher_id, authorship_id) AS entering WHERE authorship.id = entering.authorship_id \
             AND NOT EXISTS (SELECT FROM authorship AS other WHERE other.paper_id = entering.paper_id \
             AND other.researcher_id = entering.researcher_id)";
        self.with_rows(COLUMNS, moves, enter).await?;
        let leave_open = "UPDATE authorship SET researcher_id = NULL, same_as_id = rows.researcher_id FROM rows \
             WHERE authorship.id = rows.authorship_id AND authorship.researcher_id IS DISTINCT FROM rows.researcher_id";
        self.with_rows(COLUMNS, moves, leave_open).await?;
        pairs.extend(self.pairs_at(moves).await?);
        self.recount_people(&people).await?;
        self.recount_pairs(&pairs).await?;
        let changed = "UPDATE researcher SET updated_at = now() WHERE id = ANY(?)";
        self.execute(Sql::with(changed, ids(people.iter().copied()))).await?;
        self.execute(Sql::with("UPDATE paper SET updated_at = now() WHERE id = ANY(?)", ids(papers))).await?;
        self.touched.counted.extend(people);
        Ok(())
    }

    /// The pairs that those who stand at these places make on their papers now, from both sides.
    async fn pairs_at(&self, moves: &[Relocation]) -> Result<HashSet<(i64, i64)>, Error> {
        #[derive(FromQueryResult)]
        struct Pair {
            mine: i64,
            theirs: i64,
        }
        let sql = Sql::with(
            "SELECT DISTINCT mine.researcher_id AS mine, theirs.researcher_id AS theirs FROM authorship AS mine \
             JOIN paper ON paper.id = mine.paper_id JOIN authorship AS theirs \
             ON theirs.paper_id = paper.id AND theirs.researcher_id <> mine.researcher_id WHERE mine.id = ANY(?)",
            ids(moves.iter().map(|row| row.authorship_id)),
        )
        .then_with(" AND paper.author_count <= ?", i64::from(self.consortium_size));
        let pairs = self.rows::<Pair>(sql).await?;
        Ok(pairs.into_iter().flat_map(|pair| [(pair.mine, pair.theirs), (pair.theirs, pair.mine)]).collect())
    }

    /// Takes people away of whom nothing is left after these moves.
    pub(crate) async fn merge_empty(&self, moves: &[Relocation]) -> Result<(), Error> {
        let former: HashSet<i64> = moves.iter().filter_map(|row| row.former_id).collect();
        let empty = self.without_anything(former).await?;
        let successors = successors(moves);
        let absorbed: Vec<Absorption> = empty
            .iter()
            .filter_map(|id| successors.get(id).map(|survivor| (*id, *survivor)))
            .map(|(former_id, survivor_id)| Absorption { former_id, survivor_id, name_key: None })
            .collect();
        self.absorb(&absorbed).await?;
        self.take_addresses(absorbed.iter().map(|row| row.survivor_id).collect()).await
    }

    /// Merges authors of whom nothing is left, because their papers have other authors now, into those of these who have a form
    /// of their name: the initials of one source into the name of another. `former` are papers with those who were their authors.
    pub(crate) async fn merge_replaced(&self, former: &[(i64, i64)]) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Named {
            id: i64,
            name: String,
        }
        #[derive(FromQueryResult)]
        struct Author {
            paper_id: i64,
            id: i64,
            name: String,
        }
        let empty = self.without_anything(former.iter().map(|(_, person)| *person)).await?;
        if empty.is_empty() {
            return Ok(());
        }
        let sql = "SELECT id, display_name AS name FROM researcher WHERE id = ANY(?) ORDER BY id";
        let empty = self.rows::<Named>(Sql::with(sql, ids(empty))).await?;
        let papers_of = |person: &Named| {
            let id = person.id;
            former.iter().filter(move |(_, former)| *former == id).map(|(paper, _)| *paper)
        };
        let papers: HashSet<i64> = empty.iter().flat_map(papers_of).collect();
        let sql = "SELECT paper_id, researcher_id AS id, name FROM authorship WHERE researcher_id IS NOT NULL AND paper_id = ANY(?)";
        let authors = self.rows::<Author>(Sql::with(sql, ids(papers))).await?;
        let successor = |person: &Named| {
            let own: HashSet<i64> = papers_of(person).collect();
            let there = authors.iter().filter(|author| own.contains(&author.paper_id));
            let alike = there.map(|author| (names::compare(&person.name, &author.name).likeness, author.id));
            let alike = alike.filter(|(likeness, _)| *likeness >= Likeness::Compatible);
            alike.max_by_key(|(likeness, id)| (*likeness, std::cmp::Reverse(*id))).map(|(_, id)| id)
        };
        let absorbed: Vec<Absorption> = empty
            .iter()
            .filter_map(|person| Some((person.id, successor(person)?)))
            .map(|(former_id, survivor_id)| Absorption { former_id, survivor_id, name_key: None })
            .collect();
        self.absorb(&absorbed).await?;
        self.take_addresses(absorbed.iter().map(|row| row.survivor_id).collect()).await
    }

    /// Those of whom there is nothing but a name.
    pub(crate) async fn without_anything(&self, people: impl IntoIterator<Item = i64>) -> Result<Vec<i64>, Error> {
        #[derive(FromQueryResult)]
        struct Empty {
            id: i64,
        }
        let sql = Sql::with("SELECT id FROM researcher WHERE id = ANY(?) AND NOT ", ids(people))
            .then(IS_KNOWN_BESIDES_PAPERS)
            .then(" AND NOT EXISTS (SELECT FROM authorship WHERE researcher_id = researcher.id) ORDER BY id");
        Ok(self.rows::<Empty>(sql).await?.into_iter().map(|row| row.id).collect())
    }

    /// Takes people away whose papers and all else others have, so that their ids and addresses lead to these.
    pub(crate) async fn absorb(&self, absorbed: &[Absorption]) -> Result<(), Error> {
        if absorbed.is_empty() {
            return Ok(());
        }
        let former = || ids(absorbed.iter().map(|row| row.former_id));
        let columns = "former_id bigint, survivor_id bigint, name_key text";
        let open_places = "UPDATE authorship SET same_as_id = rows.survivor_id FROM rows WHERE authorship.same_as_id = rows.former_id";
        self.with_rows(columns, absorbed, open_places).await?;
        self.forget(Kind::Researcher, absorbed.iter().map(|row| row.former_id).collect()).await?;
        let lead = ", moved AS (UPDATE former_identity SET survivor_id = rows.survivor_id FROM rows \
             WHERE former_identity.kind = 'researcher' AND former_identity.survivor_id = rows.former_id), \
             led AS (UPDATE former_slug SET id = rows.survivor_id FROM rows \
             WHERE former_slug.kind = 'researcher' AND former_slug.id = rows.former_id) \
             INSERT INTO former_identity (kind, former_id, former_slug, survivor_id, name_key) \
             SELECT 'researcher', researcher.id, researcher.slug, rows.survivor_id, rows.name_key \
             FROM rows JOIN researcher ON researcher.id = rows.former_id";
        self.with_rows(columns, absorbed, lead).await?;
        self.execute(Sql::with("DELETE FROM researcher WHERE id = ANY(?)", former())).await
    }

    /// Gives people the address that their name has, where it leads to them because somebody had it who was merged into
    /// them: "ida-jovanovic" rather than "ida-jovanovic-2". The other one leads to them from then on. Where people decided who is
    /// who, addresses stay as they were decided.
    async fn take_addresses(&self, people: Vec<i64>) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Shown {
            id: i64,
            display_name: String,
        }
        if people.is_empty() {
            return Ok(());
        }
        let shown = Sql::with("SELECT id, display_name FROM researcher WHERE id = ANY(?)", ids(people));
        let shown = self.rows::<Shown>(shown).await?;
        let swap = Sql::with(
            "WITH swapped AS (SELECT former.former_id, person.id, person.slug AS old, wanted.slug AS new \
             FROM unnest(?::bigint[], ",
            ids(shown.iter().map(|person| person.id)),
        )
        .then_with(
            "?::text[]) AS wanted(id, slug) ",
            texts(shown.iter().map(|person| names::slug(&person.display_name, "researcher"))),
        )
        .then(
            "JOIN researcher AS person ON person.id = wanted.id AND person.slug <> wanted.slug \
             JOIN former_identity AS former ON former.kind = 'researcher' AND former.former_slug = wanted.slug \
             AND former.survivor_id = person.id AND NOT EXISTS (SELECT FROM identity_decision \
             WHERE undone_at IS NULL AND researcher_ids && ARRAY[person.id, former.former_id])), \
             addressed AS (UPDATE researcher SET slug = swapped.new FROM swapped WHERE researcher.id = swapped.id) \
             UPDATE former_identity SET former_slug = swapped.old FROM swapped \
             WHERE former_identity.kind = 'researcher' AND former_identity.former_id = swapped.former_id",
        );
        self.execute(swap).await
    }
}

/// Who gets most of what each has; of several the one who was there first.
fn successors(moves: &[Relocation]) -> HashMap<i64, i64> {
    let mut gained: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    for row in moves {
        if let Some(former) = row.former_id.filter(|former| *former != row.researcher_id) {
            *gained.entry((former, row.researcher_id)).or_default() += 1;
        }
    }
    let mut most: HashMap<i64, (usize, i64)> = HashMap::new();
    for ((former, successor), amount) in gained {
        let best = most.entry(former).or_insert((amount, successor));
        if amount > best.0 {
            *best = (amount, successor);
        }
    }
    most.into_iter().map(|(former, (_, successor))| (former, successor)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_what_was_there() {
        let row = |former: Option<i64>, researcher_id: i64| Relocation {
            authorship_id: 0,
            paper_id: 0,
            former_id: former,
            researcher_id,
        };
        let moves = [row(Some(1), 9), row(Some(1), 5), row(Some(1), 9), row(Some(2), 7), row(Some(2), 4), row(None, 3)];
        assert_eq!(successors(&moves), HashMap::from([(1, 9), (2, 4)]));
        assert_eq!(successors(&[row(Some(1), 1)]), HashMap::new());
    }
}
