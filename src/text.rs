//! Text processing: normalization, markup, personal names, slugs, the search tokenizer and excerpts.

pub mod bounded_key;
pub mod excerpt;
pub mod markup;
pub mod names;
pub mod normalize;
pub mod pages;
pub mod slug;
pub mod sort_key;
pub mod tokenizer;
