//! Eager resolution of objects: fields that are ready are written as JSON immediately.
//!
//! The engine allocates a task for each field and a map for each object, although most fields of a row are already
//! loaded. Here a field that is ready is written directly, and only a pending field becomes a task. All pending fields
//! are still polled together, so that the data loader batches them. Fields, fragments and errors are processed as in
//! `async_graphql::resolver_utils::container`.

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
use crate::graphql::engine::null_propagation::is_deletion;

/// An object that is resolved eagerly. Its GraphQL type is that of `T`.
pub struct EagerObject<T>(pub T);

/// A list of objects that are resolved eagerly. Its GraphQL type is a list of `T`.
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
        let mut json = Vec::with_capacity(128);
        let progress = poll_fn(|task| Poll::Ready(self.0.resolve_ready(ctx, &selected, &mut json, task))).await;
        let value = match progress {
            Progress::Complete => Value::Binary(json.into()),
            Progress::Pending(object) => {
                let value = self.0.resolve_pending(ctx, field, &selected, object).await?;
                to_ordered_json(ctx, value, &ctx.item.node)
            }
        };
        // The engine merges duplicate objects if the parent is not resolved eagerly.
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
        let mut json = Vec::with_capacity(128 * (1 + self.0.len()));
        json.push(b'[');
        let mut pending_values = Vec::new();
        poll_fn(|task| {
            for (index, item) in self.0.iter().enumerate() {
                let progress = item.resolve_ready(&ctx.with_index(index), &selected, &mut json, task);
                if let Progress::Pending(object) = progress {
                    let selected = &selected;
                    let future = async move {
                        let item_ctx = ctx.with_index(index);
                        let value = item.resolve_pending(&item_ctx, field, selected, object).await;
                        match value.map_err(|error| item_ctx.set_error_path(error)) {
                            // The other items remain: this one is omitted after execution.
                            Err(error) if is_deletion(&error) => {
                                item_ctx.add_error(error);
                                Ok(Value::Null)
                            }
                            value => value,
                        }
                    };
                    pending_values.push(PendingValue { offset: json.len(), value: None, future: Box::pin(future) });
                }
                json.push(b',');
            }
            Poll::Ready(())
        })
        .await;
        join_all(&mut pending_values).await;
        let mut splicer = JsonSplicer::new(&json, &pending_values);
        for pending in pending_values {
            let value = pending.value.unwrap_or(Ok(Value::Null))?;
            write_ordered(ctx, &value, &[&ctx.item.node], splicer.copy_to(pending.offset));
        }
        Ok(splicer.finish(b']'))
    }
}

/// A pending value and its offset in the JSON.
struct PendingValue<'a> {
    offset: usize,
    value: Option<ServerResult<Value>>,
    future: Pin<Box<dyn Future<Output = ServerResult<Value>> + Send + 'a>>,
}

/// Polls all pending values concurrently until each is ready.
async fn join_all(pending_values: &mut [PendingValue<'_>]) {
    poll_fn(|task| {
        let mut is_done = true;
        for pending in pending_values.iter_mut().filter(|pending| pending.value.is_none()) {
            match pending.future.as_mut().poll(task) {
                Poll::Ready(value) => pending.value = Some(value),
                Poll::Pending => is_done = false,
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Typical size of a field's key, with its punctuation.
const ESTIMATED_KEY_BYTES: usize = 32;

/// Splices the values of pending fields into JSON that is already written.
struct JsonSplicer<'t> {
    template: &'t [u8],
    copied: usize,
    out: Vec<u8>,
}

impl<'t> JsonSplicer<'t> {
    fn new(template: &'t [u8], pending_values: &[PendingValue<'_>]) -> Self {
        let estimate_bytes = |pending: &PendingValue<'_>| match &pending.value {
            Some(Ok(Value::Binary(json))) => ESTIMATED_KEY_BYTES + json.len(),
            _ => ESTIMATED_KEY_BYTES,
        };
        let spliced_bytes = pending_values.iter().map(estimate_bytes).sum::<usize>();
        Self { template, copied: 0, out: Vec::with_capacity(template.len() + spliced_bytes) }
    }

    /// Copies the JSON up to an offset and returns the output.
    fn copy_to(&mut self, offset: usize) -> &mut Vec<u8> {
        self.out.extend_from_slice(&self.template[self.copied..offset]);
        self.copied = offset;
        &mut self.out
    }

    fn finish(mut self, close: u8) -> Value {
        self.copy_to(self.template.len());
        json_writer::close(&mut self.out, close);
        Value::Binary(self.out.into())
    }
}

/// The fields selected on all objects of a type in one place of the query.
#[derive(Default)]
pub struct SelectedFields<'a> {
    fields: Vec<&'a Positioned<Field>>,
    /// Whether two of them have the same response key.
    has_duplicate_keys: bool,
}

/// The result of resolving the fields that are ready.
pub enum Progress<'a> {
    /// The object is complete.
    Complete,
    /// Some fields are pending.
    Pending(PendingObject<'a>),
}

/// An object without its closing brace, some of whose fields are pending.
#[derive(Default)]
pub struct PendingObject<'a> {
    json: Vec<u8>,
    /// The pending fields and their offsets in `json`.
    pending_fields: Vec<(usize, &'a Positioned<Field>)>,
}

/// A type that can be resolved eagerly: any object, or a type that resolves to one.
pub trait EagerResolve: OutputType {
    /// Collects the selected fields.
    ///
    /// # Errors
    /// If the query has no such fragment.
    fn collect_fields<'a>(ctx: &ContextSelectionSet<'a>) -> ServerResult<SelectedFields<'a>>;

    /// Writes the fields that are ready.
    fn resolve_ready<'a>(
        &self,
        ctx: &ContextSelectionSet<'a>,
        selected: &SelectedFields<'a>,
        out: &mut Vec<u8>,
        task: &mut Task<'_>,
    ) -> Progress<'a>;

    /// Resolves the pending fields.
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
        // A leaf field has the same value each time: it is resolved once.
        let mut leaf_keys = HashSet::new();
        fields.retain(|field| {
            let is_leaf = field.node.selection_set.node.items.is_empty();
            !is_leaf || leaf_keys.insert(&field.node.response_key().node)
        });
        let key = |field: &&'a Positioned<Field>| &field.node.response_key().node;
        let is_duplicate = |(index, field)| fields.iter().take(index).any(|other| key(other) == key(field));
        let has_duplicate_keys = fields.iter().enumerate().any(is_duplicate);
        Ok(SelectedFields { fields, has_duplicate_keys })
    }

    fn resolve_ready<'a>(
        &self,
        ctx: &ContextSelectionSet<'a>,
        selected: &SelectedFields<'a>,
        out: &mut Vec<u8>,
        task: &mut Task<'_>,
    ) -> Progress<'a> {
        let start = out.len();
        let mut pending_fields = Vec::new();
        out.push(b'{');
        for field in &selected.fields {
            let value = match is_cheap(&field.node) && !selected.has_duplicate_keys {
                true => poll_once(ctx, self, field, task),
                false => Poll::Pending,
            };
            match value {
                Poll::Ready(value) => write_field(ctx, field, value, out),
                Poll::Pending => pending_fields.push((out.len() - start, *field)),
            }
        }
        if pending_fields.is_empty() {
            json_writer::close(out, b'}');
            return Progress::Complete;
        }
        Progress::Pending(PendingObject { json: out.split_off(start), pending_fields })
    }

    async fn resolve_pending<'a>(
        &'a self,
        ctx: &'a ContextSelectionSet<'a>,
        _: &'a Positioned<Field>,
        selected: &'a SelectedFields<'a>,
        object: PendingObject<'a>,
    ) -> ServerResult<Value> {
        let PendingObject { json, pending_fields } = object;
        let start = |(offset, field): &(usize, &'a Positioned<Field>)| PendingValue {
            offset: *offset,
            value: None,
            future: Box::pin(resolve_field(ctx, self, field)),
        };
        let mut pending_values: Vec<PendingValue<'_>> = pending_fields.iter().map(start).collect();
        join_all(&mut pending_values).await;
        let mut splicer = JsonSplicer::new(&json, &pending_values);
        let fields = pending_fields.iter().map(|(_, field)| *field).zip(pending_values);
        if selected.has_duplicate_keys {
            return Ok(merge_fields(ctx, fields));
        }
        for (field, pending) in fields {
            write_field(ctx, field, pending.value.unwrap_or(Ok(Value::Null)), splicer.copy_to(pending.offset));
        }
        Ok(splicer.finish(b'}'))
    }
}

/// Resolves one field of an object.
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

/// Polls a field once. If it is pending, it is started again later, together with the other pending fields: its keys
/// stay enqueued in the data loader. Its errors are discarded, as they occur again.
fn poll_once<'a, T: ObjectType>(
    ctx: &ContextSelectionSet<'a>,
    root: &T,
    field: &'a Positioned<Field>,
    task: &mut Task<'_>,
) -> Poll<ServerResult<Value>> {
    let errors = || ctx.query_env.errors.lock().unwrap_or_else(PoisonError::into_inner);
    let error_count = (!field.node.selection_set.node.items.is_empty()).then(|| errors().len());
    let value = pin!(resolve_field(ctx, root, field)).as_mut().poll(task);
    if let (Poll::Pending, Some(error_count)) = (&value, error_count) {
        errors().truncate(error_count);
    }
    value
}

/// Writes a field, or records its error.
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

/// Merges duplicate fields of an object, which select different subfields.
fn merge_fields<'a>(
    ctx: &ContextSelectionSet<'_>,
    fields: impl Iterator<Item = (&'a Positioned<Field>, PendingValue<'a>)>,
) -> Value {
    let mut object = IndexMap::new();
    for (field, pending) in fields {
        match pending.value.unwrap_or(Ok(Value::Null)) {
            Ok(mut value) => {
                json_writer::reparse(&mut value);
                json_writer::insert_merging(&mut object, field.node.response_key().node.clone(), value);
            }
            Err(error) => ctx.add_error(error),
        }
    }
    to_ordered_json(ctx, Value::Object(object), &ctx.item.node)
}

/// Whether a field is likely to be ready: a leaf, or an object of leaves.
fn is_cheap(field: &Field) -> bool {
    field.selection_set.node.items.iter().all(|selection| match &selection.node {
        Selection::Field(child) => child.node.selection_set.node.items.is_empty(),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    })
}

/// Collects the fields of a selection set, including those of fragments that apply to the type.
fn collect_fields_into<'a>(
    ctx: &ContextSelectionSet<'a>,
    ty: &str,
    selections: &'a SelectionSet,
    fields: &mut Vec<&'a Positioned<Field>>,
) -> ServerResult<()> {
    for selection in &selections.items {
        let (condition, child) = match &selection.node {
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
            collect_fields_into(ctx, ty, child, fields)?;
        }
    }
    Ok(())
}

/// Whether a fragment's type condition applies to a type: the type itself or one of its interfaces.
fn type_condition_applies(ctx: &ContextSelectionSet<'_>, ty: &str, condition: &Name) -> bool {
    let interfaces = || ctx.schema_env.registry.implements.get(ty);
    condition.as_str() == ty || interfaces().is_some_and(|interfaces| interfaces.contains(condition.as_str()))
}
