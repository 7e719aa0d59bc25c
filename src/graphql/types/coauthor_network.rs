//! Coauthor networks of researchers and organizations: the data of a network graph.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};

use crate::entity::researcher;
use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::{EagerList, EagerObject};
use crate::graphql::engine::field_directives::{Cost, FREE};
use crate::graphql::engine::lookahead::Lookahead;
use crate::graphql::inputs::scalars::saturating_i32;
use crate::graphql::types::coauthorship::CoauthorFilter;
use crate::graphql::types::researcher::Researcher;
use crate::store::reader::coauthor_network as store;
use crate::store::reader::cursor::PageError;

/// Maximum number of nodes.
const MAX_NETWORK_NODES: u32 = 100;
/// Maximum number of rows that are read for the links of one node, on average: typical of dense networks.
const LINKS_PER_NODE: u64 = 10;

/// People who write papers together, and the links among them: the data of a network graph.
pub struct CoauthorNetwork {
    network: Arc<store::CoauthorNetwork>,
    size: i32,
}

/// People who write papers together, and the links among them: the data of a network graph.
#[Object]
impl CoauthorNetwork {
    /// The people, those with the most joint works first; ties are broken by ID. In the network of a researcher, they are
    /// the coauthors: the researcher is not included, and linked to each of them.
    #[graphql(directive = Cost::apply(FREE.of_page()))]
    async fn nodes(&self) -> EagerList<CoauthorNetworkNode> {
        let node = |index| CoauthorNetworkNode { network: Arc::clone(&self.network), index };
        EagerList((0..self.network.members.len()).map(node).collect())
    }

    /// The links among `nodes`: each pair with joint works once, sorted by `from` and `to`.
    #[graphql(directive = Cost::apply(FREE.of_page().counts(LINKS_PER_NODE)))]
    async fn links(&self) -> EagerList<CoauthorNetworkLink> {
        let link = |link: &store::NetworkLink| CoauthorNetworkLink {
            from: position(link.from),
            to: position(link.to),
            paper_count: link.paper_count,
            last_year: known_year(link.last_year),
        };
        EagerList(self.network.links.iter().map(link).collect())
    }

    /// The number of people who match the filter but are not among `nodes`, because there are more than `first`.
    #[graphql(directive = Cost::apply(FREE.of_list()))]
    async fn omitted_count(&self) -> Option<i32> {
        Some(saturating_i32(self.network.total).saturating_sub(self.size).max(0))
    }
}

/// A person in a coauthor network.
pub struct CoauthorNetworkNode {
    network: Arc<store::CoauthorNetwork>,
    index: usize,
}

impl CoauthorNetworkNode {
    fn member(&self) -> Result<&store::NetworkMember, Error> {
        self.network.members.get(self.index).ok_or_else(|| Error::internal("a network has no such member"))
    }
}

/// A person in a coauthor network.
#[Object]
impl CoauthorNetworkNode {
    /// The person.
    #[graphql(directive = Cost::apply(FREE))]
    async fn researcher(&self) -> Result<EagerObject<Researcher>, Error> {
        let researcher: &Arc<researcher::Model> = &self.member()?.researcher;
        Ok(EagerObject(Researcher(Arc::clone(researcher))))
    }

    /// The number of joint works that pass the filter: with the researcher whose network it is, or with other people of the
    /// organization. Versions of a work count once.
    async fn paper_count(&self) -> Result<i32, Error> {
        Ok(self.member()?.paper_count)
    }

    /// The year of the latest of these papers; versions of works are included. Null if no year is known.
    async fn last_year(&self) -> Result<Option<i32>, Error> {
        Ok(known_year(self.member()?.last_year))
    }
}

/// Two people of a coauthor network who wrote papers together.
#[derive(SimpleObject)]
pub struct CoauthorNetworkLink {
    /// The index of one person in `nodes`.
    from: i32,
    /// The index of the other person in `nodes`, greater than `from`.
    to: i32,
    /// The number of joint works that pass the filter. Versions of a work count once.
    paper_count: i32,
    /// The year of the latest of these papers; versions of works are included. Null if no year is known.
    last_year: Option<i32>,
}

/// Loads the network of a researcher or an organization.
///
/// # Errors
/// If `first` is out of range, the filter is invalid, or reading fails.
pub async fn load_network(
    ctx: &Context<'_>,
    scope: store::NetworkScope,
    parent_id: i64,
    first: i32,
    filter: Option<CoauthorFilter>,
) -> Result<EagerObject<CoauthorNetwork>, Error> {
    let size = u32::try_from(first).ok().filter(|size| (1..=MAX_NETWORK_NODES).contains(size));
    let size = size.ok_or_else(|| {
        let error = PageError::SizeOutOfRange { argument: "first", given: first, maximum: MAX_NETWORK_NODES };
        Error::BadUserInput(error.to_string())
    })?;
    let selection = Lookahead::new(ctx);
    let child = |name| selection.child("CoauthorNetwork", name);
    let key = store::CoauthorNetworkKey {
        scope,
        parent_id,
        filter: Arc::new(CoauthorFilter::into_store_filter(filter, ctx)?),
        size,
        columns: child("nodes").child("CoauthorNetworkNode", "researcher").columns::<Researcher>(),
        has_links: child("links").is_selected(),
        has_total: child("omittedCount").is_selected(),
    };
    let network = ctx.data_loader().load_one(key).await?.unwrap_or_default();
    Ok(EagerObject(CoauthorNetwork { network, size: first }))
}

fn position(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

fn known_year(year: i32) -> Option<i32> {
    Some(year).filter(|year| *year != 0)
}
