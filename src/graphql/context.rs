//! Accessors for the data that resolvers read from their context.

use std::sync::Arc;

use async_graphql::ContextBase;

use crate::config::Limits;
use crate::graphql::engine::field_memo::FieldMemo;
use crate::graphql::engine::schema_index::SchemaIndex;
use crate::model::language::{AcceptedLanguages, LanguagePreferences, LanguageTag};
use crate::store::Store;
use crate::store::access::data_loader::DataLoader;

/// Display name and default language of the directory.
#[derive(Clone, Debug)]
pub struct DirectoryInfo {
    /// The display name of the directory.
    pub name: String,
    /// The language used if the client requests none.
    pub default_language: LanguageTag,
}

/// The schema that introspection describes: that of `schema.graphql`, without the fields for the router of a supergraph.
pub struct PublishedSchema(pub(super) SchemaIndex);

/// Typed access to the data of a request.
pub trait ContextExt {
    /// The store, for queries that need no batching.
    fn store(&self) -> &Store;
    /// The data loader of this request.
    fn data_loader(&self) -> &DataLoader;
    /// The memo of this request.
    fn field_memo(&self) -> &FieldMemo;
    /// The types and fields of the schema, with what is declared at them.
    fn schema_index(&self) -> &SchemaIndex;
    /// The types and fields of the published schema.
    fn published_schema(&self) -> &SchemaIndex;
    /// The configured limits.
    fn limits(&self) -> &Limits;
    /// Display name and default language of the directory.
    fn directory_info(&self) -> &DirectoryInfo;
    /// Resolves the preferred languages: the field's argument, then the `Accept-Language` header, then the directory's
    /// default.
    fn languages(&self, argument: Option<Vec<LanguageTag>>) -> LanguagePreferences;
}

impl<T> ContextExt for ContextBase<'_, T> {
    fn store(&self) -> &Store {
        self.data_unchecked()
    }

    fn data_loader(&self) -> &DataLoader {
        self.data_unchecked()
    }

    fn field_memo(&self) -> &FieldMemo {
        self.data_unchecked()
    }

    fn schema_index(&self) -> &SchemaIndex {
        self.data_unchecked::<Arc<SchemaIndex>>()
    }

    fn published_schema(&self) -> &SchemaIndex {
        &self.data_unchecked::<PublishedSchema>().0
    }

    fn limits(&self) -> &Limits {
        self.data_unchecked()
    }

    fn directory_info(&self) -> &DirectoryInfo {
        self.data_unchecked()
    }

    fn languages(&self, argument: Option<Vec<LanguageTag>>) -> LanguagePreferences {
        let default = &self.directory_info().default_language;
        match argument {
            Some(tags) => LanguagePreferences::new(&tags, default),
            None => LanguagePreferences::from_accepted(self.data_unchecked::<AcceptedLanguages>(), default),
        }
    }
}
