//! Several researchers are one.

use std::collections::HashSet;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::curation::error::{CurationError, DecisionError};
use crate::store::curation::merge_researcher::{ResearcherRef, is_name_variant};
use crate::store::curation::{DecidedBy, DecisionKind, DecisionOutcome, DecisionParty, DecisionRole};
use crate::store::unit_of_work::UnitOfWork;

/// So many papers are named in a sentence.
const MAX_LISTED_NAMES: usize = 5;

/// Names a few of many.
pub(super) fn abbreviate_list(names: &[String]) -> String {
    let named = names.iter().take(MAX_LISTED_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_LISTED_NAMES) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

impl UnitOfWork<'_> {
    pub(super) async fn merge_by_decision(
        &mut self,
        survivor: &str,
        former: &[String],
        is_forced: bool,
        signature: &DecidedBy,
    ) -> Result<DecisionOutcome, DecisionError> {
        let keys: Vec<&str> = std::iter::once(survivor).chain(former.iter().map(String::as_str)).collect();
        let people = self.find_researchers(&keys).await?;
        let parties = self.load_researcher_refs(&people).await?;
        ensure_distinct(&keys, &people, &parties)?;
        if !is_forced {
            ensure_one_orcid(&parties)?;
            self.ensure_no_shared_papers(&people).await?;
        }
        let Some((survivor, former)) = parties.split_first() else {
            return Err(Error::internal("nobody to merge").into());
        };

        let before = self.summarize_researchers(&people).await?;
        let authorships = self.load_authorships_of(&people).await?;
        let places: Vec<i64> = authorships.iter().map(|authorship| authorship.id).collect();
        let open = self.find_unassigned_authorships(&people).await?;
        let rows = self.take_snapshot(&people, &[places.as_slice(), &open].concat()).await?;
        let moved = authorships.iter().filter(|authorship| authorship.researcher_id != survivor.id).count();
        let concerned = parties.iter().map(|party| {
            let role = if party.id == survivor.id { DecisionRole::Survivor } else { DecisionRole::Former };
            DecisionParty::new(party, role)
        });
        let draft = self.begin_decision(DecisionKind::Merge, signature, concerned.collect(), moved).await?;
        self.merge_into(survivor, former, true).await?;
        // A place that is left open is the survivor's too: nobody else is to come for it.
        let pins: Vec<(i64, i64)> = places.iter().map(|id| (*id, survivor.id)).collect();
        self.pin_authorships(&draft, &pins).await?;
        let (decision, kind) = self.record_decision(draft, &rows).await?;
        let after = self.summarize_researchers(&people).await?;
        // Who chose a name, or hides the survivor's, is called so from now on.
        let shown =
            after.iter().find(|person| person.id == survivor.id).map_or(&survivor.display_name, |person| &person.name);
        let names = former.iter().chain([survivor]).map(|party| &party.display_name);
        let notes = names.filter(|name| !is_name_variant(name, shown)).map(|name| {
            format!("'{name}' is no form of the name '{shown}' and is not shown as one: add it to the other names if it may be")
        });
        let notes = notes.collect();
        Ok(DecisionOutcome { decision, kind, before, after, notes })
    }

    /// Places that are left open because these people have another one on the paper.
    async fn find_unassigned_authorships(&self, people: &[i64]) -> Result<Vec<i64>, Error> {
        let sql = "SELECT id FROM authorship WHERE same_as_id = ANY(?) AND researcher_id IS NULL ORDER BY id";
        let open =
            self.rows::<crate::store::curation::IdRow>(Sql::with(sql, bigint_array(people.iter().copied()))).await?;
        Ok(open.into_iter().map(|row| row.id).collect())
    }

    async fn ensure_no_shared_papers(&self, people: &[i64]) -> Result<(), DecisionError> {
        let shared = self.find_shared_papers(people).await?;
        if shared.is_empty() { Ok(()) } else { Err(CurationError::SharedPapers(abbreviate_list(&shared)).into()) }
    }

    /// The slugs of the papers of which several of these people are authors.
    pub(super) async fn find_shared_papers(&self, people: &[i64]) -> Result<Vec<String>, Error> {
        #[derive(FromQueryResult)]
        struct Shared {
            slug: String,
        }
        let sql = "SELECT paper.slug FROM authorship JOIN paper ON paper.id = authorship.paper_id \
             WHERE authorship.researcher_id = ANY(?) GROUP BY paper.id HAVING count(*) > 1 ORDER BY paper.id";
        let shared = self.rows::<Shared>(Sql::with(sql, bigint_array(people.iter().copied()))).await?;
        Ok(shared.into_iter().map(|row| row.slug).collect())
    }
}

fn ensure_distinct(keys: &[&str], people: &[i64], parties: &[ResearcherRef]) -> Result<(), CurationError> {
    for (place, id) in people.iter().enumerate() {
        if let Some(first) = people.iter().take(place).position(|other| other == id) {
            let person = parties.iter().find(|party| party.id == *id).map(ResearcherRef::label).unwrap_or_default();
            return Err(CurationError::SameResearcher {
                one: keys[first].to_owned(),
                other: keys[place].to_owned(),
                person,
            });
        }
    }
    Ok(())
}

fn ensure_one_orcid(parties: &[ResearcherRef]) -> Result<(), CurationError> {
    let orcids: HashSet<&String> = parties.iter().filter_map(|party| party.orcid.as_ref()).collect();
    if orcids.len() < 2 {
        return Ok(());
    }
    let told = parties.iter().filter_map(|party| Some(format!("{} has {}", party.label(), party.orcid.as_ref()?)));
    Err(CurationError::ConflictingOrcids(told.collect::<Vec<_>>().join(", ")))
}
