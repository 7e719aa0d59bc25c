//! What the engine expects of async-graphql beyond its documented interface. A new version of the library that changes one
//! of these fails here, with the name of what changed, rather than in a response.

use std::borrow::Cow;
use std::sync::PoisonError;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection};
use async_graphql::registry::Registry;
use async_graphql::{
    Context, ContextSelectionSet, EmptyMutation, EmptySubscription, Name, Object, OutputType, PathSegment, Positioned,
    Request, Response, Schema, ServerError, ServerResult, ValidationMode, Value, Variables, value,
};

use crate::graphql::engine::field_directives::{Cost, FREE, Reads, statements};

/// `async_graphql::indexmap` is the library of its maps.
fn object(fields: IndexMap<Name, Value>) -> Value {
    Value::Object(fields)
}

/// An object that is resolved by hand, with what `eager_resolver.rs` uses.
struct Probe;

impl OutputType for Probe {
    fn type_name() -> Cow<'static, str> {
        Item::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Item::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        // `ContextBase::item` is the selection set of the field.
        assert!(std::ptr::eq(ctx.item, &raw const field.node.selection_set));
        let Selection::Field(child) = &ctx.item.node.items[0].node else { panic!("not a field") };
        // `ContextBase::with_index` and `with_field` add to the path, which `set_error_path` writes to an error.
        let item_ctx = ctx.with_index(3);
        let field_ctx = item_ctx.with_field(child);
        assert!(std::ptr::eq(field_ctx.item, child));
        let error = field_ctx.set_error_path(ServerError::new("probe", None));
        let segment = |name: &str| PathSegment::Field(name.to_owned());
        assert_eq!(error.path, [segment("probe"), PathSegment::Index(3), segment("alias")]);
        // `QueryEnv::errors` has the errors of `add_error`, which can be taken back.
        let errors = || ctx.query_env.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let before = errors().len();
        ctx.add_error(error);
        assert_eq!(errors().len(), before + 1);
        errors().truncate(before);
        // `QueryEnv::variables` has the variables of the request.
        assert_eq!(ctx.query_env.variables.get("number"), Some(&Value::from(5)));
        Ok(object(IndexMap::from([(child.node.response_key().node.clone(), Value::from(1))])))
    }
}

struct Item;

#[Object]
impl Item {
    #[graphql(directive = Reads::apply(&["a", "b"]), directive = Cost::apply(statements(1).counts(2)))]
    async fn slow(&self) -> i32 {
        tokio::task::yield_now().await;
        1
    }

    #[graphql(directive = Cost::apply(FREE))]
    async fn fast(&self) -> i32 {
        2
    }

    async fn failing(&self) -> async_graphql::Result<i32> {
        Err("failed".into())
    }

    /// The address of the field in the document.
    async fn address(&self, ctx: &Context<'_>) -> String {
        format!("{:p}", ctx.item)
    }
}

struct Query;

#[Object]
impl Query {
    async fn probe(&self) -> Probe {
        Probe
    }

    async fn items(&self) -> Vec<Item> {
        vec![Item, Item]
    }
}

fn schema() -> Schema<Query, EmptyMutation, EmptySubscription> {
    Schema::build(Query, EmptyMutation, EmptySubscription).validation_mode(ValidationMode::Fast).finish()
}

async fn execute(query: &str) -> Response {
    let variables = Variables::from_json(serde_json::json!({ "number": 5 }));
    schema().execute(Request::new(query).variables(variables)).await
}

#[tokio::test]
async fn contexts_of_items_and_fields() {
    let response = execute("query($number: Int) { probe { alias: fast } }").await;
    assert_eq!(response.errors, []);
    assert_eq!(response.data, value!({ "probe": { "alias": 1 } }));
}

/// `FieldMemo` identifies a field by its address.
#[tokio::test]
async fn fields_keep_their_addresses() {
    let data = execute("{ items { address other: address } }").await.data.into_json().expect("JSON");
    assert_eq!(data["items"][0], data["items"][1]);
    assert_ne!(data["items"][0]["address"], data["items"][0]["other"]);
}

/// `TypeDirective`, `MetaDirectiveInvocation` and `location_traits`: see `field_directives.rs`.
#[test]
fn directives_are_written_last_in_the_sdl() {
    let sdl = schema().sdl();
    for line in [r#"slow: Int! @reads(columns: ["a", "b"]) @cost(statements: 1, counts: 2)"#, "fast: Int! @cost"] {
        assert!(sdl.lines().any(|found| found.trim() == line), "{line} in {sdl}");
    }
    assert!(!sdl.contains("directive @cost") && !sdl.contains("directive @reads"), "{sdl}");
}

/// `Registry::add_implements`.
#[test]
fn interfaces_implement_interfaces() {
    assert!(crate::graphql::sdl().contains("\ninterface Entity implements Node {"));
}

/// Where the library deviates from the specification. If one of these fails, it no longer does, and what we add for it can go:
/// see `docs/upstream.md`.
#[tokio::test]
async fn deviations_from_the_specification() {
    let keys = |data: Value| match data {
        Value::Object(mut fields) => match fields.swap_remove("items") {
            Some(Value::List(mut items)) => match items.swap_remove(0) {
                Value::Object(fields) => fields.keys().map(ToString::to_string).collect(),
                other => vec![other.to_string()],
            },
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let response = execute("{ items { slow fast } }").await;
    assert_eq!(keys(response.data), ["fast", "slow"], "fields are in the order of the query: field_order.rs");
    let response = execute("{ items { failing fast } }").await;
    assert_eq!(keys(response.data), ["fast"], "a failed field is not left out: null_propagation.rs");
    let response = execute("{ items { fast @skip(if: true) } }").await;
    assert_eq!(keys(response.data), ["null"], "an object without fields is an object: execution_document.rs");
}
