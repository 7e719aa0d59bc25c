//! What harvesters read: [`selection`] finds the records of a page in the change feed, [`content`] reads what they contain.

pub mod content;
pub mod selection;
