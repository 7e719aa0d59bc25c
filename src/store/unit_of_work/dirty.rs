//! What a unit of work changed, by which projections find the rows to refresh. Plain data: the rules are the
//! projections'.

use std::collections::{BTreeMap, HashSet};

use crate::model::entity_type::EntityType;

/// The marks of one unit of work.
#[derive(Debug, Default)]
pub(crate) struct DirtyEntities {
    /// Entities whose names or texts may have changed.
    pub(crate) entities: BTreeMap<EntityType, HashSet<i64>>,
    /// Researchers whose papers were counted again.
    pub(crate) recounted_researchers: HashSet<i64>,
    /// Name keys that were added or removed, and may confirm repairs of author names.
    pub(crate) spellings: HashSet<String>,
    /// Papers whose versions may have changed.
    pub(crate) works: DirtyWorks,
    /// Whether the counts over hierarchies are outdated.
    pub(crate) statistics: bool,
}

/// Keys by which papers that may be versions of one work are found.
#[derive(Debug, Default)]
pub(crate) struct DirtyWorks {
    /// Titles, as written.
    pub(crate) titles: HashSet<String>,
    /// DOIs, own and shared.
    pub(crate) dois: HashSet<String>,
    /// Papers, regardless of their titles and DOIs.
    pub(crate) papers: HashSet<i64>,
}

impl DirtyWorks {
    /// Marks the title and the DOIs that a paper has or had.
    pub(crate) fn mark_paper(&mut self, title: &str, dois: impl IntoIterator<Item = String>) {
        self.titles.insert(title.to_owned());
        self.dois.extend(dois);
    }

    /// Marks papers of which something else changed that versions depend on.
    pub(crate) fn mark_ids(&mut self, papers: impl IntoIterator<Item = i64>) {
        self.papers.extend(papers);
    }
}
