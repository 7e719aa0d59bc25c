//! Statement batcher: sends statements that a request issues at the same time as one.
//!
//! A round trip costs about as much as a small statement, because it wakes a process on each side. The fast statements
//! of a nesting level are therefore combined with UNION ALL, and the rows of each are composite values (records).

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use sea_orm::{DbErr, QueryResult};
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::error::Error;
use crate::store::Store;
use crate::store::access::column_projection::{ColumnCursor, ColumnValue as _};
use crate::store::access::sql_fragment::Sql;
use crate::telemetry::{query_span, record_query_error};

/// Maximum number of statements combined into one.
const MAX_BATCH_STATEMENTS: usize = 8;

/// Row of a single or combined statement.
pub(crate) struct ResultRow {
    result: QueryResult,
    /// Whether the row belongs to a combined statement: its first column is the number of the statement, its second a
    /// record.
    is_record: bool,
}

impl ResultRow {
    /// Returns a cursor over the columns of the row.
    pub(crate) fn columns(&self) -> Result<ColumnCursor<'_>, DbErr> {
        if self.is_record { ColumnCursor::from_record(&self.result, 1) } else { ColumnCursor::from_row(&self.result) }
    }

    /// Returns the value of the first column and a cursor over the record in the second, or `None` if that is null. Only
    /// for rows that are not combined.
    pub(crate) fn keyed_record(&self) -> Result<(i64, Option<ColumnCursor<'_>>), DbErr> {
        let key = self.columns()?.next_value()?;
        Ok((key, ColumnCursor::from_optional_record(&self.result, 1)?))
    }
}

/// Statement waiting to be combined.
struct PendingStatement {
    sql: Sql,
    reply: oneshot::Sender<Result<Vec<ResultRow>, Error>>,
}

/// Pending statements of a request; `None` outside of requests, where nothing would flush them.
#[derive(Clone, Debug, Default)]
pub(crate) struct StatementBatcher(Option<Arc<Mutex<Vec<PendingStatement>>>>);

impl std::fmt::Debug for PendingStatement {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.sql.fmt(formatter)
    }
}

impl StatementBatcher {
    /// Returns the batcher of a request, which its [`DataLoader`](super::data_loader::DataLoader) flushes.
    pub(crate) fn for_request() -> Self {
        Self(Some(Arc::default()))
    }

    fn drain(&self) -> Vec<PendingStatement> {
        let Some(statements) = &self.0 else { return Vec::new() };
        std::mem::take(&mut *statements.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store {
    /// Executes a query and returns rows for positional decoding. `query_name` names the span in traces.
    pub(crate) async fn query_rows(&self, query_name: &'static str, sql: Sql) -> Result<Vec<ResultRow>, Error> {
        let span = query_span(query_name);
        let rows = self.execute_single(sql).instrument(span.clone()).await;
        rows.inspect_err(|error| record_query_error(&span, error.code()))
    }

    /// Same as [`Self::query_rows`], combined with other statements that are issued at the same time. Only for
    /// statements that are always fast, because the others wait for them.
    pub(crate) async fn query_batched(&self, query_name: &'static str, sql: Sql) -> Result<Vec<ResultRow>, Error> {
        let Some(statements) = &self.batcher.0 else { return self.query_rows(query_name, sql).await };
        let span = query_span(query_name);
        let rows = async {
            let (reply, response) = oneshot::channel();
            statements.lock().unwrap_or_else(PoisonError::into_inner).push(PendingStatement { sql, reply });
            response.await.unwrap_or_else(|_| Err(Error::internal("a batched statement was not flushed")))
        };
        let rows = rows.instrument(span.clone()).await;
        rows.inspect_err(|error| record_query_error(&span, error.code()))
    }

    /// Returns futures that send the pending statements; empty if there are none.
    pub(crate) fn flush(&self) -> Vec<impl Future<Output = ()> + Send + use<>> {
        let mut statements = self.batcher.drain();
        // Sorted, so that equal sets produce the same statement text.
        statements.sort_by(|left, right| left.sql.text().cmp(right.sql.text()));
        let mut batches = Vec::new();
        while !statements.is_empty() {
            let rest = statements.split_off(statements.len().min(MAX_BATCH_STATEMENTS));
            let store = self.clone();
            let group = std::mem::replace(&mut statements, rest);
            batches.push(async move { store.execute_group(group).await });
        }
        batches
    }

    async fn execute_group(&self, statements: Vec<PendingStatement>) {
        // Send errors mean that the request was cancelled.
        if statements.len() > 1 {
            match self.execute_combined(&statements).await {
                Ok(parts) => {
                    for (statement, rows) in statements.into_iter().zip(parts) {
                        let _ = statement.reply.send(Ok(rows));
                    }
                    return;
                }
                // A timeout or a lost connection would fail again.
                Err(error @ (Error::Timeout(_) | Error::Unavailable(_))) => {
                    for statement in statements {
                        let _ = statement.reply.send(Err(error.clone()));
                    }
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, cause = ?error, "a combined statement failed; retrying its parts one by one");
                }
            }
        }
        join_all(statements.into_iter().map(async |PendingStatement { sql, reply }| {
            let _ = reply.send(self.execute_single(sql).await);
        }))
        .await;
    }

    async fn execute_single(&self, sql: Sql) -> Result<Vec<ResultRow>, Error> {
        let custom_plan = sql.has_custom_plan();
        let _permit = self.enter_work_class(sql.work()).await?;
        let rows = self.execute(&sql.into_statement()?, custom_plan).await?;
        Ok(rows.into_iter().map(|result| ResultRow { result, is_record: false }).collect())
    }

    /// Executes several statements as one and returns the rows of each.
    async fn execute_combined(&self, statements: &[PendingStatement]) -> Result<Vec<Vec<ResultRow>>, Error> {
        let mut sql = Sql::default();
        for (number, statement) in statements.iter().enumerate() {
            let union = if number == 0 { "" } else { " UNION ALL " };
            let head = format!("{union}SELECT {number}, ROW(entry.*) FROM (");
            sql = sql.then(head).then(statement.sql.clone()).then(") AS entry");
        }
        let mut parts: Vec<Vec<ResultRow>> = statements.iter().map(|_| Vec::new()).collect();
        for result in self.execute(&sql.into_statement()?, false).await? {
            let number = i32::from_next(&mut ColumnCursor::from_row(&result)?)?;
            let part = usize::try_from(number).ok().and_then(|number| parts.get_mut(number));
            part.ok_or_else(|| Error::internal("a row of an unknown part of a combined statement"))?
                .push(ResultRow { result, is_record: true });
        }
        Ok(parts)
    }
}
