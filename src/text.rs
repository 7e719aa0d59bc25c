//! Text processing: personal names, the search tokenizer and excerpts.

pub mod excerpt;
pub mod names;
pub mod sort_key;
pub mod tokenizer;
