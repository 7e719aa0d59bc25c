//! Writes of the authors of papers: who they are, in which place, and where they were.

use serde::Serialize;

use crate::error::Error;
use crate::model::identifier::Orcid;
use crate::model::record::{AuthorRecord, OrganizationReference};
use crate::store::access::sql_fragment::{Sql, ids};
use crate::store::ingest::authorship_matching::{Place, distinct};
use crate::store::ingest::name_repair::Author;
use crate::store::ingest::paper::{Change, Link};
use crate::store::ingest::researcher_matching::Mention;
use crate::store::unit_of_work::Batch;
use crate::text::names::{self, RepairRule};

#[derive(Serialize)]
struct AuthorshipRow<'a> {
    id: i64,
    paper_id: i64,
    list_order: i32,
    position: Option<u32>,
    name_as_published: String,
    name: &'a str,
    researcher_id: Option<i64>,
    same_as_id: Option<i64>,
    is_corresponding: Option<bool>,
    equal_contribution_group: Option<u32>,
    affiliations_as_published: &'a [String],
    repair_value: Option<&'a str>,
    repair_rule: Option<RepairRule>,
    repair_confidence: Option<f64>,
    is_repair_applied: Option<bool>,
    suggestion_key: Option<&'a str>,
    confirming_key: Option<&'a str>,
    orcid: Option<&'a str>,
    author_ids: Option<Vec<String>>,
    block: String,
}

const AUTHORSHIP_COLUMNS: &str = "id bigint, paper_id bigint, list_order integer, position integer, name_as_published text, \
     name text, researcher_id bigint, same_as_id bigint, is_corresponding boolean, equal_contribution_group integer, \
     affiliations_as_published text[], repair_value text, repair_rule text, repair_confidence double precision, \
     is_repair_applied boolean, suggestion_key text, confirming_key text, orcid text, author_ids text[], block text";

/// Who an author is.
#[derive(Clone, Copy)]
enum Meant {
    /// Whoever the name and the ORCID iD mean.
    ByName,
    /// As the directory that exported the paper says: a person, or nobody known, and then perhaps who has another place on it.
    Told { person: Option<i64>, same_as: Option<i64> },
}

impl Meant {
    fn people(self) -> impl Iterator<Item = i64> {
        let (person, same_as) = match self {
            Self::ByName => (None, None),
            Self::Told { person, same_as } => (person, same_as),
        };
        person.into_iter().chain(same_as)
    }
}

impl Batch<'_> {
    /// Replaces the papers' authors by those of their records. A place keeps its id, and whose it is where the record says
    /// nothing else of it.
    pub(crate) async fn authorships(&mut self, written: &[(i64, &Change<'_>)]) -> Result<(), Error> {
        let written: Vec<_> = written.iter().filter(|(_, change)| !change.authors.is_empty()).copied().collect();
        let meant = self.meant(&written).await?;
        let papers: Vec<(i64, bool, &[AuthorRecord])> =
            written.iter().map(|(id, change)| (*id, change.existing.is_some(), change.authors.as_ref())).collect();
        let authors = self.named(papers.iter().flat_map(|(_, _, authors)| authors.iter())).await?;
        let places = self.places(&papers, &authors).await?;
        self.note_others(&written, &authors, &places);
        let people = self.people_meant(&authors, &places, &meant).await?;

        let papers = papers.iter().flat_map(|(id, _, authors)| std::iter::repeat_n(*id, authors.len()));
        let placed: Vec<(&Place, i64, Option<i64>)> = places
            .iter()
            .zip(papers)
            .zip(people)
            .map(|((place, paper_id), person)| (place, paper_id, person))
            .collect();
        // The same person twice on one paper is two people, or a mistake: the second one is left open.
        let given = distinct(&placed);
        let (mut rows, mut linked) = (Vec::with_capacity(placed.len()), Vec::new());
        for (((author, (place, paper_id, person)), given), meant) in authors.iter().zip(&placed).zip(&given).zip(&meant)
        {
            let (named, author) = (&author.named, author.record);
            linked.extend(author.organizations.iter().map(|organization| (place.id, organization)));
            let same_as = match meant {
                Meant::Told { same_as, .. } => person.or(*same_as),
                Meant::ByName => *person,
            };
            rows.push(AuthorshipRow {
                id: place.id,
                paper_id: *paper_id,
                list_order: place.list_order,
                position: place.position,
                name_as_published: author.name.replace('\0', ""),
                name: &named.name,
                researcher_id: *given,
                same_as_id: same_as.filter(|_| given.is_none()),
                is_corresponding: author.is_corresponding,
                equal_contribution_group: author.equal_contribution_group,
                affiliations_as_published: &author.affiliations_as_published,
                repair_value: named.repair.as_ref().map(|repair| repair.value.as_str()),
                repair_rule: named.repair.as_ref().map(|repair| repair.rule),
                repair_confidence: named.repair.as_ref().map(|repair| repair.confidence),
                is_repair_applied: named.repair.as_ref().map(|_| named.is_applied),
                suggestion_key: named.suggestion_key.as_deref(),
                confirming_key: named.confirming_key.as_deref(),
                orcid: author.orcid.as_ref().map(Orcid::as_str),
                author_ids: author_ids(author),
                block: names::Form::new(&named.name).block,
            });
        }
        let insert = "INSERT INTO authorship (id, paper_id, list_order, position, name_as_published, name, researcher_id, same_as_id, \
             is_corresponding, equal_contribution_group, affiliations_as_published, publication_key, repair_value, repair_rule, \
             repair_confidence, is_repair_applied, suggestion_key, confirming_key, orcid, author_ids, block) \
             SELECT rows.id, rows.paper_id, rows.list_order, rows.position, rows.name_as_published, rows.name, rows.researcher_id, \
             rows.same_as_id, rows.is_corresponding, rows.equal_contribution_group, rows.affiliations_as_published, \
             paper.publication_key, rows.repair_value, rows.repair_rule, rows.repair_confidence, rows.is_repair_applied, \
             rows.suggestion_key, rows.confirming_key, rows.orcid, rows.author_ids, rows.block \
             FROM rows JOIN paper ON paper.id = rows.paper_id";
        self.with_rows(AUTHORSHIP_COLUMNS, &rows, insert).await?;
        let kept: Vec<_> = placed.iter().zip(&given).map(|((place, ..), given)| (*place, *given)).collect();
        self.keep_resolutions(&kept).await?;
        let decided = rows.iter().zip(&authors).zip(&meant).filter(|((row, author), meant)| {
            author.record.is_decided && row.researcher_id.is_some() && matches!(meant, Meant::Told { .. })
        });
        let decided: Vec<i64> = decided.map(|((row, _), _)| row.id).collect();
        self.pin_as_told(decided).await?;
        self.authorship_organizations(linked).await
    }

    fn note_others(&mut self, written: &[(i64, &Change<'_>)], authors: &[Author<'_>], places: &[Place]) {
        let indexes = written.iter().flat_map(|(_, change)| std::iter::repeat_n(change.index, change.authors.len()));
        for ((place, author), index) in places.iter().zip(authors).zip(indexes) {
            if place.is_called_otherwise {
                let note = format!(
                    "{} stands where somebody else stood when it was decided who that is, which is kept; where it is wrong now, \
                     split the paper from them",
                    author.named.name
                );
                self.note(index, note);
            }
        }
    }

    /// Who the authors are as far as the directory that exported a paper says.
    async fn meant(&self, written: &[(i64, &Change<'_>)]) -> Result<Vec<Meant>, Error> {
        let all = || written.iter().flat_map(|(_, change)| change.authors.iter().map(move |author| (change, author)));
        let named = all().flat_map(|(_, author)| author.researcher_id.into_iter().chain(author.same_as_id));
        let told = self.placed("researcher", named).await?;
        let person = |id: Option<i64>| told.get(&id?).copied();
        let meant = all().map(|(change, author)| {
            let (held, same_as) = (person(author.researcher_id), person(author.same_as_id));
            let is_told = held.is_some() || (author.researcher_id.is_none() && change.record.exported.is_some());
            if is_told { Meant::Told { person: held, same_as } } else { Meant::ByName }
        });
        Ok(meant.collect())
    }

    /// The people that the authors are; those who are new are stored. What people decided here counts most.
    async fn people_meant(
        &mut self,
        authors: &[Author<'_>],
        places: &[Place],
        meant: &[Meant],
    ) -> Result<Vec<Option<i64>>, Error> {
        let mentions: Vec<Mention<'_>> = authors.iter().map(Author::mention).collect();
        let known = places.iter().flat_map(|place| place.decided.into_iter().chain(place.held));
        let known: Vec<i64> = known.chain(meant.iter().flat_map(|meant| meant.people())).collect();
        let mut people = self.people(&mentions, &known).await?;
        let resolved = mentions.iter().zip(places).zip(meant);
        let resolved: Vec<Result<usize, Option<i64>>> = resolved
            .map(|((mention, place), meant)| match meant {
                Meant::Told { person, .. } if place.decided.is_none() => Err(*person),
                _ => Ok(people.resolve_place(mention, place.decided, place.held)),
            })
            .collect();
        self.store_people(&mut people).await?;
        Ok(resolved.into_iter().map(|found| found.map_or_else(|told| told, |place| people.id(place))).collect())
    }

    /// Says of authorships that people decided whose they are, where they are from: the decision itself is there.
    async fn pin_as_told(&self, authorships: Vec<i64>) -> Result<(), Error> {
        if authorships.is_empty() {
            return Ok(());
        }
        let pin = "INSERT INTO identity_pin (authorship_id, paper_id, name_as_published, researcher_id) \
             SELECT id, paper_id, name_as_published, researcher_id FROM authorship WHERE id = ANY(?) ON CONFLICT DO NOTHING";
        self.execute(Sql::with(pin, ids(authorships.iter().copied()))).await?;
        self.resolve_by_decision(authorships).await
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

/// The ids that a source gives an author, each with its scheme.
fn author_ids(author: &AuthorRecord) -> Option<Vec<String>> {
    let ids = author.identifiers.iter().map(|id| format!("{}:{}", id.scheme.to_lowercase(), id.value));
    Some(ids.collect::<Vec<String>>()).filter(|ids| !ids.is_empty())
}
