//! What people decide of who is who: two researchers are one, papers are somebody else's, and what was decided is undone.
//!
//! A decision is one transaction. It moves what it concerns, says of each authorship whose it is (`identity_pin`), so that no
//! import and no resolving says otherwise, and keeps each row as it was and as it became (`journal`), so that it can be undone.

mod error;
mod history;
mod merge_command;
mod merge_researcher;
pub mod name_command;
mod reference;
mod researcher_summary;
mod split_command;
mod undo_command;
mod undo_log;

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::store::Store;
use crate::store::access::sql_fragment::{Sql, bigint_array};
use crate::store::unit_of_work::UnitOfWork;

pub use crate::store::curation::error::{CurationError, DecisionError};
pub use crate::store::curation::history::{Decision, DecisionParty, DecisionRole};
pub use crate::store::curation::researcher_summary::{ResearcherSummary, SummaryPaper};

use crate::store::curation::undo_log::{ResearcherSnapshot, UndoLog};

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecisionKind {
    /// Several researchers are one.
    #[serde(rename = "MERGE")]
    Merge,
    /// Some papers of a researcher are another one's.
    #[serde(rename = "SPLIT")]
    Split,
}

impl DecisionKind {
    /// As the database has it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "MERGE",
            Self::Split => "SPLIT",
        }
    }
}

/// Who decides, and why.
#[derive(Clone, Debug, Default)]
pub struct DecidedBy {
    /// Who.
    pub by: Option<String>,
    /// Why, or whatever is to be remembered of it.
    pub note: Option<String>,
}

/// What is to be done. People are named by id, slug or ORCID iD, papers by id, slug, DOI or arXiv id, in any written form.
#[derive(Clone, Debug)]
pub enum CurationRequest {
    /// Researchers are one: the survivor gets all that the others have, and their ids, slugs and ORCID iDs lead to it.
    Merge {
        /// Who remains.
        survivor: String,
        /// Those who are the same person, at least one.
        former: Vec<String>,
        /// Whether two ORCID iDs, or two places on one paper, are no reason against it.
        force: bool,
        /// Who says so.
        decided_by: DecidedBy,
    },
    /// Papers are another researcher's.
    Split {
        /// Whose they are taken for.
        researcher: String,
        /// The papers, at least one.
        papers: Vec<String>,
        /// Whose they are; somebody new where absent.
        into: Option<String>,
        /// Who says so.
        decided_by: DecidedBy,
    },
    /// A decision was wrong.
    Undo {
        /// Its number.
        decision: i64,
        /// Who says so.
        by: Option<String>,
    },
}

/// What changed, or would change.
#[derive(Clone, Debug)]
pub struct DecisionOutcome {
    /// The decision, made or undone; its number counts only if it was not a trial.
    pub decision: i64,
    /// What was decided, or undone.
    pub kind: DecisionKind,
    /// Those whom it concerns, as they were.
    pub before: Vec<ResearcherSummary>,
    /// The same as they are; who is gone is not among them.
    pub after: Vec<ResearcherSummary>,
    /// What a person should know besides.
    pub notes: Vec<String>,
}

impl Store {
    /// Does what people decided; as a trial, nothing is kept of it.
    ///
    /// # Errors
    /// Where it cannot be, which changes nothing, and where the database does not answer.
    pub async fn decide(&self, request: &CurationRequest, is_trial: bool) -> Result<DecisionOutcome, DecisionError> {
        match request {
            CurationRequest::Merge { former, .. } if former.is_empty() => {
                return Err(CurationError::MissingArgument("a researcher").into());
            }
            CurationRequest::Split { papers, .. } if papers.is_empty() => {
                return Err(CurationError::MissingArgument("a paper").into());
            }
            _ => {}
        }
        let transaction = self.begin_write().await?;
        let mut batch = UnitOfWork::new(&transaction, "", self.consortium_size, 0);
        let outcome = match request {
            CurationRequest::Merge { survivor, former, force: is_forced, decided_by: signature } => {
                batch.merge_by_decision(survivor, former, *is_forced, signature).await?
            }
            CurationRequest::Split { researcher, papers, into, decided_by: signature } => {
                batch.split_researcher(researcher, papers, into.as_deref(), signature).await?
            }
            CurationRequest::Undo { decision, by } => batch.undo_decision(*decision, by.as_deref()).await?,
        };
        batch.refresh_work_versions().await?;
        batch.reindex_dirty().await?;
        batch.invalidate_statistics().await?;
        if is_trial {
            transaction.rollback().await.map_err(Error::from)?;
        } else {
            self.commit(transaction).await?;
        }
        Ok(outcome)
    }
}

/// An authorship of somebody whom a decision concerns.
#[derive(Clone, Debug, FromQueryResult)]
struct AffectedAuthorship {
    id: i64,
    paper_id: i64,
    researcher_id: i64,
    name: String,
    orcid: Option<String>,
}

#[derive(FromQueryResult)]
struct IdRow {
    id: i64,
}

/// A decision that is being made.
struct PendingDecision<'a> {
    id: i64,
    kind: DecisionKind,
    decided_by: &'a DecidedBy,
    parties: Vec<DecisionParty>,
    paper_count: usize,
}

impl UnitOfWork<'_> {
    /// What these people wrote.
    async fn load_authorships_of(&self, people: &[i64]) -> Result<Vec<AffectedAuthorship>, Error> {
        let sql =
            "SELECT id, paper_id, researcher_id, name, orcid FROM authorship WHERE researcher_id = ANY(?) ORDER BY id";
        self.rows(Sql::with(sql, bigint_array(people.iter().copied()))).await
    }

    /// Begins to remember a decision: pins refer to it.
    async fn begin_decision<'a>(
        &self,
        kind: DecisionKind,
        signature: &'a DecidedBy,
        people: Vec<DecisionParty>,
        paper_count: usize,
    ) -> Result<PendingDecision<'a>, Error> {
        let researcher = people.iter().find(|person| person.role.is_recipient()).map(|person| person.id);
        let sql = Sql::with(
            "INSERT INTO identity_decision (id, kind, decided_by, note, researcher_id, researcher_ids, before) \
             SELECT coalesce(max(id), 0) + 1, ?::text, ",
            kind.as_str(),
        )
        .then_with("?::text, ", signature.by.clone())
        .then_with("?::text, ", signature.note.clone())
        .then_with("?::bigint, ", researcher)
        .then_with(
            "?::bigint[], '{}'::jsonb FROM identity_decision RETURNING id",
            bigint_array(people.iter().map(|person| person.id)),
        );
        let id = self.rows::<IdRow>(sql).await?.pop().ok_or_else(|| Error::internal("a decision without a number"))?.id;
        Ok(PendingDecision { id, kind, decided_by: signature, parties: people, paper_count })
    }

    /// Says of authorships whose they are by a decision.
    async fn pin_authorships(&self, decision: &PendingDecision<'_>, authorships: &[(i64, i64)]) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Row {
            authorship_id: i64,
            researcher_id: i64,
            decision_id: i64,
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
        self.execute_with_rows("authorship_id bigint, researcher_id bigint, decision_id bigint", &rows, insert).await?;
        self.mark_resolved_by_decision(authorships.iter().map(|(id, _)| *id).collect()).await
    }

    /// Remembers all that a decision changed.
    async fn record_decision(
        &self,
        draft: PendingDecision<'_>,
        before: &ResearcherSnapshot,
    ) -> Result<(i64, DecisionKind), Error> {
        #[derive(Serialize)]
        struct Before {
            #[serde(rename = "people")]
            people: Vec<DecisionParty>,
            #[serde(rename = "paperCount")]
            paper_count: usize,
            #[serde(rename = "changes")]
            changes: UndoLog,
        }
        let people: Vec<i64> = draft.parties.iter().map(|person| person.id).collect();
        let after = self.take_snapshot(&people, before.authorship_ids()).await?;
        let changes = before.diff(&after);
        let kept = Before { people: draft.parties, paper_count: draft.paper_count, changes };
        let sql = Sql::with(
            "UPDATE identity_decision SET before = ?::text::jsonb WHERE id = ",
            serde_json::to_string(&kept).map_err(Error::internal)?,
        );
        self.execute(sql.then_with("?", draft.id)).await?;
        let by = draft.decided_by.by.as_deref().unwrap_or_default();
        tracing::info!(decision = draft.id, kind = draft.kind.as_str(), by, "people decided who is who");
        Ok((draft.id, draft.kind))
    }
}
