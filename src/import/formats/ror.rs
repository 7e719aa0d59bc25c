//! ROR records, schema version 2.

use std::io::BufRead;

use serde::Deserialize;
use serde_json::Value;

use crate::import::io::json;
use crate::import::{Sink, Stop};
use crate::model::identifier::Ror;
use crate::model::record::{Identifier, Name, NameKind, OrganizationRecord, OrganizationRelation, Record};

#[derive(Deserialize)]
struct Organization {
    id: String,
    names: Vec<OrganizationName>,
    #[serde(default)]
    types: Vec<String>,
    status: Option<String>,
    #[serde(default)]
    locations: Vec<Location>,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(default)]
    external_ids: Vec<ExternalId>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Deserialize)]
struct OrganizationName {
    value: String,
    lang: Option<String>,
    #[serde(default)]
    types: Vec<String>,
}

#[derive(Deserialize)]
struct Location {
    geonames_details: Option<Place>,
}

#[derive(Deserialize)]
struct Place {
    country_code: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Link {
    r#type: String,
    value: String,
}

#[derive(Deserialize)]
struct ExternalId {
    r#type: String,
    #[serde(default)]
    all: Vec<String>,
}

#[derive(Deserialize)]
struct Relationship {
    r#type: String,
    id: String,
}

pub(crate) fn stream(reader: &mut dyn BufRead, sink: &mut Sink<'_>) -> Result<(), Stop> {
    json::values(reader, sink, |line, value, sink| {
        let mut notes = Vec::new();
        match organization(value, &mut notes) {
            Ok(record) => sink.record(line, Record::Organization(record), notes),
            Err(reason) => sink.rejected(line, reason),
        }
    })
}

fn organization(value: Value, notes: &mut Vec<String>) -> Result<OrganizationRecord, String> {
    if value.get("names").is_none() {
        let is_first_version = value.get("name").is_some() && value.get("country").is_some();
        let reason = if is_first_version {
            "it is a ROR record of version 1; take the data of version 2"
        } else {
            "it is no ROR record: it has no `names`"
        };
        return Err(reason.to_owned());
    }
    let source: Organization =
        serde_json::from_value(value).map_err(|error| format!("it is no ROR record: {error}"))?;
    let ror: Ror = source.id.parse().map_err(|error| format!("{error}"))?;
    let place = source.locations.into_iter().find_map(|location| location.geonames_details);
    let (country_code, city) = place.map_or((None, None), |place| (place.country_code, place.name));
    let mut types = Vec::new();
    for kind in source.types {
        let word = kind.to_uppercase();
        match word.as_str() {
            "EDUCATION" | "FUNDER" | "HEALTHCARE" | "COMPANY" | "ARCHIVE" | "NONPROFIT" | "GOVERNMENT" | "FACILITY"
            | "OTHER" => types.push(word),
            _ => notes.push(format!("the type '{kind}' is not one of ROR's and was left out")),
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
            // Related organizations are neither above, below, before nor after.
            _ => continue,
        };
        match relationship.id.parse::<Ror>() {
            Ok(other) => relations.push((relation, other)),
            Err(error) => notes.push(format!("{error}; the relation was left out")),
        }
    }
    Ok(OrganizationRecord {
        exported: None,
        slug: None,
        ror: Some(ror),
        names: source.names.into_iter().map(name).collect(),
        types,
        status,
        country_code,
        city,
        homepage_url: source.links.into_iter().find(|link| link.r#type == "website").map(|link| link.value),
        identifiers: source.external_ids.into_iter().flat_map(identifiers).collect(),
        relations,
    })
}

fn identifiers(ids: ExternalId) -> impl Iterator<Item = Identifier> {
    let scheme = ids.r#type.to_lowercase();
    ids.all.into_iter().map(move |value| Identifier { scheme: scheme.clone(), value: value.trim().to_owned() })
}

/// A name of several types is of the one that says most.
fn name(name: OrganizationName) -> Name {
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
    Name { value: name.value, language: name.lang, kind }
}
