//! The people that were found, and why each of their mentions is theirs.

use std::collections::HashMap;

use crate::disambiguation::clustering::weights::Feature;
use crate::disambiguation::clustering::{Block, Method, Person, Resolution};
use crate::disambiguation::mention::{Evidence, EvidenceKind};
use crate::disambiguation::union_find::Profile;
use crate::text::names::Commonness;

impl Block<'_> {
    pub(super) fn people(mut self) -> Vec<Person> {
        let all: Vec<usize> = (0..self.forms.len()).collect();
        let roots = self.components.roots(&all);
        roots.into_iter().map(|root| self.person(root)).collect()
    }

    fn person(&self, root: usize) -> Person {
        let profile = self.components.profile(root);
        let mut members = profile.members.clone();
        members.sort_unstable();
        let organizations = self.organizations_of(&members);
        let mut counted: HashMap<Feature, u32> = HashMap::new();
        for place in &members {
            for feature in self.own_features(*place, &organizations) {
                *counted.entry(feature).or_default() += 1;
            }
        }
        let resolutions =
            members.iter().map(|place| self.resolution(*place, profile, &counted, &organizations)).collect();
        let is_open = matches!(members[..], [only] if self.set_aside.contains(&only));
        Person { members, resolutions, is_open }
    }

    fn resolution(
        &self,
        place: usize,
        profile: &Profile,
        counted: &HashMap<Feature, u32>,
        organizations: &HashMap<u32, u32>,
    ) -> Resolution {
        let mention = &self.components.mentions()[place];
        let mut evidence = Vec::new();
        let mut tell = |kind, value: Option<&str>| {
            evidence.push(Evidence { kind, value: value.map(ToOwned::to_owned) });
        };
        let is_decided = mention.decided.is_some();
        if is_decided {
            tell(EvidenceKind::Decision, None);
        }
        let mut is_identified = false;
        if let Some(orcid) = &mention.orcid {
            is_identified = true;
            tell(EvidenceKind::Orcid, Some(orcid));
        }
        for id in &mention.author_ids {
            is_identified = true;
            tell(EvidenceKind::AuthorId, Some(id));
        }
        let mut weight = self.prior(place);
        let mut is_shared = false;
        let mut shared: Vec<(EvidenceKind, i32, Option<&str>)> = Vec::new();
        for feature in self.own_features(place, organizations) {
            if counted.get(&feature).copied().unwrap_or_default() < 2 {
                continue;
            }
            weight += self.weight(feature);
            let (kind, value) = match feature {
                Feature::Coauthor(number) => (EvidenceKind::SharedCoauthor, Some(self.known.coauthor_name(number))),
                Feature::Organization(id) => (EvidenceKind::SharedOrganization, Some(self.known.organization_name(id))),
                Feature::Affiliation(number) => {
                    (EvidenceKind::SharedOrganization, Some(self.known.affiliation_text(number)))
                }
                Feature::Venue(number) => (EvidenceKind::SharedVenue, Some(self.known.venue_name(number))),
                Feature::Topic(_) => (EvidenceKind::SharedTopic, None),
            };
            is_shared |= kind <= EvidenceKind::SharedOrganization;
            shared.push((kind, -self.weight(feature), value));
        }
        // The strongest of each kind tells enough.
        shared.sort_unstable();
        shared.dedup_by_key(|(kind, ..)| *kind);
        for (kind, _, value) in shared {
            tell(kind, value);
        }
        let form = &self.forms[place];
        let is_common_form = profile.members.iter().filter(|other| self.forms[**other].given == form.given).count() * 2
            >= profile.members.len();
        tell(if is_common_form { EvidenceKind::SameName } else { EvidenceKind::NameVariant }, None);
        if form.commonness == Commonness::Rare {
            tell(EvidenceKind::RareName, None);
        }
        let (method, confidence) = if is_decided {
            (Method::Decision, 1.0)
        } else if is_identified {
            (Method::Identifier, 0.99)
        } else if is_shared {
            (Method::Evidence, 1.0 - 0.5 / (1.0 + (weight as f32 / 10.0 - 1.0).max(0.0).exp()))
        } else if profile.members.len() == 1 {
            (Method::Name, 1.0)
        } else {
            (Method::Name, if form.commonness == Commonness::Rare { 0.9 } else { 0.7 })
        };
        evidence.sort_by_key(|evidence| evidence.kind);
        Resolution { method, confidence: (confidence * 100.0).round() / 100.0, evidence }
    }
}
