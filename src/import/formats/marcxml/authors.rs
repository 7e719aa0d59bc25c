//! The authors of a record.

use crate::import::formats::marcxml::record::{MarcField, MarcRecord, strip_punctuation};
use crate::import::normalize::{author_list, field_parsing};
use crate::model::identifier::{Orcid, Ror};
use crate::model::record::{AuthorRecord, ExternalIdentifier, OrganizationReference};
use crate::text::names;

impl<'a> MarcRecord<'a> {
    /// Returns the authors: the main entry, and added entries without another role.
    pub(super) fn authors(&self, warnings: &mut Vec<String>) -> Vec<AuthorRecord> {
        let people = self.fields(&["100", "700"]).filter(|field| is_author(*field));
        // Subfield t makes an added entry a work of another person.
        let people = people.filter(|field| field.value("t").is_none());
        let mut fields: Vec<MarcField<'a>> = people.collect();
        if fields.is_empty() {
            fields = self.fields(&["110"]).filter(|field| is_author(*field)).collect();
        }
        (1..).zip(fields).map(|(position, field)| author_record(position, field, warnings)).collect()
    }
}

/// Returns whether the roles in a field, if any, include that of an author.
fn is_author(field: MarcField<'_>) -> bool {
    let roles = field.values("4").chain(field.values("e"));
    let roles: Vec<String> = roles.map(|role| names::fold(role.rsplit('/').next().unwrap_or(&role))).collect();
    let author_roles = [
        "aut",
        "cre",
        "dis",
        "author",
        "joint author",
        "co author",
        "creator",
        "degree granted",
        "verfasser",
        "verfasserin",
        "auteur",
        "autor",
    ];
    roles.is_empty() || roles.iter().any(|role| author_roles.contains(&role.as_str()))
}

fn author_record(position: u32, field: MarcField<'_>, warnings: &mut Vec<String>) -> AuthorRecord {
    let written = field.value("a").unwrap_or_default();
    let written = strip_name_punctuation(&written);
    let is_group = field.element.attribute("tag") == Some("110");
    let suffix = field.value("c").map(|titles| strip_name_punctuation(&titles).to_owned());
    let suffix = suffix.filter(|suffix| names::is_suffix_after_comma(suffix));
    let in_text = suffix.map_or_else(|| written.to_owned(), |suffix| format!("{written}, {suffix}"));
    let author = if is_group {
        let unit = field.value("b").map(|unit| strip_punctuation(&unit).to_owned());
        let name = unit.map_or_else(|| written.to_owned(), |unit| format!("{written}. {unit}"));
        AuthorRecord { position: Some(position), name, ..AuthorRecord::default() }
    } else {
        author_list::author_from_text(Some(position), &in_text)
    };
    let (orcid, identifiers) = person_identifiers(field, position, warnings);
    // INSPIRE writes its short name of an institution in u and the printed affiliation in v.
    let printed: Vec<String> = field.values("v").collect();
    let affiliations = if printed.is_empty() { field.values("u").collect() } else { printed };
    let organizations = field.values("t").chain(field.values("0")).chain(field.values("1"));
    let organizations = organizations.filter_map(|id| {
        let ror = id.rsplit("ROR:").next().filter(|_| id.to_ascii_lowercase().contains("ror"))?.parse::<Ror>().ok()?;
        Some(OrganizationReference { ror: Some(ror), name: field.value("u"), ..Default::default() })
    });
    AuthorRecord {
        orcid,
        identifiers,
        affiliations_as_published: affiliations,
        organizations: organizations.collect(),
        ..author
    }
}

/// Returns the ORCID iD and other identifiers of a person: `(orcid)0000-…`, `ORCID:0000-…`, a URI, `(DE-588)118540238`,
/// `INSPIRE-00210391`.
fn person_identifiers(
    field: MarcField<'_>,
    position: u32,
    warnings: &mut Vec<String>,
) -> (Option<Orcid>, Vec<ExternalIdentifier>) {
    let (mut orcid, mut identifiers) = (None, Vec::new());
    let mut add = |scheme: &str, value: &str| {
        identifiers.extend(field_parsing::scheme_identifier(scheme, Some(value.to_owned())));
    };
    for id in field.values("0").chain(field.values("1")).chain(field.values("j")).chain(field.values("i")) {
        let folded = id.to_ascii_lowercase();
        if let Some(start) = folded.find("orcid") {
            let value = id[start + "orcid".len()..].trim_start_matches([')', ':', ' ']).trim_start_matches(".org/");
            let mut orcid_warnings = Vec::new();
            orcid = orcid.or_else(|| field_parsing::parse_identifier::<Orcid>(Some(value), &mut orcid_warnings));
            warnings.extend(orcid_warnings.into_iter().map(|warning| format!("author {position}: {warning}")));
        } else if let Some(value) =
            id.strip_prefix("(DE-588)").or_else(|| id.split_once("d-nb.info/gnd/").map(|(_, id)| id))
        {
            add("gnd", value);
        } else if let Some((_, value)) = id.split_once("viaf.org/viaf/") {
            add("viaf", value);
        } else if let Some((_, value)) = id.split_once("wikidata.org/entity/") {
            add("wikidata", value);
        } else if id.starts_with("INSPIRE-") {
            add("inspire", &id);
        } else if let Some((_, value)) = id.split_once("isni.org/isni/").or_else(|| id.split_once("(isni)")) {
            add("isni", value);
        }
    }
    (orcid, identifiers)
}

/// Strips the punctuation after a name: "Brook, Ida," and "Brook, Ida." but not "Brook, I."
fn strip_name_punctuation(text: &str) -> &str {
    let text = text.trim().trim_end_matches([',', ';', ':']).trim_end();
    match text.strip_suffix('.') {
        Some(before) if before.rsplit([' ', '-', '.', ',']).next().is_some_and(|word| word.chars().count() > 2) => {
            before
        }
        _ => text,
    }
}
