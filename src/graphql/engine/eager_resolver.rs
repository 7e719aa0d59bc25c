//! Eager resolution of objects: fields that are ready are written as JSON immediately.
//!
//! The engine allocates a task for each field and a map for each object, although most fields of a row are already
//! loaded. Here a field that is ready is written directly, and only a pending field becomes a task. All pending fields
//! are still polled together, so that the data loader batches them. Fields, fragments and errors are processed as in
//! `async_graphql::resolver_utils::container`.
//!
//! Without it, the queries c2 and l of `bench/engine.sh` take 32 and 6 % more CPU time of the service; p is within the noise.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::PoisonError;
use std::task::{Context as Task, Poll};

use async_graphql::parser::types::{Field, Selection};
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult, Value};

use crate::graphql::engine::execution_document::fields_of;
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
        let selected = T::collect_fields(ctx);
        let mut json = Vec::with_capacity(128);
        let progress = poll_fn(|task| Poll::Ready(self.0.resolve_ready(ctx, &selected, &mut json, task))).await;
        let value = match progress {
            Progress::Complete => Value::Binary(json.into()),
            Progress::Pending(object) => {
                let value = self.0.resolve_pending(ctx, field, &selected, object).await?;
                to_ordered_json(value, &ctx.item.node)
            }
        };
        Ok(value)
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
        let selected = T::collect_fields(ctx);
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
            write_ordered(&value, &ctx.item.node, splicer.copy_to(pending.offset));
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
pub struct SelectedFields<'a>(Vec<&'a Positioned<Field>>);

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
    fn collect_fields<'a>(ctx: &ContextSelectionSet<'a>) -> SelectedFields<'a>;

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
    fn collect_fields<'a>(ctx: &ContextSelectionSet<'a>) -> SelectedFields<'a> {
        SelectedFields(fields_of(&ctx.item.node, Some(&T::type_name())).collect())
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
        for field in &selected.0 {
            let value = if is_cheap(&field.node) { poll_once(ctx, self, field, task) } else { Poll::Pending };
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
        _: &'a SelectedFields<'a>,
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

/// Writes a field. A failed field is null, and its error is recorded.
fn write_field(
    ctx: &ContextSelectionSet<'_>,
    field: &Positioned<Field>,
    value: ServerResult<Value>,
    out: &mut Vec<u8>,
) {
    let value = value.unwrap_or_else(|error| {
        ctx.add_error(error);
        Value::Null
    });
    json_writer::write_key(&field.node.response_key().node, out);
    write_ordered(&value, &field.node.selection_set.node, out);
    out.push(b',');
}

/// Whether a field is likely to be ready: a leaf, or an object of leaves.
fn is_cheap(field: &Field) -> bool {
    field.selection_set.node.items.iter().all(|selection| match &selection.node {
        Selection::Field(child) => child.node.selection_set.node.items.is_empty(),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    })
}
