//! Filters of lists: the values of facets as links, and the filters that are set.

use serde::Deserialize;

use crate::pages::data::{Localized, Named, Person, ValueCount, YearCount, paper_type};
use crate::pages::language::Language;
use crate::pages::params::Params;

/// A facet of a list.
pub(super) struct Facet {
    pub(super) title: &'static str,
    pub(super) values: Vec<FacetValue>,
}

/// The facets that have values.
pub(super) fn with_values(facets: impl IntoIterator<Item = Facet>) -> Vec<Facet> {
    facets.into_iter().filter(|facet| !facet.values.is_empty()).collect()
}

/// A value of a facet, as a link that sets it, or removes it if it is set.
pub(super) struct FacetValue {
    pub(super) name: String,
    pub(super) language: Option<String>,
    pub(super) count: i64,
    pub(super) link: String,
    pub(super) is_selected: bool,
}

/// A filter that is set, as a link that removes it.
pub(super) struct ActiveFilter {
    pub(super) name: String,
    pub(super) link: String,
}

/// An organization and how many items belong to it.
#[derive(Deserialize)]
pub(super) struct OrganizationCount {
    pub(super) count: i64,
    pub(super) organization: Named,
}

/// A topic and how many items are about it.
#[derive(Deserialize)]
pub(super) struct TopicCount {
    pub(super) count: i64,
    pub(super) topic: Named,
}

/// A person and how many papers are theirs.
#[derive(Deserialize)]
pub(super) struct ResearcherCount {
    pub(super) count: i64,
    pub(super) researcher: Person,
}

/// A type of papers and how many there are.
#[derive(Deserialize)]
pub(super) struct TypeCount {
    pub(super) count: i64,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// An entity by which a list is filtered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Selected {
    pub(super) id: String,
    pub(super) display_name: Localized,
}

/// Makes the facets of one list.
pub(super) struct FacetBuilder<'a> {
    pub(super) params: &'a Params,
    pub(super) language: Language,
}

impl FacetBuilder<'_> {
    fn value(&self, parameter: &str, value: &str, name: &str, count: i64, language: Option<String>) -> FacetValue {
        let is_selected = self.params.get(parameter) == Some(value);
        let link = if is_selected { self.params.without(parameter) } else { self.params.with(parameter, value) };
        FacetValue { name: name.to_owned(), language, count, link, is_selected }
    }

    fn named(&self, parameter: &str, named: &Named, count: i64) -> FacetValue {
        let tag = crate::pages::data::foreign(named.display_name.language.as_deref(), self.language);
        self.value(parameter, &named.id, &named.display_name.value, count, tag.map(str::to_owned))
    }

    pub(super) fn organizations(&self, title: &'static str, counts: &[OrganizationCount]) -> Facet {
        let values = counts.iter().map(|facet| self.named("organization", &facet.organization, facet.count));
        Facet { title, values: values.collect() }
    }

    pub(super) fn topics(&self, counts: &[TopicCount]) -> Facet {
        let values = counts.iter().map(|facet| self.named("topic", &facet.topic, facet.count));
        Facet { title: self.language.texts().topics, values: values.collect() }
    }

    pub(super) fn researchers(&self, title: &'static str, counts: &[ResearcherCount], omitted: &str) -> Facet {
        let others = counts.iter().filter(|facet| facet.researcher.id != omitted);
        let values = others
            .map(|facet| self.value("person", &facet.researcher.id, &facet.researcher.name, facet.count, None))
            .collect();
        Facet { title, values }
    }

    pub(super) fn types(&self, counts: &[TypeCount]) -> Facet {
        let texts = self.language.texts();
        let values = counts
            .iter()
            .filter(|facet| facet.count > 0)
            .map(|facet| self.value("type", &facet.kind, paper_type(&facet.kind, texts), facet.count, None));
        Facet { title: texts.type_label, values: values.collect() }
    }

    pub(super) fn venues(&self, counts: &[ValueCount]) -> Facet {
        let values = counts.iter().map(|facet| self.value("venue", &facet.value, &facet.value, facet.count, None));
        Facet { title: self.language.texts().venue, values: values.collect() }
    }

    /// The newest years.
    pub(super) fn years(&self, counts: &[YearCount]) -> Facet {
        let mut years: Vec<&YearCount> = counts.iter().filter(|facet| facet.count > 0).collect();
        years.sort_by_key(|facet| std::cmp::Reverse(facet.year));
        let values = years.into_iter().take(10).map(|facet| {
            let year = facet.year.to_string();
            self.value("year", &year, &year, facet.count, None)
        });
        Facet { title: self.language.texts().years, values: values.collect() }
    }

    /// The filters that are set: entities by their names, others by their values.
    pub(super) fn active(&self, names: &[&str], selected: &[Option<Selected>]) -> Vec<ActiveFilter> {
        let texts = self.language.texts();
        let set = names.iter().filter_map(|name| Some((*name, self.params.get(name)?)));
        let filters = set.map(|(name, value)| {
            let entity = selected.iter().flatten().find(|entity| entity.id == value);
            let shown = match (name, entity) {
                ("coauthor", Some(entity)) => texts.coauthor_of.replace("{name}", &entity.display_name.value),
                (_, Some(entity)) => entity.display_name.value.clone(),
                ("type", None) => paper_type(value, texts).to_owned(),
                ("from", None) => format!("≥ {value}"),
                ("to", None) => format!("≤ {value}"),
                _ => value.to_owned(),
            };
            ActiveFilter { name: shown, link: self.params.without(name) }
        });
        filters.collect()
    }
}
