//! About the directory, and about its data.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::{Localized, Response};
use crate::pages::frame::Frame;
use crate::pages::text::Texts;
use crate::pages::{Context, Page, RenderError, Rendered};

/// What the directory is.
pub(super) struct AboutPage;

/// Where its data come from, and how good they are.
pub(super) struct DataPage;

#[derive(Deserialize)]
struct About {
    directory: AboutDirectory,
}

#[derive(Deserialize)]
struct AboutDirectory {
    name: Localized,
    version: String,
    languages: Vec<String>,
    statistics: Option<Statistics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statistics {
    researcher_count: i64,
    organization_count: i64,
    topic_count: i64,
    paper_count: i64,
}

#[derive(Template)]
#[template(path = "about.html")]
struct AboutTemplate<'a> {
    frame: Frame,
    version: &'a str,
    languages: String,
    statistics: Option<&'a Statistics>,
}

impl Page for AboutPage {
    fn document(&self) -> &'static str {
        include_str!("queries/about.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "AboutPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        json!({ "languages": [context.language.code()] })
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let directory = serde_json::from_slice::<Response<About>>(json)?.data.directory;
        let texts = context.language.texts();
        let frame = Frame::new(context, &directory.name.value, texts.about, texts.about_lead).with_query(self, context);
        let languages = directory.languages.iter().map(|tag| context.language.language_name(tag));
        let template = AboutTemplate {
            frame,
            version: &directory.version,
            languages: languages.collect::<Vec<_>>().join(", "),
            statistics: directory.statistics.as_ref(),
        };
        Ok(Rendered::Html(template.render()?))
    }
}

#[derive(Deserialize)]
struct Data {
    directory: DataDirectory,
}

#[derive(Deserialize)]
struct DataDirectory {
    name: Localized,
    sources: Vec<Source>,
    quality: Quality,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    name: String,
    record_count: i64,
    researcher_count: i64,
    organization_count: i64,
    topic_count: i64,
    paper_count: i64,
}

#[derive(Deserialize)]
struct Quality {
    issues: Vec<Issue>,
}

#[derive(Deserialize)]
struct Issue {
    kind: String,
    count: Option<i64>,
    share: Option<f64>,
}

/// An issue of data quality with its number.
struct CountedIssue {
    name: &'static str,
    count: String,
    share: String,
}

#[derive(Template)]
#[template(path = "about_data.html")]
struct DataTemplate<'a> {
    frame: Frame,
    sources: &'a [Source],
    issues: Vec<CountedIssue>,
}

impl Page for DataPage {
    fn document(&self) -> &'static str {
        include_str!("queries/about_data.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "AboutDataPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        json!({ "languages": [context.language.code()] })
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let directory = serde_json::from_slice::<Response<Data>>(json)?.data.directory;
        let language = context.language;
        let texts = language.texts();
        let frame =
            Frame::new(context, &directory.name.value, texts.about_data, texts.data_lead).with_query(self, context);
        let issues = directory.quality.issues.iter().filter_map(|issue| {
            Some(CountedIssue {
                name: issue_name(&issue.kind, texts)?,
                count: language.number(issue.count?),
                share: issue.share.map(|share| language.percentage(share)).unwrap_or_default(),
            })
        });
        let template = DataTemplate { frame, issues: issues.collect(), sources: &directory.sources };
        Ok(Rendered::Html(template.render()?))
    }
}

/// The name of an issue of data quality; `None` for one that is newer than the pages.
fn issue_name(kind: &str, texts: &'static Texts) -> Option<&'static str> {
    Some(match kind {
        "AUTHOR_UNRESOLVED" => texts.author_unresolved,
        "AUTHOR_WITH_DOUBTFUL_ORCID" => texts.author_with_doubtful_orcid,
        "NAME_REPAIRED" => texts.name_repaired,
        "NAME_REPAIR_SUGGESTED" => texts.name_repair_suggested,
        "PAPER_WITHOUT_ABSTRACT" => texts.paper_without_abstract,
        "PAPER_WITHOUT_AUTHORS" => texts.paper_without_authors,
        "PAPER_WITHOUT_IDENTIFIER" => texts.paper_without_identifier,
        "PAPER_WITHOUT_PAGES" => texts.paper_without_pages,
        "PAPER_WITHOUT_PUBLISHER" => texts.paper_without_publisher,
        "PAPER_WITHOUT_VOLUME" => texts.paper_without_volume,
        "PAPER_WITHOUT_YEAR" => texts.paper_without_year,
        "PAPER_WITH_TRUNCATED_ABSTRACT" => texts.paper_with_truncated_abstract,
        "RESEARCHER_ACTIVE_TOO_LONG" => texts.researcher_active_too_long,
        "RESEARCHER_BY_NAME_ALONE" => texts.researcher_by_name_alone,
        "RESEARCHER_EMPLOYED_IN_TWO_COUNTRIES" => texts.researcher_employed_in_two_countries,
        "RESEARCHER_WITHOUT_PAPERS_AND_AFFILIATIONS" => texts.researcher_without_papers_and_affiliations,
        "RESEARCHER_WITH_SEVERAL_ORCIDS" => texts.researcher_with_several_orcids,
        _ => return None,
    })
}
