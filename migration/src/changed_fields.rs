//! Which write changes which field of which entity, for the change feed.
//!
//! [`CHANGED_FIELDS`] is the only place that says so. From it, triggers are made that note in `change_pending` what each
//! statement added to a field and took from it, as sums of hashes: a field whose sum is zero at the end of the transaction
//! has not changed, however often it was written.
//!
//! [`DERIVED_FIELDS`] adds what two fields of researchers are derived from: `headline` from the employment, and `otherNames`
//! from the names on papers. They are noted if that changes, also if the value then happens to be the same.
//!
//! Not fields are what is counted or derived from other entities (statistics, coauthors, papers of organizations and
//! topics), and why an author was resolved or repaired: it changes with the papers of other authors.
//!
//! The migration 000044 made its triggers from the first list, 000045 those of four tables from both, 000046 those of
//! researchers with [`SHOWN_AUTHORS`], and 000048 that of authorships for whole statements. A change of the lists needs a
//! migration that makes the triggers of the affected tables again, and a value of [`NotedFields`] for it, since which the
//! new fields are noted: the triggers of earlier migrations stay as they were.

use sea_orm_migration::prelude::*;

use crate::sql::execute;

/// The kinds of entity of the feed, by number, with their tables.
pub const KINDS: [(i16, &str); 5] =
    [(1, "researcher"), (2, "organization"), (3, "affiliation"), (4, "topic"), (5, "paper")];

/// The field that stands for the whole entity: it was inserted or deleted.
const WHOLE: &str = "*";

/// A field, and the columns of a table that are its value or one of its items.
#[derive(Clone, Copy, Debug)]
pub struct ChangedField {
    /// The table.
    pub table: &'static str,
    /// The number of the kind of the entity, in SQL. `r` is the row.
    pub kind: &'static str,
    /// The id of the entity, in SQL; null if the row belongs to none.
    pub id: &'static str,
    /// The name of the field, as in the GraphQL schema.
    pub field: &'static str,
    /// The columns.
    pub columns: &'static [&'static str],
    /// Whether the column is a text in several languages. Each is a field, such as `headline@fr`.
    pub is_localized: bool,
    /// Since when the triggers note it. Older migrations make triggers without it, of tables that may not have the column.
    pub since: NotedFields,
}

const fn column(
    table: &'static str,
    kind: &'static str,
    field: &'static str,
    column: &'static [&'static str],
) -> ChangedField {
    ChangedField { table, kind, id: "r.id", field, columns: column, is_localized: false, since: NotedFields::Stored }
}

const fn localized(
    table: &'static str,
    kind: &'static str,
    field: &'static str,
    column: &'static [&'static str],
) -> ChangedField {
    ChangedField { table, kind, id: "r.id", field, columns: column, is_localized: true, since: NotedFields::Stored }
}

const fn item(
    table: &'static str,
    kind: &'static str,
    id: &'static str,
    field: &'static str,
    columns: &'static [&'static str],
) -> ChangedField {
    ChangedField { table, kind, id, field, columns, is_localized: false, since: NotedFields::Stored }
}

/// The number of the kind that a row of `former_identity` names.
const FORMER_KIND: &str =
    "CASE r.kind WHEN 'researcher' THEN 1 WHEN 'organization' THEN 2 WHEN 'topic' THEN 4 ELSE 5 END";
const AFFILIATION_COLUMNS: &[&str] = &[
    "id",
    "researcher_id",
    "organization_id",
    "kind",
    "role_title",
    "department_name",
    "start_date",
    "end_date",
    "has_ended",
    "is_primary",
];
const AUTHORSHIP_COLUMNS: &[&str] = &[
    "id",
    "list_order",
    "position",
    "name_as_published",
    "name",
    "researcher_id",
    "same_as_id",
    "is_corresponding",
    "equal_contribution_group",
    "affiliations_as_published",
];

/// All fields.
pub const CHANGED_FIELDS: &[ChangedField] = &[
    column("researcher", "1", "slug", &["slug"]),
    column("researcher", "1", "displayName", &["display_name"]),
    column("researcher", "1", "givenName", &["given_name"]),
    column("researcher", "1", "familyName", &["family_name"]),
    column("researcher", "1", "otherNames", &["other_names"]),
    column("researcher", "1", "orcid", &["orcid"]),
    localized("researcher", "1", "headline", &["headline"]),
    localized("researcher", "1", "biography", &["biography"]),
    column("researcher", "1", "portraitUrl", &["portrait_url"]),
    column("researcher", "1", "homepageUrl", &["homepage_url"]),
    item("external_id", "1", "r.researcher_id", "identifiers", &["scheme", "value"]),
    item("affiliation", "1", "r.researcher_id", "affiliations", AFFILIATION_COLUMNS),
    item("researcher_topic", "1", "r.researcher_id", "topics", &["topic_id", "position"]),
    item("authorship", "1", "r.researcher_id", "papers", &["paper_id"]),
    column("organization", "2", "slug", &["slug"]),
    column("organization", "2", "ror", &["ror"]),
    column("organization", "2", "names", &["names", "display_names"]),
    column("organization", "2", "types", &["types"]),
    column("organization", "2", "status", &["status"]),
    column("organization", "2", "countryCode", &["country_code"]),
    column("organization", "2", "city", &["city"]),
    column("organization", "2", "homepageUrl", &["homepage_url"]),
    item("external_id", "2", "r.organization_id", "identifiers", &["scheme", "value"]),
    item("organization_parent", "2", "r.child_id", "parents", &["parent_id"]),
    item("organization_parent", "2", "r.parent_id", "children", &["child_id"]),
    item("organization_succession", "2", "r.successor_id", "predecessors", &["predecessor_id"]),
    item("organization_succession", "2", "r.predecessor_id", "successors", &["successor_id"]),
    item("affiliation", "2", "r.organization_id", "affiliations", AFFILIATION_COLUMNS),
    column("affiliation", "3", "researcher", &["researcher_id"]),
    column("affiliation", "3", "organization", &["organization_id"]),
    column("affiliation", "3", "kind", &["kind"]),
    localized("affiliation", "3", "roleTitle", &["role_title"]),
    localized("affiliation", "3", "departmentName", &["department_name"]),
    column("affiliation", "3", "startDate", &["start_date"]),
    column("affiliation", "3", "endDate", &["end_date"]),
    column("affiliation", "3", "isCurrent", &["has_ended"]),
    column("affiliation", "3", "isPrimary", &["is_primary"]),
    column("topic", "4", "slug", &["slug"]),
    column("topic", "4", "scheme", &["scheme"]),
    column("topic", "4", "labels", &["names", "display_names"]),
    column("topic", "4", "identifiers", &["code", "concept_uri"]),
    item("external_id", "4", "r.topic_id", "identifiers", &["scheme", "value"]),
    item("topic_broader", "4", "r.topic_id", "broader", &["broader_id"]),
    item("topic_broader", "4", "r.broader_id", "narrower", &["topic_id"]),
    column("paper", "5", "slug", &["slug"]),
    column("paper", "5", "title", &["title"]),
    localized("paper", "5", "displayName", &["translated_titles"]),
    localized("paper", "5", "abstract", &["abstract_text"]),
    column("paper", "5", "abstract", &["abstract_completeness"]),
    column("paper", "5", "publicationDate", &["publication_date"]),
    column("paper", "5", "publicationYear", &["publication_year"]),
    column("paper", "5", "type", &["type"]),
    column("paper", "5", "venueName", &["venue_name"]),
    column("paper", "5", "volume", &["volume"]),
    column("paper", "5", "issue", &["issue"]),
    column("paper", "5", "pages", &["pages"]),
    column("paper", "5", "articleNumber", &["article_number"]),
    column("paper", "5", "edition", &["edition"]),
    column("paper", "5", "publisherName", &["publisher_name"]),
    column("paper", "5", "issns", &["issns"]),
    column("paper", "5", "isbns", &["isbns"]),
    column("paper", "5", "keywords", &["keywords"]),
    column("paper", "5", "language", &["language"]),
    column("paper", "5", "doi", &["doi"]),
    column("paper", "5", "arxivId", &["arxiv_id"]),
    column("paper", "5", "url", &["url"]),
    column("paper", "5", "isRetracted", &["is_retracted"]),
    column("paper", "5", "versionOf", &["version_of_id"]),
    item("paper", "5", "r.version_of_id", "versions", &["id"]),
    item("external_id", "5", "r.paper_id", "identifiers", &["scheme", "value"]),
    item("authorship", "5", "r.paper_id", "authorships", AUTHORSHIP_COLUMNS),
    item(
        "authorship_organization",
        "5",
        "(SELECT authorship.paper_id FROM authorship WHERE authorship.id = r.authorship_id)",
        "authorships",
        &["authorship_id", "organization_id"],
    ),
    item("paper_topic", "5", "r.paper_id", "topics", &["topic_id", "position"]),
    item(
        "paper_organization",
        "5",
        "r.paper_id",
        "organizations",
        &["organization_id", "is_by_authorship", "is_by_membership"],
    ),
    item("former_identity", FORMER_KIND, "r.survivor_id", "formerIds", &["former_id"]),
    // The merged entity: its redirect is a part of what the feed says about it.
    item("former_identity", FORMER_KIND, "r.former_id", WHOLE, &["survivor_id"]),
];

/// The researcher whose headline may be the role of an affiliation: one without a headline of its own.
const EMPLOYEE: &str = "(SELECT researcher.id FROM researcher WHERE researcher.id = r.researcher_id AND r.kind = 'EMPLOYMENT' AND researcher.headline = '{}')";

/// What fields are derived from, beside the statements of [`RENAMED_EMPLOYER`] and [`PRINTED_NAMES`].
pub const DERIVED_FIELDS: &[ChangedField] = &[
    ChangedField {
        since: NotedFields::Derived,
        ..item(
            "affiliation",
            "1",
            EMPLOYEE,
            "headline",
            &[
                "researcher_id",
                "organization_id",
                "kind",
                "role_title",
                "start_date",
                "end_date",
                "has_ended",
                "is_primary",
            ],
        )
    },
    // Which names on papers are listed depends on the displayed name and on what is not public.
    ChangedField {
        since: NotedFields::Derived,
        ..column("researcher", "1", "otherNames", &["display_name", "search_only_names", "hidden_forms"])
    },
];

/// The tables of which the triggers note what fields are derived from.
const DERIVING_TABLES: [&str; 4] = ["affiliation", "authorship", "organization", "researcher"];

/// A headline that is derived from the employment has the name of the organization.
const RENAMED_EMPLOYER: &str = "
            IF OLD.display_names IS DISTINCT FROM NEW.display_names THEN
                INSERT INTO change_pending (kind, id, field, delta)
                SELECT 1, researcher.id, 'headline', change_hash(NEW.display_names::text) - change_hash(OLD.display_names::text)
                FROM affiliation JOIN researcher ON researcher.id = affiliation.researcher_id
                WHERE affiliation.organization_id = NEW.id AND affiliation.kind = 'EMPLOYMENT' AND researcher.headline = '{}'
                    AND affiliation.starts_on <= CURRENT_DATE AND affiliation.ends_on >= CURRENT_DATE;
            END IF;";

/// The names on papers: how many papers of a researcher have one more or less of each. `record_changes` keeps those that are
/// new or gone.
const PRINTED_NAMES: &str =
    "SELECT 1, printed.researcher_id, 'otherNames:' || printed.name, sign * count(*) FROM changed AS printed
                JOIN researcher ON researcher.id = printed.researcher_id AND researcher.display_name <> printed.name
                WHERE printed.repair_value IS NULL GROUP BY printed.researcher_id, printed.name";
/// The same for the updated rows of a statement.
const CHANGED_PRINTED_NAMES: &str =
    "SELECT 1, printed.researcher_id, 'otherNames:' || printed.name, printed.added FROM (
                    SELECT researcher_id, name, sum(added) AS added FROM (
                        SELECT researcher_id, name, -1 AS added FROM former WHERE repair_value IS NULL
                        UNION ALL SELECT researcher_id, name, 1 FROM changed WHERE repair_value IS NULL) AS shown
                    GROUP BY researcher_id, name HAVING sum(added) <> 0) AS printed
                JOIN researcher ON researcher.id = printed.researcher_id AND researcher.display_name <> printed.name";
const CHANGED_PRINTED_NAME: &str = "
            IF (OLD.researcher_id, OLD.name, OLD.repair_value IS NULL) IS DISTINCT FROM (NEW.researcher_id, NEW.name, NEW.repair_value IS NULL) THEN
                INSERT INTO change_pending (kind, id, field, delta)
                SELECT 1, printed.researcher_id, 'otherNames:' || printed.name, added
                FROM (VALUES (OLD.researcher_id, OLD.name, OLD.repair_value, -1), (NEW.researcher_id, NEW.name, NEW.repair_value, 1))
                    AS printed(researcher_id, name, repair_value, added)
                JOIN researcher ON researcher.id = printed.researcher_id AND researcher.display_name <> printed.name
                WHERE printed.repair_value IS NULL;
            END IF;";

/// What triggers are made from, by the migration that made them, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotedFields {
    /// 000044: [`CHANGED_FIELDS`], and [`RENAMED_AUTHORS`].
    Stored,
    /// 000045: [`DERIVED_FIELDS`], too.
    Derived,
    /// 000046: [`SHOWN_AUTHORS`] instead of [`RENAMED_AUTHORS`].
    Shown,
    /// 000048: updates of authorships are noted once per statement. An import assigns authors in few statements.
    ByStatement,
}

impl NotedFields {
    /// That of the last migration that made triggers.
    const LATEST: Self = Self::ByStatement;

    fn of(self, table: &str) -> Vec<&'static ChangedField> {
        let all = CHANGED_FIELDS.iter().chain(DERIVED_FIELDS);
        all.filter(|field| field.table == table && field.since <= self).collect()
    }

    /// The tables that it notes, each once, in the order of their first field.
    fn tables(self) -> Vec<&'static str> {
        let mut tables: Vec<&'static str> = Vec::new();
        for field in CHANGED_FIELDS.iter().filter(|field| field.since <= self) {
            if !tables.contains(&field.table) {
                tables.push(field.table);
            }
        }
        tables
    }

    /// Whether the updates of a table are noted once per statement instead of per row.
    fn is_by_statement(self, table: &str) -> bool {
        self >= Self::ByStatement && table == "authorship"
    }
}

/// Authors are displayed by the name of their researcher, unless it is hidden.
const RENAMED_AUTHORS: &str = "
            IF (OLD.display_name, OLD.hidden_forms, OLD.withholds_published_name)
                IS DISTINCT FROM (NEW.display_name, NEW.hidden_forms, NEW.withholds_published_name) THEN
                INSERT INTO change_pending (kind, id, field, delta)
                SELECT 5, paper_id, 'authorships', change_hash(ROW(NEW.display_name, NEW.hidden_forms, NEW.withholds_published_name)::text)
                    - change_hash(ROW(OLD.display_name, OLD.hidden_forms, OLD.withholds_published_name)::text)
                FROM authorship WHERE coalesce(researcher_id, same_as_id) = NEW.id;
            END IF;";
const RENAMED_AUTHORS_COLUMNS: &[&str] = &["display_name", "hidden_forms", "withholds_published_name"];

/// What a row of `change_pending` of a researcher begins with whose authorships the application compares: the displayed
/// name and the hidden forms follow as a JSON array. Which names the forms hide, only the application knows.
pub const SHOWN_AUTHOR: &str = "shownAuthor:";
/// Authors are displayed by the name of their researcher, unless it is hidden. Writers outside the application report each
/// paper of a researcher whose hidden forms change.
const SHOWN_AUTHORS: &str = "
            IF (OLD.display_name, OLD.hidden_forms) IS DISTINCT FROM (NEW.display_name, NEW.hidden_forms) THEN
                IF num_nulls(OLD.hidden_forms, NEW.hidden_forms) < 2 AND current_setting('directory.writer', true) = 'app' THEN
                    INSERT INTO change_pending (kind, id, field, delta)
                    VALUES (1, NEW.id, 'shownAuthor:' || jsonb_build_array(OLD.display_name, OLD.hidden_forms)::text, 1),
                        (1, NEW.id, 'shownAuthor:' || jsonb_build_array(NEW.display_name, NEW.hidden_forms)::text, -1);
                ELSE
                    INSERT INTO change_pending (kind, id, field, delta)
                    SELECT 5, paper_id, 'authorships', change_hash(ROW(NEW.display_name, NEW.hidden_forms)::text)
                        - change_hash(ROW(OLD.display_name, OLD.hidden_forms)::text)
                    FROM authorship WHERE researcher_id = NEW.id
                        OR same_as_id = NEW.id AND num_nulls(OLD.hidden_forms, NEW.hidden_forms) < 2;
                END IF;
            END IF;";

/// The tables of [`CHANGED_FIELDS`], each once, in the order of their first field.
#[must_use]
pub fn changed_tables() -> Vec<&'static str> {
    NotedFields::LATEST.tables()
}

/// The names of the fields of a kind, sorted, without languages.
#[must_use]
pub fn field_names(kind: i16) -> Vec<&'static str> {
    let of_kind = |field: &&ChangedField| {
        field.field != WHOLE && (field.kind == kind.to_string() || field.kind == FORMER_KIND && kind != 3)
    };
    let mut names: Vec<&'static str> = CHANGED_FIELDS.iter().filter(of_kind).map(|field| field.field).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn is_entity(table: &str) -> bool {
    KINDS.iter().any(|(_, name)| *name == table)
}

impl ChangedField {
    /// An item of a list of an entity that is not the row itself.
    fn is_item(&self) -> bool {
        self.id != "r.id"
    }

    /// The hash of the value of a row, in SQL.
    fn hash(&self, row: &str) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("{row}.{column}")).collect();
        match columns.as_slice() {
            [column] => format!("change_hash({column}::text)"),
            columns => format!("change_hash(ROW({})::text)", columns.join(", ")),
        }
    }

    fn of_row(sql: &str, row: &str) -> String {
        // `r.` begins a column of the row only after a space or a bracket: `paper.` is something else.
        let mut text = format!(" {sql}");
        for before in [" ", "("] {
            text = text.replace(&format!("{before}r."), &format!("{before}{row}."));
        }
        text.trim_start().to_owned()
    }

    /// The sums of the rows in the transition table `changed`.
    fn sum_sql(&self) -> String {
        let (kind, id, hash, field) = (self.kind, self.id, self.hash("r"), self.field);
        format!(
            "SELECT kind, id, '{field}', sign * sum(hash) FROM (SELECT {kind} AS kind, {id} AS id, {hash} AS hash FROM changed AS r) AS item
                WHERE id IS NOT NULL GROUP BY kind, id"
        )
    }

    /// The differences of the updated rows of a statement, in the transition tables `former` and `changed`. They are not
    /// joined: the plan of a statement with one row is used for one with thousands.
    fn difference_sql(&self) -> String {
        let (kind, id, hash, field) = (self.kind, self.id, self.hash("r"), self.field);
        format!(
            "SELECT kind, id, '{field}', sum(hash) FROM (
                    SELECT {kind} AS kind, {id} AS id, - {hash} AS hash FROM former AS r
                    UNION ALL SELECT {kind}, {id}, {hash} FROM changed AS r) AS item
                WHERE id IS NOT NULL GROUP BY kind, id HAVING sum(hash) <> 0"
        )
    }

    /// The statement that notes the difference of an updated row, if there is one.
    fn update_sql(&self) -> String {
        let differs: Vec<String> =
            self.columns.iter().map(|column| format!("OLD.{column} IS DISTINCT FROM NEW.{column}")).collect();
        let (old_kind, new_kind) = (Self::of_row(self.kind, "OLD"), Self::of_row(self.kind, "NEW"));
        let (old_id, new_id) = (Self::of_row(self.id, "OLD"), Self::of_row(self.id, "NEW"));
        let field = self.field;
        let (condition, rows) = if self.is_localized {
            let column = self.columns[0];
            let rows = format!(
                "SELECT {new_kind}, NEW.id, '{field}@' || key, sum(hash) FROM (
                    SELECT key, change_hash(value) AS hash FROM jsonb_each_text(NEW.{column})
                    UNION ALL SELECT key, - change_hash(value) FROM jsonb_each_text(OLD.{column})) AS text GROUP BY key"
            );
            (differs.join(" OR "), rows)
        } else if self.is_item() {
            let moves =
                if old_id.starts_with('(') { String::new() } else { format!(" OR {old_id} IS DISTINCT FROM {new_id}") };
            let rows = format!(
                "SELECT * FROM (VALUES ({old_kind}, {old_id}, '{field}', - {}), ({new_kind}, {new_id}, '{field}', {})) AS item(kind, id, field, delta)
                    WHERE id IS NOT NULL",
                self.hash("OLD"),
                self.hash("NEW"),
            );
            (format!("{}{moves}", differs.join(" OR ")), rows)
        } else {
            (
                differs.join(" OR "),
                format!("VALUES ({new_kind}, NEW.id, '{field}', {} - {})", self.hash("NEW"), self.hash("OLD")),
            )
        };
        format!(
            "
            IF {condition} THEN
                INSERT INTO change_pending (kind, id, field, delta)
                {rows};
            END IF;"
        )
    }
}

const UNION_ALL: &str = "\n                UNION ALL ";

/// The trigger function of a table.
fn function_sql(table: &str, noted: NotedFields) -> String {
    let fields = noted.of(table);
    let whole = KINDS
        .iter()
        .find(|(_, name)| *name == table)
        .map(|(kind, _)| format!("SELECT {kind}, id, '{WHOLE}', sign::numeric FROM changed"));
    let items = fields.iter().filter(|field| !is_entity(table) || field.is_item()).map(|field| field.sum_sql());
    let mut sums: Vec<String> = whole.into_iter().chain(items).collect();
    let mut updates: String = fields.iter().map(|field| field.update_sql()).collect();
    match (table, noted) {
        (_, NotedFields::Stored) if table != "researcher" => {}
        ("researcher", NotedFields::Stored | NotedFields::Derived) => updates.push_str(RENAMED_AUTHORS),
        ("researcher", _) => updates.push_str(SHOWN_AUTHORS),
        ("organization", _) => updates.push_str(RENAMED_EMPLOYER),
        ("authorship", _) => {
            sums.push(PRINTED_NAMES.to_owned());
            updates.push_str(CHANGED_PRINTED_NAME);
        }
        _ => {}
    }
    let mut is_summed = "TG_LEVEL = 'STATEMENT'";
    if noted.is_by_statement(table) {
        is_summed = "TG_OP <> 'UPDATE'";
        let mut differences: Vec<String> = fields.iter().map(|field| field.difference_sql()).collect();
        differences.push(CHANGED_PRINTED_NAMES.to_owned());
        updates = format!(
            "
            INSERT INTO change_pending (kind, id, field, delta)
            {};",
            differences.join(UNION_ALL)
        );
    }
    format!(
        "CREATE FUNCTION mark_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            sign CONSTANT integer := CASE TG_OP WHEN 'DELETE' THEN -1 ELSE 1 END;
        BEGIN
            IF {is_summed} THEN
                INSERT INTO change_pending (kind, id, field, delta)
                {};
                RETURN NULL;
            END IF;{updates}
            RETURN NULL;
        END
        $$;",
        sums.join(UNION_ALL),
    )
}

/// The triggers of a table.
fn trigger_sql(table: &str, noted: NotedFields) -> String {
    let mut columns: Vec<&str> = Vec::new();
    for field in noted.of(table) {
        let id = field.id.strip_prefix("r.").filter(|id| !id.contains(' '));
        columns.extend(id.into_iter().chain(field.columns.iter().copied()));
    }
    match (table, noted) {
        ("researcher", _) => columns.extend(RENAMED_AUTHORS_COLUMNS),
        ("authorship", _) if noted >= NotedFields::Derived => columns.push("repair_value"),
        _ => {}
    }
    columns.sort_unstable();
    columns.dedup();
    let differs: Vec<String> =
        columns.iter().map(|column| format!("OLD.{column} IS DISTINCT FROM NEW.{column}")).collect();
    // A restore brings the feed with it.
    let records = "current_setting('directory.writer', true) IS DISTINCT FROM 'restore'";
    let updated = if noted.is_by_statement(table) {
        // A trigger with transition tables is for all columns.
        format!("REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT WHEN ({records})")
    } else {
        format!("FOR EACH ROW WHEN (({}) AND {records})", differs.join(" OR "))
    };
    format!(
        "CREATE TRIGGER takes_write_lock BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH STATEMENT
            WHEN (coalesce(current_setting('directory.writer', true), '') NOT IN ('app', 'locked', 'restore'))
            EXECUTE FUNCTION take_write_lock();
        CREATE TRIGGER refuses_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();
        CREATE TRIGGER marks_new_rows AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT WHEN ({records}) EXECUTE FUNCTION mark_{table}();
        CREATE TRIGGER marks_former_rows AFTER DELETE ON {table} REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT WHEN ({records}) EXECUTE FUNCTION mark_{table}();
        CREATE TRIGGER marks_changed_rows AFTER UPDATE ON {table} {updated} EXECUTE FUNCTION mark_{table}();"
    )
}

/// Creates the triggers of all tables.
pub(crate) async fn create_triggers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    create_triggers_of(manager, &NotedFields::Stored.tables(), NotedFields::Stored).await
}

/// Drops the triggers of all tables.
pub(crate) async fn drop_triggers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    drop_triggers_of(manager, &NotedFields::Stored.tables()).await
}

/// Makes the triggers again of the tables that fields are derived from.
pub(crate) async fn replace_deriving_triggers(manager: &SchemaManager<'_>, noted: NotedFields) -> Result<(), DbErr> {
    drop_triggers_of(manager, &DERIVING_TABLES).await?;
    create_triggers_of(manager, &DERIVING_TABLES, noted).await
}

/// Makes the triggers of researchers again.
pub(crate) async fn replace_researcher_triggers(manager: &SchemaManager<'_>, noted: NotedFields) -> Result<(), DbErr> {
    drop_triggers_of(manager, &["researcher"]).await?;
    create_triggers_of(manager, &["researcher"], noted).await
}

/// Makes the triggers of authorships again.
pub(crate) async fn replace_authorship_triggers(manager: &SchemaManager<'_>, noted: NotedFields) -> Result<(), DbErr> {
    drop_triggers_of(manager, &["authorship"]).await?;
    create_triggers_of(manager, &["authorship"], noted).await
}

async fn create_triggers_of(manager: &SchemaManager<'_>, tables: &[&str], noted: NotedFields) -> Result<(), DbErr> {
    for table in tables {
        execute(manager, &[&function_sql(table, noted), &trigger_sql(table, noted)]).await?;
    }
    Ok(())
}

async fn drop_triggers_of(manager: &SchemaManager<'_>, tables: &[&str]) -> Result<(), DbErr> {
    for table in tables {
        let sql = format!(
            "DROP TRIGGER takes_write_lock ON {table}; DROP TRIGGER refuses_truncate ON {table}; \
             DROP FUNCTION mark_{table}() CASCADE;"
        );
        execute(manager, &[&sql]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a: the same in every version of Rust.
    fn hash(text: &str) -> u64 {
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// A new database and an upgraded one must have the same functions, whatever is noted today.
    #[test]
    fn released_migrations_make_the_same_triggers() {
        let made = [
            (NotedFields::Stored, NotedFields::Stored.tables()),
            (NotedFields::Derived, DERIVING_TABLES.to_vec()),
            (NotedFields::Shown, vec!["researcher"]),
            (NotedFields::ByStatement, vec!["authorship"]),
        ];
        let hashes = made.map(|(noted, tables)| {
            let sql = |table: &&str| function_sql(table, noted) + &trigger_sql(table, noted);
            (noted, hash(&tables.iter().map(sql).collect::<String>()))
        });
        assert_eq!(
            hashes,
            [
                (NotedFields::Stored, 17_062_526_122_973_061_723),
                (NotedFields::Derived, 13_791_963_612_250_126_674),
                (NotedFields::Shown, 10_101_017_229_624_331_791),
                (NotedFields::ByStatement, 539_239_691_467_690_182),
            ]
        );
    }
}
