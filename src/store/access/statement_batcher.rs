//! Statements that a request asks for at the same moment go to the database as one.
//!
//! Each trip there takes about as much as a small statement itself: it wakes a process on the other side, and one here for the
//! answer. So what the fields of a level want and is quick is put together: each statement is a part of one, and its rows are
//! records.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use sea_orm::{DbErr, QueryResult};
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::column_projection::{Column as _, Places};
use crate::store::access::sql_fragment::Sql;
use crate::telemetry::{fail_statement, statement_span};

/// The most statements that become one.
const MOST: usize = 8;

/// A row of a statement.
pub(crate) struct Row {
    result: QueryResult,
    /// Whether it is one of several parts, after whose number the row is a record.
    is_record: bool,
}

impl Row {
    /// Its columns.
    pub(crate) fn places(&self) -> Result<Places<'_>, DbErr> {
        if self.is_record { Places::of_record(&self.result, 1) } else { Places::of(&self.result) }
    }
}

/// A statement that waits for others of its moment.
struct Asked {
    sql: Sql,
    answer: oneshot::Sender<Result<Vec<Row>, Error>>,
}

/// What a request asks for at this moment; nothing, where nobody would send it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Together(Option<Arc<Mutex<Vec<Asked>>>>);

impl std::fmt::Debug for Asked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.sql.fmt(formatter)
    }
}

impl Together {
    /// That of a request, whose [`crate::store::access::data_loader::Loaders`] send it.
    pub(crate) fn of_request() -> Self {
        Self(Some(Arc::default()))
    }

    fn take(&self) -> Vec<Asked> {
        let Some(asked) = &self.0 else { return Vec::new() };
        std::mem::take(&mut *asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store {
    /// The rows of a statement, to be read by their places. Who asks for them is what traces tell of it.
    pub(crate) async fn results(&self, loader: &'static str, sql: Sql) -> Result<Vec<Row>, Error> {
        let span = statement_span(loader);
        let rows = self.alone(sql).instrument(span.clone()).await;
        rows.inspect_err(|error| fail_statement(&span, error.code()))
    }

    /// The same of a statement that is quick whatever it is asked for, so that others need not wait for it: with those that are
    /// asked for at the same moment.
    pub(crate) async fn quick_results(&self, loader: &'static str, sql: Sql) -> Result<Vec<Row>, Error> {
        let Some(asked) = &self.together.0 else { return self.results(loader, sql).await };
        let span = statement_span(loader);
        let rows = async {
            let (answer, answered) = oneshot::channel();
            asked.lock().unwrap_or_else(PoisonError::into_inner).push(Asked { sql, answer });
            answered.await.unwrap_or_else(|_| Err(Error::internal("a statement that nobody sent")))
        };
        let rows = rows.instrument(span.clone()).await;
        rows.inspect_err(|error| fail_statement(&span, error.code()))
    }

    /// What sends the statements that were asked for by now; none where there are none.
    pub(crate) fn send_together(&self) -> Vec<impl Future<Output = ()> + Send + use<>> {
        let mut asked = self.together.take();
        // The same ones are the same statement, whichever was asked for first.
        asked.sort_by(|one, other| one.sql.text().cmp(other.sql.text()));
        let mut sent = Vec::new();
        while !asked.is_empty() {
            let rest = asked.split_off(asked.len().min(MOST));
            let store = self.clone();
            let group = std::mem::replace(&mut asked, rest);
            sent.push(async move { store.answer(group).await });
        }
        sent
    }

    async fn answer(&self, asked: Vec<Asked>) {
        // Nobody waits for an answer any more where the request is gone.
        if asked.len() > 1 {
            match self.parts(&asked).await {
                Ok(parts) => {
                    for (asked, rows) in asked.into_iter().zip(parts) {
                        let _ = asked.answer.send(Ok(rows));
                    }
                    return;
                }
                // What took too long, or found no database, does so again.
                Err(error @ (Error::Timeout(_) | Error::Unavailable(_))) => {
                    for asked in asked {
                        let _ = asked.answer.send(Err(error.clone()));
                    }
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, cause = ?error, "several statements failed as one; each is sent alone");
                }
            }
        }
        join_all(asked.into_iter().map(async |Asked { sql, answer }| {
            let _ = answer.send(self.alone(sql).await);
        }))
        .await;
    }

    async fn alone(&self, sql: Sql) -> Result<Vec<Row>, Error> {
        let for_values = sql.is_planned_for_values();
        let rows = self.read(&sql.statement(), for_values).await?;
        Ok(rows.into_iter().map(|result| Row { result, is_record: false }).collect())
    }

    /// The rows of each of several statements, read as one.
    async fn parts(&self, asked: &[Asked]) -> Result<Vec<Vec<Row>>, Error> {
        let mut sql = Sql::default();
        for (number, asked) in asked.iter().enumerate() {
            let union = if number == 0 { "" } else { " UNION ALL " };
            let head = format!("{union}SELECT {number}, ROW(entry.*) FROM (");
            sql = sql.then(head).then(asked.sql.clone()).then(") AS entry");
        }
        let mut parts: Vec<Vec<Row>> = asked.iter().map(|_| Vec::new()).collect();
        for result in self.read(&sql.statement(), false).await? {
            let number = i32::next(&mut Places::of(&result)?)?;
            let part = usize::try_from(number).ok().and_then(|number| parts.get_mut(number));
            part.ok_or_else(|| Error::internal("a part that nobody asked for"))?.push(Row { result, is_record: true });
        }
        Ok(parts)
    }
}
