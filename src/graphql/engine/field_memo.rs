//! Per-request memo of facts about the fields of a document, such as the columns that a list reads: a field is resolved once
//! for each parent, but its selection is inspected once.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Context;

/// Facts about the fields of a request, computed once for each field of the document.
#[derive(Default)]
pub struct FieldMemo {
    entries: Mutex<HashMap<(usize, TypeId), Arc<dyn Any + Send + Sync>>>,
}

impl FieldMemo {
    /// Returns the memoized fact about the field being resolved, computing it if absent.
    ///
    /// # Errors
    /// The errors of `compute`.
    pub fn get_or_try_init<T: Send + Sync + 'static, E>(
        &self,
        ctx: &Context<'_>,
        compute: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        // The document does not move while the request is executed, so that the address identifies the field.
        let key = (std::ptr::from_ref(ctx.item).addr(), TypeId::of::<T>());
        let memoized = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(memoized) = memoized.and_then(|memoized| memoized.downcast().ok()) {
            return Ok(memoized);
        }
        let value = Arc::new(compute()?);
        if let Entry::Vacant(vacant) = self.entries.lock().unwrap_or_else(PoisonError::into_inner).entry(key) {
            vacant.insert(Arc::clone(&value) as Arc<dyn Any + Send + Sync>);
        }
        Ok(value)
    }
}
