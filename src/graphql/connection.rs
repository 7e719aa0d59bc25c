//! Connections: pages of lists with cursors, as Relay has them.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::{Context, ObjectType, SimpleObject, TypeName};
use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::eager_resolver::{EagerList, EagerObject, EagerResolve};
use crate::graphql::engine::lookahead::{FieldColumns, Lookahead, ProjectedType};
use crate::graphql::types::facet::Facets;
use crate::store::reader::cursor::{Cursor, PageArguments, PageDirection, PageRequest};
use crate::store::reader::fingerprint::fingerprint;
use crate::store::reader::page::{List, ListCountKey, ListPage, ListRow, PageColumns, PageKey, ParentKey};

/// A list as the schema shows it: the names of its connection and edge, and what each row becomes.
pub trait ConnectionType: List {
    /// The name before `Connection` and `Edge`.
    const NAME: &'static str;
    /// The node's type.
    type NodeObject: EagerResolve + ProjectedType + From<Arc<Self::Node>>;
    /// The edge's fields beside `cursor` and `node`.
    type EdgeFields: ObjectType;
    /// What the connection says of the whole list.
    type Facets: Facets<Self>;

    /// What each of the edge's fields reads of it. A field that is not here is always right, at a price: all is read.
    const COLUMNS_BY_EDGE_FIELD: &'static [FieldColumns] = &[];

    /// The edge's fields of a row.
    fn edge_fields(parent: ParentKey, list: &Arc<Self>, row: &ListRow<Self>, edge: &Self::Edge) -> Self::EdgeFields;
}

/// What is asked of a connection.
struct PagePlan<L> {
    list: Arc<L>,
    page: Arc<PageRequest>,
    columns: PageColumns,
    /// Its total and facets need none of its rows.
    needs_rows: bool,
}

/// The fields that read nothing of an edge.
const COLUMNS_BY_BASE_EDGE_FIELD: &[FieldColumns] = &[("cursor", &[]), ("node", &[])];

/// What a query wants of the rows of a connection, and whether it wants any.
fn page_columns<L: ConnectionType>(selections: &Lookahead<'_>) -> (PageColumns, bool) {
    let connection = Connection::<L>::type_name();
    let edge = Edge::<L>::type_name();
    let edges = selections.child(&connection, "edges");
    let nodes = selections.child(&connection, "nodes");
    let page_info = selections.child(&connection, "pageInfo");
    let cursors = [
        edges.child(&edge, "cursor"),
        page_info.child("PageInfo", "startCursor"),
        page_info.child("PageInfo", "endCursor"),
    ];
    let wants = PageColumns {
        cursor_keys: cursors.iter().any(Lookahead::is_selected),
        edge: edges
            .has_fields_except(&edge, &["cursor", "node"])
            .then(|| edges.columns_from::<L::Edge>(&edge, &[COLUMNS_BY_BASE_EDGE_FIELD, L::COLUMNS_BY_EDGE_FIELD])),
        has_more: page_info.has_fields_except("PageInfo", &["startCursor", "endCursor"]),
        node: edges.child(&edge, "node").columns::<L::NodeObject>().union(nodes.columns::<L::NodeObject>()),
    };
    (wants, [edges, nodes, page_info].iter().any(Lookahead::is_selected))
}

/// Reads a page of a parent's list. What waits is on the heap: tasks of all fields of a type are as large as the largest of them.
///
/// # Errors
/// Where the page's arguments do not hold, or the database does not answer.
#[allow(clippy::needless_pass_by_value, reason = "made by each caller for this alone")]
pub fn load_connection<'a, L: ConnectionType>(
    ctx: &'a Context<'_>,
    parent: ParentKey,
    list: L,
    arguments: PageArguments,
) -> BoxFuture<'a, Result<EagerObject<Connection<L>>, Error>> {
    let planned = plan_page(ctx, parent, list, &arguments);
    Box::pin(async move {
        let PagePlan { list, page, columns: wants, needs_rows: asks_for_rows } = planned?;
        let name = wants.cursor_keys.then(|| fingerprint(parent, &*list));
        let facets = L::Facets::new(parent, &list);
        let (after, before) = (page.after.is_some(), page.before.is_some());
        let direction = page.direction;
        let rows = match asks_for_rows {
            false => Arc::new(ListPage { rows: Vec::new(), has_more: false }),
            true => {
                let asked = PageKey { parent, list: Arc::clone(&list), page, columns: wants };
                ctx.data_loader().load_one(asked).await?.ok_or_else(|| Error::internal("a list without a page"))?
            }
        };
        let (has_previous_page, has_next_page) = match direction {
            PageDirection::Forward => (asks_for_rows && after, rows.has_more),
            PageDirection::Backward => (rows.has_more, asks_for_rows && before),
        };
        Ok(EagerObject(Connection {
            parent,
            list,
            fingerprint: name,
            page: rows,
            facets,
            has_previous_page,
            has_next_page,
        }))
    })
}

/// What is asked of a connection.
fn plan_page<L: ConnectionType>(
    ctx: &Context<'_>,
    parent: ParentKey,
    list: L,
    arguments: &PageArguments,
) -> Result<PagePlan<L>, Error> {
    let limits = ctx.limits().page;
    let page = |list: &L| PageRequest::from_arguments(arguments, || fingerprint(parent, list), limits).map(Arc::new);
    // A cursor belongs to a parent's list.
    if arguments.after.is_some() || arguments.before.is_some() {
        let page = page(&list)?;
        let (wants, asks_for_rows) = page_columns::<L>(&Lookahead::new(ctx));
        return Ok(PagePlan { list: Arc::new(list), page, columns: wants, needs_rows: asks_for_rows });
    }
    let known = ctx.field_memo().get_or_try_init(ctx, || {
        let (wants, asks_for_rows) = page_columns::<L>(&Lookahead::new(ctx));
        Ok::<_, Error>(PagePlan {
            list: Arc::new(list.clone()),
            page: page(&list)?,
            columns: wants,
            needs_rows: asks_for_rows,
        })
    })?;
    // One field of a fragment may be of several lists.
    let is_same = *known.list == list;
    let list = if is_same { Arc::clone(&known.list) } else { Arc::new(list) };
    Ok(PagePlan { list, page: Arc::clone(&known.page), columns: known.columns, needs_rows: known.needs_rows })
}

/// A page of a list.
pub struct Connection<L: ConnectionType> {
    parent: ParentKey,
    list: Arc<L>,
    /// The list's fingerprint, where cursors are asked for.
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
            .map(|name| Cursor { fingerprint: name.clone(), keys: row.cursor_keys.clone() }.encode())
    }
}

/// A row of a list: what is listed, and what ties it to the list.
pub struct Edge<L: ConnectionType> {
    cursor: Option<String>,
    node: EagerObject<L::NodeObject>,
    edge_fields: Option<L::EdgeFields>,
}

/// Where a page begins and ends, and whether there is more.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether rows follow this page.
    has_next_page: bool,
    /// Whether rows precede this page.
    has_previous_page: bool,
    /// The first row's cursor; null on an empty page.
    start_cursor: Option<String>,
    /// The last row's cursor; null on an empty page. Give it as `after` to read on.
    end_cursor: Option<String>,
}

/// A page of a list, read from one of its ends or from a cursor.
#[async_graphql::Object(name_type)]
impl<L: ConnectionType> Connection<L> {
    /// The rows of the page with what ties each to the list.
    async fn edges(&self) -> EagerList<Edge<L>> {
        let edge = |row: &ListRow<L>| Edge {
            cursor: self.cursor(row),
            node: EagerObject(L::NodeObject::from(Arc::clone(&row.node))),
            edge_fields: row.edge.as_ref().map(|tie| L::edge_fields(self.parent, &self.list, row, tie)),
        };
        EagerList(self.page.rows.iter().map(edge).collect())
    }

    /// The rows of the page, where their ties are of no interest.
    async fn nodes(&self) -> EagerList<L::NodeObject> {
        EagerList(self.page.rows.iter().map(|row| L::NodeObject::from(Arc::clone(&row.node))).collect())
    }

    /// Where the page begins and ends, and whether there is more.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next_page,
            has_previous_page: self.has_previous_page,
            start_cursor: self.page.rows.first().and_then(|row| self.cursor(row)),
            end_cursor: self.page.rows.last().and_then(|row| self.cursor(row)),
        }
    }

    /// The exact number of rows in the whole filtered list; counted only where it is asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Option<Result<i32, Error>> {
        let count =
            ctx.data_loader().load_one(ListCountKey { parent: self.parent, list: Arc::clone(&self.list) }).await;
        count.transpose().map(|count| count.map(|count| i32::try_from(count).unwrap_or(i32::MAX)))
    }

    #[graphql(flatten)]
    async fn facets(&self) -> &L::Facets {
        &self.facets
    }
}

/// A row of a list: what is listed, and what ties it to the list.
#[async_graphql::Object(name_type)]
impl<L: ConnectionType> Edge<L> {
    /// The row's place in the list, to read on from as `after` or `before`. Opaque; it belongs to this list's filter
    /// and order.
    async fn cursor(&self) -> Result<&str, Error> {
        self.cursor.as_deref().ok_or_else(|| Error::internal("a cursor that nobody asked for"))
    }

    /// What is listed.
    async fn node(&self) -> &EagerObject<L::NodeObject> {
        &self.node
    }

    #[graphql(flatten)]
    async fn fields(&self) -> Result<&L::EdgeFields, Error> {
        self.edge_fields.as_ref().ok_or_else(|| Error::internal("an edge that nobody asked for"))
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

/// Shows a list whose edges say nothing beside the node; with facets where their type is given.
macro_rules! simple_connection {
    ($list:ty, $name:literal, $shown:ty) => {
        crate::graphql::connection::simple_connection!($list, $name, $shown, async_graphql::connection::EmptyFields);
    };
    ($list:ty, $name:literal, $shown:ty, $facets:ty) => {
        impl crate::graphql::connection::ConnectionType for $list {
            const NAME: &'static str = $name;
            type NodeObject = $shown;
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
