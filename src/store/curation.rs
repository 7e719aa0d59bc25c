//! Curation: merging and splitting researchers, deciding on their names, and undoing decisions.
//!
//! A decision is one transaction. It moves papers, pins each affected authorship to its researcher (`identity_pin`), so
//! that neither imports nor disambiguation change it, and records the changed rows in an undo log.

mod error;
mod feed_command;
mod history;
mod merge_command;
pub mod name_command;
mod reference;
pub mod remove_source;
mod researcher_summary;
mod split_command;
mod undo_command;
mod undo_log;

use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::{ActiveEnum as _, EntityTrait as _, QueryOrder as _, QuerySelect as _};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::entity::identity_decision;
use crate::error::Error;
use crate::model::activity::ActivityKind;
use crate::store::Store;
use crate::store::curation::merge_command::merge_by_decision;
use crate::store::curation::split_command::split_researcher;
use crate::store::curation::undo_command::undo_decision;
use crate::store::curation::undo_log::{ResearcherSnapshot, UndoLog, take_snapshot};
use crate::store::ingest::authorship_matching::mark_resolved_by_decision;
use crate::store::unit_of_work::json_rows::json_row;
use crate::store::unit_of_work::unacknowledged_commit::UnacknowledgedCommit;
use crate::store::unit_of_work::{TableScans, UnitOfWork};

pub use crate::model::decision::DecisionKind;
pub use crate::store::curation::error::{CurationError, DecisionError};
pub use crate::store::curation::history::{Decision, DecisionParty, DecisionRole};
pub use crate::store::curation::researcher_summary::{ResearcherSummary, SummaryPaper};

/// The curator of a decision, and the reason.
#[derive(Clone, Debug, Default)]
pub struct DecidedBy {
    /// The curator's name.
    pub by: Option<String>,
    /// The reason, or any other note.
    pub note: Option<String>,
}

/// A curation request. Researchers are given by id, slug or ORCID iD, papers by id, slug, DOI or arXiv ID, in any
/// notation.
#[derive(Clone, Debug)]
pub enum CurationRequest {
    /// Merge researchers: the survivor gets everything of the others, and their ids, slugs and ORCID iDs redirect to
    /// it.
    Merge {
        /// The researcher who remains.
        survivor: String,
        /// The duplicates, at least one.
        former: Vec<String>,
        /// Whether to merge despite different ORCID iDs or common papers.
        force: bool,
        /// The curator, and the reason.
        decided_by: DecidedBy,
    },
    /// Move papers to another researcher.
    Split {
        /// The researcher who has the papers.
        researcher: String,
        /// The papers, at least one.
        papers: Vec<String>,
        /// The researcher who gets them; a new one if omitted.
        into: Option<String>,
        /// The curator, and the reason.
        decided_by: DecidedBy,
    },
    /// Undo a decision.
    Undo {
        /// The decision's number.
        decision: i64,
        /// The curator's name.
        by: Option<String>,
    },
}

/// The effect of a decision, also of a dry run.
#[derive(Clone, Debug)]
pub struct DecisionOutcome {
    /// The number of the decision made or undone. In a dry run it is not assigned.
    pub decision: i64,
    /// The kind of the decision.
    pub kind: DecisionKind,
    /// The affected researchers before the decision.
    pub before: Vec<ResearcherSummary>,
    /// Those that remain, after the decision.
    pub after: Vec<ResearcherSummary>,
    /// Warnings.
    pub notes: Vec<String>,
}

impl Store {
    /// Makes or undoes a decision. A dry run is rolled back.
    ///
    /// # Errors
    /// If the decision is rejected, or the database is unavailable. Nothing is changed then.
    pub async fn decide(&self, request: &CurationRequest, dry_run: bool) -> Result<DecisionOutcome, DecisionError> {
        match request {
            CurationRequest::Merge { former, .. } if former.is_empty() => {
                return Err(CurationError::MissingArgument("a researcher").into());
            }
            CurationRequest::Split { papers, .. } if papers.is_empty() => {
                return Err(CurationError::MissingArgument("a paper").into());
            }
            _ => {}
        }
        let commit = UnacknowledgedCommit::default();
        self.retry(|| self.try_decide(request, dry_run, &commit)).await?;
        let outcome = commit.acknowledge()?;
        if !dry_run {
            log_decision(request, &outcome);
        }
        Ok(outcome)
    }

    async fn try_decide(
        &self,
        request: &CurationRequest,
        dry_run: bool,
        commit: &UnacknowledgedCommit<DecisionOutcome>,
    ) -> Result<(), DecisionError> {
        let activity = match request {
            CurationRequest::Merge { .. } => ActivityKind::Merge,
            CurationRequest::Split { .. } => ActivityKind::Split,
            CurationRequest::Undo { .. } => ActivityKind::Undo,
        };
        let mut uow = UnitOfWork::begin(self, TableScans::Avoid).await?.for_activity(activity);
        if commit.is_known(&uow).await? {
            return Ok(());
        }
        let outcome = match request {
            CurationRequest::Merge { survivor, former, force, decided_by } => {
                merge_by_decision(&mut uow, survivor, former, *force, decided_by).await?
            }
            CurationRequest::Split { researcher, papers, into, decided_by } => {
                split_researcher(&mut uow, researcher, papers, into.as_deref(), decided_by).await?
            }
            CurationRequest::Undo { decision, by } => undo_decision(&mut uow, *decision, by.as_deref()).await?,
        };
        uow.dirty.statistics = true;
        commit.expect(&uow, outcome).await?;
        Ok(uow.finish(dry_run).await?)
    }
}

/// Logs a decision that has been committed.
fn log_decision(request: &CurationRequest, outcome: &DecisionOutcome) {
    let (decision, kind) = (outcome.decision, outcome.kind.to_value());
    match request {
        CurationRequest::Merge { decided_by, .. } | CurationRequest::Split { decided_by, .. } => {
            let by = decided_by.by.as_deref().unwrap_or_default();
            tracing::info!(decision, kind, by, "recorded a curation decision");
        }
        CurationRequest::Undo { by, .. } => {
            tracing::info!(decision, by = by.as_deref().unwrap_or_default(), "undid a curation decision");
        }
    }
}

/// A decision whose effects are not recorded yet.
struct PendingDecision {
    id: i64,
    kind: DecisionKind,
    parties: Vec<DecisionParty>,
    paper_count: usize,
}

/// What was before a decision, as it is stored in `identity_decision.before`.
#[derive(Serialize, Deserialize)]
struct BeforeDecision {
    #[serde(rename = "people")]
    parties: Vec<DecisionParty>,
    #[serde(rename = "paperCount")]
    paper_count: usize,
    changes: UndoLog,
}

/// Inserts a decision, to which pins refer.
async fn begin_decision(
    uow: &UnitOfWork<'_>,
    kind: DecisionKind,
    decided_by: &DecidedBy,
    parties: Vec<DecisionParty>,
    paper_count: usize,
) -> Result<PendingDecision, Error> {
    let recipient = parties.iter().find(|party| party.role.is_recipient());
    let recipient = recipient.ok_or_else(|| Error::internal("a decision for nobody"))?;
    let last = identity_decision::Entity::find().select_only().column(identity_decision::Column::Id);
    let last: Option<i64> = last.order_by_desc(identity_decision::Column::Id).into_tuple().one(uow.db()).await?;
    // Without gaps, also after a dry run; the write lock excludes other decisions.
    let id = last.unwrap_or_default() + 1;
    let decision = identity_decision::ActiveModel {
        id: Set(id),
        kind: Set(kind),
        decided_by: Set(decided_by.by.clone()),
        note: Set(decided_by.note.clone()),
        researcher_id: Set(recipient.id),
        researcher_ids: Set(parties.iter().map(|party| party.id).collect()),
        before: Set(json!({})),
        ..Default::default()
    };
    identity_decision::Entity::insert(decision).exec_without_returning(uow.db()).await?;
    Ok(PendingDecision { id, kind, parties, paper_count })
}

/// Pins authorships to researchers.
async fn pin_authorships(
    uow: &UnitOfWork<'_>,
    decision: &PendingDecision,
    authorships: &[(i64, i64)],
) -> Result<(), Error> {
    json_row! {
        struct Row {
            authorship_id: i64,
            researcher_id: i64,
            decision_id: i64,
        }
    }
    let row = |(authorship_id, researcher_id): &(i64, i64)| Row {
        authorship_id: *authorship_id,
        researcher_id: *researcher_id,
        decision_id: decision.id,
    };
    let rows: Vec<Row> = authorships.iter().map(row).collect();
    let insert = "INSERT INTO identity_pin (authorship_id, paper_id, name_as_published, researcher_id, decision_id) \
         SELECT authorship.id, authorship.paper_id, authorship.name_as_published, rows.researcher_id, rows.decision_id \
         FROM rows JOIN authorship ON authorship.id = rows.authorship_id \
         ON CONFLICT (authorship_id) DO UPDATE SET paper_id = EXCLUDED.paper_id, \
         name_as_published = EXCLUDED.name_as_published, researcher_id = EXCLUDED.researcher_id, \
         decision_id = EXCLUDED.decision_id";
    uow.execute_with_rows(&rows, insert).await?;
    mark_resolved_by_decision(uow, authorships.iter().map(|(id, _)| *id).collect()).await
}

/// Records the rows that a decision changed.
async fn record_decision(
    uow: &UnitOfWork<'_>,
    decision: PendingDecision,
    before: &ResearcherSnapshot,
) -> Result<(i64, DecisionKind), Error> {
    let parties: Vec<i64> = decision.parties.iter().map(|party| party.id).collect();
    let after = take_snapshot(uow, &parties, before.authorship_ids()).await?;
    let changes = before.diff(&after);
    let record = BeforeDecision { parties: decision.parties, paper_count: decision.paper_count, changes };
    let recorded = identity_decision::ActiveModel {
        id: Unchanged(decision.id),
        before: Set(serde_json::to_value(record).map_err(Error::internal)?),
        ..Default::default()
    };
    identity_decision::Entity::update(recorded).exec_without_returning(uow.db()).await?;
    Ok((decision.id, decision.kind))
}
