//! The price of each field of the schema, compared with the rows and pages that Postgres reads for it in the worst case.
//! Per row and page, no field costs less than a tenth of what the profile page (`bench/queries/p.graphql`) costs.
//!
//! The worst case of a field: below a list of 100 parents, with pages of 100, and each of its arguments set in turn to
//! what reads most. `FIELD_COSTS_OF=Query` measures the fields of that type only. The price and the reads are those of the shortest query with the field. An argument for which this file has no such value fails the test.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::fs::{self, File};

use academic_directory::graphql::context::DirectoryInfo;
use academic_directory::graphql::engine::json_writer;
use academic_directory::graphql::{self, DirectorySchema};
use academic_directory::model::language::AcceptedLanguages;
use academic_directory::store::Store;
use async_graphql::parser::types::{BaseType, FieldDefinition, InputValueDefinition, TypeDefinition, TypeKind};
use async_graphql::{Request, Variables};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::costs::{DedicatedServer, scanned_rows, touched_pages};
use crate::support::schema_definitions::{SchemaDefinitions, enum_values, fields, innermost_type, input_fields};
use crate::support::synthetic_data::{SeededRng, synthetic_papers, synthetic_records};
use crate::support::{organization_record, pluck_strings, ror, unlimited_limits, with_fields};

const PROFILE_PAGE: &str = include_str!("../../bench/queries/p.graphql");
const RESEARCHER_COUNT: usize = 150;
const PAPER_COUNT: usize = 900;
/// A field may cost this many times less than the profile page, for the same rows and pages.
const MAX_UNDERPRICING: u64 = 10;
/// What a query costs a client, and what it makes Postgres read.
#[derive(Clone, Copy, Debug, Default)]
struct Measurement {
    price: u64,
    rows_and_pages: u64,
}

/// The service and its database.
struct Directory<'a> {
    runtime: &'a Runtime,
    server: &'a DedicatedServer,
    schema: DirectorySchema,
    store: Store,
}

impl Directory<'_> {
    fn execute(&self, query: &str, variables: Value) -> (u64, Value) {
        let request = Request::new(query).variables(Variables::from_json(variables)).data(AcceptedLanguages::default());
        let prepared = self.schema.prepare(request).unwrap_or_else(|refused| panic!("{query}: {:?}", refused.errors));
        let price = prepared.cost.total();
        let response = self.runtime.block_on(async {
            let store = self.store.for_request(None).await;
            self.schema.execute(prepared, store).await
        });
        assert!(response.errors.is_empty(), "{query}: {:?}", response.errors);
        let body = json_writer::write_response(&response, true).expect("JSON");
        (price, serde_json::from_slice::<Value>(&body).expect("JSON")["data"].take())
    }

    fn measure(&self, query: &str, variables: Value) -> Measurement {
        File::options().write(true).truncate(true).open(&self.server.log).expect("the log");
        let before = self.store.statement_counter().total();
        let (price, _) = self.execute(query, variables);
        let statements = self.store.statement_counter().total() - before;
        let plans = self.server.read_plans();
        assert!(plans.len() as u64 >= statements, "{query}: a statement has no plan");
        let reads = plans.iter().map(|plan| scanned_rows(&plan["Plan"]) + touched_pages(&plan["Plan"])).sum();
        Measurement { price, rows_and_pages: reads }
    }

    fn ids(&self, list: &str) -> Vec<String> {
        let (_, data) = self.execute(&format!("{{ {list}(first: 100) {{ nodes {{ id }} }} }}"), json!({}));
        pluck_strings(&data[list]["nodes"], &["id"])
    }
}

/// Pronounceable words: none is in the directory, all are similar to many that are.
fn words(rng: &mut SeededRng, count: usize) -> String {
    const SYLLABLES: [&str; 10] = ["ba", "ce", "di", "fo", "gu", "ha", "ki", "lo", "mu", "na"];
    let mut word = || (0..3).map(|_| SYLLABLES[rng.below(SYLLABLES.len())]).collect::<String>();
    (0..count).map(|_| word()).collect::<Vec<_>>().join(" ")
}

fn records() -> Value {
    let mut rng = SeededRng::new(7);
    let works = synthetic_papers(&mut SeededRng::new(5), RESEARCHER_COUNT, PAPER_COUNT);
    let mut all: Vec<Value> = (1..20)
        .map(|number| {
            let relations = if number == 1 { json!([]) } else { json!([["parent", ror(1)]]) };
            with_fields(organization_record(number, &words(&mut rng, 3)), json!({ "relations": relations }))
        })
        .collect();
    all.extend(synthetic_records(&works, RESEARCHER_COUNT).into_iter().enumerate().map(|(index, record)| {
        let organization = |number: usize| json!({ "ror": ror(number as u64 % 19 + 1) });
        if record["kind"] == "researcher" {
            let affiliation = |number: usize| json!({ "organization": organization(number), "affiliationKind": "EMPLOYMENT", "startDate": (2000 + number % 9).to_string() });
            let affiliations = json!([affiliation(index), affiliation(index + 3)]);
            let topics = json!([{ "labels": { "en": format!("Topic {}", index % 4) } }]);
            return with_fields(record, json!({ "affiliations": affiliations, "topics": topics }));
        }
        if record["kind"] != "paper" {
            return record;
        }
        let mut record = record;
        for author in record["authors"].as_array_mut().into_iter().flatten() {
            author["organizations"] = json!([organization(index), organization(index + 1)]);
        }
        let title = words(&mut rng, 5);
        let text = words(&mut rng, 60);
        with_fields(record, json!({ "title": title, "abstract": { "en": text }, "abstractCompleteness": "FULL", "venueName": words(&mut rng, 1) }))
    }));
    json!(all)
}

/// The values of arguments and input fields that make a field read most.
struct WorstCases {
    definitions: SchemaDefinitions,
    ids: BTreeMap<&'static str, Vec<String>>,
    short_query: String,
    long_query: String,
}

impl WorstCases {
    fn new(directory: &Directory<'_>) -> Self {
        let lists = ["researchers", "organizations", "topics", "papers"];
        let mut rng = SeededRng::new(11);
        Self {
            definitions: SchemaDefinitions::of_service(),
            ids: lists.into_iter().map(|list| (list, directory.ids(list))).collect(),
            short_query: words(&mut rng, 3),
            long_query: words(&mut rng, 60),
        }
    }

    fn id_list(&self, list: &str) -> String {
        serde_json::to_string(&self.ids[list]).expect("JSON")
    }

    fn id(&self, list: &str, index: usize) -> String {
        format!("{:?}", self.ids[list][index])
    }

    /// The type of entity that an input about IDs refers to.
    fn entities_of(&self, owner: &str, name: &str) -> &'static str {
        match (owner, name) {
            (_, "researcherIds" | "authorIds" | "coauthorIds" | "fromId" | "toId") => "researchers",
            (_, "organizationIds") => "organizations",
            (_, "topicIds" | "broaderIds") => "topics",
            ("CoauthorFilter" | "ResearcherFilter", "ids") => "researchers",
            ("OrganizationFilter", "ids") => "organizations",
            ("TopicFilter", "ids") => "topics",
            ("PaperFilter", "ids") => "papers",
            ("ResearcherFacets.topics" | "PaperFacets.topics", _) => "topics",
            ("ResearcherFacets.organizations" | "PaperFacets.organizations", _) => "organizations",
            ("PaperFacets.researchers", _) => "researchers",
            ("Query.nodes" | "Query.node", _) => "papers",
            ("Query.changes", _) => "organizations",
            _ => panic!("which entities does {name} of {owner} refer to?"),
        }
    }

    /// The values to try for an argument of a field or a field of an input object.
    fn values(&self, owner: &str, input: &InputValueDefinition) -> Vec<String> {
        let name = input.name.node.as_str();
        let ty = innermost_type(&input.ty.node);
        let is_list = matches!(input.ty.node.base, BaseType::List(_));
        match (ty, name) {
            ("String", "query") => vec![format!("{:?}", self.short_query), format!("{:?}", self.long_query)],
            ("Int", "first" | "last") => vec!["100".to_owned()],
            ("Int", "maxLength") => vec!["10".to_owned()],
            ("Int", "maxAuthorsPerPaper" | "minPaperCount" | "minAuthorCount" | "maxAuthorCount") => {
                vec!["1".to_owned(), "1000".to_owned()]
            }
            // Cursors and dates only make a list shorter.
            ("String" | "ID", "after" | "before") => Vec::new(),
            ("ID", "id" | "fromId") => vec![self.id(self.entities_of(owner, name), 0)],
            ("ID", "toId") => vec![self.id(self.entities_of(owner, name), 99)],
            ("ID", _) if is_list => vec![self.id_list(self.entities_of(owner, name))],
            ("IntRange", _) => vec!["{ from: 1900, to: 2100 }".to_owned()],
            ("DateTime", _) => vec!["\"2000-01-01T00:00:00Z\"".to_owned()],
            ("Date", _) => vec!["\"2020-01-01\"".to_owned()],
            ("Boolean", _) => vec!["true".to_owned(), "false".to_owned()],
            ("LanguageTag", _) => vec!["[\"fr\", \"de\", \"en\"]".to_owned()],
            ("ResearcherBy", "keys") => vec![self.keys("researchers")],
            ("OrganizationBy", "keys") => vec![self.keys("organizations")],
            ("PaperBy", "keys") => vec![self.keys("papers")],
            ("ResearcherBy", "by") => vec![format!("{{ id: {} }}", self.id("researchers", 0))],
            ("OrganizationBy", "by") => vec![format!("{{ id: {} }}", self.id("organizations", 0))],
            ("PaperBy", "by") => vec![format!("{{ id: {} }}", self.id("papers", 0))],
            ("TopicBy", "by") => vec![format!("{{ id: {} }}", self.id("topics", 0))],
            ("String", "orcids") => vec!["[\"0000-0002-1825-0097\"]".to_owned()],
            ("String", "rors") => vec![format!("[{:?}]", ror(1))],
            ("String", "dois") => vec!["[\"10.1000/182\"]".to_owned()],
            ("String", "arxivIds") => vec!["[\"2301.00001\"]".to_owned()],
            ("String", "countryCodes") => vec!["[\"CH\"]".to_owned()],
            ("String", "venueNames") => vec!["[\"Nature\"]".to_owned()],
            ("String", "schemes") => vec!["[\"local\"]".to_owned()],
            ("String", "style") => ["apa", "chicago", "ieee", "vancouver"].map(|style| format!("{style:?}")).into(),
            ("String", "sources") => vec!["[\"test\"]".to_owned()],
            ("String", "fields") => vec!["[\"topics\"]".to_owned()],
            _ => {
                let definition = self.definitions.0.get(ty);
                let kind = definition.map(|definition| &definition.kind);
                match (definition, kind) {
                    (Some(definition), Some(TypeKind::Enum(_))) if is_list => {
                        vec![format!("[{}]", enum_values(definition).join(", "))]
                    }
                    (Some(definition), Some(TypeKind::Enum(_))) => enum_values(definition),
                    (Some(definition), Some(TypeKind::InputObject(_))) if is_list => {
                        // `and` and `or`: filters that each search for another name.
                        let filters = (0..20).map(|number| self.searching_filter(definition, number));
                        vec![format!("[{}]", filters.collect::<Vec<_>>().join(", "))]
                    }
                    (Some(definition), Some(TypeKind::InputObject(_))) => self.objects(definition, name),
                    _ => panic!("what makes {owner} read most by {name}: {ty}? Add it to WorstCases::values"),
                }
            }
        }
    }

    fn keys(&self, list: &str) -> String {
        let keys: Vec<String> = self.ids[list].iter().map(|id| format!("{{ id: {id:?} }}")).collect();
        format!("[{}]", keys.join(", "))
    }

    fn searching_filter(&self, definition: &TypeDefinition, number: usize) -> String {
        let is_searchable = input_fields(definition).iter().any(|input| input.name.node == "query");
        assert!(is_searchable, "what is a slow {}?", definition.name.node);
        let mut words = self.long_query.split(' ').cycle().skip(number * 3);
        format!("{{ query: \"{} {}x\" }}", words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// Input objects: an order in each of its forms, or a filter with each of its fields in turn.
    fn objects(&self, definition: &TypeDefinition, name: &str) -> Vec<String> {
        let owner = definition.name.node.as_str();
        let inputs = input_fields(definition);
        if owner.ends_with("Order") {
            let field = inputs.iter().find(|input| input.name.node == "field").expect("a field to sort by");
            let by = &self.definitions.0[innermost_type(&field.ty.node)];
            // Relevance needs a search query, for which it is the default.
            let by = enum_values(by).into_iter().filter(|by| by != "RELEVANCE");
            return by
                .flat_map(|by| ["ASC", "DESC"].map(|direction| format!("{{ field: {by}, direction: {direction} }}")))
                .collect();
        }
        inputs
            .into_iter()
            // A negated filter reads what the filter reads.
            .filter(|input| !(name == "not" && ["and", "or", "not"].contains(&input.name.node.as_str())))
            .flat_map(|input| {
                self.values(owner, input).into_iter().map(|value| format!("{{ {}: {value} }}", input.name.node))
            })
            .collect()
    }

    /// The argument lists to try for a field: the required arguments with pages of 100, then each optional one.
    fn argument_lists(&self, object: &str, field: &FieldDefinition) -> Vec<String> {
        let owner = format!("{object}.{}", field.name.node);
        let mut base = vec![String::new()];
        let mut optional: Vec<String> = Vec::new();
        for argument in &field.arguments {
            let argument = &argument.node;
            let name = argument.name.node.as_str();
            let is_required = !argument.ty.node.nullable && argument.default_value.is_none();
            let values = self.values(&owner, argument).into_iter().map(|value| format!("{name}: {value}"));
            if is_required {
                base = values.flat_map(|value| base.iter().map(move |before| format!("{before} {value}"))).collect();
            } else if name == "first" {
                base.iter_mut().for_each(|base| base.push_str(" first: 100"));
            } else if name != "last" {
                optional.extend(values);
            }
        }
        let mut lists = base.clone();
        lists.extend(base.iter().flat_map(|base| optional.iter().map(move |argument| format!("{base} {argument}"))));
        lists.iter().map(|list| if list.is_empty() { String::new() } else { format!("({})", list.trim()) }).collect()
    }

    /// The selections below a field: all its leaves, or for a connection the page, the total and each facet.
    fn selections(&self, ty: &str) -> Vec<String> {
        let Some(definition) = self.definitions.0.get(ty) else { return vec![String::new()] };
        match &definition.kind {
            TypeKind::Interface(_) | TypeKind::Union(_) => vec!["{ __typename }".to_owned()],
            TypeKind::Object(_) if ty.ends_with("Connection") => fields(definition)
                .into_iter()
                // The page is read the same for `edges` and `pageInfo`.
                .filter(|field| !["edges", "pageInfo"].contains(&field.name.node.as_str()))
                .flat_map(|field| {
                    let below = innermost_type(&field.ty.node);
                    let parts = if field.name.node == "facets" { self.facets(below) } else { self.selections(below) };
                    parts.into_iter().map(|part| format!("{{ {} {part} }}", field.name.node)).collect::<Vec<_>>()
                })
                .collect(),
            // Its fields depend on the filter of the report.
            TypeKind::Object(_) if ty == "DirectoryQuality" => [
                "{ issues { count total share } }",
                "{ issues { samples(first: 100) { __typename } } }",
                "{ issues { sources(first: 100) { count } } }",
                "{ issues { organizations(first: 100) { count } } }",
                "{ nameRepairs { rule } }",
            ]
            .map(ToOwned::to_owned)
            .into(),
            TypeKind::Object(_) => {
                let leaves = fields(definition).into_iter().filter(|field| self.is_plain_leaf(field));
                let leaves: Vec<&str> = leaves.map(|field| field.name.node.as_str()).collect();
                vec![format!("{{ __typename {} }}", leaves.join(" "))]
            }
            _ => vec![String::new()],
        }
    }

    /// All facets together: they are one statement.
    fn facets(&self, ty: &str) -> Vec<String> {
        let each: Vec<String> = fields(&self.definitions.0[ty])
            .into_iter()
            .map(|field| {
                let first = field.arguments.iter().any(|argument| argument.node.name.node == "first");
                let arguments = if first { "(first: 100)" } else { "" };
                format!("{}{arguments} {{ __typename count }}", field.name.node)
            })
            .collect();
        vec![format!("{{ {} }}", each.join(" "))]
    }

    /// Whether a field is a value of its object's row.
    fn is_plain_leaf(&self, field: &FieldDefinition) -> bool {
        let kind = self.definitions.0.get(innermost_type(&field.ty.node)).map(|definition| &definition.kind);
        field.arguments.is_empty() && matches!(kind, None | Some(TypeKind::Scalar | TypeKind::Enum(_)))
    }

    /// The shortest path to each object type, through pages of 100.
    fn paths(&self) -> BTreeMap<&str, Vec<String>> {
        let mut paths: BTreeMap<&str, Vec<String>> = BTreeMap::from([("Query", Vec::new())]);
        let mut waiting = VecDeque::from(["Query"]);
        while let Some(object) = waiting.pop_front() {
            // Lists come first: they have more parents.
            let mut here: Vec<&FieldDefinition> = fields(&self.definitions.0[object]);
            here.sort_by_key(|field| !innermost_type(&field.ty.node).ends_with("Connection"));
            for field in here {
                let Some((target, definition)) = self.definitions.0.get_key_value(innermost_type(&field.ty.node))
                else {
                    continue;
                };
                if !matches!(definition.kind, TypeKind::Object(_)) || paths.contains_key(target.as_str()) {
                    continue;
                }
                let arguments = self.argument_lists(object, field).into_iter().next().unwrap_or_default();
                // A thousand parents at most.
                let is_nested = paths[object].iter().any(|step| step.contains("first: 100"));
                let arguments = if is_nested { arguments.replace("first: 100", "first: 10") } else { arguments };
                let step = format!("{}{arguments}", field.name.node);
                let path: Vec<String> = paths[object].iter().cloned().chain([step]).collect();
                // The items of a list are reached through it, not by a look-up of one.
                if let Some(nodes) = fields(definition).into_iter().find(|field| field.name.node == "nodes")
                    && let Some((node, _)) = self.definitions.0.get_key_value(innermost_type(&nodes.ty.node))
                    && matches!(self.definitions.0[node].kind, TypeKind::Object(_))
                    && !paths.contains_key(node.as_str())
                {
                    paths.insert(node, path.iter().cloned().chain(["nodes".to_owned()]).collect());
                    waiting.push_back(node);
                }
                paths.insert(target, path);
                waiting.push_back(target);
            }
        }
        paths
    }
}

fn query_at(path: &[String], selection: &str) -> String {
    let inner = path.iter().rev().fold(selection.to_owned(), |inner, step| format!("{step} {{ {inner} }}"));
    format!("{{ {inner} }}")
}

/// The underpriced fields, one per line.
fn underpriced_fields(directory: &Directory<'_>) -> String {
    let worst = WorstCases::new(directory);
    let (mut reference, people) = (Measurement::default(), &worst.ids["researchers"][..20]);
    for id in people {
        let profile = directory.measure(PROFILE_PAGE, json!({ "id": id }));
        reference.price = profile.price;
        reference.rows_and_pages += profile.rows_and_pages / 20;
    }
    println!("the profile page costs {} and reads {}", reference.price, reference.rows_and_pages);
    let (mut report, mut measured) = (String::new(), 0);
    let only = std::env::var("FIELD_COSTS_OF").ok();
    for (object, path) in
        worst.paths().into_iter().filter(|(object, _)| only.as_ref().is_none_or(|only| only == object))
    {
        for field in fields(&worst.definitions.0[object]) {
            let name = field.name.node.as_str();
            let target = innermost_type(&field.ty.node);
            let mut worst_case: Option<(u64, String)> = None;
            // Below a list, searches for many words are left out: their facets search for each parent and exceed the
            // statement timeout. They have a share of the connections of their own (`store/access/work_class.rs`).
            let is_measured = |arguments: &String| path.is_empty() || !arguments.contains(&worst.long_query);
            for arguments in worst.argument_lists(object, field).into_iter().filter(is_measured) {
                for selection in worst.selections(target) {
                    let query = query_at(&path, &format!("{name}{arguments} {selection}"));
                    let measured_query = directory.measure(&query, json!({}));
                    measured += 1;
                    let Measurement { price, rows_and_pages: reads } = measured_query;
                    // What the profile page costs for as many reads.
                    let fair_price = reads * reference.price / reference.rows_and_pages;
                    let missing = (fair_price / MAX_UNDERPRICING).saturating_sub(price);
                    println!("{object}.{name}: costs {price}, reads {reads}, fair {fair_price}: {query:.300}");
                    if missing > 0 && worst_case.as_ref().is_none_or(|(before, _)| missing > *before) {
                        let line = format!(
                            "{object}.{name} costs {price} and reads {reads} rows and pages, for which p costs {fair_price}: {query:.300}"
                        );
                        worst_case = Some((missing, line));
                    }
                }
            }
            if let Some((_, line)) = worst_case {
                let _ = writeln!(report, "{line}");
            }
        }
    }
    println!("measured {measured} queries");
    report
}

#[test]
fn no_field_is_underpriced() {
    let folder = tempfile::tempdir().expect("a directory");
    // A server started by root runs as another user.
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("permissions");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = DedicatedServer::start(&folder.path().join("postgres"));
    runtime.block_on(server.load_records(&records()));
    let limits = unlimited_limits();
    let info = || DirectoryInfo { name: "Prices".to_owned(), default_language: "en".parse().expect("a tag") };
    let schema = DirectorySchema::new(|| graphql::builder(&limits).data(info()), limits.clone());
    let (database, store) = runtime.block_on(server.open_store());
    let report = underpriced_fields(&Directory { runtime: &runtime, server: &server, schema, store });
    runtime.block_on(database.close());
    server.server.stop();
    assert!(report.is_empty(), "underpriced fields:\n{report}");
}
