//! Connections: pages of lists with cursors, as Relay has them.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::{Context, ObjectType, OutputType, SimpleObject, TypeName};

use super::context::State as _;
use super::facet::Facets;
use crate::error::Error;
use crate::page::{Cursor, Direction, Page, PageArguments, fingerprint};
use crate::store::list::{CountOf, List, PageOf, Parent, Row, Rows, Wants};

/// A list as the schema shows it: the names of its connection and edge, and what each row becomes.
pub trait Shown: List {
    /// The name before `Connection` and `Edge`.
    const NAME: &'static str;
    /// The node's type.
    type Shown: OutputType + From<Arc<Self::Node>> + HasTexts;
    /// The edge's fields beside `cursor` and `node`.
    type Fields: ObjectType;
    /// What the connection says of the whole list.
    type Facets: Facets<Self>;

    /// The edge's fields of a row.
    fn fields(parent: Parent, list: &Arc<Self>, row: &Row<Self>, edge: &Self::Edge) -> Self::Fields;
}

/// A type some of whose fields are texts that are long, or many, and read only where they are asked for.
pub trait HasTexts {
    /// The fields that need none of its texts. A field that is not here is always right, at a price.
    const WITHOUT_TEXTS: &'static [&'static str];
}

/// What a query wants of the rows of a connection.
fn wants<T: HasTexts>(ctx: &Context<'_>) -> Wants {
    let at = |path: &[&str]| path.iter().fold(ctx.look_ahead(), |below, field| below.field(field));
    let mut nodes = [at(&["nodes"]), at(&["edges", "node"])].into_iter().flat_map(|node| node.selection_fields());
    Wants {
        keys: [["edges", "cursor"], ["pageInfo", "startCursor"], ["pageInfo", "endCursor"]]
            .iter()
            .any(|path| at(path).exists()),
        edge: at(&["edges"]).exists(),
        texts: nodes.any(|node| node.selection_set().any(|field| !T::WITHOUT_TEXTS.contains(&field.name()))),
    }
}

/// Reads a page of a parent's list.
///
/// # Errors
/// Where the page's arguments do not hold, or the database does not answer.
pub async fn connection<L: Shown>(
    ctx: &Context<'_>,
    parent: Parent,
    list: L,
    arguments: PageArguments,
) -> Result<Connection<L>, Error> {
    let name = || fingerprint(&format!("{} {parent:?} {list:?}", L::NAME));
    let page = Arc::new(Page::new(&arguments, name, ctx.limits().page)?);
    let wants = wants::<L::Shown>(ctx);
    let name = wants.keys.then(name);
    let list = Arc::new(list);
    let facets = L::Facets::of(parent, &list);
    // A list's total and facets need none of its rows.
    let asks_for_rows = ["edges", "nodes", "pageInfo"].iter().any(|field| ctx.look_ahead().field(field).exists());
    let rows = match asks_for_rows {
        false => Arc::new(Rows { rows: Vec::new(), has_more: false }),
        true => {
            let asked = PageOf { parent, list: Arc::clone(&list), page: Arc::clone(&page), wants };
            ctx.loaders().load_one(asked).await?.ok_or_else(|| Error::internal("a list without a page"))?
        }
    };
    let (has_previous_page, has_next_page) = match page.direction {
        Direction::Forward => (asks_for_rows && page.after.is_some(), rows.has_more),
        Direction::Backward => (rows.has_more, asks_for_rows && page.before.is_some()),
    };
    Ok(Connection { parent, list, name, rows, facets, has_previous_page, has_next_page })
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
    node: L::Shown,
    fields: L::Fields,
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
    async fn edges(&self) -> Result<Vec<Edge<L>>, Error> {
        let edges = self.rows.rows.iter().map(|row| {
            let tie = row.edge.as_ref().ok_or_else(|| Error::internal("an edge that nobody asked for"))?;
            let fields = L::fields(self.parent, &self.list, row, tie);
            Ok(Edge { cursor: self.cursor(row), node: L::Shown::from(Arc::clone(&row.node)), fields })
        });
        edges.collect()
    }

    /// The rows of the page, where their ties are of no interest.
    async fn nodes(&self) -> Vec<L::Shown> {
        self.rows.rows.iter().map(|row| L::Shown::from(Arc::clone(&row.node))).collect()
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
    async fn node(&self) -> &L::Shown {
        &self.node
    }

    #[graphql(flatten)]
    async fn fields(&self) -> &L::Fields {
        &self.fields
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
        crate::schema::connection::plain_list!($list, $name, $shown, async_graphql::connection::EmptyFields);
    };
    ($list:ty, $name:literal, $shown:ty, $facets:ty) => {
        impl crate::schema::connection::Shown for $list {
            const NAME: &'static str = $name;
            type Shown = $shown;
            type Fields = async_graphql::connection::EmptyFields;
            type Facets = $facets;

            fn fields(
                _: crate::store::list::Parent,
                _: &std::sync::Arc<Self>,
                _: &crate::store::list::Row<Self>,
                _: &Self::Edge,
            ) -> Self::Fields {
                async_graphql::connection::EmptyFields
            }
        }
    };
}
pub(super) use plain_list;
