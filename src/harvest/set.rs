//! Sets: by kind, as OpenAIRE names them, and by organization.

use crate::error::Error;
use crate::harvest::protocol::MetadataFormat;
use crate::model::change::ChangeKind;
use crate::model::record::PaperType;
use crate::store::Store;
use crate::store::reader::harvest::content::{Organizations, with_ancestors};
use crate::store::reader::harvest::selection::{OrganizationSelection, PaperSelection, RecordHeader, RecordSet};

const PUBLICATIONS: &str = "openaire_cris_publications";
const PRODUCTS: &str = "openaire_cris_products";
const PERSONS: &str = "openaire_cris_persons";
const ORG_UNITS: &str = "openaire_cris_orgunits";

/// The sets that a CRIS of OpenAIRE has, with their names. Those that are not by a kind of the directory are empty.
pub const OPENAIRE_SETS: [(&str, &str); 9] = [
    (PUBLICATIONS, "OpenAIRE_CRIS_publications"),
    (PRODUCTS, "OpenAIRE_CRIS_products"),
    ("openaire_cris_patents", "OpenAIRE_CRIS_patents"),
    (PERSONS, "OpenAIRE_CRIS_persons"),
    (ORG_UNITS, "OpenAIRE_CRIS_orgunits"),
    ("openaire_cris_projects", "OpenAIRE_CRIS_projects"),
    ("openaire_cris_funding", "OpenAIRE_CRIS_funding"),
    ("openaire_cris_events", "OpenAIRE_CRIS_events"),
    ("openaire_cris_equipments", "OpenAIRE_CRIS_equipments"),
];

/// The set of all records that belong to an organization. Below it are the sets of single organizations.
pub const ORGANIZATIONS: &str = "org";

/// Returns the setSpec of an organization with all below it.
#[must_use]
pub fn organization_set(slug: &str) -> String {
    format!("{ORGANIZATIONS}:{slug}")
}

/// Returns the records of a set that are available in a format. `None` if there is no such set, or it is always empty.
///
/// # Errors
/// If a query fails.
pub async fn resolve(store: &Store, spec: Option<&str>, format: MetadataFormat) -> Result<Option<RecordSet>, Error> {
    let (papers, organizations) = (PaperSelection::All, None);
    let of_kind = |kind, papers| RecordSet { kinds: vec![kind], papers, organizations: None };
    let Some(spec) = spec else {
        return Ok(Some(RecordSet { kinds: kinds(format), papers, organizations }));
    };
    Ok(match spec {
        PUBLICATIONS => Some(of_kind(ChangeKind::Paper, PaperSelection::Publications)),
        PRODUCTS => Some(of_kind(ChangeKind::Paper, PaperSelection::Products)),
        PERSONS => Some(of_kind(ChangeKind::Researcher, papers)),
        ORG_UNITS => Some(of_kind(ChangeKind::Organization, papers)),
        ORGANIZATIONS => Some(of_organizations(OrganizationSelection::Any)),
        _ => match spec.strip_prefix(ORGANIZATIONS).and_then(|rest| rest.strip_prefix(':')) {
            Some(slug) => match store.organization_by_slug(slug).await? {
                Some(id) => Some(of_organizations(OrganizationSelection::OneOf(store.with_descendants(&[id]).await?))),
                None => None,
            },
            None => None,
        },
    })
}

/// Topics belong to no organization.
fn of_organizations(organizations: OrganizationSelection) -> RecordSet {
    RecordSet {
        kinds: vec![ChangeKind::Researcher, ChangeKind::Organization, ChangeKind::Paper],
        papers: PaperSelection::All,
        organizations: Some(organizations),
    }
}

/// The kinds of entity that are available in a format.
#[must_use]
pub fn kinds(format: MetadataFormat) -> Vec<ChangeKind> {
    let all = [ChangeKind::Researcher, ChangeKind::Organization, ChangeKind::Topic, ChangeKind::Paper];
    all.into_iter().filter(|kind| is_available(*kind, format)).collect()
}

/// Whether entities of a kind are available in a format. CERIF has no element for topics.
#[must_use]
pub fn is_available(kind: ChangeKind, format: MetadataFormat) -> bool {
    match format {
        MetadataFormat::DublinCore => kind != ChangeKind::Affiliation,
        MetadataFormat::Cerif => !matches!(kind, ChangeKind::Affiliation | ChangeKind::Topic),
    }
}

/// Returns the setSpecs of a record. A deleted paper is in both sets of papers, since its type is not known any more.
#[must_use]
pub fn set_specs(header: &RecordHeader, organizations: &Organizations) -> Vec<String> {
    let of_kind: &[&str] = match (header.kind, header.paper_type) {
        (ChangeKind::Researcher, _) => &[PERSONS],
        (ChangeKind::Organization, _) => &[ORG_UNITS],
        (ChangeKind::Paper, _) if header.is_deleted => &[PUBLICATIONS, PRODUCTS],
        (ChangeKind::Paper, Some(PaperType::Dataset)) => &[PRODUCTS],
        (ChangeKind::Paper, _) => &[PUBLICATIONS],
        (ChangeKind::Topic | ChangeKind::Affiliation, _) => &[],
    };
    let mut specs: Vec<String> = of_kind.iter().map(|spec| (*spec).to_owned()).collect();
    let belonging = with_ancestors(organizations, &header.organization_ids);
    if !belonging.is_empty() {
        specs.push(ORGANIZATIONS.to_owned());
    }
    let sets = belonging.iter().filter_map(|id| organizations.get(id)).filter(|organization| organization.has_children);
    let mut slugs: Vec<&str> = sets.map(|organization| organization.slug.as_str()).collect();
    slugs.sort_unstable();
    specs.extend(slugs.into_iter().map(organization_set));
    specs
}
