//! Places among the authors of papers that are imported again: which of the new ones were there before, and whose they were.
//!
//! A place is the same where its name is, wherever it stands now; one that people decided upon also where another form of its
//! name is; else where its number is. It keeps its id, what people decided of it, and under the same name whoever has it.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;
use serde_json::Value;

use crate::error::Error;
use crate::model::record::AuthorRecord;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::ingest::name_repair::Author;
use crate::store::unit_of_work::Batch;
use crate::text::names::{self, Likeness};

/// The place of an author on a paper.
#[derive(Debug, Default)]
pub(crate) struct Place {
    pub id: i64,
    /// As the source tells it.
    pub position: Option<u32>,
    /// The order of the list.
    pub list_order: i32,
    /// Whose it is by somebody's decision.
    pub decided: Option<i64>,
    /// Whose it was under the same name.
    pub held: Option<i64>,
    /// Whose it was under any name.
    pub was_of: Option<i64>,
    /// Whether it was decided upon, and the name there is nobody's who may have been meant.
    pub is_called_otherwise: bool,
    resolution: Option<Resolution>,
}

/// Why an author was taken for a researcher.
#[derive(Clone, Debug)]
struct Resolution {
    method: String,
    confidence: f32,
    evidence: Value,
}

/// A place as it was; or as it was when it was decided upon, where the paper has it no more.
#[derive(Debug, FromQueryResult)]
struct Former {
    id: i64,
    paper_id: i64,
    list_order: Option<i32>,
    name_as_published: String,
    name: Option<String>,
    researcher_id: Option<i64>,
    confirming_key: Option<String>,
    decided: Option<i64>,
    method: Option<String>,
    confidence: Option<f32>,
    evidence: Option<Value>,
}

impl Former {
    fn is_called(&self, key: &str) -> bool {
        [Some(&self.name_as_published), self.name.as_ref()]
            .into_iter()
            .flatten()
            .any(|name| names::identity_key(name) == key)
    }
}

/// Whether two names may be one person's.
fn is_alike(one: &str, other: &str) -> bool {
    names::compare(one, other).likeness >= Likeness::Compatible
}

/// The orders of authors on a paper: places that the source does not tell, or tells twice, come after the others.
fn orders(authors: &[AuthorRecord]) -> Result<Vec<(Option<u32>, i32)>, Error> {
    let mut behind = authors.iter().filter_map(|author| author.position).max().unwrap_or_default();
    let mut taken = HashSet::new();
    let mut order = |author: &AuthorRecord| {
        let position = author.position.filter(|position| taken.insert(*position));
        let order = position.unwrap_or_else(|| {
            behind = behind.saturating_add(1);
            behind
        });
        let order = i32::try_from(order)
            .map_err(|_| Error::BadUserInput("a position among the authors is too large".to_owned()))?;
        Ok((position, order))
    };
    authors.iter().map(&mut order).collect()
}

/// An author who comes.
struct New<'a> {
    list_order: i32,
    name: &'a str,
    /// The identity keys of the names.
    keys: Vec<String>,
}

/// Which of the former places each new one is, as indexes.
fn same_places(new: &[New<'_>], former: &[Former]) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = vec![None; new.len()];
    let mut free: HashSet<usize> = (0..former.len()).collect();
    let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
    let mut by_order: HashMap<i32, usize> = HashMap::new();
    for (index, place) in former.iter().enumerate() {
        if let Some(order) = place.list_order {
            by_order.insert(order, index);
        }
        for name in [Some(&place.name_as_published), place.name.as_ref()].into_iter().flatten() {
            let named = by_key.entry(names::identity_key(name)).or_default();
            if named.last() != Some(&index) {
                named.push(index);
            }
        }
    }
    // The same name in the same place, the same name elsewhere, another form of a name that was decided upon, the same place.
    for (found, new) in found.iter_mut().zip(new) {
        let here = by_order.get(&new.list_order).copied();
        *found = here.filter(|index| new.keys.iter().any(|key| former[*index].is_called(key)) && free.remove(index));
    }
    for (found, new) in found.iter_mut().zip(new).filter(|(found, _)| found.is_none()) {
        let named = new.keys.iter().filter_map(|key| by_key.get(key)).flatten();
        *found = named.copied().find(|index| free.remove(index));
    }
    let decided: Vec<usize> = (0..former.len()).filter(|index| former[*index].decided.is_some()).collect();
    for (found, new) in found.iter_mut().zip(new).filter(|(found, _)| found.is_none()) {
        let here = by_order.get(&new.list_order).copied().filter(|index| decided.contains(index));
        let mut candidates = here.into_iter().chain(decided.iter().copied());
        *found = candidates.find(|index| {
            free.contains(index) && is_alike(new.name, &former[*index].name_as_published) && free.remove(index)
        });
    }
    for (found, new) in found.iter_mut().zip(new).filter(|(found, _)| found.is_none()) {
        *found = by_order.get(&new.list_order).copied().filter(|index| free.remove(index));
    }
    found
}

/// Whom the people of places may be, and who is there once: the one who had a place before others who have it now.
pub(crate) fn distinct(places: &[(&Place, i64, Option<i64>)]) -> Vec<Option<i64>> {
    let mut given: Vec<Option<i64>> = vec![None; places.len()];
    let mut present: HashSet<(i64, i64)> = HashSet::new();
    for keeps in [true, false] {
        for (given, (place, paper_id, researcher_id)) in given.iter_mut().zip(places) {
            let is_kept = researcher_id.is_some() && place.was_of == *researcher_id;
            if is_kept == keeps {
                *given = researcher_id.filter(|id| present.insert((*paper_id, *id)));
            }
        }
    }
    given
}

impl Batch<'_> {
    /// Takes the authors of these papers away, and tells the place of each author who comes, in their order. Papers that were
    /// there have `true`; `authors` are those of all papers, one after the other.
    pub(crate) async fn places(
        &mut self,
        papers: &[(i64, bool, &[AuthorRecord])],
        authors: &[Author<'_>],
    ) -> Result<Vec<Place>, Error> {
        let replaced: Vec<i64> = papers.iter().filter(|(_, is_there, _)| *is_there).map(|(id, ..)| *id).collect();
        let mut former: HashMap<i64, Vec<Former>> = HashMap::new();
        if !replaced.is_empty() {
            for place in self.former_places(&replaced).await? {
                self.spellings.extend(place.confirming_key.clone());
                former.entry(place.paper_id).or_default().push(place);
            }
            self.execute(Sql::with("DELETE FROM authorship WHERE paper_id = ANY(?)", ids(replaced))).await?;
        }
        let mut named = authors.iter();
        let mut places = Vec::with_capacity(authors.len());
        for (paper_id, _, records) in papers {
            let former = former.remove(paper_id).unwrap_or_default();
            let orders = orders(records)?;
            let named: Vec<_> = named.by_ref().take(records.len()).collect();
            let new = orders.iter().zip(&named).map(|((_, list_order), author)| New {
                list_order: *list_order,
                name: &author.named.name,
                keys: author.keys(),
            });
            let new: Vec<New<'_>> = new.collect();
            for (((position, list_order), author), same) in
                orders.into_iter().zip(named).zip(same_places(&new, &former))
            {
                let place = Place { position, list_order, ..Place::default() };
                places.push(same.map_or(place, |index| continued(&former[index], author, position, list_order)));
            }
        }
        // One that had an id in the directory that exported it has the same here, where that is free.
        let new = places.iter().zip(authors).filter(|(place, _)| place.id == 0);
        let wanted: Vec<Option<i64>> = new.map(|(_, author)| author.record.id).collect();
        let mut new_ids = self.claimed_ids("authorship", &wanted).await?.into_iter();
        for place in places.iter_mut().filter(|place| place.id == 0) {
            place.id = new_ids.next().ok_or_else(|| Error::internal("no id for an authorship"))?.id;
        }
        Ok(places)
    }

    async fn former_places(&self, papers: &[i64]) -> Result<Vec<Former>, Error> {
        let sql = Sql::with(
            "SELECT held.id, held.paper_id, held.list_order, held.name_as_published, held.name, held.researcher_id, \
             held.confirming_key, decided.id AS decided, resolution.method, resolution.confidence, resolution.evidence \
             FROM (SELECT id, paper_id, list_order, name_as_published, name, researcher_id, confirming_key FROM authorship \
             WHERE paper_id = ANY(?)",
            ids(papers.iter().copied()),
        )
        .then_with(
            " UNION ALL SELECT authorship_id, paper_id, NULL, name_as_published, NULL, NULL, NULL FROM identity_pin \
             WHERE paper_id = ANY(?)",
            ids(papers.iter().copied()),
        )
        .then(
            " AND NOT EXISTS (SELECT FROM authorship WHERE authorship.id = identity_pin.authorship_id)) AS held \
             LEFT JOIN identity_pin AS pin ON pin.authorship_id = held.id \
             LEFT JOIN former_identity AS former ON former.kind = 'researcher' AND former.former_id = pin.researcher_id \
             LEFT JOIN researcher AS decided ON decided.id = coalesce(former.survivor_id, pin.researcher_id) \
             LEFT JOIN authorship_resolution AS resolution ON resolution.authorship_id = held.id \
             ORDER BY held.paper_id, held.list_order, held.id",
        );
        self.rows(sql).await
    }

    /// Remembers again why the authors of places were taken for whom they still are, and what people decided.
    pub(crate) async fn keep_resolutions(&self, places: &[(&Place, Option<i64>)]) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            authorship_id: i64,
            method: &'a str,
            confidence: f32,
            evidence: &'a Value,
        }
        let kept = places.iter().filter(|(place, researcher_id)| place.was_of == *researcher_id);
        let rows: Vec<Row<'_>> = kept
            .filter_map(|(place, _)| place.resolution.as_ref().map(|resolution| (place.id, resolution)))
            .map(|(authorship_id, Resolution { method, confidence, evidence })| Row {
                authorship_id,
                method,
                confidence: *confidence,
                evidence,
            })
            .collect();
        let insert = "INSERT INTO authorship_resolution (authorship_id, method, confidence, evidence) \
             SELECT authorship_id, method, confidence, evidence FROM rows";
        self.with_rows("authorship_id bigint, method text, confidence real, evidence jsonb", &rows, insert).await?;
        let decided = places.iter().filter(|(place, _)| place.decided.is_some()).map(|(place, _)| place.id);
        self.resolve_by_decision(decided.collect()).await
    }

    /// Says of authorships that were decided upon that they were.
    pub(crate) async fn resolve_by_decision(&self, authorships: Vec<i64>) -> Result<(), Error> {
        if authorships.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO authorship_resolution (authorship_id, method, confidence, evidence) \
             SELECT pin.authorship_id, 'DECISION', 1, \
             jsonb_build_array(jsonb_build_object('kind', 'DECISION', 'value', pin.decision_id::text)) \
             FROM identity_pin AS pin JOIN authorship ON authorship.id = pin.authorship_id WHERE pin.authorship_id = ANY(?) \
             ON CONFLICT (authorship_id) DO UPDATE \
             SET method = EXCLUDED.method, confidence = EXCLUDED.confidence, evidence = EXCLUDED.evidence";
        self.execute(Sql::with(sql, ids(authorships))).await
    }
}

/// A place that was there before.
fn continued(former: &Former, author: &Author<'_>, position: Option<u32>, list_order: i32) -> Place {
    let shown = names::identity_key(&author.named.name);
    let is_same_name = former.name.as_ref().is_some_and(|name| names::identity_key(name) == shown);
    let resolution = former.method.clone().zip(former.confidence).zip(former.evidence.clone());
    Place {
        id: former.id,
        position,
        list_order,
        decided: former.decided,
        held: former.researcher_id.filter(|_| is_same_name),
        was_of: former.researcher_id,
        is_called_otherwise: former.decided.is_some() && !is_alike(&author.named.name, &former.name_as_published),
        resolution: resolution.map(|((method, confidence), evidence)| Resolution { method, confidence, evidence }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn former(names: &[(&str, Option<i32>)]) -> Vec<Former> {
        let place = |(id, (name, list_order)): (i64, &(&str, Option<i32>))| Former {
            id,
            paper_id: 1,
            list_order: *list_order,
            name_as_published: (*name).to_owned(),
            name: list_order.map(|_| (*name).to_owned()),
            researcher_id: None,
            confirming_key: None,
            decided: None,
            method: None,
            confidence: None,
            evidence: None,
        };
        (0..).zip(names).map(place).collect()
    }

    fn matched(new: &[&str], former: &[Former]) -> Vec<Option<usize>> {
        let new =
            (1..).zip(new).map(|(list_order, name)| New { list_order, name, keys: vec![names::identity_key(name)] });
        same_places(&new.collect::<Vec<_>>(), former)
    }

    #[test]
    fn places_that_go_on() {
        let two = former(&[("Ida Brook", Some(1)), ("Tom Ford", Some(2))]);
        assert_eq!(matched(&["Ida Brook", "Tom Ford"], &two), [Some(0), Some(1)]);
        assert_eq!(matched(&["Uma Lee", "Ida Brook", "Tom Ford"], &two), [None, Some(0), Some(1)]);
        assert_eq!(matched(&["Tom Ford", "Ida Brook"], &two), [Some(1), Some(0)]);
        assert_eq!(matched(&["I. Brook", "Tom Ford"], &two), [Some(0), Some(1)]);
        assert_eq!(matched(&["I. Brook", "T. Ford", "Uma Lee"], &two), [Some(0), Some(1), None]);
        assert_eq!(matched(&["Tom Ford"], &two), [Some(1)]);
        let twice = former(&[("Wei Xu", Some(1)), ("Wei Xu", Some(2))]);
        assert_eq!(matched(&["Uma Lee", "Wei Xu", "Wei Xu"], &twice), [None, Some(1), Some(0)]);
        // What was decided of a name goes with another form of it.
        let mut decided = former(&[("Uma Lee", Some(1)), ("Wei Xu", Some(2))]);
        decided[1].decided = Some(7);
        assert_eq!(matched(&["W. Xu", "Ben Oak"], &decided), [Some(1), None]);
        // One that the paper has no more comes back by its name only.
        let gone = former(&[("Ida Brook", Some(1)), ("Tom Ford", None)]);
        assert_eq!(matched(&["Ida Brook", "Tom Ford"], &gone), [Some(0), Some(1)]);
        assert_eq!(matched(&["Ida Brook", "Uma Lee"], &gone), [Some(0), None]);
    }

    #[test]
    fn orders_of_authors() {
        let author = |position| AuthorRecord { position, ..AuthorRecord::default() };
        let found = orders(&[author(None), author(Some(2)), author(Some(2)), author(Some(1))]).expect("orders");
        assert_eq!(found, [(None, 3), (Some(2), 2), (None, 4), (Some(1), 1)]);
        assert!(orders(&[author(Some(u32::MAX)), author(None)]).is_err());
    }
}
