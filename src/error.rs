//! The one error type: what went wrong, in the words and the code that a client gets.

use std::sync::Arc;

/// An error of a request. Cloneable, since one failed statement can fail many fields.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request asks for something in a way that cannot be answered; the text says what would pass.
    #[error("{0}")]
    BadUserInput(String),
    /// The database cannot be reached, or has no free connection.
    #[error("the directory is busy or starting; try again in a moment")]
    Unavailable(#[source] Arc<sea_orm::DbErr>),
    /// The database took longer than a statement may.
    #[error("this took longer than a statement may; ask for less at once")]
    Timeout(#[source] Arc<sea_orm::DbErr>),
    /// A fault of ours.
    #[error("something went wrong here; it was logged")]
    Internal(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The code in `extensions.code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadUserInput(_) => "BAD_USER_INPUT",
            Self::Unavailable(_) => "UNAVAILABLE",
            Self::Timeout(_) => "TIMEOUT",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// A fault of ours, from its cause.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(Arc::from(cause.into()))
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        // 57014: cancelled, which statement_timeout does.
        let timed_out = error.to_string().contains("statement timeout");
        match error {
            sea_orm::DbErr::ConnectionAcquire(_) | sea_orm::DbErr::Conn(_) => Self::Unavailable(Arc::new(error)),
            _ if timed_out => Self::Timeout(Arc::new(error)),
            _ => Self::Internal(Arc::new(error)),
        }
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
    crate::page::PageError,
    crate::id::InvalidId,
    crate::identifier::InvalidIdentifier,
    crate::language::InvalidLanguageTag
);
