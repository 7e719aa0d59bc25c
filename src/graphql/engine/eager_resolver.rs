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

use crate::graphql::context::ContextExt as _;
use crate::graphql::engine::field_order::{to_ordered_json, write_ordered};
use crate::graphql::engine::json_writer;

/// An object that is resolved in this way. It is of the same type as what it holds.
pub struct EagerObject<T>(pub T);

/// Rows, each resolved in this way. A list of the same type as that of what it holds.
pub struct EagerList<T>(pub Vec<T>);

impl<T: EagerResolve> OutputType for EagerObject<T> {
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
        let selected = T::collect_fields(ctx)?;
        let mut text = Vec::with_capacity(128);
        let begun = poll_fn(|task| Poll::Ready(self.0.resolve_ready(ctx, &selected, &mut text, task))).await;
        let value = match begun {
            Progress::Complete => Value::Binary(text.into()),
            Progress::Pending(object) => {
                let value = self.0.resolve_pending(ctx, field, &selected, object).await?;
                to_ordered_json(ctx, value, &ctx.item.node)
            }
        };
        // Whoever holds it may be the engine, which merges objects.
        Ok(if ctx.field_memo().has_merged_objects { json_writer::mark_for_merge(value, field.pos) } else { value })
    }
}

impl<T: EagerResolve> OutputType for EagerList<T> {
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
        let selected = T::collect_fields(ctx)?;
        let mut text = Vec::with_capacity(128 * (1 + self.0.len()));
        text.push(b'[');
        let mut waiting = Vec::new();
        poll_fn(|task| {
            for (index, item) in self.0.iter().enumerate() {
                let begun = item.resolve_ready(&ctx.with_index(index), &selected, &mut text, task);
                if let Progress::Pending(object) = begun {
                    let selected = &selected;
                    let rest = async move {
                        let here = ctx.with_index(index);
                        let value = item.resolve_pending(&here, field, selected, object).await;
                        value.map_err(|error| here.set_error_path(error))
                    };
                    waiting.push(PendingValue { offset: text.len(), value: None, future: Box::pin(rest) });
                }
                text.push(b',');
            }
            Poll::Ready(())
        })
        .await;
        join_all(&mut waiting).await;
        let mut all = JsonSplicer::new(&text, &waiting);
        for one in waiting {
            let value = one.value.unwrap_or(Ok(Value::Null))?;
            write_ordered(ctx, &value, &[&ctx.item.node], all.copy_to(one.offset));
        }
        Ok(all.finish(b']'))
    }
}

/// A value that something waits for, and its place in a text.
struct PendingValue<'a> {
    offset: usize,
    value: Option<ServerResult<Value>>,
    future: Pin<Box<dyn Future<Output = ServerResult<Value>> + Send + 'a>>,
}

/// Waits for all of them, wherever each of them is.
async fn join_all(all: &mut [PendingValue<'_>]) {
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
const ESTIMATED_KEY_BYTES: usize = 32;

/// A text with what came later put into its places.
struct JsonSplicer<'t> {
    template: &'t [u8],
    copied: usize,
    out: Vec<u8>,
}

impl<'t> JsonSplicer<'t> {
    fn new(template: &'t [u8], waited: &[PendingValue<'_>]) -> Self {
        let bytes = |one: &PendingValue<'_>| match &one.value {
            Some(Ok(Value::Binary(written))) => ESTIMATED_KEY_BYTES + written.len(),
            _ => ESTIMATED_KEY_BYTES,
        };
        let all = waited.iter().map(bytes).sum::<usize>();
        Self { template, copied: 0, out: Vec::with_capacity(template.len() + all) }
    }

    /// All up to a place, to be written on.
    fn copy_to(&mut self, place: usize) -> &mut Vec<u8> {
        self.out.extend_from_slice(&self.template[self.copied..place]);
        self.copied = place;
        &mut self.out
    }

    fn finish(mut self, close: u8) -> Value {
        self.copy_to(self.template.len());
        json_writer::close(&mut self.out, close);
        Value::Binary(self.out.into())
    }
}

/// The fields that a query selects of all objects of a type at one place.
#[derive(Default)]
pub struct SelectedFields<'a> {
    fields: Vec<&'a Positioned<Field>>,
    /// Whether one of them is asked for twice.
    has_duplicate_keys: bool,
}

/// What there is of something at once.
pub enum Progress<'a> {
    /// All of it.
    Complete,
    /// Some of it.
    Pending(PendingObject<'a>),
}

/// An object without its end, some of whose fields wait.
#[derive(Default)]
pub struct PendingObject<'a> {
    json: Vec<u8>,
    /// Where they belong in it.
    pending_fields: Vec<(usize, &'a Positioned<Field>)>,
}

/// What can be resolved in this way: any object, and what becomes one.
pub trait EagerResolve: OutputType {
    /// The fields that are selected of it.
    ///
    /// # Errors
    /// Where the query has no such fragment.
    fn collect_fields<'a>(ctx: &ContextSelectionSet<'a>) -> ServerResult<SelectedFields<'a>>;

    /// Writes what is there.
    fn resolve_ready<'a>(
        &self,
        ctx: &ContextSelectionSet<'a>,
        selected: &SelectedFields<'a>,
        out: &mut Vec<u8>,
        task: &mut Task<'_>,
    ) -> Progress<'a>;

    /// Waits for the rest.
    fn resolve_pending<'a>(
        &'a self,
        ctx: &'a ContextSelectionSet<'a>,
        field: &'a Positioned<Field>,
        selected: &'a SelectedFields<'a>,
        object: PendingObject<'a>,
    ) -> impl Future<Output = ServerResult<Value>> + Send;
}

impl<T: ObjectType> EagerResolve for T {
    fn collect_fields<'a>(ctx: &ContextSelectionSet<'a>) -> ServerResult<SelectedFields<'a>> {
        let mut fields = Vec::new();
        collect_fields_into(ctx, &T::type_name(), &ctx.item.node, &mut fields)?;
        // What has nothing below it is the same each time, and asked for once.
        let mut values = HashSet::new();
        fields.retain(|field| {
            let is_value = field.node.selection_set.node.items.is_empty();
            !is_value || values.insert(&field.node.response_key().node)
        });
        let key = |field: &&'a Positioned<Field>| &field.node.response_key().node;
        let is_twice = |(place, field)| fields.iter().take(place).any(|other| key(other) == key(field));
        let has_twice = fields.iter().enumerate().any(is_twice);
        Ok(SelectedFields { fields, has_duplicate_keys: has_twice })
    }

    fn resolve_ready<'a>(
        &self,
        ctx: &ContextSelectionSet<'a>,
        selected: &SelectedFields<'a>,
        out: &mut Vec<u8>,
        task: &mut Task<'_>,
    ) -> Progress<'a> {
        let from = out.len();
        let mut rest = Vec::new();
        out.push(b'{');
        for field in &selected.fields {
            let value = match is_cheap(&field.node) && !selected.has_duplicate_keys {
                true => poll_once(ctx, self, field, task),
                false => Poll::Pending,
            };
            match value {
                Poll::Ready(value) => write_field(ctx, field, value, out),
                Poll::Pending => rest.push((out.len() - from, *field)),
            }
        }
        if rest.is_empty() {
            json_writer::close(out, b'}');
            return Progress::Complete;
        }
        Progress::Pending(PendingObject { json: out.split_off(from), pending_fields: rest })
    }

    async fn resolve_pending<'a>(
        &'a self,
        ctx: &'a ContextSelectionSet<'a>,
        _: &'a Positioned<Field>,
        selected: &'a SelectedFields<'a>,
        object: PendingObject<'a>,
    ) -> ServerResult<Value> {
        let PendingObject { json: text, pending_fields: rest } = object;
        let wait = |(at, field): &(usize, &'a Positioned<Field>)| PendingValue {
            offset: *at,
            value: None,
            future: Box::pin(resolve_field(ctx, self, field)),
        };
        let mut waiting: Vec<PendingValue<'_>> = rest.iter().map(wait).collect();
        join_all(&mut waiting).await;
        let mut all = JsonSplicer::new(&text, &waiting);
        let fields = rest.iter().map(|(_, field)| *field).zip(waiting);
        if selected.has_duplicate_keys {
            return Ok(merge_fields(ctx, fields));
        }
        for (field, one) in fields {
            write_field(ctx, field, one.value.unwrap_or(Ok(Value::Null)), all.copy_to(one.offset));
        }
        Ok(all.finish(b'}'))
    }
}

/// A field of an object.
async fn resolve_field<'a, T: ObjectType>(
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
fn poll_once<'a, T: ObjectType>(
    ctx: &ContextSelectionSet<'a>,
    root: &T,
    field: &'a Positioned<Field>,
    task: &mut Task<'_>,
) -> Poll<ServerResult<Value>> {
    let errors = || ctx.query_env.errors.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = (!field.node.selection_set.node.items.is_empty()).then(|| errors().len());
    let value = pin!(resolve_field(ctx, root, field)).as_mut().poll(task);
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
            json_writer::write_key(&field.node.response_key().node, out);
            write_ordered(ctx, &value, &[&field.node.selection_set.node], out);
            out.push(b',');
        }
        Err(error) => ctx.add_error(error),
    }
}

/// An object some of whose fields are asked for twice, each time for something else.
fn merge_fields<'a>(
    ctx: &ContextSelectionSet<'_>,
    fields: impl Iterator<Item = (&'a Positioned<Field>, PendingValue<'a>)>,
) -> Value {
    let mut object = IndexMap::new();
    for (field, one) in fields {
        match one.value.unwrap_or(Ok(Value::Null)) {
            Ok(mut value) => {
                json_writer::reparse(&mut value);
                json_writer::insert_merging(&mut object, field.node.response_key().node.clone(), value);
            }
            Err(error) => ctx.add_error(error),
        }
    }
    to_ordered_json(ctx, Value::Object(object), &ctx.item.node)
}

/// Whether a field is likely to be there: a value, or an object of nothing but values.
fn is_cheap(field: &Field) -> bool {
    field.selection_set.node.items.iter().all(|selection| match &selection.node {
        Selection::Field(below) => below.node.selection_set.node.items.is_empty(),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    })
}

/// Adds the fields of a selection, and those of its fragments that are about the type.
fn collect_fields_into<'a>(
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
        if condition.is_none_or(|condition| type_condition_applies(ctx, ty, condition)) {
            collect_fields_into(ctx, ty, below, fields)?;
        }
    }
    Ok(())
}

/// Whether a fragment is about objects of a type: by the type, or by an interface of it.
fn type_condition_applies(ctx: &ContextSelectionSet<'_>, ty: &str, condition: &Name) -> bool {
    let interfaces = || ctx.schema_env.registry.implements.get(ty);
    condition.as_str() == ty || interfaces().is_some_and(|interfaces| interfaces.contains(condition.as_str()))
}
