//! Writes the authorships of papers: position, researcher and affiliations.

use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::identifier::Orcid;
use crate::model::record::AuthorRecord;
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::ingest::authorship_matching::{
    AuthorshipSlot, assign_slots, dedupe_researchers, mark_resolved_by_decision, restore_resolutions,
};
use crate::store::ingest::authorship_organizations::link_authorship_organizations;
use crate::store::ingest::exported_ids::map_exported_ids;
use crate::store::ingest::name_repair::{RepairedAuthor, repair_author_names};
use crate::store::ingest::paper::change::PaperChange;
use crate::store::ingest::researcher_matching::{NamedAuthor, load_researcher_index, store_researchers};
use crate::store::unit_of_work::UnitOfWork;
use crate::store::unit_of_work::json_rows::json_row;
use crate::text::names::{self, RepairRule};

json_row! {
    struct AuthorshipInsertRow<'a> {
        id: i64,
        paper_id: i64,
        list_order: i32,
        position: Option<u32> as "integer",
        name_as_published: String,
        name: &'a str,
        researcher_id: Option<i64>,
        same_as_id: Option<i64>,
        is_corresponding: Option<bool>,
        equal_contribution_group: Option<u32> as "integer",
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
        family_words: Option<i16>,
    }
}

/// How the researcher of an author is determined.
#[derive(Clone, Copy)]
enum AuthorAssignment {
    /// By name and ORCID iD.
    ByName,
    /// As the exporting directory determined: a researcher, or none and possibly the researcher who has another
    /// authorship of the paper.
    Explicit { researcher_id: Option<i64>, same_as: Option<i64> },
}

impl AuthorAssignment {
    fn researcher_ids(self) -> impl Iterator<Item = i64> {
        let (researcher_id, same_as) = match self {
            Self::ByName => (None, None),
            Self::Explicit { researcher_id, same_as } => (researcher_id, same_as),
        };
        researcher_id.into_iter().chain(same_as)
    }
}

/// Replaces the authors of papers by those of their records. A matched authorship keeps its id, and its researcher
/// unless the record contradicts.
pub(crate) async fn replace_authorships(
    uow: &mut UnitOfWork<'_>,
    written: &[(i64, &PaperChange<'_>)],
) -> Result<(), Error> {
    let written: Vec<_> = written.iter().filter(|(_, change)| !change.authors.is_empty()).copied().collect();
    let assignments = load_author_assignments(uow, &written).await?;
    let papers: Vec<(i64, bool, &[AuthorRecord])> =
        written.iter().map(|(id, change)| (*id, change.existing_id.is_some(), change.authors.as_ref())).collect();
    let authors = repair_author_names(uow, papers.iter().map(|(_, _, authors)| *authors)).await?;
    let slots = assign_slots(uow, &papers, &authors).await?;
    note_replaced_authors(uow, &written, &authors, &slots);
    let researchers = resolve_author_researchers(uow, &authors, &slots, &assignments).await?;

    let papers = papers.iter().flat_map(|(id, _, authors)| std::iter::repeat_n(*id, authors.len()));
    let with_slots: Vec<(&AuthorshipSlot, i64, Option<i64>)> = slots
        .iter()
        .zip(papers)
        .zip(researchers)
        .map(|((slot, paper_id), researcher_id)| (slot, paper_id, researcher_id))
        .collect();
    // A researcher is on a paper once; a second authorship is left unassigned.
    let assigned = dedupe_researchers(&with_slots);
    let (mut rows, mut linked) = (Vec::with_capacity(with_slots.len()), Vec::new());
    for (((author, (slot, paper_id, researcher_id)), assigned), assignments) in
        authors.iter().zip(&with_slots).zip(&assigned).zip(&assignments)
    {
        let family_words = author.family_words();
        let (name, author) = (&author.name, author.record);
        linked.extend(author.organizations.iter().map(|organization| (slot.id, organization)));
        let same_as = match assignments {
            AuthorAssignment::Explicit { same_as, .. } => researcher_id.or(*same_as),
            AuthorAssignment::ByName => *researcher_id,
        };
        rows.push(AuthorshipInsertRow {
            id: slot.id,
            paper_id: *paper_id,
            list_order: slot.list_order,
            position: slot.position,
            name_as_published: author.name.replace('\0', ""),
            name: &name.name,
            researcher_id: *assigned,
            same_as_id: same_as.filter(|_| assigned.is_none()),
            is_corresponding: author.is_corresponding,
            equal_contribution_group: author.equal_contribution_group,
            affiliations_as_published: &author.affiliations_as_published,
            repair_value: name.repair.as_ref().map(|repair| repair.value.as_str()),
            repair_rule: name.repair.as_ref().map(|repair| repair.rule),
            repair_confidence: name.repair.as_ref().map(|repair| repair.confidence),
            is_repair_applied: name.repair.as_ref().map(|_| name.is_applied),
            suggestion_key: name.suggestion_key.as_deref(),
            confirming_key: name.confirming_key.as_deref(),
            orcid: author.orcid.as_ref().map(Orcid::as_str),
            author_ids: qualified_author_ids(author),
            block: names::NameForm::new(&name.name).blocking_key,
            family_words,
        });
    }
    let insert = "INSERT INTO authorship (id, paper_id, list_order, position, name_as_published, name, researcher_id, same_as_id, \
         is_corresponding, equal_contribution_group, affiliations_as_published, publication_key, repair_value, repair_rule, \
         repair_confidence, is_repair_applied, suggestion_key, confirming_key, orcid, author_ids, block, family_words) \
         SELECT rows.id, rows.paper_id, rows.list_order, rows.position, rows.name_as_published, rows.name, rows.researcher_id, \
         rows.same_as_id, rows.is_corresponding, rows.equal_contribution_group, rows.affiliations_as_published, \
         paper.publication_key, rows.repair_value, rows.repair_rule, rows.repair_confidence, rows.is_repair_applied, \
         rows.suggestion_key, rows.confirming_key, rows.orcid, rows.author_ids, rows.block, rows.family_words \
         FROM rows JOIN paper ON paper.id = rows.paper_id";
    uow.execute_with_rows(&rows, insert).await?;
    let carried_over: Vec<_> =
        with_slots.iter().zip(&assigned).map(|((slot, ..), assigned)| (*slot, *assigned)).collect();
    restore_resolutions(uow, &carried_over).await?;
    let decided = rows.iter().zip(&authors).zip(&assignments).filter(|((row, author), assignments)| {
        author.record.is_decided
            && row.researcher_id.is_some()
            && matches!(assignments, AuthorAssignment::Explicit { .. })
    });
    let decided: Vec<i64> = decided.map(|((row, _), _)| row.id).collect();
    pin_exported_decisions(uow, decided).await?;
    link_authorship_organizations(uow, linked).await
}

fn note_replaced_authors(
    uow: &mut UnitOfWork<'_>,
    written: &[(i64, &PaperChange<'_>)],
    authors: &[RepairedAuthor<'_>],
    slots: &[AuthorshipSlot],
) {
    let indexes = written.iter().flat_map(|(_, change)| std::iter::repeat_n(change.index, change.authors.len()));
    for ((slot, author), index) in slots.iter().zip(authors).zip(indexes) {
        if slot.has_conflicting_name {
            let note = format!(
                "{} replaces an author who was assigned by a decision, which still applies; if it is wrong now, \
                 split the paper from the researcher",
                author.name.name
            );
            uow.add_note(index, note);
        }
    }
}

/// The assignments of authors by the directory that exported the papers.
async fn load_author_assignments(
    uow: &UnitOfWork<'_>,
    written: &[(i64, &PaperChange<'_>)],
) -> Result<Vec<AuthorAssignment>, Error> {
    let all = || written.iter().flat_map(|(_, change)| change.authors.iter().map(move |author| (change, author)));
    let name = all().flat_map(|(_, author)| author.researcher_id.into_iter().chain(author.same_as_id));
    let exported = map_exported_ids(uow, EntityType::Researcher, name).await?;
    let researcher_id = |id: Option<i64>| exported.get(&id?).copied();
    let assignments = all().map(|(change, author)| {
        let (exported_id, same_as) = (researcher_id(author.researcher_id), researcher_id(author.same_as_id));
        let is_explicit = exported_id.is_some() || (author.researcher_id.is_none() && change.record.exported.is_some());
        if is_explicit {
            AuthorAssignment::Explicit { researcher_id: exported_id, same_as }
        } else {
            AuthorAssignment::ByName
        }
    });
    Ok(assignments.collect())
}

/// The researchers of the authors; new ones are stored. Curation decisions have precedence.
async fn resolve_author_researchers(
    uow: &mut UnitOfWork<'_>,
    authors: &[RepairedAuthor<'_>],
    slots: &[AuthorshipSlot],
    assignments: &[AuthorAssignment],
) -> Result<Vec<Option<i64>>, Error> {
    let mentions: Vec<NamedAuthor<'_>> = authors.iter().map(RepairedAuthor::named_author).collect();
    let known_ids =
        slots.iter().flat_map(|slot| slot.decided_researcher_id.into_iter().chain(slot.same_name_researcher_id));
    let known_ids: Vec<i64> =
        known_ids.chain(assignments.iter().flat_map(|assignments| assignments.researcher_ids())).collect();
    let mut researchers = load_researcher_index(uow, &mentions, &known_ids).await?;
    let resolved = mentions.iter().zip(slots).zip(assignments);
    let resolved: Vec<Result<usize, Option<i64>>> = resolved
        .map(|((mention, slot), assignments)| match assignments {
            AuthorAssignment::Explicit { researcher_id, .. } if slot.decided_researcher_id.is_none() => {
                Err(*researcher_id)
            }
            _ => Ok(researchers.find_or_create_for_slot(
                mention,
                slot.decided_researcher_id,
                slot.same_name_researcher_id,
            )),
        })
        .collect();
    store_researchers(uow, &mut researchers).await?;
    Ok(resolved
        .into_iter()
        .map(|found| found.map_or_else(|exported| exported, |slot| researchers.id_of(slot)))
        .collect())
}

/// Pins authorships that a decision in the exporting directory assigned; the decision itself stays there.
async fn pin_exported_decisions(uow: &UnitOfWork<'_>, authorships: Vec<i64>) -> Result<(), Error> {
    if authorships.is_empty() {
        return Ok(());
    }
    uow.execute(sql!(
        "INSERT INTO identity_pin (authorship_id, paper_id, name_as_published, researcher_id) \
         SELECT id, paper_id, name_as_published, researcher_id FROM authorship WHERE id = ANY(?) \
         ON CONFLICT DO NOTHING",
        bigint_array(authorships.iter().copied()),
    ))
    .await?;
    mark_resolved_by_decision(uow, authorships).await
}

/// The author's identifiers as `scheme:value`; none if there are none.
fn qualified_author_ids(author: &AuthorRecord) -> Option<Vec<String>> {
    let ids = author.identifiers.iter().map(|id| format!("{}:{}", id.scheme.to_lowercase(), id.value));
    Some(ids.collect::<Vec<String>>()).filter(|ids| !ids.is_empty())
}
