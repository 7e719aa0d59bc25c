//! Connections: pages of lists with cursors, as Relay has them.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::{Context, ObjectType, SimpleObject, TypeName};
use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::graphql::context::State as _;
use crate::graphql::engine::eager_resolver::{AtOnce, Listed, Resolved};
use crate::graphql::engine::lookahead::{FieldReads, Reads, Selections};
use crate::graphql::types::facet::Facets;
use crate::store::reader::cursor::{Cursor, Direction, Page, PageArguments};
use crate::store::reader::fingerprint::fingerprint;
use crate::store::reader::page::{CountOf, List, PageOf, Parent, Row, Rows, Wants};

/// A list as the schema shows it: the names of its connection and edge, and what each row becomes.
pub trait Shown: List {
    /// The name before `Connection` and `Edge`.
    const NAME: &'static str;
    /// The node's type.
    type Shown: Resolved + Reads + From<Arc<Self::Node>>;
    /// The edge's fields beside `cursor` and `node`.
    type Fields: ObjectType;
    /// What the connection says of the whole list.
    type Facets: Facets<Self>;

    /// What each of the edge's fields reads of it. A field that is not here is always right, at a price: all is read.
    const FIELDS: &'static [FieldReads] = &[];

    /// The edge's fields of a row.
    fn fields(parent: Parent, list: &Arc<Self>, row: &Row<Self>, edge: &Self::Edge) -> Self::Fields;
}

/// What is asked of a connection.
struct Planned<L> {
    list: Arc<L>,
    page: Arc<Page>,
    wants: Wants,
    /// Its total and facets need none of its rows.
    asks_for_rows: bool,
}

/// The fields that read nothing of an edge.
const OF_ALL_EDGES: &[FieldReads] = &[("cursor", &[]), ("node", &[])];

/// What a query wants of the rows of a connection, and whether it wants any.
fn wants<L: Shown>(selections: &Selections<'_>) -> (Wants, bool) {
    let connection = Connection::<L>::type_name();
    let edge = Edge::<L>::type_name();
    let edges = selections.below(&connection, "edges");
    let nodes = selections.below(&connection, "nodes");
    let page_info = selections.below(&connection, "pageInfo");
    let cursors = [
        edges.below(&edge, "cursor"),
        page_info.below("PageInfo", "startCursor"),
        page_info.below("PageInfo", "endCursor"),
    ];
    let wants = Wants {
        keys: cursors.iter().any(Selections::is_any),
        edge: edges
            .has_others(&edge, &["cursor", "node"])
            .then(|| edges.columns_by::<L::Edge>(&edge, &[OF_ALL_EDGES, L::FIELDS])),
        more: page_info.has_others("PageInfo", &["startCursor", "endCursor"]),
        node: edges.below(&edge, "node").columns::<L::Shown>().or(nodes.columns::<L::Shown>()),
    };
    (wants, [edges, nodes, page_info].iter().any(Selections::is_any))
}

/// Reads a page of a parent's list. What waits is on the heap: tasks of all fields of a type are as large as the largest of them.
///
/// # Errors
/// Where the page's arguments do not hold, or the database does not answer.
#[allow(clippy::needless_pass_by_value, reason = "made by each caller for this alone")]
pub fn connection<'a, L: Shown>(
    ctx: &'a Context<'_>,
    parent: Parent,
    list: L,
    arguments: PageArguments,
) -> BoxFuture<'a, Result<AtOnce<Connection<L>>, Error>> {
    let planned = planned(ctx, parent, list, &arguments);
    Box::pin(async move {
        let Planned { list, page, wants, asks_for_rows } = planned?;
        let name = wants.keys.then(|| fingerprint(parent, &*list));
        let facets = L::Facets::of(parent, &list);
        let (after, before) = (page.after.is_some(), page.before.is_some());
        let direction = page.direction;
        let rows = match asks_for_rows {
            false => Arc::new(Rows { rows: Vec::new(), has_more: false }),
            true => {
                let asked = PageOf { parent, list: Arc::clone(&list), page, wants };
                ctx.loaders().load_one(asked).await?.ok_or_else(|| Error::internal("a list without a page"))?
            }
        };
        let (has_previous_page, has_next_page) = match direction {
            Direction::Forward => (asks_for_rows && after, rows.has_more),
            Direction::Backward => (rows.has_more, asks_for_rows && before),
        };
        Ok(AtOnce(Connection { parent, list, name, rows, facets, has_previous_page, has_next_page }))
    })
}

/// What is asked of a connection.
fn planned<L: Shown>(
    ctx: &Context<'_>,
    parent: Parent,
    list: L,
    arguments: &PageArguments,
) -> Result<Planned<L>, Error> {
    let limits = ctx.limits().page;
    let page = |list: &L| Page::new(arguments, || fingerprint(parent, list), limits).map(Arc::new);
    // A cursor belongs to a parent's list.
    if arguments.after.is_some() || arguments.before.is_some() {
        let page = page(&list)?;
        let (wants, asks_for_rows) = wants::<L>(&Selections::of(ctx));
        return Ok(Planned { list: Arc::new(list), page, wants, asks_for_rows });
    }
    let known = ctx.known().of(ctx, || {
        let (wants, asks_for_rows) = wants::<L>(&Selections::of(ctx));
        Ok::<_, Error>(Planned { list: Arc::new(list.clone()), page: page(&list)?, wants, asks_for_rows })
    })?;
    // One field of a fragment may be of several lists.
    let is_same = *known.list == list;
    let list = if is_same { Arc::clone(&known.list) } else { Arc::new(list) };
    Ok(Planned { list, page: Arc::clone(&known.page), wants: known.wants, asks_for_rows: known.asks_for_rows })
}

/// A page of a list.
pub struct Connection<L: Shown> {
    parent: Parent,
    list: Arc<L>,
    /// The list's fingerprint, where cursors are asked for.
    name: Option<String>,
    rows: Arc<Rows<L>>,
    facets: L::Facets,
    has_previous_page: bool,
    has_next_page: bool,
}

impl<L: Shown> Connection<L> {
    fn cursor(&self, row: &Row<L>) -> Option<String> {
        self.name.as_ref().map(|name| Cursor { list: name.clone(), keys: row.keys.clone() }.encode())
    }
}

/// A row of a list: what is listed, and what ties it to the list.
pub struct Edge<L: Shown> {
    cursor: Option<String>,
    node: AtOnce<L::Shown>,
    fields: Option<L::Fields>,
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
impl<L: Shown> Connection<L> {
    /// The rows of the page with what ties each to the list.
    async fn edges(&self) -> Listed<Edge<L>> {
        let edge = |row: &Row<L>| Edge {
            cursor: self.cursor(row),
            node: AtOnce(L::Shown::from(Arc::clone(&row.node))),
            fields: row.edge.as_ref().map(|tie| L::fields(self.parent, &self.list, row, tie)),
        };
        Listed(self.rows.rows.iter().map(edge).collect())
    }

    /// The rows of the page, where their ties are of no interest.
    async fn nodes(&self) -> Listed<L::Shown> {
        Listed(self.rows.rows.iter().map(|row| L::Shown::from(Arc::clone(&row.node))).collect())
    }

    /// Where the page begins and ends, and whether there is more.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next_page,
            has_previous_page: self.has_previous_page,
            start_cursor: self.rows.rows.first().and_then(|row| self.cursor(row)),
            end_cursor: self.rows.rows.last().and_then(|row| self.cursor(row)),
        }
    }

    /// The exact number of rows in the whole filtered list; counted only where it is asked for.
    async fn total_count(&self, ctx: &Context<'_>) -> Option<Result<i32, Error>> {
        let count = ctx.loaders().load_one(CountOf { parent: self.parent, list: Arc::clone(&self.list) }).await;
        count.transpose().map(|count| count.map(|count| i32::try_from(count).unwrap_or(i32::MAX)))
    }

    #[graphql(flatten)]
    async fn facets(&self) -> &L::Facets {
        &self.facets
    }
}

/// A row of a list: what is listed, and what ties it to the list.
#[async_graphql::Object(name_type)]
impl<L: Shown> Edge<L> {
    /// The row's place in the list, to read on from as `after` or `before`. Opaque; it belongs to this list's filter
    /// and order.
    async fn cursor(&self) -> Result<&str, Error> {
        self.cursor.as_deref().ok_or_else(|| Error::internal("a cursor that nobody asked for"))
    }

    /// What is listed.
    async fn node(&self) -> &AtOnce<L::Shown> {
        &self.node
    }

    #[graphql(flatten)]
    async fn fields(&self) -> Result<&L::Fields, Error> {
        self.fields.as_ref().ok_or_else(|| Error::internal("an edge that nobody asked for"))
    }
}

impl<L: Shown> TypeName for Connection<L> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", L::NAME).into()
    }
}

impl<L: Shown> TypeName for Edge<L> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", L::NAME).into()
    }
}

/// Shows a list whose edges say nothing beside the node; with facets where their type is given.
macro_rules! plain_list {
    ($list:ty, $name:literal, $shown:ty) => {
        crate::graphql::connection::plain_list!($list, $name, $shown, async_graphql::connection::EmptyFields);
    };
    ($list:ty, $name:literal, $shown:ty, $facets:ty) => {
        impl crate::graphql::connection::Shown for $list {
            const NAME: &'static str = $name;
            type Shown = $shown;
            type Fields = async_graphql::connection::EmptyFields;
            type Facets = $facets;

            fn fields(
                _: crate::store::reader::page::Parent,
                _: &std::sync::Arc<Self>,
                _: &crate::store::reader::page::Row<Self>,
                _: &Self::Edge,
            ) -> Self::Fields {
                async_graphql::connection::EmptyFields
            }
        }
    };
}
pub(super) use plain_list;
