//! Some papers of a researcher are another one's.

use std::collections::{BTreeMap, HashSet};

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::identifier::Orcid;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::curation::error::{DecisionError, Refusal};
use crate::store::curation::merge_command::listed;
use crate::store::curation::merge_researcher::Party;
use crate::store::curation::{Authorship, Concerned, DecisionKind, Outcome, Role, Signature};
use crate::store::ingest::reassign_authorships::{IS_KNOWN_BESIDES_PAPERS, Relocation};
use crate::store::unit_of_work::Batch;

impl Batch<'_> {
    pub(super) async fn split(
        &mut self,
        researcher: &str,
        papers: &[String],
        into: Option<&str>,
        signature: &Signature,
    ) -> Result<Outcome, DecisionError> {
        let keys: Vec<&str> = std::iter::once(researcher).chain(into).collect();
        let mut people = self.find_researchers(&keys).await?;
        let papers = self.find_papers(papers).await?;
        let parties = self.parties(&people).await?;
        let (source, target) = match (parties.as_slice(), people.as_slice()) {
            ([source], [_]) => (source, None),
            ([source, target], _) => (source, Some(target)),
            ([person], [_, _]) => {
                let (one, other) = (researcher.to_owned(), into.unwrap_or_default().to_owned());
                return Err(Refusal::SamePerson { one, other, person: person.named() }.into());
            }
            _ => return Err(Error::internal("nobody to split").into()),
        };
        let authorships = self.authorships_of(&[source.id]).await?;
        let (moved, remaining): (Vec<Authorship>, Vec<Authorship>) =
            authorships.iter().cloned().partition(|authorship| papers.contains(&authorship.paper_id));
        self.are_theirs(source, &papers, &moved).await?;
        if remaining.is_empty() && !self.is_known_besides_papers(source).await? {
            return Err(Refusal::NothingLeft { person: source.named() }.into());
        }
        if let Some(target) = target {
            self.is_on_none(target, &papers).await?;
        }

        let before = self.describe_people(&people).await?;
        let places: Vec<i64> = authorships.iter().map(|authorship| authorship.id).collect();
        let rows = self.snapshot(&people, &places).await?;
        let target_id = match target {
            Some(target) => target.id,
            None => self.new_from(source, &moved, &remaining).await?,
        };
        if target.is_none() {
            people.push(target_id);
        }
        let parties = self.parties(&people).await?;
        let concerned = parties.iter().map(|party| {
            let role = if party.id == target_id { Role::Target } else { Role::Source };
            Concerned::new(party, role)
        });
        let draft = self.draft(DecisionKind::Split, signature, concerned.collect(), moved.len()).await?;
        let moves = moved.iter().map(|authorship| Relocation {
            authorship_id: authorship.id,
            paper_id: authorship.paper_id,
            former_id: Some(source.id),
            researcher_id: target_id,
        });
        self.move_places(&moves.collect::<Vec<_>>()).await?;
        let pins: Vec<(i64, i64)> = moved
            .iter()
            .map(|authorship| (authorship.id, target_id))
            .chain(remaining.iter().map(|authorship| (authorship.id, source.id)))
            .collect();
        self.pin(&draft, &pins).await?;
        let (decision, kind) = self.conclude(draft, &rows).await?;
        let after = self.describe_people(&people).await?;
        Ok(Outcome { decision, kind, before, after, notes: Vec::new() })
    }

    async fn are_theirs(&self, source: &Party, papers: &[i64], moved: &[Authorship]) -> Result<(), DecisionError> {
        let theirs: HashSet<i64> = moved.iter().map(|authorship| authorship.paper_id).collect();
        let others: Vec<i64> = papers.iter().copied().filter(|id| !theirs.contains(id)).collect();
        if others.is_empty() {
            return Ok(());
        }
        let papers = listed(&self.paper_slugs(&others).await?);
        Err(Refusal::NotTheirs { person: source.named(), papers }.into())
    }

    async fn is_on_none(&self, target: &Party, papers: &[i64]) -> Result<(), DecisionError> {
        let held = self.authorships_of(&[target.id]).await?;
        let both: Vec<i64> = held.iter().map(|held| held.paper_id).filter(|id| papers.contains(id)).collect();
        if both.is_empty() {
            return Ok(());
        }
        let papers = listed(&self.paper_slugs(&both).await?);
        Err(Refusal::AlreadyOnPaper { person: target.named(), papers }.into())
    }

    async fn paper_slugs(&self, papers: &[i64]) -> Result<Vec<String>, Error> {
        #[derive(FromQueryResult)]
        struct Paper {
            slug: String,
        }
        let sql = "SELECT slug FROM paper WHERE id = ANY(?) ORDER BY id";
        let papers = self.rows::<Paper>(Sql::with(sql, ids(papers.iter().copied()))).await?;
        Ok(papers.into_iter().map(|paper| paper.slug).collect())
    }

    /// Whether a person is somebody without any paper.
    async fn is_known_besides_papers(&self, person: &Party) -> Result<bool, Error> {
        let sql = Sql::with("SELECT id FROM researcher WHERE id = ? AND ", person.id).then(IS_KNOWN_BESIDES_PAPERS);
        Ok(!self.rows::<crate::store::curation::Numbered>(sql).await?.is_empty())
    }

    /// Somebody new with the name that the authorships have, and the ORCID iD that came with them.
    async fn new_from(&mut self, source: &Party, moved: &[Authorship], remaining: &[Authorship]) -> Result<i64, Error> {
        let name = most_common_name(moved).ok_or_else(|| Error::internal("a split without papers"))?;
        let orcid = self.orcid_of(source, moved, remaining).await?;
        if orcid.as_ref().is_some_and(|orcid| source.orcid.as_deref() == Some(orcid.as_str())) {
            self.execute(Sql::with("UPDATE researcher SET orcid = NULL WHERE id = ?", source.id)).await?;
        }
        self.new_person(name, orcid.as_ref()).await
    }

    /// The one ORCID iD that the sources give with these authorships and with no other of the person's, unless it is somebody
    /// else's, or of the person by a record of their own.
    async fn orcid_of(
        &self,
        source: &Party,
        moved: &[Authorship],
        remaining: &[Authorship],
    ) -> Result<Option<Orcid>, Error> {
        let orcids: HashSet<&String> = moved.iter().filter_map(|authorship| authorship.orcid.as_ref()).collect();
        let mut orcids = orcids.into_iter();
        let (Some(orcid), None) = (orcids.next(), orcids.next()) else { return Ok(None) };
        if remaining.iter().any(|authorship| authorship.orcid.as_ref() == Some(orcid)) {
            return Ok(None);
        }
        let taken = Sql::with("SELECT id FROM researcher WHERE orcid = ?", orcid.clone())
            .then_with(" AND (id <> ?", source.id)
            .then_with(
                " OR EXISTS (SELECT FROM source_record WHERE researcher_id = researcher.id AND key = ?)) \
                 UNION ALL SELECT researcher_id FROM external_id WHERE researcher_id IS NOT NULL AND scheme = 'orcid' ",
                format!("researcher:{orcid}"),
            )
            .then_with("AND value = ?", orcid.clone());
        let is_taken = !self.rows::<crate::store::curation::Numbered>(taken).await?.is_empty();
        Ok(orcid.parse().ok().filter(|_| !is_taken))
    }
}

/// The name that most of the authorships have; of several the longest, which tells most.
fn most_common_name(authorships: &[Authorship]) -> Option<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for authorship in authorships {
        *counts.entry(&authorship.name).or_default() += 1;
    }
    let best = counts.into_iter().max_by_key(|(name, count)| (*count, name.chars().count(), std::cmp::Reverse(*name)));
    best.map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_new_people() {
        let authorship =
            |name: &str| Authorship { id: 0, paper_id: 0, researcher_id: 0, name: name.to_owned(), orcid: None };
        let named = |names: &[&str]| {
            let authorships: Vec<Authorship> = names.iter().map(|name| authorship(name)).collect();
            most_common_name(&authorships).map(ToOwned::to_owned)
        };
        assert_eq!(named(&["W. Xu", "Wei Xu", "W. Xu"]).as_deref(), Some("W. Xu"));
        assert_eq!(named(&["W. Xu", "Wei Xu"]).as_deref(), Some("Wei Xu"));
        assert_eq!(named(&["Wei Xu", "Wei Xa"]).as_deref(), Some("Wei Xa"));
        assert_eq!(named(&[]), None);
    }
}
