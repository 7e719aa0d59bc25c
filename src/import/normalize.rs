//! Normalization of records: field values, author lists, placeholders and markup.

pub(crate) mod abstract_heading;
pub(crate) mod author_list;
pub(crate) mod bibliographic_details;
pub(crate) mod clean_record;
pub(crate) mod dblp_name;
pub(crate) mod field_parsing;
pub(crate) mod placeholder;
pub(crate) mod plain_text;
pub(crate) mod preprint;
pub(crate) mod text_lengths;
