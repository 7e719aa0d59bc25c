//! Several researchers are one.

use std::collections::HashSet;

use sea_orm::FromQueryResult;

use crate::error::Error;
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::curation::error::{DecisionError, Refusal};
use crate::store::curation::merge_researcher::{Party, is_form_of};
use crate::store::curation::{Concerned, DecisionKind, Outcome, Role, Signature};
use crate::store::unit_of_work::Batch;

/// So many papers are named in a sentence.
const NAMED: usize = 5;

/// Names a few of many.
pub(super) fn listed(names: &[String]) -> String {
    let named = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

impl Batch<'_> {
    pub(super) async fn merge(
        &mut self,
        survivor: &str,
        former: &[String],
        is_forced: bool,
        signature: &Signature,
    ) -> Result<Outcome, DecisionError> {
        let keys: Vec<&str> = std::iter::once(survivor).chain(former.iter().map(String::as_str)).collect();
        let people = self.find_researchers(&keys).await?;
        let parties = self.parties(&people).await?;
        all_different(&keys, &people, &parties)?;
        if !is_forced {
            one_orcid(&parties)?;
            self.on_no_paper_together(&people).await?;
        }
        let Some((survivor, former)) = parties.split_first() else {
            return Err(Error::internal("nobody to merge").into());
        };

        let before = self.describe_people(&people).await?;
        let authorships = self.authorships_of(&people).await?;
        let places: Vec<i64> = authorships.iter().map(|authorship| authorship.id).collect();
        let open = self.open_places_of(&people).await?;
        let rows = self.snapshot(&people, &[places.as_slice(), &open].concat()).await?;
        let moved = authorships.iter().filter(|authorship| authorship.researcher_id != survivor.id).count();
        let concerned = parties.iter().map(|party| {
            let role = if party.id == survivor.id { Role::Survivor } else { Role::Former };
            Concerned::new(party, role)
        });
        let draft = self.draft(DecisionKind::Merge, signature, concerned.collect(), moved).await?;
        self.take_over(survivor, former, true).await?;
        // A place that is left open is the survivor's too: nobody else is to come for it.
        let pins: Vec<(i64, i64)> = places.iter().map(|id| (*id, survivor.id)).collect();
        self.pin(&draft, &pins).await?;
        let (decision, kind) = self.conclude(draft, &rows).await?;
        let after = self.describe_people(&people).await?;
        // Who chose a name, or hides the survivor's, is called so from now on.
        let shown =
            after.iter().find(|person| person.id == survivor.id).map_or(&survivor.display_name, |person| &person.name);
        let names = former.iter().chain([survivor]).map(|party| &party.display_name);
        let notes = names.filter(|name| !is_form_of(name, shown)).map(|name| {
            format!("'{name}' is no form of the name '{shown}' and is not shown as one: add it to the other names if it may be")
        });
        let notes = notes.collect();
        Ok(Outcome { decision, kind, before, after, notes })
    }

    /// Places that are left open because these people have another one on the paper.
    async fn open_places_of(&self, people: &[i64]) -> Result<Vec<i64>, Error> {
        let sql = "SELECT id FROM authorship WHERE same_as_id = ANY(?) AND researcher_id IS NULL ORDER BY id";
        let open = self.rows::<crate::store::curation::Numbered>(Sql::with(sql, ids(people.iter().copied()))).await?;
        Ok(open.into_iter().map(|row| row.id).collect())
    }

    async fn on_no_paper_together(&self, people: &[i64]) -> Result<(), DecisionError> {
        let shared = self.papers_together(people).await?;
        if shared.is_empty() { Ok(()) } else { Err(Refusal::OnOnePaper(listed(&shared)).into()) }
    }

    /// The slugs of the papers of which several of these people are authors.
    pub(super) async fn papers_together(&self, people: &[i64]) -> Result<Vec<String>, Error> {
        #[derive(FromQueryResult)]
        struct Shared {
            slug: String,
        }
        let sql = "SELECT paper.slug FROM authorship JOIN paper ON paper.id = authorship.paper_id \
             WHERE authorship.researcher_id = ANY(?) GROUP BY paper.id HAVING count(*) > 1 ORDER BY paper.id";
        let shared = self.rows::<Shared>(Sql::with(sql, ids(people.iter().copied()))).await?;
        Ok(shared.into_iter().map(|row| row.slug).collect())
    }
}

fn all_different(keys: &[&str], people: &[i64], parties: &[Party]) -> Result<(), Refusal> {
    for (place, id) in people.iter().enumerate() {
        if let Some(first) = people.iter().take(place).position(|other| other == id) {
            let person = parties.iter().find(|party| party.id == *id).map(Party::named).unwrap_or_default();
            return Err(Refusal::SamePerson { one: keys[first].to_owned(), other: keys[place].to_owned(), person });
        }
    }
    Ok(())
}

fn one_orcid(parties: &[Party]) -> Result<(), Refusal> {
    let orcids: HashSet<&String> = parties.iter().filter_map(|party| party.orcid.as_ref()).collect();
    if orcids.len() < 2 {
        return Ok(());
    }
    let told = parties.iter().filter_map(|party| Some(format!("{} has {}", party.named(), party.orcid.as_ref()?)));
    Err(Refusal::SeveralOrcids(told.collect::<Vec<_>>().join(", ")))
}
