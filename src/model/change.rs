//! Changes: what the change feed says about an entity, and what of it is news to a reader.
//!
//! The feed has one row for each entity, [`StoredChange`], at the position of its last change. What a reader receives,
//! [`Change`], is relative to the position up to which it has read.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{DeriveActiveEnum, EnumIter};

use crate::model::global_id::{GlobalId, NodeKind};

/// The kinds of entity that the feed reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// A researcher.
    Researcher = 1,
    /// An organization.
    Organization = 2,
    /// An affiliation.
    Affiliation = 3,
    /// A topic.
    Topic = 4,
    /// A paper.
    Paper = 5,
}

impl ChangeKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Researcher, Self::Organization, Self::Affiliation, Self::Topic, Self::Paper];

    /// Returns the number of the kind in the table `change`.
    #[must_use]
    pub fn number(self) -> i16 {
        self as i16
    }

    /// Returns the kind with a number; `None` if there is none.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Returns the kind of the entity's global id.
    #[must_use]
    pub fn node_kind(self) -> NodeKind {
        match self {
            Self::Researcher => NodeKind::Researcher,
            Self::Organization => NodeKind::Organization,
            Self::Affiliation => NodeKind::Affiliation,
            Self::Topic => NodeKind::Topic,
            Self::Paper => NodeKind::Paper,
        }
    }
}

/// A position in the feed: that of an entity, and up to which a reader has read. It never decreases in a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedPosition {
    /// The number of the transaction, in the order of commits.
    pub position: i64,
    /// The number of the kind; 0 before all entities of the transaction.
    pub kind: i16,
    /// The id of the entity.
    pub id: i64,
}

impl FeedPosition {
    /// Before the first change.
    pub const START: Self = Self { position: 0, kind: 0, id: 0 };
}

/// Whether an entity is in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum StoredOperation {
    /// It is.
    #[sea_orm(string_value = "V")]
    Visible,
    /// It was deleted.
    #[sea_orm(string_value = "D")]
    Deleted,
    /// It is hidden.
    #[sea_orm(string_value = "H")]
    Hidden,
    /// It was merged into another.
    #[sea_orm(string_value = "M")]
    Merged,
}

/// The row of an entity in the feed.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredChange {
    /// Where it stands: at its last change.
    pub at: FeedPosition,
    /// The kind of the entity.
    pub kind: ChangeKind,
    /// Whether the entity exists.
    pub operation: StoredOperation,
    /// The position at which it last became visible.
    pub visible_since: i64,
    /// The entity that it was merged into.
    pub survivor_id: Option<i64>,
    /// The time of the last change.
    pub changed_at: DateTime<Utc>,
    /// The source of the last change; `None` for maintenance and decisions.
    pub source: Option<String>,
    /// The position at which each field last changed, since the entity became visible.
    pub fields: BTreeMap<String, i64>,
    /// The organizations that it belongs to, and those that it belonged to, with the position at which it left them.
    pub organizations: BTreeMap<i64, Option<i64>>,
}

/// The effect of a change, relative to what the reader knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOperation {
    /// The entity is new.
    Created,
    /// Some of its fields changed.
    Updated,
    /// It no longer exists, or is hidden.
    Deleted,
    /// It was merged into another.
    Merged,
}

/// Everything that changed about one entity after a position.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where the entity stands. A reader that has received it continues after this.
    pub at: FeedPosition,
    /// The kind of the entity.
    pub kind: ChangeKind,
    /// The effect.
    pub operation: ChangeOperation,
    /// The fields that changed, sorted; empty unless the entity was updated.
    pub fields: Vec<String>,
    /// The time of the last change.
    pub changed_at: DateTime<Utc>,
    /// The source of the last change; `None` for maintenance and decisions.
    pub source: Option<String>,
    /// The entity that it was merged into.
    pub survivor_id: Option<i64>,
}

impl Change {
    /// Returns the global id of the entity.
    #[must_use]
    pub fn global_id(&self) -> GlobalId {
        GlobalId { kind: self.kind.node_kind(), row_id: self.at.id }
    }

    /// Returns the global id of the entity that it was merged into.
    #[must_use]
    pub fn survivor_global_id(&self) -> Option<GlobalId> {
        self.survivor_id.map(|row_id| GlobalId { kind: self.kind.node_kind(), row_id })
    }
}

/// A restriction to some changes. A change passes if it meets all conditions that are given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChangeFilter {
    /// Only entities of these kinds.
    pub kinds: Option<Vec<ChangeKind>>,
    /// Only entities that belong to one of these organizations, or left it after the reader's position. Contains their
    /// descendants: see `Store::with_descendants`.
    pub organizations: Option<HashSet<i64>>,
    /// Of updated entities, only those of which one of these fields changed. `headline` is `headline` in any language.
    pub fields: Option<Vec<String>>,
    /// Only entities whose last change is by one of these sources.
    pub sources: Option<Vec<String>>,
}

impl ChangeFilter {
    /// Returns whether every change passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl StoredChange {
    /// Returns what is news to a reader that has read up to a position before this row; `None` if it does not pass the
    /// filter.
    #[must_use]
    pub fn since(&self, after: FeedPosition, filter: &ChangeFilter) -> Option<Change> {
        let is_news = |position: i64| FeedPosition { position, ..self.at } > after;
        let operation = match self.operation {
            StoredOperation::Deleted | StoredOperation::Hidden => ChangeOperation::Deleted,
            StoredOperation::Merged => ChangeOperation::Merged,
            StoredOperation::Visible if is_news(self.visible_since) => ChangeOperation::Created,
            StoredOperation::Visible => ChangeOperation::Updated,
        };
        let fields: Vec<String> = match operation {
            ChangeOperation::Updated => {
                let changed = self.fields.iter().filter(|(_, position)| is_news(**position));
                changed.map(|(field, _)| field.clone()).collect()
            }
            _ => Vec::new(),
        };
        let is_wanted_kind = filter.kinds.as_ref().is_none_or(|kinds| kinds.contains(&self.kind));
        let is_wanted_source = filter
            .sources
            .as_ref()
            .is_none_or(|sources| self.source.as_ref().is_some_and(|source| sources.contains(source)));
        let belongs = |organizations: &HashSet<i64>| {
            let mut own = self.organizations.iter().filter(|(organization, _)| organizations.contains(organization));
            own.any(|(_, left_at)| left_at.is_none_or(is_news))
        };
        let is_wanted_field = |wanted: &Vec<String>| {
            operation != ChangeOperation::Updated
                || fields.iter().any(|field| wanted.iter().any(|wanted| is_field(field, wanted)))
        };
        let passes = is_wanted_kind
            && is_wanted_source
            && filter.organizations.as_ref().is_none_or(belongs)
            && filter.fields.as_ref().is_none_or(is_wanted_field);
        passes.then(|| Change {
            at: self.at,
            kind: self.kind,
            operation,
            fields,
            changed_at: self.changed_at,
            source: self.source.clone(),
            survivor_id: self.survivor_id,
        })
    }
}

/// Whether a field is the wanted one, or the wanted one in a language, or in all languages while one is wanted: a headline
/// that is derived from an employment has no language of its own.
fn is_field(field: &str, wanted: &str) -> bool {
    let is_part = |part: &str, whole: &str| part.strip_prefix(whole).is_some_and(|rest| rest.starts_with('@'));
    field == wanted || is_part(field, wanted) || is_part(wanted, field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn researcher() -> StoredChange {
        StoredChange {
            at: FeedPosition { position: 30, kind: 1, id: 7 },
            kind: ChangeKind::Researcher,
            operation: StoredOperation::Visible,
            visible_since: 10,
            survivor_id: None,
            changed_at: DateTime::UNIX_EPOCH,
            source: Some("csv".to_owned()),
            fields: BTreeMap::from([("headline@fr".to_owned(), 20), ("papers".to_owned(), 30)]),
            organizations: BTreeMap::from([(1, None), (2, Some(20))]),
        }
    }

    fn since(after: FeedPosition, filter: &ChangeFilter) -> Option<(ChangeOperation, Vec<String>)> {
        researcher().since(after, filter).map(|change| (change.operation, change.fields))
    }

    fn at(position: i64, id: i64) -> FeedPosition {
        FeedPosition { position, kind: 1, id }
    }

    #[test]
    fn operation_and_fields_are_relative_to_the_reader() {
        let all = ChangeFilter::default();
        let updated = |fields: &[&str]| {
            Some((ChangeOperation::Updated, fields.iter().map(|field| (*field).to_owned()).collect()))
        };
        assert_eq!(since(FeedPosition::START, &all), Some((ChangeOperation::Created, Vec::new())));
        // Another entity of the same transaction, before or after this one.
        assert_eq!(since(at(10, 6), &all), Some((ChangeOperation::Created, Vec::new())));
        assert_eq!(since(at(10, 7), &all), updated(&["headline@fr", "papers"]));
        assert_eq!(since(at(20, 6), &all), updated(&["headline@fr", "papers"]));
        assert_eq!(since(at(20, 8), &all), updated(&["papers"]));
        let deleted = StoredChange { operation: StoredOperation::Deleted, ..researcher() };
        let change = deleted.since(FeedPosition::START, &all).expect("a change");
        assert_eq!((change.operation, change.fields), (ChangeOperation::Deleted, Vec::new()));
    }

    #[test]
    fn filters_are_relative_to_the_reader() {
        let fields = |names: &[&str]| ChangeFilter {
            fields: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            ..Default::default()
        };
        assert!(since(at(10, 9), &fields(&["headline"])).is_some());
        assert!(since(at(10, 9), &fields(&["headline@fr"])).is_some());
        assert!(since(at(10, 9), &fields(&["headline@en", "head"])).is_none());
        assert!(since(at(25, 9), &fields(&["headline"])).is_none());
        let organizations =
            |ids: &[i64]| ChangeFilter { organizations: Some(ids.iter().copied().collect()), ..Default::default() };
        assert!(since(at(25, 9), &organizations(&[1, 5])).is_some());
        assert!(since(at(15, 9), &organizations(&[2])).is_some());
        assert!(since(at(25, 9), &organizations(&[2])).is_none());
        assert!(since(at(15, 9), &organizations(&[3])).is_none());
        let sources = |name: &str| ChangeFilter { sources: Some(vec![name.to_owned()]), ..Default::default() };
        assert!(since(at(15, 9), &sources("csv")).is_some());
        assert!(since(at(15, 9), &sources("ror")).is_none());
        let kinds = ChangeFilter { kinds: Some(vec![ChangeKind::Paper]), ..Default::default() };
        assert!(since(at(15, 9), &kinds).is_none());
    }
}
