//! Writes of papers with their authors, topics and identifiers.

mod matching;
mod provided_fields;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;
use serde::Serialize;

use crate::error::Error;
use crate::model::identifier::{ArxivId, Doi};
use crate::model::language::LocalizedText;
use crate::model::record::digest::{json_digest, record_digest};
use crate::model::record::{AbstractCompleteness, AuthorRecord, PaperRecord, PaperType};
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::ingest::exported_ids::{ImportedEntity, exported_record_key, requested_slug};
use crate::store::ingest::paper::provided_fields::{
    ARXIV_ID, AUTHORS, AUTHORS_PART, DATE, DOI, LANGUAGE, TITLE, TOPICS, TYPE, URL, VENUE, abstract_field,
    authors_field, provided_paper_fields, translated_title_field,
};
use crate::store::ingest::source_precedence::FieldPrecedence;
use crate::store::projections::work_versions::PaperBeforeUpdate;
use crate::store::reader::search::EntityType;
use crate::store::unit_of_work::{Effect, ExternalIdRow, SourceRecordRow, StoredSourceRecord, UnitOfWork};
use crate::text::names;

/// A record on its way into a paper.
pub(crate) struct PaperChange<'a> {
    pub(crate) index: usize,
    pub(crate) record: &'a PaperRecord,
    /// Those of the record, and those that an incomplete record leaves in place; none where the paper's stay.
    pub(crate) authors: Cow<'a, [AuthorRecord]>,
    key: String,
    digest: String,
    doi: Option<&'a Doi>,
    /// The DOI that another paper has.
    shared_doi: Option<&'a Doi>,
    arxiv_id: Option<ArxivId>,
    pub(crate) existing_id: Option<i64>,
    /// Whether the source said something else of it before.
    has_previous_record: bool,
    /// What is told better of the paper than by this record.
    precedence: FieldPrecedence,
}

#[derive(Serialize)]
struct PaperUpsertRow<'a> {
    id: i64,
    slug: String,
    title: Option<&'a str>,
    translated_titles: LocalizedText,
    sort_title: Option<String>,
    abstract_text: LocalizedText,
    abstract_completeness: AbstractCompleteness,
    publication_date: Option<String>,
    r#type: PaperType,
    venue_name: Option<&'a str>,
    language: Option<&'a str>,
    doi: Option<&'a str>,
    shared_doi: Option<&'a str>,
    arxiv_id: Option<&'a str>,
    url: Option<&'a str>,
    is_retracted: bool,
    author_count: usize,
}

const PAPER_COLUMNS: &str = "id bigint, slug text, title text, translated_titles jsonb, sort_title text, abstract_text jsonb, \
     abstract_completeness text, publication_date text, type text, venue_name text, language text, doi text, shared_doi text, arxiv_id text, \
     url text, is_retracted boolean, author_count integer";

#[derive(Serialize)]
pub(crate) struct PositionedLinkRow {
    pub one: i64,
    pub other: i64,
    pub position: i32,
}

impl PaperChange<'_> {
    /// Whether the record has an id of any kind, by which its source tells the paper from others.
    fn has_any_id(&self) -> bool {
        self.doi.is_some() || self.arxiv_id.is_some() || has_source_id(self.record)
    }
}

impl UnitOfWork<'_> {
    pub(crate) async fn ingest_papers(&mut self, records: Vec<(usize, &PaperRecord)>) -> Result<(), Error> {
        let mut changes = Vec::with_capacity(records.len());
        for (index, record) in records {
            let by_doi = || record.doi.as_ref().filter(|_| record.exported.is_none()).and_then(Doi::arxiv_id);
            let arxiv_id = record.arxiv_id.clone().or_else(by_doi);
            let digest = record_digest(record).map_err(Error::internal)?;
            let key = paper_record_key(record)?;
            let authors = Cow::Borrowed(record.authors.as_slice());
            changes.push(PaperChange {
                index,
                record,
                authors,
                key,
                digest,
                doi: record.doi.as_ref(),
                shared_doi: record.shared_doi.as_ref(),
                arxiv_id,
                existing_id: None,
                has_previous_record: false,
                precedence: FieldPrecedence::default(),
            });
        }
        // Records that may be of one paper go one after the other, so that each finds the paper of the one before.
        while !changes.is_empty() {
            let mut seen = HashSet::new();
            let (now, later): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| {
                let doi = change.doi.is_none_or(|doi| seen.insert(format!("doi:{doi}")));
                let arxiv = change.arxiv_id.as_ref().is_none_or(|id| seen.insert(format!("arxiv:{id}")));
                let title = change.record.exported.is_some() || {
                    let title = names::fold(&change.record.title);
                    let may_be_of_one = !change.has_any_id() && seen.contains(&format!("title with an id:{title}"));
                    let kind = if change.has_any_id() { "title with an id" } else { "title" };
                    let is_alone = !may_be_of_one && !seen.contains(&format!("title:{title}"));
                    seen.insert(format!("{kind}:{title}"));
                    is_alone
                };
                seen.insert(format!("key:{}", change.key)) && doi && arxiv && title
            });
            changes = self.ingest_distinct_papers(now).await?;
            changes.extend(later);
        }
        Ok(())
    }

    /// Writes records of papers that are all different as far as they tell. Gives back those that turned out to be of
    /// a paper that another one of them changes.
    async fn ingest_distinct_papers<'a>(
        &mut self,
        changes: Vec<PaperChange<'a>>,
    ) -> Result<Vec<PaperChange<'a>>, Error> {
        let keys: Vec<String> = changes.iter().map(|change| change.key.clone()).collect();
        let known = self.find_source_records("paper", &keys).await?;
        let mut pending = Vec::new();
        for mut change in changes {
            match known.get(&change.key) {
                Some(StoredSourceRecord { digest, .. }) if *digest == change.digest => {
                    self.record_effect(change.index, Effect::Unchanged)
                }
                known => {
                    change.existing_id = known.map(|known| known.id);
                    change.has_previous_record = known.is_some_and(|known| !known.is_placeholder());
                    pending.push(change);
                }
            }
        }
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        self.match_existing_papers(&mut pending).await?;
        let mut changed = HashSet::new();
        let (mut pending, later): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(|change| change.existing_id.is_none_or(|id| changed.insert(id)));
        self.apply_field_precedence(&mut pending).await?;
        self.complete_partial_authors(&mut pending).await?;
        self.upsert_papers(pending).await?;
        Ok(later)
    }

    /// Leaves alone what is told better of the papers than by these records.
    async fn apply_field_precedence(&mut self, pending: &mut [PaperChange<'_>]) -> Result<(), Error> {
        let records = pending.iter().filter_map(|change| Some((change.existing_id?, change.key.as_str())));
        let mut outranked = self.load_field_precedence("paper", records).await?;
        for change in pending {
            change.precedence = change.existing_id.and_then(|id| outranked.remove(&id)).unwrap_or_default();
            let field = authors_field(change.record);
            let has_places_elsewhere = field == AUTHORS_PART && change.precedence.is_provided(AUTHORS);
            if (has_places_elsewhere || !change.precedence.wins(field)) && !change.record.authors_are_incomplete {
                change.authors = Cow::Borrowed(&[]);
            }
        }
        Ok(())
    }

    /// Records that know some of the authors only: they take nobody away from a paper, and add whom they name where the
    /// paper has no full list yet.
    async fn complete_partial_authors(&mut self, pending: &mut [PaperChange<'_>]) -> Result<(), Error> {
        #[derive(FromQueryResult)]
        struct Held {
            paper_id: i64,
            position: Option<i32>,
            name_as_published: String,
            name: String,
            display_name: Option<String>,
            orcid: Option<String>,
        }
        let existing = pending.iter().filter(|change| change.record.authors_are_incomplete);
        let existing: Vec<i64> = existing.filter_map(|change| change.existing_id).collect();
        if existing.is_empty() {
            return Ok(());
        }
        let sql = "SELECT paper_id, position, name_as_published, authorship.name, display_name, researcher.orcid FROM authorship \
             LEFT JOIN researcher ON researcher.id = researcher_id WHERE paper_id = ANY(?) ORDER BY paper_id, list_order";
        let mut by_paper: HashMap<i64, Vec<Held>> = HashMap::new();
        for held in self.rows::<Held>(Sql::with(sql, bigint_array(existing))).await? {
            by_paper.entry(held.paper_id).or_default().push(held);
        }
        for change in pending.iter_mut().filter(|change| change.record.authors_are_incomplete) {
            let Some(held) = change.existing_id.and_then(|id| by_paper.remove(&id)) else { continue };
            let is_held = |author: &AuthorRecord| {
                let key = names::name_key(&author.name);
                held.iter().any(|held| {
                    let is_same_orcid =
                        author.orcid.as_ref().is_some_and(|orcid| held.orcid.as_deref() == Some(orcid.as_str()));
                    let names = [Some(&held.name_as_published), Some(&held.name), held.display_name.as_ref()];
                    is_same_orcid || names.into_iter().flatten().any(|name| names::name_key(name) == key)
                })
            };
            let missing: Vec<AuthorRecord> =
                change.record.authors.iter().filter(|author| !is_held(author)).cloned().collect();
            let has_full_list = held.iter().any(|held| held.position.is_some());
            if has_full_list && !missing.is_empty() {
                // Without the name: it may be one that the directory knows and does not tell.
                let note =
                    "nobody among the authors of the paper is the one of the record; its authors were left as they are";
                self.report.notes.push((change.index, note.to_owned()));
            }
            change.authors = if has_full_list || missing.is_empty() {
                Cow::Borrowed(&[])
            } else {
                let kept = held.into_iter().map(|held| AuthorRecord {
                    name: held.name_as_published,
                    orcid: held.orcid.and_then(|orcid| orcid.parse().ok()),
                    ..AuthorRecord::default()
                });
                Cow::Owned(kept.chain(missing).collect())
            };
        }
        Ok(())
    }

    async fn upsert_papers(&mut self, pending: Vec<PaperChange<'_>>) -> Result<(), Error> {
        let updated: Vec<i64> = pending.iter().filter_map(|change| change.existing_id).collect();
        let former_authors = self.researchers_by_paper(&updated).await?;
        let mut people_to_recount: HashSet<i64> = former_authors.iter().map(|(_, person)| *person).collect();
        let mut pairs_to_recount = self.coauthor_pairs_of(&updated).await?;
        let before = self.mark_papers_before_update(&updated).await?;
        self.note_reused_ids(&pending, &before);

        let wanted: Vec<String> = pending
            .iter()
            .filter(|change| change.existing_id.is_none())
            .map(|change| requested_slug(change.record.slug.as_deref(), &change.record.title, "paper"))
            .collect();
        let mut slugs = self.allocate_slugs("paper", &wanted).await?.into_iter();
        let new = pending.iter().filter(|change| change.existing_id.is_none());
        let own: Vec<Option<i64>> =
            new.map(|change| change.record.exported.as_ref().map(|exported| exported.id)).collect();
        let mut new_ids = self.claim_ids("paper", &own).await?.into_iter();
        let (mut inserts, mut updates, mut said, mut identified, mut written, mut placed) =
            (vec![], vec![], vec![], vec![], vec![], vec![]);
        for change in &pending {
            let record = change.record;
            let id = match change.existing_id {
                Some(id) => id,
                None => {
                    let claimed = new_ids.next().ok_or_else(|| Error::internal("no id for a paper"))?;
                    self.note_substituted_id(change.index, record.exported.as_ref(), claimed);
                    claimed.id
                }
            };
            placed.extend(record.exported.as_ref().map(|exported| ImportedEntity { id, exported }));
            let slug = if change.existing_id.is_none() { slugs.next().unwrap_or_default() } else { String::new() };
            written.push((id, change));
            let dois = change.doi.into_iter().chain(change.shared_doi);
            self.dirty_works.insert(&record.title, dois.map(ToString::to_string));
            let better = &change.precedence;
            let title = better.take_if_wins(TITLE, Some(record.title.as_str()));
            let row = PaperUpsertRow {
                id,
                slug,
                title,
                translated_titles: record
                    .translated_titles
                    .filter_tags(|tag| better.wins(&translated_title_field(tag))),
                sort_title: title.map(sort_title),
                abstract_text: record.abstract_text.filter_tags(|tag| {
                    let is_full = record.abstract_completeness == AbstractCompleteness::Full;
                    better.wins(&abstract_field(record.abstract_completeness, tag))
                        && (is_full || !better.is_provided(&abstract_field(AbstractCompleteness::Full, tag)))
                }),
                abstract_completeness: record.abstract_completeness,
                publication_date: better.take_if_wins(DATE, record.publication_date).map(|date| date.to_string()),
                r#type: better.take_if_wins(TYPE, Some(record.paper_type)).unwrap_or_default(),
                venue_name: better.take_if_wins(VENUE, record.venue_name.as_deref()),
                language: better.take_if_wins(LANGUAGE, record.language.as_deref()),
                doi: better.take_if_wins(DOI, change.doi).map(Doi::as_str),
                shared_doi: better.take_if_wins(DOI, change.shared_doi).map(Doi::as_str),
                arxiv_id: better.take_if_wins(ARXIV_ID, change.arxiv_id.as_ref()).map(ArxivId::as_str),
                url: better.take_if_wins(URL, record.url.as_deref()),
                is_retracted: record.is_retracted,
                author_count: change.authors.len(),
            };
            if change.existing_id.is_some() {
                updates.push(row);
            } else {
                inserts.push(row);
            }
            said.push(SourceRecordRow::new(
                self.source,
                change.key.clone(),
                change.digest.clone(),
                provided_paper_fields(record),
                id,
            ));
            let own = record.source_id.iter().map(|value| (self.source.to_lowercase(), value.clone()));
            let others = record.identifiers.iter().map(|other| (other.scheme.to_lowercase(), other.value.clone()));
            let index = change.index;
            identified.extend(own.chain(others).map(|(scheme, value)| ExternalIdRow { index, id, scheme, value }));
        }
        let insert = "INSERT INTO paper (id, slug, title, translated_titles, sort_title, abstract_text, abstract_completeness, \
             publication_date, type, venue_name, language, doi, shared_doi, arxiv_id, url, is_retracted, author_count) \
             SELECT id, slug, title, translated_titles, sort_title, abstract_text, abstract_completeness, publication_date, type, \
             venue_name, language, doi, shared_doi, arxiv_id, url, is_retracted, author_count FROM rows";
        self.execute_with_rows(PAPER_COLUMNS, &inserts, insert).await?;
        // A poorer record takes nothing away: what it does not tell stays.
        let update = "UPDATE paper SET title = coalesce(rows.title, paper.title), sort_title = coalesce(rows.sort_title, paper.sort_title), \
             translated_titles = paper.translated_titles || rows.translated_titles, \
             abstract_text = CASE WHEN EXISTS (SELECT FROM jsonb_each_text(paper.abstract_text || rows.abstract_text) AS told \
             WHERE told.key <> 'und' AND told.value = (paper.abstract_text || rows.abstract_text) ->> 'und') \
             THEN (paper.abstract_text || rows.abstract_text) - 'und' ELSE paper.abstract_text || rows.abstract_text END, \
             abstract_completeness = CASE WHEN rows.abstract_text <> '{}' THEN CASE WHEN paper.abstract_completeness = 'FULL' \
             AND paper.abstract_text - ARRAY(SELECT jsonb_object_keys(rows.abstract_text)) <> '{}' THEN 'FULL' \
             ELSE rows.abstract_completeness END WHEN paper.abstract_text <> '{}' OR rows.abstract_completeness = 'ABSENT' THEN paper.abstract_completeness \
             ELSE rows.abstract_completeness END, \
             publication_date = coalesce(rows.publication_date, paper.publication_date), \
             type = CASE WHEN rows.type = 'OTHER' THEN paper.type ELSE rows.type END, \
             venue_name = coalesce(rows.venue_name, paper.venue_name), language = coalesce(rows.language, paper.language), \
             doi = CASE WHEN rows.doi IS NOT NULL OR rows.shared_doi IS NULL THEN coalesce(rows.doi, paper.doi) END, \
             shared_doi = CASE WHEN rows.doi IS NULL THEN coalesce(rows.shared_doi, paper.shared_doi) END, arxiv_id = coalesce(rows.arxiv_id, paper.arxiv_id), \
             url = coalesce(rows.url, paper.url), is_retracted = rows.is_retracted OR paper.is_retracted, \
             author_count = CASE WHEN rows.author_count > 0 THEN rows.author_count ELSE paper.author_count END, \
             updated_at = now() FROM rows WHERE paper.id = rows.id";
        self.execute_with_rows(PAPER_COLUMNS, &updates, update).await?;
        // What is known of a paper is evidence of who wrote it.
        self.queue_author_blocks(&updated).await?;
        // A record without authors keeps those there are, and may still change the date that they carry.
        let dates = "UPDATE authorship SET publication_key = paper.publication_key FROM paper WHERE paper.id = authorship.paper_id \
             AND paper.publication_key <> authorship.publication_key AND paper.id = ANY(?)";
        if !updated.is_empty() {
            self.execute(Sql::with(dates, bigint_array(updated.iter().copied()))).await?;
        }
        let created: Vec<i64> = inserts.iter().map(|row| row.id).collect();
        self.replace_authorships(&written).await?;
        self.replace_paper_topics(&written).await?;
        for (_, change) in &written {
            let effect = if change.existing_id.is_some() { Effect::Updated } else { Effect::Created };
            self.record_effect(change.index, effect);
            if change.authors.len() > self.consortium_size as usize {
                let (authors, size) = (change.authors.len(), self.consortium_size);
                let note = format!(
                    "{authors} authors, more than the consortium size of {size}: all are kept, and make no coauthors by default"
                );
                self.add_note(change.index, note);
            }
        }
        self.dirty.insert(EntityType::Paper, written.iter().map(|(id, _)| *id));
        self.upsert_source_records("paper", &said).await?;
        self.restore_provenance("paper", &placed).await?;
        self.add_identifiers("paper", identified).await?;
        let told_dois = pending.iter().flat_map(|change| change.doi.into_iter().chain(change.shared_doi));
        let former_dois = before.into_values().filter_map(|paper| paper.doi);
        self.assign_shared_dois(former_dois.chain(told_dois.map(ToString::to_string)).collect()).await?;

        self.count_new_papers(&created).await?;
        people_to_recount.extend(self.researchers_of_papers(&updated).await?);
        pairs_to_recount.extend(self.coauthor_pairs_of(&updated).await?);
        self.recount_researchers(&people_to_recount).await?;
        self.dirty.recounted_researchers.extend(people_to_recount);
        self.recount_coauthor_pairs(&pairs_to_recount).await?;
        self.merge_replaced_authors(&former_authors).await
    }

    /// Notes records that say something altogether different from what was known by the same id.
    fn note_reused_ids(&mut self, pending: &[PaperChange<'_>], before: &HashMap<i64, PaperBeforeUpdate>) {
        for change in pending.iter().filter(|change| change.has_previous_record && change.precedence.wins(TITLE)) {
            let Some(before) = change.existing_id.and_then(|id| before.get(&id)) else { continue };
            if are_titles_unrelated(&before.title, &change.record.title) {
                let title: String = before.title.chars().take(100).collect();
                let note =
                    format!("what had this id was '{title}'; if that is another paper, each needs an id of its own");
                self.add_note(change.index, note);
            }
        }
    }

    async fn replace_paper_topics(&mut self, written: &[(i64, &PaperChange<'_>)]) -> Result<(), Error> {
        let named = written.iter().flat_map(|(_, change)| change.record.topics.iter().filter_map(|topic| topic.id));
        let places = self.map_exported_ids("topic", named).await?;
        let mut links = Vec::new();
        for (paper_id, change) in written {
            if !change.precedence.wins(TOPICS) {
                continue;
            }
            for (position, topic) in (1_i32..).zip(&change.record.topics) {
                let other = match topic.id.and_then(|id| places.get(&id)) {
                    Some(id) => *id,
                    None => self.find_or_create_topic(topic).await?,
                };
                links.push(PositionedLinkRow { one: *paper_id, other, position });
            }
        }
        let replaced: Vec<i64> = links.iter().map(|link| link.one).collect();
        if replaced.is_empty() {
            return Ok(());
        }
        self.execute(Sql::with("DELETE FROM paper_topic WHERE paper_id = ANY(?)", bigint_array(replaced))).await?;
        let insert = "INSERT INTO paper_topic (paper_id, topic_id, position) SELECT one, other, position FROM rows \
             ON CONFLICT DO NOTHING";
        self.execute_with_rows("one bigint, other bigint, position integer", &links, insert).await
    }
}

/// Whether two titles have so few words in common that they are of two papers.
fn are_titles_unrelated(one: &str, other: &str) -> bool {
    let words = |title: &str| names::fold(title).split(' ').map(ToOwned::to_owned).collect::<HashSet<String>>();
    let (one, other) = (words(one), words(other));
    one.intersection(&other).count() * 3 < one.len().min(other.len())
}

/// The folded title, by which lists are ordered and the same titles are found.
pub(crate) fn sort_title(title: &str) -> String {
    let folded = names::fold(title);
    // An index entry has a limit, and no reader sorts by what comes after so much.
    let key = if folded.is_empty() { title.to_lowercase() } else { folded };
    key.chars().take(200).collect()
}

fn sorted_author_keys<'a>(authors: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut keys: Vec<String> = authors.map(names::name_key).collect();
    keys.sort_unstable();
    keys
}

/// What a record is known by in its source: its id there, else its DOI, its arXiv id or another id, else its title, date and
/// authors, and where it has none the venue: every journal has an editorial.
fn paper_record_key(record: &PaperRecord) -> Result<String, Error> {
    if let Some(exported) = &record.exported {
        return Ok(exported_record_key("paper", exported.id));
    }
    if let Some(id) = &record.source_id {
        return Ok(format!("paper:{id}"));
    }
    if let Some(doi) = &record.doi {
        return Ok(format!("doi:{doi}"));
    }
    if let Some(id) = &record.arxiv_id {
        return Ok(format!("arxiv:{id}"));
    }
    if let Some(id) = record.identifiers.first() {
        return Ok(format!("{}:{}", id.scheme.to_lowercase(), id.value));
    }
    let date = record.publication_date.map(|date| date.to_string());
    let authors = sorted_author_keys(record.authors.iter().map(|author| author.name.as_str()));
    let venue = record.venue_name.as_deref().filter(|_| authors.is_empty()).map(names::fold);
    let digest = json_digest(&(names::fold(&record.title), date, authors, venue)).map_err(Error::internal)?;
    Ok(format!("work:{digest}"))
}

/// Whether a source gives the paper an id that is no DOI and no arXiv id.
fn has_source_id(record: &PaperRecord) -> bool {
    record.source_id.is_some() || !record.identifiers.is_empty()
}
