//! Connections: pages of lists with cursors, as Relay has them.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::{Context, ObjectType, OutputType, SimpleObject, TypeName};

use super::context::State as _;
use super::facet::Facets;
use crate::error::Error;
use crate::page::{Cursor, Direction, Page, PageArguments, fingerprint};
use crate::store::list::{CountOf, List, PageOf, Parent, Row};

/// A list as the schema shows it: the names of its connection and edge, and what each row becomes.
pub trait Shown: List {
    /// The name before `Connection` and `Edge`.
    const NAME: &'static str;
    /// The node's type.
    type Shown: OutputType + From<Arc<Self::Node>>;
    /// The edge's fields beside `cursor` and `node`.
    type Fields: ObjectType;
    /// What the connection says of the whole list.
    type Facets: Facets<Self>;

    /// The edge's fields of a row.
    fn fields(parent: Parent, list: &Arc<Self>, row: &Row<Self>) -> Self::Fields;
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
    let asks_for = |path: &[&str]| path.iter().fold(ctx.look_ahead(), |below, field| below.field(field)).exists();
    let with_keys =
        [["edges", "cursor"], ["pageInfo", "startCursor"], ["pageInfo", "endCursor"]].iter().any(|path| asks_for(path));
    let name = with_keys.then(name);
    let list = Arc::new(list);
    let facets = L::Facets::of(parent, &list);
    // A list's total and facets need none of its rows.
    let asks_for_rows = ["edges", "nodes", "pageInfo"].iter().any(|field| asks_for(&[field]));
    if !asks_for_rows {
        return Ok(Connection {
            parent,
            list,
            edges: Vec::new(),
            facets,
            has_previous_page: false,
            has_next_page: false,
        });
    }
    let asked = PageOf { parent, list: Arc::clone(&list), page: Arc::clone(&page), with_keys };
    let rows = ctx.loaders().load_one(asked).await?.ok_or_else(|| Error::internal("a list without a page"))?;
    let edges = rows.rows.iter().map(|row| Edge {
        cursor: name.as_ref().map(|name| Cursor { list: name.clone(), keys: row.keys.clone() }.encode()),
        node: L::Shown::from(Arc::clone(&row.node)),
        fields: L::fields(parent, &list, row),
    });
    let edges = edges.collect();
    let (has_previous_page, has_next_page) = match page.direction {
        Direction::Forward => (page.after.is_some(), rows.has_more),
        Direction::Backward => (rows.has_more, page.before.is_some()),
    };
    Ok(Connection { parent, list, edges, facets, has_previous_page, has_next_page })
}

/// A page of a list.
pub struct Connection<L: Shown> {
    parent: Parent,
    list: Arc<L>,
    edges: Vec<Edge<L>>,
    facets: L::Facets,
    has_previous_page: bool,
    has_next_page: bool,
}

/// A row of a list: what is listed, and what ties it to the list.
pub struct Edge<L: Shown> {
    /// Absent where nobody asks for it.
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
    async fn edges(&self) -> &[Edge<L>] {
        &self.edges
    }

    /// The rows of the page, where their ties are of no interest.
    async fn nodes(&self) -> Vec<&L::Shown> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Where the page begins and ends, and whether there is more.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.has_next_page,
            has_previous_page: self.has_previous_page,
            start_cursor: self.edges.first().and_then(|edge| edge.cursor.clone()),
            end_cursor: self.edges.last().and_then(|edge| edge.cursor.clone()),
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
            ) -> Self::Fields {
                async_graphql::connection::EmptyFields
            }
        }
    };
}
pub(super) use plain_list;
