//! How a paper is linked to an organization.

use crate::entity::organization;
use crate::store::access::sql_fragment::{Sql, sql};
use crate::store::reader::lookup::resolve_merged_ids;
use crate::store::reader::organization::with_descendants;

/// Number of links up to which the papers of organizations are found by their links and sorted. With more, papers are
/// read in the order of the list until enough of them are linked.
const FEW_LINKS: i64 = 2_000;

/// A link between a paper and an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaperOrganizationLink {
    /// An author gives it as affiliation on the paper.
    Authorship,
    /// An author was affiliated with it when the paper appeared.
    Membership,
}

/// A set of links, any of which suffices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PaperOrganizationLinks {
    /// Whether [`PaperOrganizationLink::Authorship`] suffices.
    pub authorship: bool,
    /// Whether [`PaperOrganizationLink::Membership`] suffices.
    pub membership: bool,
}

impl PaperOrganizationLinks {
    /// Any link.
    pub const ALL: Self = Self { authorship: true, membership: true };

    /// Returns the condition on a row of `paper_organization`, as `link`.
    pub(crate) fn condition(self) -> Sql {
        match (self.authorship, self.membership) {
            (true, true) => "true".into(),
            (true, false) => "link.is_by_authorship".into(),
            (false, true) => "link.is_by_membership".into(),
            (false, false) => "false".into(),
        }
    }

    fn ids_sql(self, columns: &str, organizations: Sql) -> Sql {
        Sql::from(format!("SELECT {columns} FROM paper_organization AS link WHERE "))
            .then(Sql::all([Sql::in_subquery("link.organization_id", organizations), self.condition()]))
    }

    /// Returns the condition that a row of `paper` is linked to any of the organizations that a query selects.
    pub(crate) fn is_linked(self, organizations: Sql) -> Sql {
        sql!("paper.id IN (").then(self.ids_sql("link.paper_id", organizations)).then(")")
    }

    /// Returns the condition, independent of the paper, that few papers are linked to these organizations.
    pub(crate) fn are_few(self, organizations: Sql) -> Sql {
        sql!("(SELECT count(*) FROM (").then(self.ids_sql("", organizations)).then(sql!(
            " LIMIT ?) AS linked) <= ?",
            FEW_LINKS + 1,
            FEW_LINKS
        ))
    }

    /// Returns the linked papers as `paper`. They are found by the organizations: without `OFFSET`, the planner could read
    /// all papers in the order of the list instead.
    pub(crate) fn linked_papers(self, organizations: Sql) -> Sql {
        sql!("(SELECT * FROM paper WHERE ")
            .then(Sql::in_subquery("paper.id", self.ids_sql("link.paper_id", organizations)))
            .then(" OFFSET 0) AS paper")
    }

    /// Returns the condition that a row of `paper` is linked, which checks each paper. The planner cannot turn it into a
    /// join, as it would an `EXISTS`.
    pub(crate) fn checked_for_paper(self, organizations: Sql) -> Sql {
        sql!("(").then(self.ids_sql("true", organizations)).then(" AND link.paper_id = paper.id LIMIT 1) IS NOT NULL")
    }
}

impl FromIterator<PaperOrganizationLink> for PaperOrganizationLinks {
    fn from_iter<I: IntoIterator<Item = PaperOrganizationLink>>(links: I) -> Self {
        links.into_iter().fold(Self { authorship: false, membership: false }, |links, link| match link {
            PaperOrganizationLink::Authorship => Self { authorship: true, ..links },
            PaperOrganizationLink::Membership => Self { membership: true, ..links },
        })
    }
}

/// Organizations that papers are linked to, descendants included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LinkedOrganizations {
    /// Ids of the organizations; those of merged ones are resolved.
    pub ids: Vec<i64>,
    /// Links that count.
    pub links: PaperOrganizationLinks,
}

impl LinkedOrganizations {
    /// Returns a query for the organizations and their descendants.
    pub(crate) fn organizations(&self) -> Sql {
        with_descendants(resolve_merged_ids::<organization::Model>(&self.ids), true)
    }

    /// Returns the condition that a row of `paper` is linked to any of the organizations or their descendants.
    pub(crate) fn condition(&self) -> Sql {
        self.links.is_linked(self.organizations())
    }
}
