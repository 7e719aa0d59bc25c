//! The resulting clusters, with an explanation for each mention.

use std::collections::HashMap;

use crate::disambiguation::clustering::weights::Feature;
use crate::disambiguation::clustering::{AuthorCluster, BlockClustering, MatchExplanation, MatchMethod};
use crate::disambiguation::mention::{Evidence, EvidenceKind};
use crate::disambiguation::union_find::ClusterProfile;
use crate::text::names::Commonness;

impl BlockClustering<'_> {
    /// Returns the clusters with their explanations.
    pub(super) fn into_clusters(mut self) -> Vec<AuthorCluster> {
        let all: Vec<usize> = (0..self.name_forms.len()).collect();
        let roots = self.clusters.roots(&all);
        roots.into_iter().map(|root| self.describe_cluster(root)).collect()
    }

    /// Returns the cluster with this root, with an explanation for each mention.
    fn describe_cluster(&self, root: usize) -> AuthorCluster {
        let profile = self.clusters.profile(root);
        let mut members = profile.members.clone();
        members.sort_unstable();
        let organizations = self.canonical_affiliations(&members);
        let mut counted: HashMap<Feature, u32> = HashMap::new();
        for index in &members {
            for feature in self.mention_features(*index, &organizations) {
                *counted.entry(feature).or_default() += 1;
            }
        }
        let resolutions =
            members.iter().map(|index| self.explain_member(*index, profile, &counted, &organizations)).collect();
        let is_open = matches!(members[..], [only] if self.ambiguous.contains(&only));
        AuthorCluster { members, explanations: resolutions, is_unresolved: is_open }
    }

    /// Explains a mention by what it shares with the other mentions of its cluster.
    fn explain_member(
        &self,
        index: usize,
        profile: &ClusterProfile,
        counted: &HashMap<Feature, u32>,
        organizations: &HashMap<u32, u32>,
    ) -> MatchExplanation {
        let mention = &self.clusters.mentions()[index];
        let mut evidence = Vec::new();
        let mut add_evidence = |kind, value: Option<&str>| {
            evidence.push(Evidence { kind, value: value.map(ToOwned::to_owned) });
        };
        let is_decided = mention.decided_researcher_id.is_some();
        if is_decided {
            add_evidence(EvidenceKind::Decision, None);
        }
        let mut is_identified = false;
        if let Some(orcid) = &mention.orcid {
            is_identified = true;
            add_evidence(EvidenceKind::Orcid, Some(orcid));
        }
        for id in &mention.author_ids {
            is_identified = true;
            add_evidence(EvidenceKind::AuthorId, Some(id));
        }
        let mut weight = self.name_prior(index);
        let mut is_shared = false;
        let mut shared: Vec<(EvidenceKind, i32, Option<&str>)> = Vec::new();
        for feature in self.mention_features(index, organizations) {
            if counted.get(&feature).copied().unwrap_or_default() < 2 {
                continue;
            }
            weight += self.feature_weight(feature);
            let (kind, value) = match feature {
                Feature::Coauthor(number) => {
                    (EvidenceKind::SharedCoauthor, Some(self.vocabulary.coauthor_name(number)))
                }
                Feature::Organization(id) => {
                    (EvidenceKind::SharedOrganization, Some(self.vocabulary.organization_name(id)))
                }
                Feature::Affiliation(number) => {
                    (EvidenceKind::SharedOrganization, Some(self.vocabulary.affiliation_text(number)))
                }
                Feature::Venue(number) => (EvidenceKind::SharedVenue, Some(self.vocabulary.venue_name(number))),
                Feature::Topic(_) => (EvidenceKind::SharedTopic, None),
            };
            is_shared |= kind <= EvidenceKind::SharedOrganization;
            shared.push((kind, -self.feature_weight(feature), value));
        }
        // The strongest evidence of each kind is enough.
        shared.sort_unstable();
        shared.dedup_by_key(|(kind, ..)| *kind);
        for (kind, _, value) in shared {
            add_evidence(kind, value);
        }
        let form = &self.name_forms[index];
        let is_common_form =
            profile.members.iter().filter(|other| self.name_forms[**other].given == form.given).count() * 2
                >= profile.members.len();
        add_evidence(if is_common_form { EvidenceKind::SameName } else { EvidenceKind::NameVariant }, None);
        if form.commonness == Commonness::Rare {
            add_evidence(EvidenceKind::RareName, None);
        }
        let (method, confidence) = if is_decided {
            (MatchMethod::Decision, 1.0)
        } else if is_identified {
            (MatchMethod::Identifier, 0.99)
        } else if is_shared {
            (MatchMethod::Evidence, 1.0 - 0.5 / (1.0 + (weight as f32 / 10.0 - 1.0).max(0.0).exp()))
        } else if profile.members.len() == 1 {
            (MatchMethod::Name, 1.0)
        } else {
            (MatchMethod::Name, if form.commonness == Commonness::Rare { 0.9 } else { 0.7 })
        };
        evidence.sort_by_key(|evidence| evidence.kind);
        MatchExplanation { method, confidence: (confidence * 100.0).round() / 100.0, evidence }
    }
}
