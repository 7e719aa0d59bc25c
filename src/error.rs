//! The error type of requests, with the message and code that a client receives.

use std::sync::Arc;

use sea_orm::SqlxError;

/// An error of a request. It can be cloned, since one failed statement can fail many fields.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request is invalid; the message says how to fix it.
    #[error("{0}")]
    BadUserInput(String),
    /// The request exceeds a limit.
    #[error("{message}")]
    LimitExceeded {
        /// The code in `extensions.code`.
        code: &'static str,
        /// The name of the limit.
        limit: &'static str,
        /// The actual value.
        counted: u64,
        /// The maximum value.
        maximum: u64,
        /// The actual value, the limit, and how to stay below it.
        message: String,
    },
    /// The request is not allowed.
    #[error("{message}")]
    Forbidden {
        /// The code in `extensions.code`.
        code: &'static str,
        /// The reason, and what is allowed.
        message: String,
    },
    /// The cursor refers to changes that no longer exist, because the directory was restored from a backup.
    #[error("{0}")]
    Forked(String),
    /// An entity that an earlier statement of the query referred to was deleted since. The response omits its list item, or
    /// has null for its field; the error itself is not reported.
    #[error("the {0} was deleted while the query was executed; repeat the query")]
    Deleted(&'static str),
    /// The database is unreachable, or has no free connection.
    #[error("{}", Self::UNAVAILABLE_MESSAGE)]
    Unavailable(#[source] Arc<sea_orm::DbErr>),
    /// Too many requests wait for the same kind of expensive work; the message says which.
    #[error("{0}")]
    Busy(&'static str),
    /// A statement exceeded its timeout.
    #[error("the query exceeded the statement timeout; request less data at once")]
    Timeout(#[source] Arc<sea_orm::DbErr>),
    /// An internal error.
    #[error("{}", Self::INTERNAL_MESSAGE)]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

/// Why a transaction that failed may succeed if it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transience {
    /// Other transactions were in the way.
    Contended,
    /// There was no connection.
    Unconnected,
    /// The connection was lost.
    Disconnected,
    /// The server does not accept writes, for example after a failover.
    ReadOnly,
}

impl Error {
    /// The message of an internal error. Its cause is written to the log only.
    pub const INTERNAL_MESSAGE: &str = "internal server error; it was logged";
    /// The message while the database is unreachable.
    pub const UNAVAILABLE_MESSAGE: &str = "the database is temporarily unavailable; retry in a few seconds";

    /// Why the same transaction may succeed if it is repeated; `None` if it would fail again.
    pub(crate) fn transience(&self) -> Option<Transience> {
        let Self::Unavailable(error) = self else { return None };
        match &**error {
            sea_orm::DbErr::ConnectionAcquire(_) => Some(Transience::Unconnected),
            sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error))
            | sea_orm::DbErr::Exec(sea_orm::RuntimeErr::SqlxError(error))
            | sea_orm::DbErr::Query(sea_orm::RuntimeErr::SqlxError(error)) => match &**error {
                SqlxError::PoolClosed => None,
                SqlxError::PoolTimedOut => Some(Transience::Unconnected),
                SqlxError::Database(error) => match error.code().as_deref().unwrap_or_default() {
                    code if is_contention(code) => Some(Transience::Contended),
                    "25006" => Some(Transience::ReadOnly),
                    _ => Some(Transience::Disconnected),
                },
                _ => Some(Transience::Disconnected),
            },
            _ => Some(Transience::Disconnected),
        }
    }

    /// Whether the server, not the client, caused the error.
    #[must_use]
    pub fn is_server_error(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Timeout(_) | Self::Internal(_))
    }

    /// The code in `extensions.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadUserInput(_) => "BAD_USER_INPUT",
            Self::LimitExceeded { code, .. } | Self::Forbidden { code, .. } => code,
            Self::Forked(_) => "CURSOR_FORKED",
            Self::Deleted(_) => "NOT_FOUND",
            Self::Unavailable(_) | Self::Busy(_) => "SERVICE_UNAVAILABLE",
            Self::Timeout(_) => "TIMEOUT",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// An exceeded limit, with its name, the actual and the maximum value, and the message.
    #[must_use]
    pub fn limit_exceeded(limit: &'static str, counted: usize, maximum: usize, message: String) -> Self {
        let (counted, maximum) = (counted as u64, maximum as u64);
        Self::LimitExceeded { code: "LIMIT_EXCEEDED", limit, counted, maximum, message }
    }

    /// An internal error with its cause.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(Arc::from(cause.into()))
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        use sea_orm::{DbErr, RuntimeErr};
        let kind = match &error {
            DbErr::ConnectionAcquire(_) => DbErrorKind::Unavailable,
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => classify(error),
            DbErr::Conn(_) => DbErrorKind::Unavailable,
            _ => DbErrorKind::Internal,
        };
        match kind {
            DbErrorKind::Unavailable => Self::Unavailable(Arc::new(error)),
            DbErrorKind::Timeout => Self::Timeout(Arc::new(error)),
            DbErrorKind::Internal => Self::Internal(Arc::new(error)),
        }
    }
}

impl From<SqlxError> for Error {
    fn from(error: SqlxError) -> Self {
        match error {
            SqlxError::PoolTimedOut => Self::from(sea_orm::DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout)),
            error => Self::from(sea_orm::DbErr::Query(sea_orm::RuntimeErr::SqlxError(Arc::new(error)))),
        }
    }
}

/// Whether other transactions were in the way: a serialization failure, a deadlock, a lock timeout.
fn is_contention(code: &str) -> bool {
    code.starts_with("40") || code == "55P03"
}

enum DbErrorKind {
    Unavailable,
    Timeout,
    Internal,
}

/// Classifies an error by its SQLSTATE (Postgres manual, appendix A), or by its class if all codes of it mean the same.
fn classify(error: &SqlxError) -> DbErrorKind {
    match error {
        SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::PoolTimedOut | SqlxError::PoolClosed => {
            DbErrorKind::Unavailable
        }
        SqlxError::Protocol(_) => DbErrorKind::Unavailable,
        SqlxError::Database(error) => match error.code().as_deref().unwrap_or_default() {
            // query_canceled: statement_timeout, or cancelled by an operator.
            "57014" => DbErrorKind::Timeout,
            // Connection exceptions, insufficient resources, operator intervention.
            code if ["08", "53", "57"].contains(&code.get(..2).unwrap_or_default()) => DbErrorKind::Unavailable,
            // read_only_sql_transaction, for example after a failover.
            "25006" => DbErrorKind::Unavailable,
            // The server has closed the connection: idle_in_transaction_session_timeout, transaction_timeout.
            "25P03" | "25P04" => DbErrorKind::Unavailable,
            code if is_contention(code) => DbErrorKind::Unavailable,
            _ => DbErrorKind::Internal,
        },
        _ => DbErrorKind::Internal,
    }
}

/// Converts errors that the client can fix.
macro_rules! bad_user_input {
    ($($type:ty),*) => {
        $(impl From<$type> for Error {
            fn from(error: $type) -> Self {
                Self::BadUserInput(error.to_string())
            }
        })*
    };
}

bad_user_input!(
    crate::model::global_id::InvalidGlobalId,
    crate::model::identifier::InvalidIdentifier,
    crate::model::language::InvalidLanguageTag
);
