//! How two people are connected: the shortest chain of people who wrote papers together.

use askama::Template;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::data::{Connection, DirectoryName, Person, Response, Work};
use crate::pages::frame::Frame;
use crate::pages::params::Params;
use crate::pages::{Context, Page, RenderError, Rendered};

/// Maximum length of a name that is searched for, in characters.
const MAX_NAME_CHARS: usize = 200;

/// The path between two people. `from` and `to` are IDs; `fromName` and `toName` are names to choose one by.
pub(super) struct PathPage {
    params: Params,
}

impl PathPage {
    pub(super) fn new(params: Params) -> Self {
        Self { params }
    }

    /// The name that is searched for, unless the person has been chosen.
    fn name(&self, side: &str) -> Option<String> {
        let parameter = format!("{side}Name");
        let name = self.params.get(&parameter).filter(|_| self.params.get(side).is_none())?;
        Some(name.chars().take(MAX_NAME_CHARS).collect())
    }

    /// The parameters with each person who is the only one of a name that is searched for; `None` if there is no such.
    fn with_only_matches(&self, data: &Data) -> Option<String> {
        let mut params = self.params.clone();
        let mut has_match = false;
        for (side, candidates) in [("from", &data.from_candidates), ("to", &data.to_candidates)] {
            if let Some([person]) = candidates.as_ref().map(|candidates| candidates.nodes.as_slice()) {
                params.replace(&format!("{side}Name"), side, &person.id);
                has_match = true;
            }
        }
        has_match.then(|| params.query_string())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    directory: DirectoryName,
    from: Option<Person>,
    to: Option<Person>,
    from_candidates: Option<Connection<Person>>,
    to_candidates: Option<Connection<Person>>,
    path: Option<CoauthorPath>,
}

#[derive(Deserialize)]
struct CoauthorPath {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    from: Person,
    to: Person,
    papers: Connection<Work>,
}

/// One of the two people: chosen, or still to be chosen.
struct Side {
    parameter: &'static str,
    label: &'static str,
    person: Option<Person>,
    name: String,
    candidates: Vec<Candidate>,
    /// Whether a name was searched for.
    is_searched: bool,
    change_link: String,
}

/// A person that can be chosen by a link.
struct Candidate {
    person: Person,
    link: String,
}

#[derive(Template)]
#[template(path = "path.html")]
struct PathTemplate<'a> {
    frame: Frame,
    sides: [Side; 2],
    steps: &'a [Step],
    has_both: bool,
    is_same: bool,
    is_unconnected: bool,
}

impl Page for PathPage {
    fn document(&self) -> &'static str {
        include_str!("queries/path.graphql")
    }

    fn operation_name(&self) -> &'static str {
        "PathPage"
    }

    fn variables(&self, context: &Context<'_>) -> Value {
        let (from, to) = (self.params.get("from"), self.params.get("to"));
        let (from_name, to_name) = (self.name("from"), self.name("to"));
        json!({
            "languages": [context.language.code()],
            // Not used unless there is one.
            "from": from.or(to).unwrap_or_default(),
            "to": to.or(from).unwrap_or_default(),
            "fromName": from_name,
            "toName": to_name,
            "hasFrom": from.is_some(),
            "hasTo": to.is_some(),
            "hasBoth": from.is_some() && to.is_some(),
            "findsFrom": from_name.is_some(),
            "findsTo": to_name.is_some(),
        })
    }

    fn render(&self, json: &[u8], context: &Context<'_>) -> Result<Rendered, RenderError> {
        let data = serde_json::from_slice::<Response<Data>>(json)?.data;
        if let Some(query) = self.with_only_matches(&data) {
            return Ok(Rendered::SeeOther(query));
        }
        let texts = context.language.texts();
        let has_both = data.from.is_some() && data.to.is_some();
        let is_same =
            has_both && data.from.as_ref().map(|person| &person.id) == data.to.as_ref().map(|person| &person.id);
        let steps = data.path.as_ref().map_or(&[][..], |path| path.steps.as_slice());
        let title = match (&data.from, &data.to) {
            (Some(from), Some(to)) => format!("{} – {}", from.name, to.name),
            _ => texts.path_title.to_owned(),
        };
        let frame = Frame::new(context, &data.directory.name.value, &title, texts.path_lead)
            .not_indexed_if(!context.query_string.is_empty())
            .with_query(self, context);
        let side = |parameter: &'static str, label, person, candidates: Option<Connection<Person>>| Side {
            parameter,
            label,
            person,
            name: self.name(parameter).unwrap_or_default(),
            is_searched: candidates.is_some(),
            candidates: candidates
                .into_iter()
                .flat_map(|candidates| candidates.nodes)
                .map(|person| Candidate { link: self.params.with(parameter, &person.id), person })
                .collect(),
            change_link: self.params.without(parameter),
        };
        let template = PathTemplate {
            frame,
            has_both,
            is_same,
            is_unconnected: has_both && data.path.is_none(),
            steps,
            sides: [
                side("from", texts.first_person, data.from, data.from_candidates),
                side("to", texts.second_person, data.to, data.to_candidates),
            ],
        };
        Ok(Rendered::Html(template.render()?))
    }
}
