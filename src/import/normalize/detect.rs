//! What a value or a file seems to be, by outward signs: for `import auto`, and to refuse a file in words that help.

use serde_json::Value;

use crate::import::normalize::field_parsing::{as_list, value_at};

/// What something seems to be.
pub(crate) struct DetectedKind {
    /// The format that reads it, by its name on the command line; none reads the others.
    pub(crate) format: Option<&'static str>,
    /// What it is, in words.
    pub(crate) description: String,
}

impl DetectedKind {
    fn supported(format: &'static str, what: &str) -> Option<Self> {
        Some(Self { format: Some(format), description: what.to_owned() })
    }

    fn unsupported(what: impl Into<String>) -> Option<Self> {
        Some(Self { format: None, description: what.into() })
    }

    /// One sentence that refuses it.
    pub(crate) fn rejection_reason(&self) -> String {
        match self.format {
            Some(format) => format!("it seems to be {}; import it as `{format}`", self.description),
            None => format!("it seems to be {}, of which the directory keeps nothing", self.description),
        }
    }
}

/// What a JSON value seems to be; none where nothing tells.
pub(crate) fn detect_json(value: &Value) -> Option<DetectedKind> {
    let has = |fields: &[&str]| fields.iter().all(|field| value.get(field).is_some());
    if let Some(kind) = value.get("message-type").and_then(Value::as_str) {
        return detect_crossref_response(kind);
    }
    if let Some(kind) = value.get("kind").and_then(Value::as_str)
        && matches!(kind, "paper" | "researcher" | "organization" | "topic")
    {
        return DetectedKind::supported("records", "a record of this directory");
    }
    if has(&["names", "locations"]) || (has(&["names"]) && id_field(value).contains("ror.org")) {
        return DetectedKind::supported("ror", "a ROR record");
    }
    if has(&["subfield_id"]) || has(&["pref"]) {
        return DetectedKind::supported("topics", "a table of topics");
    }
    if let Some(kind) = detect_openalex(value) {
        return Some(kind);
    }
    if has(&["meta", "results"]) {
        return DetectedKind::supported("openalex", "an answer of OpenAlex");
    }
    if has(&["orcid-identifier"]) || has(&["person"]) && has(&["activities-summary"]) {
        return DetectedKind::supported("orcid", "an ORCID record");
    }
    if has(&["bulk"]) || value_at(value, &["title", "title"]).is_some() {
        return DetectedKind::supported("orcid", "works of ORCID");
    }
    if has(&["put-code"])
        || has(&["visibility"])
        || value_at(value, &["organization", "disambiguated-organization"]).is_some()
    {
        return DetectedKind::unsupported("a part of an ORCID record without the person");
    }
    if value_at(value, &["attributes", "doi"]).is_some() || has(&["creators", "titles"]) {
        return DetectedKind::supported("datacite", "a DataCite record");
    }
    if let Some(data) = value.get("data")
        && let Some(kind) = as_list(Some(data)).first().and_then(|first| first.get("type")).and_then(Value::as_str)
    {
        return if kind == "dois" {
            DetectedKind::supported("datacite", "an answer of DataCite")
        } else {
            DetectedKind::unsupported(format!("an answer of DataCite about {kind}"))
        };
    }
    if let (Some(kind), true) = (value.get("type").and_then(Value::as_str), has(&["attributes"])) {
        return match kind {
            "dois" => DetectedKind::supported("datacite", "a DataCite record"),
            kind => DetectedKind::unsupported(format!("an answer of DataCite about {kind}")),
        };
    }
    if has(&["RA", "DOI"]) {
        return DetectedKind::unsupported("an answer about who registers a DOI");
    }
    detect_crossref_item(value).or_else(|| {
        let is_csl = has(&["title"]) && (has(&["type"]) || has(&["author"]) || has(&["issued"]));
        if is_csl { DetectedKind::supported("csl", "a CSL item") } else { None }
    })
}

fn id_field(value: &Value) -> &str {
    value.get("id").and_then(Value::as_str).unwrap_or_default()
}

fn detect_crossref_response(kind: &str) -> Option<DetectedKind> {
    let subject = match kind {
        "work" | "work-list" => return DetectedKind::supported("crossref", "an answer of Crossref about works"),
        "member" | "member-list" => "members",
        "journal" | "journal-list" => "journals",
        "funder" | "funder-list" => "funders",
        "license-list" => "licenses",
        "type" | "type-list" => "types of works",
        "prefix" => "a prefix",
        "work-agency" => "who registers a DOI",
        other => return DetectedKind::unsupported(format!("an answer of Crossref, {other}")),
    };
    DetectedKind::unsupported(format!("an answer of Crossref about {subject}"))
}

/// What the list of an answer of Crossref is of.
fn detect_crossref_item(value: &Value) -> Option<DetectedKind> {
    let has = |fields: &[&str]| fields.iter().all(|field| value.get(field).is_some());
    let what =
        if has(&["DOI", "prefix", "member"]) || has(&["DOI", "is-referenced-by-count"]) || has(&["indexed", "DOI"]) {
            return DetectedKind::supported("crossref", "a work of Crossref");
        } else if has(&["primary-name", "prefixes"]) {
            "members"
        } else if has(&["ISSN", "publisher", "counts"]) {
            "journals"
        } else if has(&["alt-names", "uri"]) {
            "funders"
        } else if has(&["URL", "work-count"]) {
            "licenses"
        } else if has(&["id", "label"]) && value.as_object().is_some_and(|object| object.len() == 2) {
            "types of works"
        } else {
            return None;
        };
    DetectedKind::unsupported(format!("an answer of Crossref about {what}"))
}

fn detect_openalex(value: &Value) -> Option<DetectedKind> {
    let (_, local) = id_field(value).split_once("openalex.org/")?;
    let what = match local.chars().next().unwrap_or_default() {
        'W' => return DetectedKind::supported("openalex", "a work of OpenAlex"),
        'A' => return DetectedKind::supported("openalex", "an author of OpenAlex"),
        'I' => return DetectedKind::supported("openalex", "an institution of OpenAlex"),
        'T' => return DetectedKind::supported("openalex", "a topic of OpenAlex"),
        'S' => "a source",
        'C' => "a concept",
        'P' => "a publisher",
        'F' => "a funder",
        'G' => "a grant",
        _ => match local.split('/').next().unwrap_or_default() {
            "subfields" | "fields" | "domains" => return DetectedKind::supported("openalex", "a topic of OpenAlex"),
            "keywords" => "a keyword",
            _ => "something",
        },
    };
    DetectedKind::unsupported(format!("{what} of OpenAlex"))
}
