//! What resolvers find in their context.

use async_graphql::ContextBase;

use crate::config::Limits;
use crate::graphql::engine::lookahead::Known;
use crate::model::language::{AcceptedLanguages, LanguageTag, Languages};
use crate::store::Store;
use crate::store::access::data_loader::Loaders;

/// What the directory says of itself.
#[derive(Clone, Debug)]
pub struct DirectoryIdentity {
    /// Its name.
    pub name: String,
    /// The language where nothing better is known.
    pub default_language: LanguageTag,
}

/// What the server puts into the context, read without ceremony.
pub trait State {
    /// The directory's contents, for what needs no batching.
    fn store(&self) -> &Store;
    /// The directory's contents, batched for this request.
    fn loaders(&self) -> &Loaders;
    /// What is known of fields of this request.
    fn known(&self) -> &Known;
    /// What a request may ask for.
    fn limits(&self) -> &Limits;
    /// What the directory says of itself.
    fn identity(&self) -> &DirectoryIdentity;
    /// The reader's languages: the field's argument, else the request's header, else the directory's default.
    fn languages(&self, argument: Option<Vec<LanguageTag>>) -> Languages;
}

impl<T> State for ContextBase<'_, T> {
    fn store(&self) -> &Store {
        self.data_unchecked()
    }

    fn loaders(&self) -> &Loaders {
        self.data_unchecked()
    }

    fn known(&self) -> &Known {
        self.data_unchecked()
    }

    fn limits(&self) -> &Limits {
        self.data_unchecked()
    }

    fn identity(&self) -> &DirectoryIdentity {
        self.data_unchecked()
    }

    fn languages(&self, argument: Option<Vec<LanguageTag>>) -> Languages {
        let default = &self.identity().default_language;
        match argument {
            Some(tags) => Languages::new(&tags, default),
            None => Languages::accepted(self.data_unchecked::<AcceptedLanguages>(), default),
        }
    }
}
