//! Text processing: normalization, personal names, slugs, the search tokenizer and excerpts.

pub mod excerpt;
pub mod names;
pub mod normalize;
pub mod slug;
pub mod tokenizer;
