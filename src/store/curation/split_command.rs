//! Some papers of a researcher are another one's.

use std::collections::{BTreeMap, HashSet};

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::model::identifier::Orcid;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::curation::error::{CurationError, DecisionError};
use crate::store::curation::merge_command::abbreviate_list;
use crate::store::curation::merge_researcher::ResearcherRef;
use crate::store::curation::{
    AffectedAuthorship, DecidedBy, DecisionKind, DecisionOutcome, DecisionParty, DecisionRole,
};
use crate::store::ingest::reassign_authorships::{HAS_DATA_BESIDES_PAPERS, Reassignment};
use crate::store::unit_of_work::UnitOfWork;

impl UnitOfWork<'_> {
    pub(super) async fn split_researcher(
        &mut self,
        researcher: &str,
        papers: &[String],
        into: Option<&str>,
        signature: &DecidedBy,
    ) -> Result<DecisionOutcome, DecisionError> {
        let keys: Vec<&str> = std::iter::once(researcher).chain(into).collect();
        let mut people = self.find_researchers(&keys).await?;
        let papers = self.find_papers(papers).await?;
        let parties = self.load_researcher_refs(&people).await?;
        let (source, target) = match (parties.as_slice(), people.as_slice()) {
            ([source], [_]) => (source, None),
            ([source, target], _) => (source, Some(target)),
            ([person], [_, _]) => {
                let (one, other) = (researcher.to_owned(), into.unwrap_or_default().to_owned());
                return Err(CurationError::SameResearcher { one, other, person: person.label() }.into());
            }
            _ => return Err(Error::internal("nobody to split").into()),
        };
        let authorships = self.load_authorships_of(&[source.id]).await?;
        let (moved, remaining): (Vec<AffectedAuthorship>, Vec<AffectedAuthorship>) =
            authorships.iter().cloned().partition(|authorship| papers.contains(&authorship.paper_id));
        self.ensure_author_of(source, &papers, &moved).await?;
        if remaining.is_empty() && !self.has_data_besides_papers(source).await? {
            return Err(CurationError::WouldBeEmpty { person: source.label() }.into());
        }
        if let Some(target) = target {
            self.ensure_not_author_of(target, &papers).await?;
        }

        let before = self.summarize_researchers(&people).await?;
        let places: Vec<i64> = authorships.iter().map(|authorship| authorship.id).collect();
        let rows = self.take_snapshot(&people, &places).await?;
        let target_id = match target {
            Some(target) => target.id,
            None => self.create_split_researcher(source, &moved, &remaining).await?,
        };
        if target.is_none() {
            people.push(target_id);
        }
        let parties = self.load_researcher_refs(&people).await?;
        let concerned = parties.iter().map(|party| {
            let role = if party.id == target_id { DecisionRole::Target } else { DecisionRole::Source };
            DecisionParty::new(party, role)
        });
        let draft = self.begin_decision(DecisionKind::Split, signature, concerned.collect(), moved.len()).await?;
        let moves = moved.iter().map(|authorship| Reassignment {
            authorship_id: authorship.id,
            paper_id: authorship.paper_id,
            former_id: Some(source.id),
            researcher_id: target_id,
        });
        self.move_authorships(&moves.collect::<Vec<_>>()).await?;
        let pins: Vec<(i64, i64)> = moved
            .iter()
            .map(|authorship| (authorship.id, target_id))
            .chain(remaining.iter().map(|authorship| (authorship.id, source.id)))
            .collect();
        self.pin_authorships(&draft, &pins).await?;
        let (decision, kind) = self.record_decision(draft, &rows).await?;
        let after = self.summarize_researchers(&people).await?;
        Ok(DecisionOutcome { decision, kind, before, after, notes: Vec::new() })
    }

    async fn ensure_author_of(
        &self,
        source: &ResearcherRef,
        papers: &[i64],
        moved: &[AffectedAuthorship],
    ) -> Result<(), DecisionError> {
        let theirs: HashSet<i64> = moved.iter().map(|authorship| authorship.paper_id).collect();
        let others: Vec<i64> = papers.iter().copied().filter(|id| !theirs.contains(id)).collect();
        if others.is_empty() {
            return Ok(());
        }
        let papers = abbreviate_list(&self.load_paper_slugs(&others).await?);
        Err(CurationError::NotAuthorOf { person: source.label(), papers }.into())
    }

    async fn ensure_not_author_of(&self, target: &ResearcherRef, papers: &[i64]) -> Result<(), DecisionError> {
        let held = self.load_authorships_of(&[target.id]).await?;
        let both: Vec<i64> = held.iter().map(|held| held.paper_id).filter(|id| papers.contains(id)).collect();
        if both.is_empty() {
            return Ok(());
        }
        let papers = abbreviate_list(&self.load_paper_slugs(&both).await?);
        Err(CurationError::AlreadyAuthorOf { person: target.label(), papers }.into())
    }

    async fn load_paper_slugs(&self, papers: &[i64]) -> Result<Vec<String>, Error> {
        #[derive(FromQueryResult)]
        struct Paper {
            slug: String,
        }
        let sql = "SELECT slug FROM paper WHERE id = ANY(?) ORDER BY id";
        let papers = self.rows::<Paper>(Sql::with(sql, bigint_array(papers.iter().copied()))).await?;
        Ok(papers.into_iter().map(|paper| paper.slug).collect())
    }

    /// Whether a person is somebody without any paper.
    async fn has_data_besides_papers(&self, person: &ResearcherRef) -> Result<bool, Error> {
        let sql = Sql::with("SELECT id FROM researcher WHERE id = ? AND ", person.id).then(HAS_DATA_BESIDES_PAPERS);
        Ok(!self.rows::<crate::store::curation::IdRow>(sql).await?.is_empty())
    }

    /// Somebody new with the name that the authorships have, and the ORCID iD that came with them.
    async fn create_split_researcher(
        &mut self,
        source: &ResearcherRef,
        moved: &[AffectedAuthorship],
        remaining: &[AffectedAuthorship],
    ) -> Result<i64, Error> {
        let name = most_common_name(moved).ok_or_else(|| Error::internal("a split without papers"))?;
        let orcid = self.choose_split_orcid(source, moved, remaining).await?;
        if orcid.as_ref().is_some_and(|orcid| source.orcid.as_deref() == Some(orcid.as_str())) {
            self.execute(Sql::with("UPDATE researcher SET orcid = NULL WHERE id = ?", source.id)).await?;
        }
        self.create_researcher(name, orcid.as_ref()).await
    }

    /// The one ORCID iD that the sources give with these authorships and with no other of the person's, unless it is somebody
    /// else's, or of the person by a record of their own.
    async fn choose_split_orcid(
        &self,
        source: &ResearcherRef,
        moved: &[AffectedAuthorship],
        remaining: &[AffectedAuthorship],
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
        let is_taken = !self.rows::<crate::store::curation::IdRow>(taken).await?.is_empty();
        Ok(orcid.parse().ok().filter(|_| !is_taken))
    }
}

/// The name that most of the authorships have; of several the longest, which tells most.
fn most_common_name(authorships: &[AffectedAuthorship]) -> Option<&str> {
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
        let authorship = |name: &str| AffectedAuthorship {
            id: 0,
            paper_id: 0,
            researcher_id: 0,
            name: name.to_owned(),
            orcid: None,
        };
        let named = |names: &[&str]| {
            let authorships: Vec<AffectedAuthorship> = names.iter().map(|name| authorship(name)).collect();
            most_common_name(&authorships).map(ToOwned::to_owned)
        };
        assert_eq!(named(&["W. Xu", "Wei Xu", "W. Xu"]).as_deref(), Some("W. Xu"));
        assert_eq!(named(&["W. Xu", "Wei Xu"]).as_deref(), Some("Wei Xu"));
        assert_eq!(named(&["Wei Xu", "Wei Xa"]).as_deref(), Some("Wei Xa"));
        assert_eq!(named(&[]), None);
    }
}
