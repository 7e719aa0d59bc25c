//! How objects are resolved where there are many of them.
//!
//! The engine makes a task on the heap of each field, and a table of each object, though most fields of a row are there already.
//! Here what is there is written down at once, as JSON, and only what has to wait is kept as a task, so that all that waits is
//! asked for together as before. Fields, fragments and errors are as the engine has them (its `resolver_utils::container`).

use std::borrow::Cow;
use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::PoisonError;
use std::task::{Context as Task, Poll};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, Name, ObjectType, OutputType, Positioned, ServerError, ServerResult, Value};

use crate::graphql::context::State as _;
use crate::graphql::engine::field_order::{in_order, write_in_order};
use crate::graphql::engine::json_writer;

/// An object that is resolved in this way. It is of the same type as what it holds.
pub struct AtOnce<T>(pub T);

/// Rows, each resolved in this way. A list of the same type as that of what it holds.
pub struct Listed<T>(pub Vec<T>);

impl<T: Resolved> OutputType for AtOnce<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let selected = T::selected(ctx)?;
        let mut text = Vec::with_capacity(128);
        let begun = poll_fn(|task| Poll::Ready(self.0.begin(ctx, &selected, &mut text, task))).await;
        let value = match begun {
            Begun::Written => Value::Binary(text.into()),
            Begun::Waits(object) => {
                let value = self.0.finish(ctx, field, &selected, object).await?;
                in_order(ctx, value, &ctx.item.node)
            }
        };
        // Whoever holds it may be the engine, which merges objects.
        Ok(if ctx.known().asks_twice { json_writer::mergeable(value, field.pos) } else { value })
    }
}

impl<T: Resolved> OutputType for Listed<T> {
    fn type_name() -> Cow<'static, str> {
        Vec::<T>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<T>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<T>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let selected = T::selected(ctx)?;
        let mut text = Vec::with_capacity(128 * (1 + self.0.len()));
        text.push(b'[');
        let mut waiting = Vec::new();
        poll_fn(|task| {
            for (index, item) in self.0.iter().enumerate() {
                let begun = item.begin(&ctx.with_index(index), &selected, &mut text, task);
                if let Begun::Waits(object) = begun {
                    let selected = &selected;
                    let rest = async move {
                        let here = ctx.with_index(index);
                        let value = item.finish(&here, field, selected, object).await;
                        value.map_err(|error| here.set_error_path(error))
                    };
                    waiting.push(Waiting { at: text.len(), value: None, future: Box::pin(rest) });
                }
                text.push(b',');
            }
            Poll::Ready(())
        })
        .await;
        join(&mut waiting).await;
        let mut all = Filled::new(&text, &waiting);
        for one in waiting {
            let value = one.value.unwrap_or(Ok(Value::Null))?;
            write_in_order(ctx, &value, &[&ctx.item.node], all.up_to(one.at));
        }
        Ok(all.end(b']'))
    }
}

/// A value that something waits for, and its place in a text.
struct Waiting<'a> {
    at: usize,
    value: Option<ServerResult<Value>>,
    future: Pin<Box<dyn Future<Output = ServerResult<Value>> + Send + 'a>>,
}

/// Waits for all of them, wherever each of them is.
async fn join(all: &mut [Waiting<'_>]) {
    poll_fn(|task| {
        let mut is_done = true;
        for one in all.iter_mut().filter(|one| one.value.is_none()) {
            match one.future.as_mut().poll(task) {
                Poll::Ready(value) => one.value = Some(value),
                Poll::Pending => is_done = false,
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// About as long as keys of fields are, with their signs.
const KEY_BYTES: usize = 32;

/// A text with what came later put into its places.
struct Filled<'t> {
    text: &'t [u8],
    taken: usize,
    out: Vec<u8>,
}

impl<'t> Filled<'t> {
    fn new(text: &'t [u8], waited: &[Waiting<'_>]) -> Self {
        let bytes = |one: &Waiting<'_>| match &one.value {
            Some(Ok(Value::Binary(written))) => KEY_BYTES + written.len(),
            _ => KEY_BYTES,
        };
        let all = waited.iter().map(bytes).sum::<usize>();
        Self { text, taken: 0, out: Vec::with_capacity(text.len() + all) }
    }

    /// All up to a place, to be written on.
    fn up_to(&mut self, place: usize) -> &mut Vec<u8> {
        self.out.extend_from_slice(&self.text[self.taken..place]);
        self.taken = place;
        &mut self.out
    }

    fn end(mut self, close: u8) -> Value {
        self.up_to(self.text.len());
        json_writer::end(&mut self.out, close);
        Value::Binary(self.out.into())
    }
}

/// The fields that a query selects of all objects of a type at one place.
#[derive(Default)]
pub struct Selected<'a> {
    fields: Vec<&'a Positioned<Field>>,
    /// Whether one of them is asked for twice.
    has_twice: bool,
}

/// What there is of something at once.
pub enum Begun<'a> {
    /// All of it.
    Written,
    /// Some of it.
    Waits(Partly<'a>),
}

/// An object without its end, some of whose fields wait.
#[derive(Default)]
pub struct Partly<'a> {
    text: Vec<u8>,
    /// Where they belong in it.
    rest: Vec<(usize, &'a Positioned<Field>)>,
}

/// What can be resolved in this way: any object, and what becomes one.
pub trait Resolved: OutputType {
    /// The fields that are selected of it.
    ///
    /// # Errors
    /// Where the query has no such fragment.
    fn selected<'a>(ctx: &ContextSelectionSet<'a>) -> ServerResult<Selected<'a>>;

    /// Writes what is there.
    fn begin<'a>(
        &self,
        ctx: &ContextSelectionSet<'a>,
        selected: &Selected<'a>,
        out: &mut Vec<u8>,
        task: &mut Task<'_>,
    ) -> Begun<'a>;

    /// Waits for the rest.
    fn finish<'a>(
        &'a self,
        ctx: &'a ContextSelectionSet<'a>,
        field: &'a Positioned<Field>,
        selected: &'a Selected<'a>,
        object: Partly<'a>,
    ) -> impl Future<Output = ServerResult<Value>> + Send;
}

impl<T: ObjectType> Resolved for T {
    fn selected<'a>(ctx: &ContextSelectionSet<'a>) -> ServerResult<Selected<'a>> {
        let mut fields = Vec::new();
        add_fields(ctx, &T::type_name(), &ctx.item.node, &mut fields)?;
        // What has nothing below it is the same each time, and asked for once.
        let mut values = HashSet::new();
        fields.retain(|field| {
            let is_value = field.node.selection_set.node.items.is_empty();
            !is_value || values.insert(&field.node.response_key().node)
        });
        let key = |field: &&'a Positioned<Field>| &field.node.response_key().node;
        let is_twice = |(place, field)| fields.iter().take(place).any(|other| key(other) == key(field));
        let has_twice = fields.iter().enumerate().any(is_twice);
        Ok(Selected { fields, has_twice })
    }

    fn begin<'a>(
        &self,
        ctx: &ContextSelectionSet<'a>,
        selected: &Selected<'a>,
        out: &mut Vec<u8>,
        task: &mut Task<'_>,
    ) -> Begun<'a> {
        let from = out.len();
        let mut rest = Vec::new();
        out.push(b'{');
        for field in &selected.fields {
            let value = match may_be_there(&field.node) && !selected.has_twice {
                true => try_now(ctx, self, field, task),
                false => Poll::Pending,
            };
            match value {
                Poll::Ready(value) => write_field(ctx, field, value, out),
                Poll::Pending => rest.push((out.len() - from, *field)),
            }
        }
        if rest.is_empty() {
            json_writer::end(out, b'}');
            return Begun::Written;
        }
        Begun::Waits(Partly { text: out.split_off(from), rest })
    }

    async fn finish<'a>(
        &'a self,
        ctx: &'a ContextSelectionSet<'a>,
        _: &'a Positioned<Field>,
        selected: &'a Selected<'a>,
        object: Partly<'a>,
    ) -> ServerResult<Value> {
        let Partly { text, rest } = object;
        let wait = |(at, field): &(usize, &'a Positioned<Field>)| Waiting {
            at: *at,
            value: None,
            future: Box::pin(one(ctx, self, field)),
        };
        let mut waiting: Vec<Waiting<'_>> = rest.iter().map(wait).collect();
        join(&mut waiting).await;
        let mut all = Filled::new(&text, &waiting);
        let fields = rest.iter().map(|(_, field)| *field).zip(waiting);
        if selected.has_twice {
            return Ok(merged(ctx, fields));
        }
        for (field, one) in fields {
            write_field(ctx, field, one.value.unwrap_or(Ok(Value::Null)), all.up_to(one.at));
        }
        Ok(all.end(b'}'))
    }
}

/// A field of an object.
async fn one<'a, T: ObjectType>(
    ctx: &ContextSelectionSet<'a>,
    root: &T,
    field: &'a Positioned<Field>,
) -> ServerResult<Value> {
    if field.node.name.node == "__typename" {
        return Ok(Value::String(T::type_name().into_owned()));
    }
    Ok(root.resolve_field(&ctx.with_field(field)).await?.unwrap_or_default())
}

/// A field of an object, where it is there. If it is not, it is begun again beside all others that wait: what it asked for stays
/// asked, and what failed in it will fail again.
fn try_now<'a, T: ObjectType>(
    ctx: &ContextSelectionSet<'a>,
    root: &T,
    field: &'a Positioned<Field>,
    task: &mut Task<'_>,
) -> Poll<ServerResult<Value>> {
    let errors = || ctx.query_env.errors.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = (!field.node.selection_set.node.items.is_empty()).then(|| errors().len());
    let value = pin!(one(ctx, root, field)).as_mut().poll(task);
    if let (Poll::Pending, Some(failed)) = (&value, failed) {
        errors().truncate(failed);
    }
    value
}

/// A failed field has no value, but an error.
fn write_field(
    ctx: &ContextSelectionSet<'_>,
    field: &Positioned<Field>,
    value: ServerResult<Value>,
    out: &mut Vec<u8>,
) {
    match value {
        Ok(value) => {
            json_writer::key(&field.node.response_key().node, out);
            write_in_order(ctx, &value, &[&field.node.selection_set.node], out);
            out.push(b',');
        }
        Err(error) => ctx.add_error(error),
    }
}

/// An object some of whose fields are asked for twice, each time for something else.
fn merged<'a>(
    ctx: &ContextSelectionSet<'_>,
    fields: impl Iterator<Item = (&'a Positioned<Field>, Waiting<'a>)>,
) -> Value {
    let mut object = IndexMap::new();
    for (field, one) in fields {
        match one.value.unwrap_or(Ok(Value::Null)) {
            Ok(mut value) => {
                json_writer::take_apart(&mut value);
                json_writer::insert(&mut object, field.node.response_key().node.clone(), value);
            }
            Err(error) => ctx.add_error(error),
        }
    }
    in_order(ctx, Value::Object(object), &ctx.item.node)
}

/// Whether a field is likely to be there: a value, or an object of nothing but values.
fn may_be_there(field: &Field) -> bool {
    field.selection_set.node.items.iter().all(|selection| match &selection.node {
        Selection::Field(below) => below.node.selection_set.node.items.is_empty(),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    })
}

/// Adds the fields of a selection, and those of its fragments that are about the type.
fn add_fields<'a>(
    ctx: &ContextSelectionSet<'a>,
    ty: &str,
    selections: &'a SelectionSet,
    fields: &mut Vec<&'a Positioned<Field>>,
) -> ServerResult<()> {
    for selection in &selections.items {
        let (condition, below) = match &selection.node {
            Selection::Field(field) => {
                fields.push(field);
                continue;
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                (condition, &fragment.node.selection_set.node)
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let fragment = ctx.query_env.fragments.get(name);
                let fragment = fragment
                    .ok_or_else(|| ServerError::new(format!("Unknown fragment \"{name}\"."), Some(spread.pos)))?;
                (Some(&fragment.node.type_condition.node.on.node), &fragment.node.selection_set.node)
            }
        };
        if condition.is_none_or(|condition| applies(ctx, ty, condition)) {
            add_fields(ctx, ty, below, fields)?;
        }
    }
    Ok(())
}

/// Whether a fragment is about objects of a type: by the type, or by an interface of it.
fn applies(ctx: &ContextSelectionSet<'_>, ty: &str, condition: &Name) -> bool {
    let interfaces = || ctx.schema_env.registry.implements.get(ty);
    condition.as_str() == ty || interfaces().is_some_and(|interfaces| interfaces.contains(condition.as_str()))
}
