//! Memory of parsed documents, for the weights of the document cache.

use std::collections::HashMap;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    BaseType, Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition, FragmentSpread,
    InlineFragment, OperationDefinition, Selection, SelectionSet, Type, TypeCondition, VariableDefinition,
};
use async_graphql::{Name, Positioned};
use async_graphql_value::{ConstValue, Value};

/// The two counters in front of the contents of an `Arc`.
const ARC_HEADER_BYTES: usize = 16;
/// Bytes per slot of a hash table besides its entry.
const HASH_SLOT_BYTES: usize = 1;

/// A value that owns allocations.
pub(crate) trait HeapSize {
    /// Returns the bytes allocated by the value, without the value itself.
    fn heap_bytes(&self) -> usize;
}

/// Returns the bytes of an allocation of this size, as the allocator rounds it up.
pub(crate) fn allocated_bytes(bytes: usize) -> usize {
    // mimalloc has four size classes per power of two above 64 bytes, and multiples of 16 bytes below.
    let step = if bytes <= 64 { 16 } else { (bytes.next_power_of_two() / 8).max(16) };
    bytes.div_ceil(step) * step
}

/// Returns the bytes of an `IndexMap` without what its entries own: the entries with their hash, and a table of their
/// indices.
pub(crate) fn map_bytes<K, V>(capacity: usize) -> usize {
    allocated_bytes(capacity * (size_of::<(K, V)>() + size_of::<u64>()))
        + allocated_bytes(hash_slots(capacity) * (size_of::<usize>() + HASH_SLOT_BYTES))
}

/// Returns the slots of a hash table, which is at most seven eighths full.
fn hash_slots(capacity: usize) -> usize {
    if capacity == 0 { 0 } else { (capacity * 8 / 7).next_power_of_two() }
}

impl<T: HeapSize> HeapSize for Vec<T> {
    fn heap_bytes(&self) -> usize {
        allocated_bytes(self.capacity() * size_of::<T>()) + self.iter().map(T::heap_bytes).sum::<usize>()
    }
}

impl<T: HeapSize> HeapSize for Option<T> {
    fn heap_bytes(&self) -> usize {
        self.as_ref().map_or(0, T::heap_bytes)
    }
}

impl<T: HeapSize> HeapSize for Positioned<T> {
    fn heap_bytes(&self) -> usize {
        self.node.heap_bytes()
    }
}

impl<A: HeapSize, B: HeapSize> HeapSize for (A, B) {
    fn heap_bytes(&self) -> usize {
        self.0.heap_bytes() + self.1.heap_bytes()
    }
}

impl<K: HeapSize, V: HeapSize> HeapSize for HashMap<K, V> {
    fn heap_bytes(&self) -> usize {
        allocated_bytes(hash_slots(self.capacity()) * (size_of::<(K, V)>() + HASH_SLOT_BYTES))
            + self.iter().map(|(key, value)| key.heap_bytes() + value.heap_bytes()).sum::<usize>()
    }
}

impl<K: HeapSize, V: HeapSize> HeapSize for IndexMap<K, V> {
    fn heap_bytes(&self) -> usize {
        map_bytes::<K, V>(self.capacity())
            + self.iter().map(|(key, value)| key.heap_bytes() + value.heap_bytes()).sum::<usize>()
    }
}

impl HeapSize for Name {
    fn heap_bytes(&self) -> usize {
        allocated_bytes(ARC_HEADER_BYTES + self.as_str().len())
    }
}

impl HeapSize for String {
    fn heap_bytes(&self) -> usize {
        allocated_bytes(self.capacity())
    }
}

impl HeapSize for Type {
    fn heap_bytes(&self) -> usize {
        match &self.base {
            BaseType::Named(name) => name.heap_bytes(),
            BaseType::List(inner) => allocated_bytes(size_of::<Self>()) + inner.heap_bytes(),
        }
    }
}

impl HeapSize for ConstValue {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Null | Self::Number(_) | Self::Boolean(_) => 0,
            Self::String(text) => text.heap_bytes(),
            Self::Binary(bytes) => allocated_bytes(bytes.len()),
            Self::Enum(name) => name.heap_bytes(),
            Self::List(values) => values.heap_bytes(),
            Self::Object(members) => members.heap_bytes(),
        }
    }
}

impl HeapSize for Value {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Null | Self::Number(_) | Self::Boolean(_) => 0,
            Self::String(text) => text.heap_bytes(),
            Self::Binary(bytes) => allocated_bytes(bytes.len()),
            Self::Variable(name) | Self::Enum(name) => name.heap_bytes(),
            Self::List(values) => values.heap_bytes(),
            Self::Object(members) => members.heap_bytes(),
        }
    }
}

impl HeapSize for Directive {
    fn heap_bytes(&self) -> usize {
        self.name.heap_bytes() + self.arguments.heap_bytes()
    }
}

impl HeapSize for Field {
    fn heap_bytes(&self) -> usize {
        let Self { alias, name, arguments, directives, selection_set } = self;
        alias.heap_bytes()
            + name.heap_bytes()
            + arguments.heap_bytes()
            + directives.heap_bytes()
            + selection_set.heap_bytes()
    }
}

impl HeapSize for TypeCondition {
    fn heap_bytes(&self) -> usize {
        self.on.heap_bytes()
    }
}

impl HeapSize for InlineFragment {
    fn heap_bytes(&self) -> usize {
        self.type_condition.heap_bytes() + self.directives.heap_bytes() + self.selection_set.heap_bytes()
    }
}

impl HeapSize for FragmentSpread {
    fn heap_bytes(&self) -> usize {
        self.fragment_name.heap_bytes() + self.directives.heap_bytes()
    }
}

impl HeapSize for Selection {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Field(field) => field.heap_bytes(),
            Self::InlineFragment(inline) => inline.heap_bytes(),
            Self::FragmentSpread(spread) => spread.heap_bytes(),
        }
    }
}

impl HeapSize for SelectionSet {
    fn heap_bytes(&self) -> usize {
        self.items.heap_bytes()
    }
}

impl HeapSize for FragmentDefinition {
    fn heap_bytes(&self) -> usize {
        self.type_condition.heap_bytes() + self.directives.heap_bytes() + self.selection_set.heap_bytes()
    }
}

impl HeapSize for VariableDefinition {
    fn heap_bytes(&self) -> usize {
        let Self { name, var_type, directives, default_value } = self;
        name.heap_bytes() + var_type.heap_bytes() + directives.heap_bytes() + default_value.heap_bytes()
    }
}

impl HeapSize for OperationDefinition {
    fn heap_bytes(&self) -> usize {
        let Self { ty: _, variable_definitions, directives, selection_set } = self;
        variable_definitions.heap_bytes() + directives.heap_bytes() + selection_set.heap_bytes()
    }
}

impl HeapSize for ExecutableDocument {
    fn heap_bytes(&self) -> usize {
        let operations = match &self.operations {
            DocumentOperations::Single(operation) => operation.heap_bytes(),
            DocumentOperations::Multiple(operations) => operations.heap_bytes(),
        };
        operations + self.fragments.heap_bytes()
    }
}

#[cfg(test)]
pub(crate) mod test_support {
    use std::sync::{Mutex, PoisonError};

    /// Returns the bytes that a cache owns after it was filled: the median of several fillings, one test at a time. What
    /// one test discards is freed later by the thread of another.
    pub(crate) fn allocated_by<C>(new: impl Fn() -> C, fill: impl Fn(&C)) -> u64 {
        static MEASURING: Mutex<()> = Mutex::new(());
        let _guard = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
        let measure = |_| {
            let cache = new();
            let bytes = allocation_counter::measure(|| fill(&cache)).bytes_current;
            u64::try_from(bytes).unwrap_or_default()
        };
        let mut measured = [0; 5].map(measure);
        measured.sort_unstable();
        measured[2]
    }
}
