//! Relay connections: paginated lists with cursors.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::connection::EmptyFields;
use async_graphql::{Context, ObjectType, SimpleObject, TypeName};
use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::{EagerList, EagerObject, EagerResolve};
use crate::graphql::engine::field_directives::{Cost, FREE, FieldCost, Reads, statements};
use crate::graphql::engine::lookahead::{Lookahead, ProjectedType};
use crate::graphql::inputs::scalars::saturating_i32;
use crate::store::reader::cursor::{Cursor, PageArguments, PageDirection, PageRequest};
use crate::store::reader::fingerprint::fingerprint;
use crate::store::reader::page::{List, ListCountKey, ListPage, ListRow, PageColumns, PageKey, ParentKey};

/// Maps a list of the store to a connection: the type names, the node type and the edge data.
pub trait ConnectionType: List {
    /// Prefix of the type names `…Connection` and `…Edge`.
    const NAME: &'static str;
    /// The GraphQL type of the node.
    type NodeObject: EagerResolve + ProjectedType + From<Arc<Self::Node>>;
    /// Fields of the edge in addition to `cursor` and `node`.
    type EdgeFields: ObjectType;
    /// Fields of the connection about the whole list.
    type Facets: Facets<Self>;

    /// What the total of the list costs: rows are counted for each parent.
    const TOTAL_COUNT: FieldCost = statements(1).counts(40);

    /// Returns the edge data of a row.
    fn edge_fields(parent: ParentKey, list: &Arc<Self>, row: &ListRow<Self>, edge: &Self::Edge) -> Self::EdgeFields;
}

/// The `facets` field of a connection; empty for lists without facets.
pub trait Facets<L>: ObjectType {
    /// Creates the facets of a parent's list.
    fn new(parent: ParentKey, list: &Arc<L>) -> Self;
}

impl<L> Facets<L> for EmptyFields {
    fn new(_: ParentKey, _: &Arc<L>) -> Self {
        Self
    }
}

/// What a query needs from a connection.
struct PagePlan<L> {
    list: Arc<L>,
    page: Arc<PageRequest>,
    columns: PageColumns,
    /// False if only the total count or the facets are selected.
    needs_rows: bool,
}

/// Returns the columns that a query needs from a page, and whether it needs the page at all.
fn page_columns<L: ConnectionType>(lookahead: &Lookahead<'_>) -> (PageColumns, bool) {
    let connection = Connection::<L>::type_name();
    let edge = Edge::<L>::type_name();
    let edges = lookahead.child(&connection, "edges");
    let nodes = lookahead.child(&connection, "nodes");
    let page_info = lookahead.child(&connection, "pageInfo");
    let cursors = [
        edges.child(&edge, "cursor"),
        page_info.child("PageInfo", "startCursor"),
        page_info.child("PageInfo", "endCursor"),
    ];
    let columns = PageColumns {
        cursor_keys: cursors.iter().any(Lookahead::is_selected),
        edge: edges.has_fields_except(&edge, &["cursor", "node"]).then(|| edges.columns_from::<L::Edge>(&edge)),
        has_more: page_info.has_fields_except("PageInfo", &["startCursor", "endCursor"]),
        node: edges.child(&edge, "node").columns::<L::NodeObject>().union(nodes.columns::<L::NodeObject>()),
    };
    (columns, [edges, nodes, page_info].iter().any(Lookahead::is_selected))
}

/// Loads a page of a list. The future is boxed: the future of an object is as large as its largest field.
///
/// # Errors
/// If the pagination arguments are invalid or the database query fails.
#[allow(clippy::needless_pass_by_value, reason = "each caller creates them for this call")]
pub fn load_connection<'a, L: ConnectionType>(
    ctx: &'a Context<'_>,
    parent: ParentKey,
    list: L,
    arguments: PageArguments,
) -> BoxFuture<'a, Result<EagerObject<Connection<L>>, Error>> {
    let plan = plan_page(ctx, parent, list, &arguments);
    Box::pin(async move {
        let PagePlan { list, page, columns, needs_rows } = plan?;
        let fingerprint = columns.cursor_keys.then(|| fingerprint(parent, &*list));
        let facets = L::Facets::new(parent, &list);
        let (after, before) = (page.after.is_some(), page.before.is_some());
        let direction = page.direction;
        // Also that of a parent that was deleted in the meantime.
        let empty = || Arc::new(ListPage { rows: Vec::new(), has_more: false });
        let page = match needs_rows {
            false => empty(),
            true => {
                let key = PageKey { parent, list: Arc::clone(&list), page, columns };
                ctx.data_loader().load_one(key).await?.unwrap_or_else(empty)
            }
        };
        let (has_previous_page, has_next_page) = match direction {
            PageDirection::Forward => (needs_rows && after, page.has_more),
            PageDirection::Backward => (page.has_more, needs_rows && before),
        };
        Ok(EagerObject(Connection { parent, list, fingerprint, page, facets, has_previous_page, has_next_page }))
    })
}

/// Plans how a page is loaded, once for all parents unless a cursor is given.
fn plan_page<L: ConnectionType>(
    ctx: &Context<'_>,
    parent: ParentKey,
    list: L,
    arguments: &PageArguments,
) -> Result<PagePlan<L>, Error> {
    let limits = ctx.limits().page;
    let page = |list: &L| PageRequest::from_arguments(arguments, || fingerprint(parent, list), limits).map(Arc::new);
    // A cursor belongs to the list of one parent, so that the plan is not shared.
    if arguments.after.is_some() || arguments.before.is_some() {
        let page = page(&list)?;
        let (columns, needs_rows) = page_columns::<L>(&Lookahead::new(ctx));
        return Ok(PagePlan { list: Arc::new(list), page, columns, needs_rows });
    }
    let memoized = ctx.field_memo().get_or_try_init(ctx, || {
        let (columns, needs_rows) = page_columns::<L>(&Lookahead::new(ctx));
        Ok::<_, Error>(PagePlan { list: Arc::new(list.clone()), page: page(&list)?, columns, needs_rows })
    })?;
    // A field of a shared fragment can resolve several different lists.
    let is_same = *memoized.list == list;
    let list = if is_same { Arc::clone(&memoized.list) } else { Arc::new(list) };
    Ok(PagePlan { list, page: Arc::clone(&memoized.page), columns: memoized.columns, needs_rows: memoized.needs_rows })
}

/// A page of a list.
pub struct Connection<L: ConnectionType> {
    parent: ParentKey,
    list: Arc<L>,
    /// The fingerprint of the list; present only if cursors are selected.
    fingerprint: Option<String>,
    page: Arc<ListPage<L>>,
    facets: L::Facets,
    has_previous_page: bool,
    has_next_page: bool,
}

impl<L: ConnectionType> Connection<L> {
    fn cursor(&self, row: &ListRow<L>) -> Option<String> {
        self.fingerprint
            .as_ref()
            .map(|fingerprint| Cursor { fingerprint: fingerprint.clone(), keys: row.cursor_keys.clone() }.encode())
    }
}

/// An item of a list, with edge data.
pub struct Edge<L: ConnectionType> {
    cursor: Option<String>,
    node: EagerObject<L::NodeObject>,
    edge_fields: Option<L::EdgeFields>,
}

/// Relay page information.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether there are items after this page.
    has_next_page: bool,
    /// Whether there are items before this page.
    has_previous_page: bool,
    /// The cursor of the first item. Null if the page is empty.
    start_cursor: Option<String>,
    /// The cursor of the last item; pass it as `after` to get the next page. Null if the page is empty.
    end_cursor: Option<String>,
}

/// A page of a list.
#[async_graphql::Object(name_type)]
impl<L: ConnectionType> Connection<L> {
    /// The items on this page, with edge metadata.
    #[graphql(directive = Cost::apply(FREE.of_page()))]
    async fn edges(&self) -> EagerList<Edge<L>> {
        let edge = |row: &ListRow<L>| Edge {
            cursor: self.cursor(row),
            node: EagerObject(L::NodeObject::from(Arc::clone(&row.node))),
            edge_fields: row.edge.as_ref().map(|edge| L::edge_fields(self.parent, &self.list, row, edge)),
        };
        EagerList(self.page.rows.iter().map(edge).collect())
    }

    /// The items on this page, without edge metadata.
    #[graphql(directive = Cost::apply(FREE.of_page()))]
    async fn nodes(&self) -> EagerList<L::NodeObject> {
        EagerList(self.page.rows.iter().map(|row| L::NodeObject::from(Arc::clone(&row.node))).collect())
    }

    /// Pagination information for this page.
    #[graphql(directive = Cost::apply(FREE.of_page()))]
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next_page,
            has_previous_page: self.has_previous_page,
            start_cursor: self.page.rows.first().and_then(|row| self.cursor(row)),
            end_cursor: self.page.rows.last().and_then(|row| self.cursor(row)),
        }
    }

    /// The exact number of items in the filtered list. It is computed only if selected.
    #[graphql(directive = Cost::apply(L::TOTAL_COUNT.of_list()))]
    async fn total_count(&self, ctx: &Context<'_>) -> Option<Result<i32, Error>> {
        let count =
            ctx.data_loader().load_one(ListCountKey { parent: self.parent, list: Arc::clone(&self.list) }).await;
        // A parent that was deleted in the meantime has none.
        Some(count.map(|count| saturating_i32(count.unwrap_or_default())))
    }

    #[graphql(flatten)]
    async fn facets(&self) -> &L::Facets {
        &self.facets
    }
}

/// An item of a list, with edge data.
#[async_graphql::Object(name_type)]
impl<L: ConnectionType> Edge<L> {
    /// The position of this item in the list, for use as `after` or `before`. The value is opaque and valid only for
    /// the same filter and order.
    #[graphql(directive = Reads::apply(&[]))]
    async fn cursor(&self) -> Result<&str, Error> {
        self.cursor.as_deref().ok_or_else(|| Error::internal("the cursor was not selected"))
    }

    /// The item.
    #[graphql(directive = Reads::apply(&[]), directive = Cost::apply(FREE))]
    async fn node(&self) -> &EagerObject<L::NodeObject> {
        &self.node
    }

    #[graphql(flatten)]
    async fn fields(&self) -> Result<&L::EdgeFields, Error> {
        self.edge_fields.as_ref().ok_or_else(|| Error::internal("the edge data was not selected"))
    }
}

impl<L: ConnectionType> TypeName for Connection<L> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", L::NAME).into()
    }
}

impl<L: ConnectionType> TypeName for Edge<L> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", L::NAME).into()
    }
}

/// Implements [`ConnectionType`] for a list without edge data; pass a type to add facets.
macro_rules! simple_connection {
    ($list:ty, $name:literal, $node:ty) => {
        crate::graphql::connection::simple_connection!($list, $name, $node, async_graphql::connection::EmptyFields);
    };
    ($list:ty, $name:literal, $node:ty, $facets:ty) => {
        impl crate::graphql::connection::ConnectionType for $list {
            const NAME: &'static str = $name;
            type NodeObject = $node;
            type EdgeFields = async_graphql::connection::EmptyFields;
            type Facets = $facets;

            fn edge_fields(
                _: crate::store::reader::page::ParentKey,
                _: &std::sync::Arc<Self>,
                _: &crate::store::reader::page::ListRow<Self>,
                _: &Self::Edge,
            ) -> Self::EdgeFields {
                async_graphql::connection::EmptyFields
            }
        }
    };
}
pub(super) use simple_connection;
