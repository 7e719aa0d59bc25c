//! The digest of a record, by which an import skips unchanged records.
//!
//! Digests are stored in `source_record.digest`, and exported. If the digest of an unchanged record changed, the next
//! import would report every record as updated. The hashed form is therefore defined here, field by field. It depends
//! neither on the names of Rust fields nor on the JSON of the format `records`.
//!
//! Version 1: the first 128 bits of SHA-256, in hexadecimal, over a JSON object without white space. Its keys are the
//! names below, in the order below. To add a field to a record, append it to its object with a method of [`Fields`]
//! that leaves out absent values: a record without the field keeps its digest. Names, order and the words of enums
//! never change.

use data_encoding::HEXLOWER;
use serde::ser::{Serialize, SerializeMap, Serializer};
use sha2::{Digest as _, Sha256};

use crate::model::language::LocalizedText;
use crate::model::record::{
    AffiliationRecord, AuthorRecord, ExportMetadata, ExternalIdentifier, MergedEntity, NameRecord, NameUse,
    OrganizationRecord, OrganizationReference, OtherName, PaperRecord, ResearcherRecord, SourceRecord, TopicRecord,
    TopicReference,
};

/// Returns the digest of a record: 32 hexadecimal digits.
///
/// # Errors
/// If the record cannot be written as JSON.
pub fn record_digest(record: &impl HashedFields) -> Result<String, serde_json::Error> {
    json_digest(&Hashed(record))
}

/// Returns the digest of a value without field names, such as a tuple: 32 hexadecimal digits.
///
/// # Errors
/// If the value cannot be written as JSON.
pub fn json_digest(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let json = serde_json::to_vec(value)?;
    Ok(HEXLOWER.encode(&Sha256::digest(&json)[..16]))
}

/// A record, or a part of one, that is hashed as a JSON object.
pub trait HashedFields {
    /// Adds the fields to the object. Implementations destructure `self`, so that a new field cannot be forgotten.
    ///
    /// # Errors
    /// Those of the serializer.
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error>;
}

/// Serializes the hashed form of a value in place of its own JSON.
struct Hashed<'a, T>(&'a T);

impl<T: HashedFields> Serialize for Hashed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = Fields(serializer.serialize_map(None)?);
        self.0.add_to(&mut object)?;
        object.0.end()
    }
}

/// A JSON object under construction.
pub struct Fields<M>(M);

impl<M: SerializeMap> Fields<M> {
    /// Adds a field that is always present.
    fn required(&mut self, name: &'static str, value: impl Serialize) -> Result<(), M::Error> {
        self.0.serialize_entry(name, &value)
    }

    /// Adds a field that is left out if it is `None`.
    fn optional(&mut self, name: &'static str, value: Option<impl Serialize>) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.required(name, value))
    }

    /// Adds a field that is left out if it is false.
    fn flag(&mut self, name: &'static str, value: bool) -> Result<(), M::Error> {
        self.optional(name, value.then_some(true))
    }

    /// Adds a map from language tag to text, which is left out if it is empty.
    fn texts(&mut self, name: &'static str, texts: &LocalizedText) -> Result<(), M::Error> {
        self.optional(name, Some(texts).filter(|texts| !texts.is_empty()))
    }

    /// Adds a list that is left out if it is empty.
    fn list<V: Serialize>(&mut self, name: &'static str, values: impl Iterator<Item = V>) -> Result<(), M::Error> {
        let values: Vec<V> = values.collect();
        self.optional(name, Some(values).filter(|values| !values.is_empty()))
    }
}

impl HashedFields for ExternalIdentifier {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self { scheme, value } = self;
        object.required("scheme", scheme)?;
        object.required("value", value)
    }
}

impl HashedFields for ExportMetadata {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self { id, merged, sources, decided_names, is_name_decided } = self;
        object.required("id", id)?;
        object.list("formerly", merged.iter().map(Hashed))?;
        object.list("sources", sources.iter().map(Hashed))?;
        object.list("decidedNames", decided_names.iter())?;
        object.flag("isNameDecided", *is_name_decided)
    }
}

impl HashedFields for MergedEntity {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self { id, slug, name_key } = self;
        object.required("id", id)?;
        object.required("slug", slug)?;
        object.optional("nameKey", name_key.as_ref())
    }
}

impl HashedFields for SourceRecord {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self { source, key, digest, provided_fields, is_of_former } = self;
        object.required("source", source)?;
        object.required("key", key)?;
        object.required("digest", digest)?;
        object.optional("told", provided_fields.as_ref())?;
        object.flag("isOfFormer", *is_of_former)
    }
}

impl HashedFields for NameRecord {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self { value, language, kind } = self;
        object.required("value", value)?;
        object.optional("language", language.as_ref())?;
        object.required("kind", kind)
    }
}

impl HashedFields for OrganizationReference {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self { id, ror, name } = self;
        object.optional("id", *id)?;
        object.optional("ror", ror.as_ref().map(|ror| ror.as_str()))?;
        object.optional("name", name.as_ref())
    }
}

impl HashedFields for TopicReference {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        // The URI is not hashed: it was added after directories had digests of records from URIs.
        let Self { id, slug, scheme, code, uri: _, labels } = self;
        object.optional("id", *id)?;
        object.optional("slug", slug.as_ref())?;
        object.required("scheme", scheme)?;
        object.optional("code", code.as_ref())?;
        object.texts("labels", labels)
    }
}

impl HashedFields for OrganizationRecord {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self {
            exported,
            slug,
            ror,
            names,
            types,
            status,
            country_code,
            city,
            homepage_url,
            identifiers,
            relations,
        } = self;
        object.optional("exported", exported.as_ref().map(Hashed))?;
        object.optional("slug", slug.as_ref())?;
        object.optional("ror", ror.as_ref().map(|ror| ror.as_str()))?;
        object.required("names", names.iter().map(Hashed).collect::<Vec<_>>())?;
        object.list("types", types.iter())?;
        object.optional("status", status.as_ref())?;
        object.optional("countryCode", country_code.as_ref())?;
        object.optional("city", city.as_ref())?;
        object.optional("homepageUrl", homepage_url.as_ref())?;
        object.list("identifiers", identifiers.iter().map(Hashed))?;
        object.list("relations", relations.iter().map(|(relation, ror)| (relation, ror.as_str())))
    }
}

impl HashedFields for TopicRecord {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self { exported, slug, scheme, code, uri: _, names, broader } = self;
        object.optional("exported", exported.as_ref().map(Hashed))?;
        object.optional("slug", slug.as_ref())?;
        object.required("scheme", scheme)?;
        object.optional("code", code.as_ref())?;
        object.required("names", names.iter().map(Hashed).collect::<Vec<_>>())?;
        object.list("broader", broader.iter().map(Hashed))
    }
}

impl HashedFields for AffiliationRecord {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self { id, organization, kind, role_title, department_name, start_date, end_date, has_ended, is_primary } =
            self;
        object.optional("id", *id)?;
        object.required("organization", Hashed(organization))?;
        object.required("affiliationKind", kind)?;
        object.texts("roleTitle", role_title)?;
        object.texts("departmentName", department_name)?;
        object.optional("startDate", start_date.map(|date| date.to_string()))?;
        object.optional("endDate", end_date.map(|date| date.to_string()))?;
        object.required("isPrimary", is_primary)?;
        object.flag("hasEnded", *has_ended)
    }
}

/// The hashed form of another name: a string if it is public, else an object.
struct HashedOtherName<'a>(&'a OtherName);

impl Serialize for HashedOtherName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let OtherName { value, name_use } = self.0;
        if *name_use == NameUse::Display {
            return serializer.serialize_str(value);
        }
        let mut object = Fields(serializer.serialize_map(None)?);
        object.required("value", value)?;
        object.required("use", name_use)?;
        object.0.end()
    }
}

impl HashedFields for ResearcherRecord {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self {
            exported,
            slug,
            name,
            given_name,
            family_name,
            other_names,
            withhold_published_name,
            orcid,
            headline,
            biography,
            portrait_url,
            homepage_url,
            identifiers,
            affiliations,
            topics,
        } = self;
        object.optional("exported", exported.as_ref().map(Hashed))?;
        object.optional("slug", slug.as_ref())?;
        object.required("name", name)?;
        object.optional("givenName", given_name.as_ref())?;
        object.optional("familyName", family_name.as_ref())?;
        object.list("otherNames", other_names.iter().map(HashedOtherName))?;
        object.flag("withholdPublishedName", *withhold_published_name)?;
        object.optional("orcid", orcid.as_ref().map(|orcid| orcid.as_str()))?;
        object.texts("headline", headline)?;
        object.texts("biography", biography)?;
        object.optional("portraitUrl", portrait_url.as_ref())?;
        object.optional("homepageUrl", homepage_url.as_ref())?;
        object.list("identifiers", identifiers.iter().map(Hashed))?;
        object.list("affiliations", affiliations.iter().map(Hashed))?;
        object.list("topics", topics.iter().map(Hashed))
    }
}

impl HashedFields for PaperRecord {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self {
            exported,
            slug,
            source_id,
            title,
            translated_titles,
            abstract_text,
            abstract_completeness,
            publication_date,
            paper_type,
            venue_name,
            volume,
            issue,
            pages,
            article_number,
            edition,
            publisher_name,
            issns,
            isbns,
            keywords,
            language,
            doi,
            shared_doi,
            arxiv_id,
            url,
            is_retracted,
            identifiers,
            authors,
            authors_are_incomplete,
            topics,
        } = self;
        object.optional("exported", exported.as_ref().map(Hashed))?;
        object.optional("slug", slug.as_ref())?;
        object.optional("sourceId", source_id.as_ref())?;
        object.required("title", title)?;
        object.texts("translatedTitles", translated_titles)?;
        object.texts("abstract", abstract_text)?;
        object.required("abstractCompleteness", abstract_completeness)?;
        object.optional("publicationDate", publication_date.map(|date| date.to_string()))?;
        object.required("type", paper_type)?;
        object.optional("venueName", venue_name.as_ref())?;
        object.optional("language", language.as_ref())?;
        object.optional("doi", doi.as_ref().map(|doi| doi.as_str()))?;
        object.optional("sharedDoi", shared_doi.as_ref().map(|doi| doi.as_str()))?;
        object.optional("arxivId", arxiv_id.as_ref().map(|id| id.as_str()))?;
        object.optional("url", url.as_ref())?;
        object.required("isRetracted", is_retracted)?;
        object.list("identifiers", identifiers.iter().map(Hashed))?;
        object.required("authors", authors.iter().map(Hashed).collect::<Vec<_>>())?;
        object.flag("authorsAreIncomplete", *authors_are_incomplete)?;
        object.list("topics", topics.iter().map(Hashed))?;
        object.optional("volume", volume.as_ref())?;
        object.optional("issue", issue.as_ref())?;
        object.optional("pages", pages.as_ref())?;
        object.optional("articleNumber", article_number.as_ref())?;
        object.optional("edition", edition.as_ref())?;
        object.optional("publisherName", publisher_name.as_ref())?;
        object.list("issns", issns.iter())?;
        object.list("isbns", isbns.iter())?;
        object.list("keywords", keywords.iter())
    }
}

impl HashedFields for AuthorRecord {
    fn add_to<M: SerializeMap>(&self, object: &mut Fields<M>) -> Result<(), M::Error> {
        let Self {
            id,
            researcher_id,
            is_decided,
            same_as_id,
            position,
            name,
            given_name,
            family_name,
            family_words,
            orcid,
            identifiers,
            is_corresponding,
            equal_contribution_group,
            affiliations_as_published,
            organizations,
        } = self;
        object.optional("id", *id)?;
        object.optional("researcherId", *researcher_id)?;
        object.flag("isDecided", *is_decided)?;
        object.optional("sameAsId", *same_as_id)?;
        object.optional("position", *position)?;
        object.required("name", name)?;
        object.optional("givenName", given_name.as_ref())?;
        object.optional("familyName", family_name.as_ref())?;
        object.optional("familyWords", *family_words)?;
        object.optional("orcid", orcid.as_ref().map(|orcid| orcid.as_str()))?;
        object.list("identifiers", identifiers.iter().map(Hashed))?;
        object.optional("isCorresponding", *is_corresponding)?;
        object.optional("equalContributionGroup", *equal_contribution_group)?;
        object.list("affiliationsAsPublished", affiliations_as_published.iter())?;
        object.list("organizations", organizations.iter().map(Hashed))
    }
}

#[cfg(test)]
mod tests;
