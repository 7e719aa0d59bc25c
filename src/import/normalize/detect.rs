//! What a value or a file seems to be, by outward signs: for `import auto`, and to refuse a file in words that help.

use serde_json::Value;

use crate::import::normalize::field_parsing::{at, list};

/// What something seems to be.
pub(crate) struct Kind {
    /// The format that reads it, by its name on the command line; none reads the others.
    pub(crate) format: Option<&'static str>,
    /// What it is, in words.
    pub(crate) what: String,
}

impl Kind {
    fn of(format: &'static str, what: &str) -> Option<Self> {
        Some(Self { format: Some(format), what: what.to_owned() })
    }

    fn unread(what: impl Into<String>) -> Option<Self> {
        Some(Self { format: None, what: what.into() })
    }

    /// One sentence that refuses it.
    pub(crate) fn refusal(&self) -> String {
        match self.format {
            Some(format) => format!("it seems to be {}; import it as `{format}`", self.what),
            None => format!("it seems to be {}, of which the directory keeps nothing", self.what),
        }
    }
}

/// What a JSON value seems to be; none where nothing tells.
pub(crate) fn of_json(value: &Value) -> Option<Kind> {
    let has = |fields: &[&str]| fields.iter().all(|field| value.get(field).is_some());
    if let Some(kind) = value.get("message-type").and_then(Value::as_str) {
        return of_crossref_answer(kind);
    }
    if let Some(kind) = value.get("kind").and_then(Value::as_str)
        && matches!(kind, "paper" | "researcher" | "organization" | "topic")
    {
        return Kind::of("records", "a record of this directory");
    }
    if has(&["names", "locations"]) || (has(&["names"]) && id(value).contains("ror.org")) {
        return Kind::of("ror", "a ROR record");
    }
    if has(&["subfield_id"]) || has(&["pref"]) {
        return Kind::of("topics", "a table of topics");
    }
    if let Some(kind) = of_openalex(value) {
        return Some(kind);
    }
    if has(&["meta", "results"]) {
        return Kind::of("openalex", "an answer of OpenAlex");
    }
    if has(&["orcid-identifier"]) || has(&["person"]) && has(&["activities-summary"]) {
        return Kind::of("orcid", "an ORCID record");
    }
    if has(&["bulk"]) || at(value, &["title", "title"]).is_some() {
        return Kind::of("orcid", "works of ORCID");
    }
    if has(&["put-code"])
        || has(&["visibility"])
        || at(value, &["organization", "disambiguated-organization"]).is_some()
    {
        return Kind::unread("a part of an ORCID record without the person");
    }
    if at(value, &["attributes", "doi"]).is_some() || has(&["creators", "titles"]) {
        return Kind::of("datacite", "a DataCite record");
    }
    if let Some(data) = value.get("data")
        && let Some(kind) = list(Some(data)).first().and_then(|first| first.get("type")).and_then(Value::as_str)
    {
        return if kind == "dois" {
            Kind::of("datacite", "an answer of DataCite")
        } else {
            Kind::unread(format!("an answer of DataCite about {kind}"))
        };
    }
    if let (Some(kind), true) = (value.get("type").and_then(Value::as_str), has(&["attributes"])) {
        return match kind {
            "dois" => Kind::of("datacite", "a DataCite record"),
            kind => Kind::unread(format!("an answer of DataCite about {kind}")),
        };
    }
    if has(&["RA", "DOI"]) {
        return Kind::unread("an answer about who registers a DOI");
    }
    of_crossref_item(value).or_else(|| {
        let is_csl = has(&["title"]) && (has(&["type"]) || has(&["author"]) || has(&["issued"]));
        if is_csl { Kind::of("csl", "a CSL item") } else { None }
    })
}

fn id(value: &Value) -> &str {
    value.get("id").and_then(Value::as_str).unwrap_or_default()
}

fn of_crossref_answer(kind: &str) -> Option<Kind> {
    let subject = match kind {
        "work" | "work-list" => return Kind::of("crossref", "an answer of Crossref about works"),
        "member" | "member-list" => "members",
        "journal" | "journal-list" => "journals",
        "funder" | "funder-list" => "funders",
        "license-list" => "licenses",
        "type" | "type-list" => "types of works",
        "prefix" => "a prefix",
        "work-agency" => "who registers a DOI",
        other => return Kind::unread(format!("an answer of Crossref, {other}")),
    };
    Kind::unread(format!("an answer of Crossref about {subject}"))
}

/// What the list of an answer of Crossref is of.
fn of_crossref_item(value: &Value) -> Option<Kind> {
    let has = |fields: &[&str]| fields.iter().all(|field| value.get(field).is_some());
    let what =
        if has(&["DOI", "prefix", "member"]) || has(&["DOI", "is-referenced-by-count"]) || has(&["indexed", "DOI"]) {
            return Kind::of("crossref", "a work of Crossref");
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
    Kind::unread(format!("an answer of Crossref about {what}"))
}

fn of_openalex(value: &Value) -> Option<Kind> {
    let (_, local) = id(value).split_once("openalex.org/")?;
    let what = match local.chars().next().unwrap_or_default() {
        'W' => return Kind::of("openalex", "a work of OpenAlex"),
        'A' => return Kind::of("openalex", "an author of OpenAlex"),
        'I' => return Kind::of("openalex", "an institution of OpenAlex"),
        'T' => return Kind::of("openalex", "a topic of OpenAlex"),
        'S' => "a source",
        'C' => "a concept",
        'P' => "a publisher",
        'F' => "a funder",
        'G' => "a grant",
        _ => match local.split('/').next().unwrap_or_default() {
            "subfields" | "fields" | "domains" => return Kind::of("openalex", "a topic of OpenAlex"),
            "keywords" => "a keyword",
            _ => "something",
        },
    };
    Kind::unread(format!("{what} of OpenAlex"))
}
