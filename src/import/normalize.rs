//! Cleaning of what files contain: field values, author lists, markup, and detection of the format.

pub(crate) mod author_list;
pub(crate) mod auto_format;
pub(crate) mod clean_record;
pub(crate) mod detect;
pub(crate) mod field_parsing;
pub(crate) mod strip_markup;
