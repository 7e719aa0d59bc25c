//! The change feed: every entity at its last change, in the order of commits.
//!
//! The table `change` has one row for each entity. A transaction that changes the entity moves its row to the end, under
//! the write lock, so that the order of positions is that of commits and every reader sees a prefix of it.

pub mod cursor;
pub mod feed;
pub mod subscription;
pub mod tailer;
