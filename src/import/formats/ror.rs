//! ROR records, schema version 2.

use std::io::BufRead;

use serde::Deserialize;
use serde_json::Value;

use crate::import::formats::detection::{JsonMatch, has_fields};
use crate::import::formats::{Format, FormatOptions, SourceKind};
use crate::import::io::json;
use crate::import::io::record_sink::{ReadAbort, RecordSink};
use crate::import::normalize::field_parsing::as_list;
use crate::model::identifier::Ror;
use crate::model::record::{
    ExternalIdentifier, NameKind, NameRecord, OrganizationRecord, OrganizationRelation, Record,
};

#[derive(Deserialize)]
struct RorOrganization {
    id: String,
    names: Vec<RorName>,
    #[serde(default)]
    types: Vec<String>,
    status: Option<String>,
    #[serde(default)]
    locations: Vec<RorLocation>,
    #[serde(default)]
    links: Vec<RorLink>,
    #[serde(default)]
    external_ids: Vec<RorExternalId>,
    #[serde(default)]
    relationships: Vec<RorRelationship>,
}

#[derive(Deserialize)]
struct RorName {
    value: String,
    lang: Option<String>,
    #[serde(default)]
    types: Vec<String>,
}

#[derive(Deserialize)]
struct RorLocation {
    geonames_details: Option<RorPlace>,
}

#[derive(Deserialize)]
struct RorPlace {
    country_code: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct RorLink {
    r#type: String,
    value: String,
}

#[derive(Deserialize)]
struct RorExternalId {
    r#type: String,
    #[serde(default)]
    all: Vec<String>,
}

#[derive(Deserialize)]
struct RorRelationship {
    r#type: String,
    id: String,
}

/// ROR data, schema version 2.
#[derive(Debug)]
pub(crate) struct RorFormat;

impl Format for RorFormat {
    fn name(&self) -> &'static str {
        "ror"
    }

    fn help(&self) -> &'static str {
        "ROR records, schema 2: an array, or one per line"
    }

    fn source_kind(&self) -> SourceKind {
        SourceKind::Registry
    }

    fn match_json(&self, value: &Value) -> Option<JsonMatch> {
        let has_ror_id = || value.get("id").and_then(Value::as_str).is_some_and(|id| id.contains("ror.org"));
        let first_name = as_list(value.get("names")).first();
        let has_ror_names = || first_name.is_some_and(|name| has_fields(name, &["value", "types"]));
        let is_organization =
            has_fields(value, &["names"]) && has_ror_id() || has_fields(value, &["locations"]) && has_ror_names();
        is_organization.then_some(JsonMatch::Importable("a ROR record"))
    }

    fn read(
        &self,
        reader: &mut dyn BufRead,
        _options: &FormatOptions,
        sink: &mut RecordSink<'_>,
    ) -> Result<(), ReadAbort> {
        read_stream(reader, sink)
    }
}

fn read_stream(reader: &mut dyn BufRead, sink: &mut RecordSink<'_>) -> Result<(), ReadAbort> {
    json::read_values(reader, sink, |line, value, sink| {
        let mut warnings = Vec::new();
        match organization_record(value, &mut warnings) {
            Ok(record) => sink.push_record(line, Record::Organization(record), warnings),
            Err(reason) => sink.push_invalid(line, reason),
        }
    })
}

fn organization_record(value: Value, warnings: &mut Vec<String>) -> Result<OrganizationRecord, String> {
    if value.get("names").is_none() {
        let is_first_version = value.get("name").is_some() && value.get("country").is_some();
        let reason = if is_first_version {
            "it is a ROR record of schema 1; use the data of schema 2"
        } else {
            "it is not a ROR record: it has no `names`"
        };
        return Err(reason.to_owned());
    }
    let source: RorOrganization =
        serde_json::from_value(value).map_err(|error| format!("it is not a ROR record: {error}"))?;
    let ror: Ror = source.id.parse().map_err(|error| format!("{error}"))?;
    let geonames = source.locations.into_iter().find_map(|location| location.geonames_details);
    let (country_code, city) = geonames.map_or((None, None), |geonames| (geonames.country_code, geonames.name));
    let mut types = Vec::new();
    for kind in source.types {
        let word = kind.to_uppercase();
        match word.as_str() {
            "EDUCATION" | "FUNDER" | "HEALTHCARE" | "COMPANY" | "ARCHIVE" | "NONPROFIT" | "GOVERNMENT" | "FACILITY"
            | "OTHER" => types.push(word),
            _ => warnings.push(format!("the type '{kind}' is not a ROR type and was ignored")),
        }
    }
    let status = source.status.map(|status| status.to_uppercase());
    if let Some(status) = &status
        && !matches!(status.as_str(), "ACTIVE" | "INACTIVE" | "WITHDRAWN")
    {
        return Err(format!("its status '{status}' is not active, inactive or withdrawn"));
    }
    let mut relations = Vec::new();
    for relationship in source.relationships {
        let relation = match relationship.r#type.to_lowercase().as_str() {
            "parent" => OrganizationRelation::Parent,
            "child" => OrganizationRelation::Child,
            "predecessor" => OrganizationRelation::Predecessor,
            "successor" => OrganizationRelation::Successor,
            // Related organizations are not hierarchical.
            _ => continue,
        };
        match relationship.id.parse::<Ror>() {
            Ok(other) => relations.push((relation, other)),
            Err(error) => warnings.push(format!("{error}; the relation was ignored")),
        }
    }
    Ok(OrganizationRecord {
        exported: None,
        slug: None,
        ror: Some(ror),
        names: source.names.into_iter().map(name_record).collect(),
        types,
        status,
        country_code,
        city,
        homepage_url: source.links.into_iter().find(|link| link.r#type == "website").map(|link| link.value),
        identifiers: source.external_ids.into_iter().flat_map(external_identifiers).collect(),
        relations,
    })
}

fn external_identifiers(ids: RorExternalId) -> impl Iterator<Item = ExternalIdentifier> {
    let scheme = ids.r#type.to_lowercase();
    ids.all.into_iter().map(move |value| ExternalIdentifier { scheme: scheme.clone(), value: value.trim().to_owned() })
}

/// Returns a name; if it has several types, the most specific one counts.
fn name_record(name: RorName) -> NameRecord {
    let has = |kind: &str| name.types.iter().any(|own| own == kind);
    let kind = if has("ror_display") {
        NameKind::Display
    } else if has("label") {
        NameKind::Label
    } else if has("acronym") {
        NameKind::Acronym
    } else {
        NameKind::Alias
    };
    NameRecord { value: name.value, language: name.lang, kind }
}
