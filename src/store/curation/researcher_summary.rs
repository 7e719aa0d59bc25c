//! A summary of a researcher, for curators.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveEnum as _, ColumnTrait as _, DerivePartialModel, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::entity::{
    affiliation, authorship, external_id, former_identity, organization, paper, researcher, researcher_statistics,
    researcher_topic, source_record, topic,
};
use crate::error::Error;
use crate::model::entity_type::EntityType;
use crate::model::language::{LanguagePreferences, LanguageTag, LocalizedText};
use crate::model::record::AffiliationKind;
use crate::store::reader::authorship::NameRedaction;
use crate::store::unit_of_work::UnitOfWork;

/// The preferred language of labels, since messages are in English.
const LABEL_LANGUAGE: &str = "en";

/// A researcher with everything that the directory stores about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResearcherSummary {
    /// The number behind the global id.
    pub id: i64,
    /// The slug.
    pub slug: String,
    /// The display name.
    pub name: String,
    /// The ORCID iD.
    pub orcid: Option<String>,
    /// The number of papers.
    pub paper_count: i32,
    /// The number of coauthors.
    pub coauthor_count: i32,
    /// The years of the first and the last paper; 0 if none has a year.
    pub years: (i32, i32),
    /// The papers, latest first.
    pub papers: Vec<SummaryPaper>,
    /// Other names.
    pub other_names: Vec<String>,
    /// Headline, biography, portrait and homepage, with the language of each text.
    pub profile: Vec<String>,
    /// Current and past affiliations.
    pub affiliations: Vec<String>,
    /// Declared topics.
    pub topics: Vec<String>,
    /// External identifiers, as `scheme:value`.
    pub identifiers: Vec<String>,
    /// Source records, as `source key`.
    pub records: Vec<String>,
    /// The numbers and slugs of merged researchers.
    pub former: Vec<(i64, String)>,
}

/// A paper of a researcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryPaper {
    /// The number behind the global id.
    pub id: i64,
    /// The slug.
    pub slug: String,
    /// The title.
    pub title: String,
    /// The DOI.
    pub doi: Option<String>,
    /// The year.
    pub year: Option<i32>,
    /// The author's name as published.
    pub name: String,
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "researcher::Entity")]
struct SummaryRow {
    id: i64,
    slug: String,
    display_name: String,
    other_names: Vec<String>,
    orcid: Option<String>,
    headline: LocalizedText,
    biography: LocalizedText,
    portrait_url: Option<String>,
    homepage_url: Option<String>,
    hidden_forms: Option<Vec<String>>,
    #[sea_orm(nested)]
    counts: SummaryCounts,
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "researcher_statistics::Entity")]
struct SummaryCounts {
    paper_count: i32,
    coauthor_count: i32,
    first_year: i32,
    last_year: i32,
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "authorship::Entity")]
struct SummaryAuthorshipRow {
    researcher_id: i64,
    name_as_published: String,
    name: String,
    #[sea_orm(nested)]
    paper: SummaryPaperRow,
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "paper::Entity")]
struct SummaryPaperRow {
    id: i64,
    slug: String,
    title: String,
    doi: Option<String>,
    publication_year: Option<i32>,
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "affiliation::Entity")]
struct SummaryAffiliationRow {
    researcher_id: i64,
    kind: AffiliationKind,
    role_title: LocalizedText,
    department_name: LocalizedText,
    start_date: Option<String>,
    end_date: Option<String>,
    has_ended: bool,
    is_primary: bool,
    #[sea_orm(nested)]
    organization: SummaryOrganizationRow,
}

#[derive(DerivePartialModel)]
#[sea_orm(entity = "organization::Entity")]
struct SummaryOrganizationRow {
    display_names: LocalizedText,
}

impl From<SummaryRow> for ResearcherSummary {
    fn from(row: SummaryRow) -> Self {
        let texts = [("headline", &row.headline), ("biography", &row.biography)];
        let texts =
            texts.into_iter().flat_map(|(what, text)| text.iter().map(move |(tag, _)| format!("{what} ({tag})")));
        let addresses = [("portrait", &row.portrait_url), ("homepage", &row.homepage_url)];
        let addresses = addresses.into_iter().filter_map(|(what, url)| Some(format!("{what} {}", url.as_ref()?)));
        Self {
            profile: texts.chain(addresses).collect(),
            id: row.id,
            slug: row.slug,
            name: row.display_name,
            orcid: row.orcid,
            paper_count: row.counts.paper_count,
            coauthor_count: row.counts.coauthor_count,
            years: (row.counts.first_year, row.counts.last_year),
            other_names: row.other_names,
            ..Self::default()
        }
    }
}

impl SummaryAffiliationRow {
    fn describe(&self, languages: &LanguagePreferences) -> String {
        let best = |text: &LocalizedText| text.best_match(languages).map(|best| best.value.to_owned());
        // In all languages, since the decision may change one of them.
        let all = |text: &LocalizedText| {
            let texts: Vec<&str> = text.iter().map(|(_, text)| text).collect();
            (!texts.is_empty()).then(|| texts.join(" / "))
        };
        let kind = Some(self.kind.to_value().to_lowercase().replace('_', " "));
        let dates = match (&self.start_date, &self.end_date) {
            (None, None) if !self.has_ended => None,
            (start, None) if self.has_ended => Some(format!("{}–?", start.as_deref().unwrap_or("?"))),
            (start, end) => Some(format!("{}–{}", start.as_deref().unwrap_or("?"), end.as_deref().unwrap_or_default())),
        };
        let primary = self.is_primary.then(|| "primary".to_owned());
        let parts = [
            best(&self.organization.display_names),
            kind,
            all(&self.role_title),
            all(&self.department_name),
            dates,
            primary,
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// The researchers with these ids that exist, in the same order.
pub(super) async fn summarize_researchers(
    uow: &UnitOfWork<'_>,
    people: &[i64],
) -> Result<Vec<ResearcherSummary>, Error> {
    let mut summaries = Summaries::load(uow, people).await?;
    summaries.add_papers(uow, people).await?;
    summaries.add_affiliations(uow, people).await?;
    summaries.add_topics(uow, people).await?;
    summaries.add_identifiers(uow, people).await?;
    summaries.add_records(uow, people).await?;
    summaries.add_former_identities(uow, people).await?;
    Ok(people.iter().filter_map(|id| summaries.by_id.remove(id)).collect())
}

/// Summaries while they are collected, table by table.
struct Summaries {
    by_id: HashMap<i64, ResearcherSummary>,
    /// The names that researchers hide.
    redactions: HashMap<i64, NameRedaction>,
    /// Those of labels.
    languages: LanguagePreferences,
}

impl Summaries {
    /// The researchers, with what their own rows say.
    async fn load(uow: &UnitOfWork<'_>, people: &[i64]) -> Result<Self, Error> {
        let language: LanguageTag = LABEL_LANGUAGE.parse()?;
        let (mut by_id, mut redactions) = (HashMap::new(), HashMap::new());
        let researchers = researcher::Entity::find()
            .inner_join(researcher_statistics::Entity)
            .filter(researcher::COLUMN.id.eq_any(people.iter().copied()));
        for mut row in researchers.into_partial_model::<SummaryRow>().all(uow.db()).await? {
            if let Some(forms) = row.hidden_forms.take() {
                redactions.insert(row.id, NameRedaction { name: row.display_name.clone(), forms });
            }
            by_id.insert(row.id, row.into());
        }
        Ok(Self { by_id, redactions, languages: LanguagePreferences::new(&[], &language) })
    }

    async fn add_papers(&mut self, uow: &UnitOfWork<'_>, people: &[i64]) -> Result<(), Error> {
        let papers = authorship::Entity::find()
            .inner_join(paper::Entity)
            .filter(authorship::COLUMN.researcher_id.eq_any(people.iter().copied()))
            .order_by_desc(authorship::Column::PublicationKey)
            .order_by_asc(paper::Column::SortTitle)
            .order_by_asc(paper::Column::Id);
        for row in papers.into_partial_model::<SummaryAuthorshipRow>().all(uow.db()).await? {
            let Some(researcher) = self.by_id.get_mut(&row.researcher_id) else { continue };
            let redaction = self.redactions.get(&row.researcher_id);
            let is_hidden = redaction
                .is_some_and(|hidden| hidden.redacts_name(&row.name_as_published) || hidden.redacts_name(&row.name));
            let name = if is_hidden { researcher.name.clone() } else { row.name_as_published };
            let SummaryPaperRow { id, slug, title, doi, publication_year: year } = row.paper;
            researcher.papers.push(SummaryPaper { id, slug, title, doi, year, name });
        }
        Ok(())
    }

    async fn add_affiliations(&mut self, uow: &UnitOfWork<'_>, people: &[i64]) -> Result<(), Error> {
        // Generated columns, which the entity does not have.
        let generated = |column: &'static str| Expr::col((affiliation::Entity, column));
        let affiliations = affiliation::Entity::find()
            .inner_join(organization::Entity)
            .filter(affiliation::COLUMN.researcher_id.eq_any(people.iter().copied()))
            .order_by_desc(affiliation::Column::IsPrimary)
            .order_by_desc(generated("ends_on"))
            .order_by_desc(generated("starts_on"))
            .order_by_asc(affiliation::Column::Id);
        for row in affiliations.into_partial_model::<SummaryAffiliationRow>().all(uow.db()).await? {
            let text = row.describe(&self.languages);
            self.extend(row.researcher_id, |researcher| researcher.affiliations.push(text));
        }
        Ok(())
    }

    async fn add_topics(&mut self, uow: &UnitOfWork<'_>, people: &[i64]) -> Result<(), Error> {
        let topics = researcher_topic::Entity::find()
            .inner_join(topic::Entity)
            .select_only()
            .column(researcher_topic::Column::ResearcherId)
            .column(topic::Column::DisplayNames)
            .filter(researcher_topic::COLUMN.researcher_id.eq_any(people.iter().copied()))
            .order_by_asc(researcher_topic::Column::Position)
            .order_by_asc(researcher_topic::Column::TopicId);
        for (id, names) in topics.into_tuple::<(i64, LocalizedText)>().all(uow.db()).await? {
            let label = names.best_match(&self.languages).map(|label| label.value.to_owned());
            self.extend(id, |researcher| researcher.topics.extend(label));
        }
        Ok(())
    }

    async fn add_identifiers(&mut self, uow: &UnitOfWork<'_>, people: &[i64]) -> Result<(), Error> {
        let identifiers = external_id::Entity::find()
            .select_only()
            .columns([external_id::Column::ResearcherId, external_id::Column::Scheme, external_id::Column::Value])
            .filter(external_id::COLUMN.researcher_id.eq_any(people.iter().copied()))
            .order_by_asc(external_id::Column::Scheme)
            .order_by_asc(external_id::Column::Value);
        for (id, scheme, value) in identifiers.into_tuple::<(i64, String, String)>().all(uow.db()).await? {
            self.extend(id, |researcher| researcher.identifiers.push(format!("{scheme}:{value}")));
        }
        Ok(())
    }

    async fn add_records(&mut self, uow: &UnitOfWork<'_>, people: &[i64]) -> Result<(), Error> {
        let records = source_record::Entity::find()
            .select_only()
            .columns([source_record::Column::ResearcherId, source_record::Column::Source, source_record::Column::Key])
            .filter(source_record::COLUMN.researcher_id.eq_any(people.iter().copied()))
            .order_by_asc(source_record::Column::Source)
            .order_by_asc(source_record::Column::Key);
        for (id, source, key) in records.into_tuple::<(i64, String, String)>().all(uow.db()).await? {
            self.extend(id, |researcher| researcher.records.push(format!("{source} {key}")));
        }
        Ok(())
    }

    async fn add_former_identities(&mut self, uow: &UnitOfWork<'_>, people: &[i64]) -> Result<(), Error> {
        let former = former_identity::Entity::find()
            .filter(former_identity::Column::Kind.eq(EntityType::Researcher))
            .filter(former_identity::COLUMN.survivor_id.eq_any(people.iter().copied()))
            .order_by_asc(former_identity::Column::FormerId);
        for row in former.all(uow.db()).await? {
            let redaction = self.redactions.get(&row.survivor_id);
            let is_hidden = redaction.is_some_and(|hidden| hidden.redacts_text(&row.former_slug.replace('-', " ")));
            let slug = if is_hidden { format!("researcher-{}", row.former_id) } else { row.former_slug };
            self.extend(row.survivor_id, |researcher| researcher.former.push((row.former_id, slug)));
        }
        Ok(())
    }

    /// Adds to the summary of a researcher.
    fn extend(&mut self, id: i64, add: impl FnOnce(&mut ResearcherSummary)) {
        if let Some(researcher) = self.by_id.get_mut(&id) {
            add(researcher);
        }
    }
}
