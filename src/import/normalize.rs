//! Normalization of records: field values, author lists and markup.

pub(crate) mod author_list;
pub(crate) mod clean_record;
pub(crate) mod field_parsing;
pub(crate) mod strip_markup;
pub(crate) mod text_lengths;
