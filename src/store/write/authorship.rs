//! Writes of the authors of papers: who they are, in which place, and where they were.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;

use super::Batch;
use super::paper::{Change, Link};
use super::person::Mention;
use super::repair::Author;
use crate::error::Error;
use crate::names::RepairRule;
use crate::record::OrganizationReference;
use crate::store::sql::{Sql, ids};

#[derive(Serialize)]
struct AuthorshipRow<'a> {
    id: i64,
    paper_id: i64,
    list_order: i32,
    position: Option<u32>,
    name_as_published: String,
    name: &'a str,
    researcher_id: Option<i64>,
    is_corresponding: Option<bool>,
    equal_contribution_group: Option<u32>,
    affiliations_as_published: &'a [String],
    repair_value: Option<&'a str>,
    repair_rule: Option<RepairRule>,
    repair_confidence: Option<f64>,
    is_repair_applied: Option<bool>,
    suggestion_key: Option<&'a str>,
    confirming_key: Option<&'a str>,
}

const AUTHORSHIP_COLUMNS: &str = "id bigint, paper_id bigint, list_order integer, position integer, name_as_published text, \
     name text, researcher_id bigint, is_corresponding boolean, equal_contribution_group integer, \
     affiliations_as_published text[], repair_value text, repair_rule text, repair_confidence double precision, \
     is_repair_applied boolean, suggestion_key text, confirming_key text";

/// Who an author is.
#[derive(Clone, Copy)]
enum Meant {
    /// Whoever the name and the ORCID iD mean.
    ByName,
    /// As the directory that exported the paper says: a person, or nobody known.
    Told(Option<i64>),
}

/// An author's place among those of a paper.
struct Place {
    paper_id: i64,
    list_order: i32,
    position: Option<u32>,
}

impl Batch<'_> {
    /// Replaces the papers' authors by those of their records. A place keeps its id.
    pub(super) async fn authorships(&mut self, written: &[(i64, &Change<'_>)]) -> Result<(), Error> {
        let written: Vec<_> = written.iter().filter(|(_, change)| !change.authors.is_empty()).copied().collect();
        let replaced = written.iter().filter(|(_, change)| change.existing.is_some()).map(|(id, _)| *id).collect();
        let held = self.take_authorships(replaced).await?;
        let meant = self.meant(&written).await?;
        let authors = self.named(written.iter().flat_map(|(_, change)| change.authors.iter())).await?;
        let people = self.people_meant(&authors, &meant).await?;
        let places = places(&written)?;
        let ids = self.authorship_ids(&authors, &places, held).await?;

        let mut present = HashSet::new();
        let (mut rows, mut linked) = (Vec::with_capacity(authors.len()), Vec::new());
        for (((author, place), id), researcher_id) in authors.iter().zip(places).zip(ids).zip(people) {
            let (named, author) = (&author.named, author.record);
            linked.extend(author.organizations.iter().map(|organization| (id, organization)));
            rows.push(AuthorshipRow {
                id,
                paper_id: place.paper_id,
                list_order: place.list_order,
                position: place.position,
                name_as_published: author.name.replace('\0', ""),
                name: &named.name,
                // The same person twice on one paper is two people, or a mistake: the second one is left open.
                researcher_id: researcher_id.filter(|id| present.insert((place.paper_id, *id))),
                is_corresponding: author.is_corresponding,
                equal_contribution_group: author.equal_contribution_group,
                affiliations_as_published: &author.affiliations_as_published,
                repair_value: named.repair.as_ref().map(|repair| repair.value.as_str()),
                repair_rule: named.repair.as_ref().map(|repair| repair.rule),
                repair_confidence: named.repair.as_ref().map(|repair| repair.confidence),
                is_repair_applied: named.repair.as_ref().map(|_| named.is_applied),
                suggestion_key: named.suggestion_key.as_deref(),
                confirming_key: named.confirming_key.as_deref(),
            });
        }
        let insert = "INSERT INTO authorship (id, paper_id, list_order, position, name_as_published, name, researcher_id, \
             is_corresponding, equal_contribution_group, affiliations_as_published, publication_key, repair_value, repair_rule, \
             repair_confidence, is_repair_applied, suggestion_key, confirming_key) \
             SELECT rows.id, rows.paper_id, rows.list_order, rows.position, rows.name_as_published, rows.name, rows.researcher_id, \
             rows.is_corresponding, rows.equal_contribution_group, rows.affiliations_as_published, paper.publication_key, \
             rows.repair_value, rows.repair_rule, rows.repair_confidence, rows.is_repair_applied, rows.suggestion_key, \
             rows.confirming_key FROM rows JOIN paper ON paper.id = rows.paper_id";
        self.with_rows(AUTHORSHIP_COLUMNS, &rows, insert).await?;
        self.authorship_organizations(linked).await
    }

    /// Takes the authors of papers away, and tells the ids of their places.
    async fn take_authorships(&mut self, papers: Vec<i64>) -> Result<HashMap<(i64, i32), i64>, Error> {
        #[derive(FromQueryResult)]
        struct Held {
            id: i64,
            paper_id: i64,
            list_order: i32,
            confirming_key: Option<String>,
        }
        if papers.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = "DELETE FROM authorship WHERE paper_id = ANY(?) RETURNING id, paper_id, list_order, confirming_key";
        let rows = self.rows::<Held>(Sql::with(sql, ids(papers))).await?;
        self.spellings.extend(rows.iter().filter_map(|row| row.confirming_key.clone()));
        Ok(rows.into_iter().map(|row| ((row.paper_id, row.list_order), row.id)).collect())
    }

    /// Who the authors are as far as the directory that exported a paper says.
    async fn meant(&self, written: &[(i64, &Change<'_>)]) -> Result<Vec<Meant>, Error> {
        let all = || written.iter().flat_map(|(_, change)| change.authors.iter().map(move |author| (change, author)));
        let told = self.placed("researcher", all().filter_map(|(_, author)| author.researcher_id)).await?;
        let meant = all().map(|(change, author)| match author.researcher_id {
            Some(id) => told.get(&id).map_or(Meant::ByName, |id| Meant::Told(Some(*id))),
            None if change.record.exported.is_some() => Meant::Told(None),
            None => Meant::ByName,
        });
        Ok(meant.collect())
    }

    /// The people that the authors are; those who are new are stored.
    async fn people_meant(&mut self, authors: &[Author<'_>], meant: &[Meant]) -> Result<Vec<Option<i64>>, Error> {
        let by_name = authors.iter().zip(meant).filter(|(_, meant)| matches!(meant, Meant::ByName));
        let mentions: Vec<Mention<'_>> = by_name.map(|(author, _)| author.mention()).collect();
        let mut people = self.people(&mentions).await?;
        let resolved: Vec<usize> = mentions.iter().map(|mention| people.resolve(mention)).collect();
        self.store_people(&mut people).await?;
        let mut resolved = resolved.into_iter();
        let found = meant.iter().map(|meant| match meant {
            Meant::Told(id) => *id,
            Meant::ByName => resolved.next().and_then(|place| people.id(place)),
        });
        Ok(found.collect())
    }

    /// The id of each authorship: that of the place where it has one, else the one that it had in the directory that exported
    /// it, where that is free.
    async fn authorship_ids(
        &self,
        authors: &[Author<'_>],
        places: &[Place],
        mut held: HashMap<(i64, i32), i64>,
    ) -> Result<Vec<i64>, Error> {
        let kept: Vec<Option<i64>> =
            places.iter().map(|place| held.remove(&(place.paper_id, place.list_order))).collect();
        let new = authors.iter().zip(&kept).filter(|(_, kept)| kept.is_none());
        let wanted: Vec<Option<i64>> = new.map(|(author, _)| author.record.id).collect();
        let mut claimed = self.claimed_ids("authorship", &wanted).await?.into_iter();
        let id = |kept: Option<i64>| kept.or_else(|| claimed.next().map(|claimed| claimed.id));
        let ids: Option<Vec<i64>> = kept.into_iter().map(id).collect();
        ids.ok_or_else(|| Error::internal("no id for an authorship"))
    }

    async fn authorship_organizations(&self, linked: Vec<(i64, &OrganizationReference)>) -> Result<(), Error> {
        let by_id = self.placed("organization", linked.iter().filter_map(|(_, organization)| organization.id)).await?;
        let rors = linked.iter().filter_map(|(_, organization)| organization.ror.as_ref().map(ToString::to_string));
        let by_ror = self.organizations_by_ror(rors).await?;
        let links: Vec<Link> = linked
            .into_iter()
            .filter_map(|(one, organization)| {
                let told = organization.id.and_then(|id| by_id.get(&id));
                let named = || by_ror.get(organization.ror.as_ref()?.as_str());
                Some(Link { one, other: *told.or_else(named)?, position: 0 })
            })
            .collect();
        let insert = "INSERT INTO authorship_organization (authorship_id, organization_id) SELECT one, other FROM rows \
             ON CONFLICT DO NOTHING";
        self.with_rows("one bigint, other bigint", &links, insert).await
    }
}

/// The places of the authors of papers, in their order.
fn places(written: &[(i64, &Change<'_>)]) -> Result<Vec<Place>, Error> {
    let mut places = Vec::new();
    for (paper_id, change) in written {
        let mut behind = change.authors.iter().filter_map(|author| author.position).max().unwrap_or_default();
        let mut taken = HashSet::new();
        for author in change.authors.iter() {
            // Places that the source does not tell, or tells twice, come after the others.
            let position = author.position.filter(|position| taken.insert(*position));
            let list_order = position.unwrap_or_else(|| {
                behind = behind.saturating_add(1);
                behind
            });
            let list_order = i32::try_from(list_order)
                .map_err(|_| Error::BadUserInput("a position among the authors is too large".to_owned()))?;
            places.push(Place { paper_id: *paper_id, list_order, position });
        }
    }
    Ok(places)
}
