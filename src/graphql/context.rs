//! What resolvers find in their context.

use async_graphql::ContextBase;

use crate::config::Limits;
use crate::graphql::engine::lookahead::FieldMemo;
use crate::model::language::{AcceptedLanguages, LanguagePreferences, LanguageTag};
use crate::store::Store;
use crate::store::access::data_loader::DataLoader;

/// What the directory says of itself.
#[derive(Clone, Debug)]
pub struct DirectoryInfo {
    /// Its name.
    pub name: String,
    /// The language where nothing better is known.
    pub default_language: LanguageTag,
}

/// What the server puts into the context, read without ceremony.
pub trait ContextExt {
    /// The directory's contents, for what needs no batching.
    fn store(&self) -> &Store;
    /// The directory's contents, batched for this request.
    fn data_loader(&self) -> &DataLoader;
    /// What is known of fields of this request.
    fn field_memo(&self) -> &FieldMemo;
    /// What a request may ask for.
    fn limits(&self) -> &Limits;
    /// What the directory says of itself.
    fn directory_info(&self) -> &DirectoryInfo;
    /// The reader's languages: the field's argument, else the request's header, else the directory's default.
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
