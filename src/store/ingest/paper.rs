//! Writes records of papers with their authors, topics and identifiers.

pub(crate) mod change;
mod matching;
mod provided_fields;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use sea_orm::{DerivePartialModel, EntityTrait as _, FromQueryResult, QueryFilter as _};

use crate::entity::{paper, paper_topic};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::identifier::{ArxivId, Doi};
use crate::model::language::LocalizedText;
use crate::model::record::digest::{json_digest, record_digest};
use crate::model::record::{AbstractCompleteness, AuthorRecord, PaperRecord, PaperType};
use crate::store::access::sql_fragment::{bigint_array, sql};
use crate::store::ingest::authorship::replace_authorships;
use crate::store::ingest::coauthor_pairs::{coauthor_pairs_of, researchers_by_paper, researchers_of_papers};
use crate::store::ingest::disambiguation_queue::queue_author_blocks;
use crate::store::ingest::exported_ids::{
    ImportedEntity, claim_ids, exported_record_key, map_exported_ids, note_substituted_id, requested_slug,
    restore_provenance,
};
use crate::store::ingest::identifiers::{ExternalIdRow, add_identifiers};
use crate::store::ingest::merge_researchers::emptied::merge_replaced_authors;
use crate::store::ingest::paper::change::PaperChange;
use crate::store::ingest::paper::matching::match_existing_papers;
use crate::store::ingest::paper::provided_fields::{
    ARXIV_ID, AUTHORS, AUTHORS_PART, DATE, DOI, Detail, DetailEffect, LANGUAGE, TITLE, TOPICS, TYPE, URL, VENUE,
    abstract_field, authors_field, provided_paper_fields, translated_title_field,
};
use crate::store::ingest::shared_doi::assign_shared_dois;
use crate::store::ingest::slug::allocate_slugs;
use crate::store::ingest::source_precedence::{FieldPrecedence, load_field_precedence};
use crate::store::ingest::source_records::{
    SourceRecordRow, StoredSourceRecord, find_source_records, upsert_source_records,
};
use crate::store::ingest::topic::find_or_create_topic;
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::{Effect, ProjectionEvent, UnitOfWork};
use crate::text::bounded_key::bounded_key;
use crate::text::names;
use crate::text::sort_key::sort_title;

json_row! {
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
        // Of a detail, `None` keeps the paper's, and an empty one removes it.
        volume: Option<&'a str>,
        issue: Option<&'a str>,
        pages: Option<&'a str>,
        article_number: Option<&'a str>,
        edition: Option<&'a str>,
        publisher_name: Option<&'a str>,
        issns: Option<&'a [String]>,
        isbns: Option<&'a [String]>,
        keywords: Option<&'a [String]>,
        language: Option<&'a str>,
        doi: Option<&'a str>,
        shared_doi: Option<&'a str>,
        arxiv_id: Option<&'a str>,
        url: Option<&'a str>,
        is_retracted: bool,
        author_count: usize as "integer",
    }
}

const NO_TEXTS: &[String] = &[];

json_row! {
    struct PaperTopicRow {
        paper_id: i64,
        topic_id: i64,
        position: i32,
    }
}

/// A paper before a record changes it.
#[derive(DerivePartialModel)]
#[sea_orm(entity = "paper::Entity")]
struct PaperBeforeUpdate {
    id: i64,
    title: String,
    doi: Option<String>,
    shared_doi: Option<String>,
}

/// Writes records of papers.
pub(crate) async fn ingest_papers(uow: &mut UnitOfWork<'_>, records: Vec<(usize, &PaperRecord)>) -> Result<(), Error> {
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
    // Records that may describe the same paper are written one after the other, so that each finds the paper of the
    // previous one.
    while !changes.is_empty() {
        let mut seen = HashSet::new();
        let (now, later): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| {
            let doi = change.doi.is_none_or(|doi| seen.insert(format!("doi:{doi}")));
            let arxiv = change.arxiv_id.as_ref().is_none_or(|id| seen.insert(format!("arxiv:{id}")));
            let title = change.record.exported.is_some() || {
                let title = names::fold(&change.record.title);
                let may_match_other = !change.has_any_id() && seen.contains(&format!("title with an id:{title}"));
                let kind = if change.has_any_id() { "title with an id" } else { "title" };
                let is_alone = !may_match_other && !seen.contains(&format!("title:{title}"));
                seen.insert(format!("{kind}:{title}"));
                is_alone
            };
            seen.insert(format!("key:{}", change.key)) && doi && arxiv && title
        });
        changes = ingest_distinct_papers(uow, now).await?;
        changes.extend(later);
    }
    Ok(())
}

/// Writes records that describe different papers by their keys. Returns those that turn out to describe a paper which
/// another one of them changes.
async fn ingest_distinct_papers<'a>(
    uow: &mut UnitOfWork<'_>,
    changes: Vec<PaperChange<'a>>,
) -> Result<Vec<PaperChange<'a>>, Error> {
    let keys: Vec<String> = changes.iter().map(|change| change.key.clone()).collect();
    let stored_records = find_source_records(uow, EntityType::Paper, &keys).await?;
    let mut pending = Vec::new();
    for mut change in changes {
        match stored_records.get(&change.key) {
            Some(StoredSourceRecord { digest, .. }) if *digest == change.digest => {
                uow.record_effect(change.index, Effect::Unchanged);
            }
            stored_records => {
                change.existing_id = stored_records.map(|stored_records| stored_records.id);
                change.has_previous_record =
                    stored_records.is_some_and(|stored_records| !stored_records.is_placeholder());
                pending.push(change);
            }
        }
    }
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    match_existing_papers(uow, &mut pending).await?;
    let mut changed = HashSet::new();
    let (mut pending, later): (Vec<_>, Vec<_>) =
        pending.into_iter().partition(|change| change.existing_id.is_none_or(|id| changed.insert(id)));
    apply_field_precedence(uow, &mut pending).await?;
    complete_partial_authors(uow, &mut pending).await?;
    upsert_papers(uow, pending).await?;
    Ok(later)
}

/// Finds the fields for which other records have precedence, and drops authors that do not win.
async fn apply_field_precedence(uow: &mut UnitOfWork<'_>, pending: &mut [PaperChange<'_>]) -> Result<(), Error> {
    let records = pending.iter().filter_map(|change| Some((change.existing_id?, change.key.as_str())));
    let mut outranked = load_field_precedence(uow, EntityType::Paper, records).await?;
    for change in pending {
        change.precedence = change.existing_id.and_then(|id| outranked.remove(&id)).unwrap_or_default();
        let field = authors_field(change.record);
        let has_positions_elsewhere = field == AUTHORS_PART && change.precedence.is_provided(AUTHORS);
        if (has_positions_elsewhere || !change.precedence.wins(field)) && !change.record.authors_are_incomplete {
            change.authors = Cow::Borrowed(&[]);
        }
    }
    Ok(())
}

/// Handles records that list some of the authors only: they remove no author, and add missing ones if the paper has no
/// full list yet.
async fn complete_partial_authors(uow: &mut UnitOfWork<'_>, pending: &mut [PaperChange<'_>]) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct PaperAuthorRow {
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
    let mut by_paper: HashMap<i64, Vec<PaperAuthorRow>> = HashMap::new();
    for stored in uow
        .rows::<PaperAuthorRow>(sql!(
            "SELECT paper_id, position, name_as_published, authorship.name, display_name, researcher.orcid \
             FROM authorship LEFT JOIN researcher ON researcher.id = researcher_id WHERE paper_id = ANY(?) \
             ORDER BY paper_id, list_order",
            bigint_array(existing),
        ))
        .await?
    {
        by_paper.entry(stored.paper_id).or_default().push(stored);
    }
    for change in pending.iter_mut().filter(|change| change.record.authors_are_incomplete) {
        let Some(stored) = change.existing_id.and_then(|id| by_paper.remove(&id)) else { continue };
        let is_listed = |author: &AuthorRecord| {
            let key = names::name_key(&author.name);
            stored.iter().any(|stored| {
                let is_same_orcid =
                    author.orcid.as_ref().is_some_and(|orcid| stored.orcid.as_deref() == Some(orcid.as_str()));
                let names = [Some(&stored.name_as_published), Some(&stored.name), stored.display_name.as_ref()];
                is_same_orcid || names.into_iter().flatten().any(|name| names::name_key(name) == key)
            })
        };
        let missing: Vec<AuthorRecord> =
            change.record.authors.iter().filter(|author| !is_listed(author)).cloned().collect();
        let has_full_list = stored.iter().any(|stored| stored.position.is_some());
        if has_full_list && !missing.is_empty() {
            // Without the name, which may be a hidden one.
            let note = "the author of the record is not among the paper's authors, which were not changed";
            uow.add_note(change.index, note.to_owned());
        }
        change.authors = if has_full_list || missing.is_empty() {
            Cow::Borrowed(&[])
        } else {
            let existing_authors = stored.into_iter().map(|stored| AuthorRecord {
                name: stored.name_as_published,
                orcid: stored.orcid.and_then(|orcid| orcid.parse().ok()),
                ..AuthorRecord::default()
            });
            Cow::Owned(existing_authors.chain(missing).collect())
        };
    }
    Ok(())
}

/// Inserts or updates the papers with all that belongs to them.
async fn upsert_papers(uow: &mut UnitOfWork<'_>, pending: Vec<PaperChange<'_>>) -> Result<(), Error> {
    let updated: Vec<i64> = pending.iter().filter_map(|change| change.existing_id).collect();
    let former_authors = researchers_by_paper(uow, &updated).await?;
    let mut researchers: HashSet<i64> = former_authors.iter().map(|(_, researcher)| *researcher).collect();
    let mut pairs = coauthor_pairs_of(uow, &updated).await?;
    let before = mark_papers_before_update(uow, &updated).await?;
    note_reused_ids(uow, &pending, &before);

    let requested_slugs: Vec<String> = pending
        .iter()
        .filter(|change| change.existing_id.is_none())
        .map(|change| requested_slug(change.record.slug.as_deref(), &change.record.title, EntityType::Paper))
        .collect();
    let mut slugs = allocate_slugs(uow, EntityType::Paper, &requested_slugs).await?.into_iter();
    let new = pending.iter().filter(|change| change.existing_id.is_none());
    let requested_ids: Vec<Option<i64>> =
        new.map(|change| change.record.exported.as_ref().map(|exported| exported.id)).collect();
    let mut new_ids = claim_ids(uow, EntityType::Paper.table(), &requested_ids).await?.into_iter();
    let (mut inserts, mut updates, mut source_records, mut external_ids, mut written, mut imported) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for change in &pending {
        let record = change.record;
        let id = match change.existing_id {
            Some(id) => id,
            None => {
                let claimed = new_ids.next().ok_or_else(|| Error::internal("no id for a paper"))?;
                note_substituted_id(uow, change.index, record.exported.as_ref(), claimed);
                claimed.id
            }
        };
        imported.extend(record.exported.as_ref().map(|exported| ImportedEntity { id, exported }));
        let slug = match change.existing_id {
            Some(_) => String::new(),
            None => slugs.next().ok_or_else(|| Error::internal("no slug for a paper"))?,
        };
        written.push((id, change));
        let dois = change.doi.into_iter().chain(change.shared_doi);
        uow.dirty.works.mark_paper(&record.title, dois.map(ToString::to_string));
        let precedence = &change.precedence;
        let title = precedence.take_if_wins(TITLE, Some(record.title.as_str()));
        let text = |detail: Detail, value| match detail.effect(record, precedence) {
            DetailEffect::Set => value,
            DetailEffect::Clear => Some(""),
            DetailEffect::Keep => None,
        };
        let list = |detail: Detail, values| match detail.effect(record, precedence) {
            DetailEffect::Set => Some(values),
            DetailEffect::Clear => Some(NO_TEXTS),
            DetailEffect::Keep => None,
        };
        let row = PaperUpsertRow {
            id,
            slug,
            title,
            translated_titles: record
                .translated_titles
                .filter_tags(|tag| precedence.wins(&translated_title_field(tag))),
            sort_title: title.map(sort_title),
            abstract_text: record.abstract_text.filter_tags(|tag| {
                let is_full = record.abstract_completeness == AbstractCompleteness::Full;
                precedence.wins(&abstract_field(record.abstract_completeness, tag))
                    && (is_full || !precedence.is_provided(&abstract_field(AbstractCompleteness::Full, tag)))
            }),
            abstract_completeness: record.abstract_completeness,
            publication_date: precedence.take_if_wins(DATE, record.publication_date).map(|date| date.to_string()),
            r#type: precedence.take_if_wins(TYPE, Some(record.paper_type)).unwrap_or_default(),
            venue_name: precedence.take_if_wins(VENUE, record.venue_name.as_deref()),
            volume: text(Detail::Volume, record.volume.as_deref()),
            issue: text(Detail::Issue, record.issue.as_deref()),
            pages: text(Detail::Pages, record.pages.as_deref()),
            article_number: text(Detail::ArticleNumber, record.article_number.as_deref()),
            edition: text(Detail::Edition, record.edition.as_deref()),
            publisher_name: text(Detail::PublisherName, record.publisher_name.as_deref()),
            issns: list(Detail::Issns, &record.issns),
            isbns: list(Detail::Isbns, &record.isbns),
            keywords: list(Detail::Keywords, &record.keywords),
            language: precedence.take_if_wins(LANGUAGE, record.language.as_deref()),
            doi: precedence.take_if_wins(DOI, change.doi).map(Doi::as_str),
            shared_doi: precedence.take_if_wins(DOI, change.shared_doi).map(Doi::as_str),
            arxiv_id: precedence.take_if_wins(ARXIV_ID, change.arxiv_id.as_ref()).map(ArxivId::as_str),
            url: precedence.take_if_wins(URL, record.url.as_deref()),
            is_retracted: record.is_retracted,
            author_count: change.authors.len(),
        };
        if change.existing_id.is_some() {
            updates.push(row);
        } else {
            inserts.push(row);
        }
        source_records.push(SourceRecordRow::new(
            uow.source(),
            change.key.clone(),
            change.digest.clone(),
            provided_paper_fields(record),
            id,
        ));
        let requested_ids = record.source_id.iter().map(|value| (uow.source().to_lowercase(), value.clone()));
        let others = record.identifiers.iter().map(|other| (other.scheme.to_lowercase(), other.value.clone()));
        let index = change.index;
        external_ids.extend(requested_ids.chain(others).map(|(scheme, value)| ExternalIdRow {
            index,
            id,
            scheme,
            value,
        }));
    }
    let insert = "INSERT INTO paper (id, slug, title, translated_titles, sort_title, abstract_text, abstract_completeness, \
         publication_date, type, venue_name, volume, issue, pages, article_number, edition, publisher_name, issns, isbns, keywords, \
         language, doi, shared_doi, arxiv_id, url, is_retracted, author_count) \
         SELECT id, slug, title, translated_titles, sort_title, abstract_text, abstract_completeness, publication_date, type, \
         venue_name, volume, issue, pages, article_number, edition, publisher_name, coalesce(issns, '{}'), coalesce(isbns, '{}'), \
         coalesce(keywords, '{}'), language, doi, shared_doi, arxiv_id, url, is_retracted, author_count FROM rows";
    uow.execute_with_rows(&inserts, insert).await?;
    // A field that the record does not provide stays.
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
         venue_name = coalesce(rows.venue_name, paper.venue_name), volume = nullif(coalesce(rows.volume, paper.volume), ''), \
         issue = nullif(coalesce(rows.issue, paper.issue), ''), pages = nullif(coalesce(rows.pages, paper.pages), ''), \
         article_number = nullif(coalesce(rows.article_number, paper.article_number), ''), \
         edition = nullif(coalesce(rows.edition, paper.edition), ''), \
         publisher_name = nullif(coalesce(rows.publisher_name, paper.publisher_name), ''), \
         issns = coalesce(rows.issns, paper.issns), isbns = coalesce(rows.isbns, paper.isbns), \
         keywords = coalesce(rows.keywords, paper.keywords), language = coalesce(rows.language, paper.language), \
         doi = CASE WHEN rows.doi IS NOT NULL OR rows.shared_doi IS NULL THEN coalesce(rows.doi, paper.doi) END, \
         shared_doi = CASE WHEN rows.doi IS NULL THEN coalesce(rows.shared_doi, paper.shared_doi) END, arxiv_id = coalesce(rows.arxiv_id, paper.arxiv_id), \
         url = coalesce(rows.url, paper.url), is_retracted = rows.is_retracted OR paper.is_retracted, \
         author_count = CASE WHEN rows.author_count > 0 THEN rows.author_count ELSE paper.author_count END, \
         updated_at = statement_timestamp() FROM rows WHERE paper.id = rows.id";
    uow.execute_with_rows(&updates, update).await?;
    // The fields of a paper are evidence for its authors.
    queue_author_blocks(uow, &updated).await?;
    // A record without authors keeps the authorships, but may change the date that they carry.
    if !updated.is_empty() {
        uow.execute(sql!(
            "UPDATE authorship SET publication_key = paper.publication_key FROM paper \
             WHERE paper.id = authorship.paper_id AND paper.publication_key <> authorship.publication_key \
             AND paper.id = ANY(?)",
            bigint_array(updated.iter().copied()),
        ))
        .await?;
    }
    let created: Vec<i64> = inserts.iter().map(|row| row.id).collect();
    replace_authorships(uow, &written).await?;
    replace_paper_topics(uow, &written).await?;
    for (_, change) in &written {
        let effect = if change.existing_id.is_some() { Effect::Updated } else { Effect::Created };
        uow.record_effect(change.index, effect);
        if change.authors.len() > uow.consortium_size() as usize {
            let (authors, size) = (change.authors.len(), uow.consortium_size());
            let note = format!(
                "{authors} authors exceed the consortium size of {size}; all are kept, but are excluded from coauthorship by default"
            );
            uow.add_note(change.index, note);
        }
    }
    uow.mark_dirty(EntityType::Paper, written.iter().map(|(id, _)| *id));
    upsert_source_records(uow, EntityType::Paper, &source_records).await?;
    restore_provenance(uow, EntityType::Paper, &imported).await?;
    add_identifiers(uow, EntityType::Paper, external_ids).await?;
    let record_dois = pending.iter().flat_map(|change| change.doi.into_iter().chain(change.shared_doi));
    let former_dois = before.into_values().filter_map(|paper| paper.doi);
    assign_shared_dois(uow, former_dois.chain(record_dois.map(ToString::to_string)).collect()).await?;

    uow.notify(ProjectionEvent::PapersInserted(&created)).await?;
    researchers.extend(researchers_of_papers(uow, &updated).await?);
    pairs.extend(coauthor_pairs_of(uow, &updated).await?);
    uow.notify(ProjectionEvent::AuthorsChanged { researchers: &researchers, pairs: &pairs }).await?;
    merge_replaced_authors(uow, &former_authors).await
}

/// The papers before they change. Marks what they are found by, so that versions which they leave behind are updated
/// too.
async fn mark_papers_before_update(
    uow: &mut UnitOfWork<'_>,
    papers: &[i64],
) -> Result<HashMap<i64, PaperBeforeUpdate>, Error> {
    if papers.is_empty() {
        return Ok(HashMap::new());
    }
    let before = paper::Entity::find().filter(paper::COLUMN.id.eq_any(papers.iter().copied()));
    let before = before.into_partial_model::<PaperBeforeUpdate>().all(uow.db()).await?;
    for paper in &before {
        uow.dirty.works.mark_paper(&paper.title, paper.doi.iter().chain(&paper.shared_doi).cloned());
    }
    uow.dirty.works.mark_ids(papers.iter().copied());
    Ok(before.into_iter().map(|paper| (paper.id, paper)).collect())
}

/// Warns about records whose title has little in common with the paper's, which suggests that the id was reused.
fn note_reused_ids(uow: &mut UnitOfWork<'_>, pending: &[PaperChange<'_>], before: &HashMap<i64, PaperBeforeUpdate>) {
    for change in pending.iter().filter(|change| change.has_previous_record && change.precedence.wins(TITLE)) {
        let Some(before) = change.existing_id.and_then(|id| before.get(&id)) else { continue };
        if are_titles_unrelated(&before.title, &change.record.title) {
            let title: String = before.title.chars().take(100).collect();
            let note =
                format!("the paper with this id was '{title}'; if it is a different paper, give each an id of its own");
            uow.add_note(change.index, note);
        }
    }
}

/// Replaces the topics of papers by those of their records.
async fn replace_paper_topics(uow: &mut UnitOfWork<'_>, written: &[(i64, &PaperChange<'_>)]) -> Result<(), Error> {
    let named = written.iter().flat_map(|(_, change)| change.record.topics.iter().filter_map(|topic| topic.id));
    let topic_ids = map_exported_ids(uow, EntityType::Topic, named).await?;
    let mut links = Vec::new();
    for (paper_id, change) in written {
        if !change.precedence.wins(TOPICS) {
            continue;
        }
        for (position, topic) in (1_i32..).zip(&change.record.topics) {
            let topic_id = match topic.id.and_then(|id| topic_ids.get(&id)) {
                Some(id) => *id,
                None => find_or_create_topic(uow, topic).await?,
            };
            links.push(PaperTopicRow { paper_id: *paper_id, topic_id, position });
        }
    }
    let replaced: Vec<i64> = links.iter().map(|link| link.paper_id).collect();
    if replaced.is_empty() {
        return Ok(());
    }
    paper_topic::Entity::delete_many().filter(paper_topic::COLUMN.paper_id.eq_any(replaced)).exec(uow.db()).await?;
    let insert = "INSERT INTO paper_topic (paper_id, topic_id, position) \
         SELECT paper_id, topic_id, position FROM rows ON CONFLICT DO NOTHING";
    uow.execute_with_rows(&links, insert).await
}

/// Whether two titles share fewer than a third of the words of the shorter one.
fn are_titles_unrelated(one: &str, other: &str) -> bool {
    let words = |title: &str| names::fold(title).split(' ').map(ToOwned::to_owned).collect::<HashSet<String>>();
    let (one, other) = (words(one), words(other));
    one.intersection(&other).count() * 3 < one.len().min(other.len())
}

/// The name keys of authors, sorted.
fn sorted_author_keys<'a>(authors: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut keys: Vec<String> = authors.map(names::name_key).collect();
    keys.sort_unstable();
    keys
}

/// The key of a record in its source: its id there, else its DOI, arXiv ID or another identifier, else its title, date
/// and authors. Without authors the venue is included, since every journal has an editorial.
fn paper_record_key(record: &PaperRecord) -> Result<String, Error> {
    if let Some(exported) = &record.exported {
        return Ok(exported_record_key(EntityType::Paper, exported.id));
    }
    if let Some(id) = &record.source_id {
        return Ok(bounded_key(format!("paper:{id}")));
    }
    if let Some(doi) = &record.doi {
        return Ok(bounded_key(format!("doi:{doi}")));
    }
    if let Some(id) = &record.arxiv_id {
        return Ok(format!("arxiv:{id}"));
    }
    if let Some(id) = record.identifiers.first() {
        return Ok(bounded_key(format!("{}:{}", id.scheme.to_lowercase(), id.value)));
    }
    let date = record.publication_date.map(|date| date.to_string());
    let authors = sorted_author_keys(record.authors.iter().map(|author| author.name.as_str()));
    let venue = record.venue_name.as_deref().filter(|_| authors.is_empty()).map(names::fold);
    let digest = json_digest(&(names::fold(&record.title), date, authors, venue)).map_err(Error::internal)?;
    Ok(format!("work:{digest}"))
}
