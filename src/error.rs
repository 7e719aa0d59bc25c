//! The one error type: what went wrong, in the words and the code that a client gets.

use std::sync::Arc;

use sea_orm::SqlxError;

/// An error of a request. Cloneable, since one failed statement can fail many fields.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request asks for something in a way that cannot be answered; the text says what would pass.
    #[error("{0}")]
    BadUserInput(String),
    /// The request asks for more than it may.
    #[error("{message}")]
    LimitExceeded {
        /// The code in `extensions.code`.
        code: &'static str,
        /// The limit's name.
        limit: &'static str,
        /// How much there is.
        counted: u64,
        /// How much there may be.
        maximum: u64,
        /// What was counted, the limit, and what would pass.
        message: String,
    },
    /// The request asks for what is not open to it.
    #[error("{message}")]
    Forbidden {
        /// The code in `extensions.code`.
        code: &'static str,
        /// Why, and what is open.
        message: String,
    },
    /// The database cannot be reached, or has no free connection.
    #[error("{}", Self::UNAVAILABLE_MESSAGE)]
    Unavailable(#[source] Arc<sea_orm::DbErr>),
    /// The database took longer than a statement may.
    #[error("the database stopped this before it was done, as it does with what takes too long; ask for less at once")]
    Timeout(#[source] Arc<sea_orm::DbErr>),
    /// A fault of ours.
    #[error("{}", Self::INTERNAL_MESSAGE)]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// What is told of a fault of ours, whose cause is for the log alone.
    pub const INTERNAL_MESSAGE: &str = "something went wrong here; it was logged";
    /// What a client is told while the database cannot be reached.
    pub const UNAVAILABLE_MESSAGE: &str = "the directory cannot be read at the moment; try again in a few seconds";

    /// Whether it is nothing that the client did.
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
            Self::Unavailable(_) => "SERVICE_UNAVAILABLE",
            Self::Timeout(_) => "TIMEOUT",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// More than may be: of what, how much there is and may be, and a sentence that says so.
    #[must_use]
    pub fn limit_exceeded(limit: &'static str, counted: usize, maximum: usize, message: String) -> Self {
        let (counted, maximum) = (counted as u64, maximum as u64);
        Self::LimitExceeded { code: "LIMIT_EXCEEDED", limit, counted, maximum, message }
    }

    /// A fault of ours, from its cause.
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

enum DbErrorKind {
    Unavailable,
    Timeout,
    Internal,
}

/// By Postgres' error codes (its manual, appendix A): a class where all of it means the same.
fn classify(error: &SqlxError) -> DbErrorKind {
    match error {
        SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::PoolTimedOut | SqlxError::PoolClosed => {
            DbErrorKind::Unavailable
        }
        SqlxError::Protocol(_) => DbErrorKind::Unavailable,
        SqlxError::Database(error) => match error.code().as_deref().unwrap_or_default() {
            // query_canceled, by statement_timeout or by somebody.
            "57014" => DbErrorKind::Timeout,
            // No connection, no resources (disk, memory, connections), stopped by an operator, read-only.
            code if ["08", "53", "57"].contains(&code.get(..2).unwrap_or_default()) => DbErrorKind::Unavailable,
            "25006" => DbErrorKind::Unavailable,
            _ => DbErrorKind::Internal,
        },
        _ => DbErrorKind::Internal,
    }
}

/// Errors that a client can mend by asking otherwise.
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
