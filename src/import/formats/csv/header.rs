//! The columns of a table, and the records that their values make.

use crate::import::formats::csv::values::{AFFILIATION_KINDS, parse_affiliation_kind, parse_boolean, parse_end};
use crate::import::io::content_kind::ContentKind;
use crate::import::io::delimited::split_row;
use crate::import::io::lines;
use crate::import::normalize::field_parsing;
use crate::model::identifier::{Orcid, Ror};
use crate::model::language::{LanguageTag, LocalizedText};
use crate::model::record::{
    AffiliationRecord, ExternalIdentifier, NameUse, OrganizationReference, OtherName, ResearcherRecord, TopicReference,
    local_scheme,
};

/// Number of unknown columns that a note names.
const MAX_LISTED_COLUMNS: usize = 5;

/// The supported columns. Columns of `LOCALIZED_COLUMNS` may have a language suffix, as in `role_title@fr`.
const COLUMNS: [&str; 22] = [
    "name",
    "given_name",
    "family_name",
    "orcid",
    "other_names",
    "search_only_names",
    "private_names",
    "withhold_published_name",
    "headline",
    "biography",
    "homepage_url",
    "portrait_url",
    "identifiers",
    "topics",
    "organization",
    "ror",
    "affiliation_kind",
    "role_title",
    "department",
    "start_date",
    "end_date",
    "is_primary",
];

const LOCALIZED_COLUMNS: [&str; 5] = ["headline", "biography", "topics", "role_title", "department"];

const NAME_COLUMNS: [(&str, NameUse); 3] = [
    ("other_names", NameUse::Display),
    ("search_only_names", NameUse::SearchOnly),
    ("private_names", NameUse::Private),
];

/// A column of the header: one of `COLUMNS` and its language.
struct CsvColumn {
    name: &'static str,
    language: Option<LanguageTag>,
}

pub(super) struct CsvHeader {
    pub(super) delimiter: u8,
    columns: Vec<Option<CsvColumn>>,
}

/// Whether a line is the header of a table of people.
pub(super) fn is_people_header(line: &[u8]) -> bool {
    line.iter().any(|byte| matches!(byte, b',' | b';' | b'\t' | b'|'))
        && CsvHeader::parse(&lines::decode_text(line).0).is_ok()
}

impl CsvHeader {
    /// Parses a header; also returns a note about unknown columns.
    pub(super) fn parse(line: &str) -> Result<(Self, Option<String>), String> {
        let kind = ContentKind::of(line.as_bytes());
        if kind != ContentKind::Text {
            return Err(format!("it is not CSV; it starts like {kind}"));
        }
        let count = |delimiter: u8| line.bytes().filter(|byte| *byte == delimiter).count();
        let delimiter =
            [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
        let names = split_row(line, delimiter).unwrap_or_default();
        let mut unknown = Vec::new();
        let columns: Vec<Option<CsvColumn>> = names
            .iter()
            .map(|name| {
                let column = parse_column(name);
                if column.is_none() {
                    unknown.push(name.chars().take(40).collect::<String>());
                }
                column
            })
            .collect();
        let has = |name: &str| columns.iter().flatten().any(|column| column.name == name);
        if !has("name") && !has("family_name") {
            return Err(format!(
                "its first line has no column `name` or `family_name`; the columns are {}",
                COLUMNS.join(", ")
            ));
        }
        let note = (!unknown.is_empty()).then(|| {
            let names = unknown.iter().take(MAX_LISTED_COLUMNS).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if unknown.len() > MAX_LISTED_COLUMNS { ", …" } else { "" };
            let columns = if unknown.len() == 1 { "column was" } else { "columns were" };
            format!("{} unknown {columns} ignored: {names}{more}", unknown.len())
        });
        Ok((Self { delimiter, columns }, note))
    }

    pub(super) fn parse_researcher(
        &self,
        fields: &[String],
        warnings: &mut Vec<String>,
    ) -> Result<ResearcherRecord, String> {
        let (amount, expected) = (fields.len(), self.columns.len());
        if fields.iter().skip(expected).any(|field| !field.is_empty()) {
            return Err(format!(
                "it has {amount} fields, but the first line has {expected}; is a quotation mark missing?"
            ));
        }
        let all = |name: &'static str| {
            let columns = self.columns.iter().zip(fields);
            columns.filter_map(move |(column, field)| {
                let column = column.as_ref().filter(|column| column.name == name && !field.is_empty())?;
                Some((column.language.as_ref(), field.as_str()))
            })
        };
        let one = |name: &'static str| all(name).next().map(|(_, field)| field.to_owned());
        let localized = |name: &'static str| {
            let mut texts = LocalizedText::default();
            all(name).for_each(|(language, text)| texts.insert(language, text));
            texts
        };
        let (given_name, family_name) = (one("given_name"), one("family_name"));
        let name =
            one("name").or_else(|| field_parsing::join_name_parts(&[given_name.as_deref(), family_name.as_deref()]));
        let list = |text: &str| {
            text.split(';').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect::<Vec<_>>()
        };
        let identifiers = one("identifiers").map(|text| list(&text)).unwrap_or_default().into_iter().map(|text| {
            // An identifier without a colon has no scheme; normalization reports it.
            let (scheme, value) = text.split_once(':').unwrap_or(("", &text));
            ExternalIdentifier { scheme: scheme.trim().to_lowercase(), value: value.trim().to_owned() }
        });
        let withhold_published_name =
            parse_boolean(one("withhold_published_name"), "withhold_published_name", warnings);
        let topics = all("topics").flat_map(|(language, text)| {
            list(text)
                .into_iter()
                .map(move |label| TopicReference::new(local_scheme(), None, LocalizedText::new(language, label)))
        });
        let other_names = NAME_COLUMNS.into_iter().flat_map(|(column, name_use)| {
            let names = one(column).map(|text| list(&text)).unwrap_or_default();
            names.into_iter().map(move |value| OtherName { value, name_use })
        });
        let mut record = ResearcherRecord {
            name: name.ok_or("it has no name")?,
            given_name,
            family_name,
            other_names: other_names.collect(),
            withhold_published_name,
            orcid: field_parsing::parse_identifier::<Orcid>(one("orcid").as_deref(), warnings),
            headline: localized("headline"),
            biography: localized("biography"),
            homepage_url: one("homepage_url"),
            portrait_url: one("portrait_url"),
            identifiers: identifiers.collect(),
            topics: topics.collect(),
            ..ResearcherRecord::default()
        };
        let organization = OrganizationReference {
            ror: field_parsing::parse_identifier::<Ror>(one("ror").as_deref(), warnings),
            name: one("organization"),
            ..Default::default()
        };
        let kind = one("affiliation_kind");
        let Some(kind) = parse_affiliation_kind(kind.as_deref()) else {
            let kinds: Vec<&str> = AFFILIATION_KINDS.iter().map(|(name, _)| *name).collect();
            let written = kind.unwrap_or_default();
            warnings.push(format!(
                "'{written}' is not an affiliation kind ({}); the affiliation was ignored",
                kinds.join(", ")
            ));
            return Ok(record);
        };
        if organization.ror.is_none() && organization.name.is_none() {
            return Ok(record);
        }
        let is_primary = parse_boolean(one("is_primary"), "is_primary", warnings);
        let start_date = one("start_date").and_then(|written| {
            field_parsing::parse_day_first(&written)
                .or_else(|| field_parsing::parse_identifier(Some(written.as_str()), warnings))
        });
        let (end_date, has_ended) = parse_end(one("end_date"), warnings);
        record.affiliations.push(AffiliationRecord {
            id: None,
            organization,
            kind,
            role_title: localized("role_title"),
            department_name: localized("department"),
            start_date,
            end_date,
            has_ended,
            is_primary,
        });
        Ok(record)
    }
}

fn parse_column(written: &str) -> Option<CsvColumn> {
    let (name, language) = match written.split_once('@') {
        Some((name, language)) => (name, Some(language)),
        None => (written, None),
    };
    let name = name.trim().to_lowercase().replace([' ', '-'], "_");
    let name = COLUMNS.into_iter().find(|supported| *supported == name)?;
    let language = match language {
        Some(tag) if LOCALIZED_COLUMNS.contains(&name) => Some(tag.parse().ok()?),
        Some(_) => return None,
        None => None,
    };
    Some(CsvColumn { name, language })
}
