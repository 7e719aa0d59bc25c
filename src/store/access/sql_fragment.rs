//! SQL fragments with bound parameters, for statements that SeaORM has no word for. `ARCHITECTURE.md` lists them.

use sea_orm::sea_query::{
    ArrayType, Condition, Expr, PostgresQueryBuilder, QueryBuilder as _, SelectStatement, SqlWriterValues, Value,
    Values,
};
use sea_orm::{DbBackend, Statement};

use crate::error::Error;
use crate::store::access::work_class::StatementWork;

/// SQL fragment. Each `?` in the text is bound to the next value; a complete statement numbers them `$1`, `$2`, ….
///
/// [`sql!`] creates a fragment of a constant text and checks at compile time that each `?` has a value. Whether each
/// `?` of a composed text has one is checked when the statement is complete.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
    has_custom_plan: bool,
    work: StatementWork,
}

impl From<&str> for Sql {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// A condition of SeaORM, such as `paper::COLUMN.doi.eq_any(dois)`, as part of a statement that it has no word for.
impl From<Expr> for Sql {
    fn from(condition: Expr) -> Self {
        Self::written(|writer| PostgresQueryBuilder.prepare_expr(&condition, writer))
    }
}

/// A query of SeaORM, such as `setting::Entity::find_by_id(name).into_query()`, to execute it as the other reads.
impl From<SelectStatement> for Sql {
    fn from(select: SelectStatement) -> Self {
        Self::written(|writer| PostgresQueryBuilder.prepare_select_statement(&select, writer))
    }
}

impl From<Condition> for Sql {
    fn from(condition: Condition) -> Self {
        Expr::from(condition).into()
    }
}

impl Sql {
    /// Returns what SeaORM writes.
    fn written(write: impl FnOnce(&mut SqlWriterValues)) -> Self {
        let mut writer = SqlWriterValues::new("?", false);
        write(&mut writer);
        let (text, Values(values)) = writer.into_parts();
        Self::new(text, values)
    }

    /// Returns a fragment of a text that is built at run time, with one parameter.
    pub fn with(text: &str, value: impl Into<Value>) -> Self {
        Self { text: text.to_owned(), values: vec![value.into()], ..Self::default() }
    }

    /// Returns the text with `?` placeholders.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Appends a fragment.
    #[must_use]
    pub fn then(mut self, fragment: impl Into<Sql>) -> Self {
        let fragment = fragment.into();
        self.text.push_str(&fragment.text);
        self.values.extend(fragment.values);
        self.has_custom_plan |= fragment.has_custom_plan;
        self.work = self.work.and(fragment.work);
        self
    }

    /// Requests a custom plan, because the best plan depends on the values, such as a word's frequency.
    #[must_use]
    pub fn with_custom_plan(self) -> Self {
        Self { has_custom_plan: true, ..self }
    }

    /// Returns whether Postgres should plan the statement for its values instead of using a generic plan.
    #[must_use]
    pub fn has_custom_plan(&self) -> bool {
        self.has_custom_plan
    }

    /// Adds words to search for to the work of the statement.
    #[must_use]
    pub(crate) fn with_search_words(mut self, words: usize) -> Self {
        self.work.search_words += words;
        self
    }

    /// Declares that the statement counts over a large part of the directory.
    #[must_use]
    pub(crate) fn counting_many_rows(mut self) -> Self {
        self.work.counts_many_rows = true;
        self
    }

    /// Returns how much work the statement is expected to be.
    #[must_use]
    pub(crate) fn work(&self) -> StatementWork {
        self.work
    }

    /// Appends a fragment with one parameter.
    #[must_use]
    pub fn then_with(self, text: &str, value: impl Into<Value>) -> Self {
        self.then(Self::with(text, value))
    }

    /// Combines conditions with AND; `true` if there are none.
    pub fn all(conditions: impl IntoIterator<Item = Sql>) -> Self {
        let mut conditions = conditions.into_iter();
        let Some(first) = conditions.next() else { return "true".into() };
        conditions.fold(Self::from("(").then(first), |all, condition| all.then(") AND (").then(condition)).then(")")
    }

    /// Combines conditions with OR; `false` if there are none.
    pub fn any(conditions: impl IntoIterator<Item = Sql>) -> Self {
        let mut conditions = conditions.into_iter();
        let Some(first) = conditions.next() else { return "false".into() };
        conditions.fold(Self::from("(").then(first), |any, condition| any.then(") OR (").then(condition)).then(")")
    }

    /// Negates a condition. Null counts as false: `NOT` of a year range includes papers without a year.
    #[must_use]
    pub fn not(condition: Sql) -> Self {
        Self::from("(").then(condition).then(") IS NOT TRUE")
    }

    /// Returns the condition that a column is in the result of a query. The query is evaluated once into an array and
    /// looked up by index: the planner overestimates the rows of a recursive query and would scan whole tables.
    pub fn in_subquery(column: &str, query: impl Into<Sql>) -> Self {
        Self::from(column).then(" = ANY(ARRAY(").then(query).then("))")
    }

    /// Returns a fragment with a value for each `?`.
    pub fn new(text: impl Into<String>, values: Vec<Value>) -> Self {
        Self { text: text.into(), values, ..Self::default() }
    }

    /// Returns the complete statement.
    ///
    /// # Errors
    /// If the number of placeholders differs from the number of values.
    pub fn into_statement(self) -> Result<Statement, Error> {
        let mut text = String::with_capacity(self.text.len() + self.values.len() * 2);
        let mut number = 0;
        for character in self.text.chars() {
            if character == '?' {
                number += 1;
                text.push('$');
                text.push_str(&number.to_string());
            } else {
                text.push(character);
            }
        }
        if number != self.values.len() {
            let count = self.values.len();
            return Err(Error::internal(format!(
                "{number} placeholders, but {count} values, in the statement: {text}"
            )));
        }
        Ok(Statement::from_sql_and_values(DbBackend::Postgres, text, self.values))
    }
}

/// Returns the number of `?` in a text.
pub(crate) const fn count_placeholders(text: &str) -> usize {
    let (bytes, mut index, mut count) = (text.as_bytes(), 0, 0);
    while index < bytes.len() {
        if bytes[index] == b'?' {
            count += 1;
        }
        index += 1;
    }
    count
}

/// Returns a fragment of a constant text and a value for each `?` in it: `sql!("id = ? AND slug <> ?", id, slug)`. A
/// missing or superfluous value does not compile.
macro_rules! sql {
    ($text:expr $(, $value:expr)* $(,)?) => {{
        const {
            let values: &[&str] = &[$(stringify!($value)),*];
            assert!(
                $crate::store::access::sql_fragment::count_placeholders($text) == values.len(),
                "each ? needs a value, and each value a ?"
            );
        }
        $crate::store::access::sql_fragment::Sql::new($text, vec![$(sea_orm::Value::from($value)),*])
    }};
}
pub(crate) use sql;

/// Binds a list as one array parameter, so that the statement text does not depend on its length.
pub fn array_value<T: Into<Value>>(kind: ArrayType, entries: impl IntoIterator<Item = T>) -> Value {
    Value::Array(kind, Some(Box::new(entries.into_iter().map(Into::into).collect())))
}

/// Binds ids as one array parameter. They are an iterator, as in `eq_any` of SeaORM's columns.
pub fn bigint_array(numbers: impl IntoIterator<Item = i64>) -> Value {
    array_value(ArrayType::BigInt, numbers)
}

/// Binds texts as one array parameter. They are an iterator, as in `eq_any` of SeaORM's columns.
pub fn text_array<T: Into<String>>(entries: impl IntoIterator<Item = T>) -> Value {
    array_value(ArrayType::String, entries.into_iter().map(Into::<String>::into))
}

#[cfg(test)]
mod tests {
    use sea_orm::{EntityTrait as _, QueryFilter as _, QuerySelect as _, QueryTrait as _};

    use super::*;
    use crate::entity::paper;

    #[test]
    fn placeholders_are_numbered_across_fragments() {
        let sql =
            sql!("SELECT id FROM paper WHERE doi = ? ", "10.1/x").then(sql!("AND id <> ? AND slug <> ?", 1_i64, "a"));
        let statement = sql.into_statement().expect("a statement");
        assert_eq!(statement.sql, "SELECT id FROM paper WHERE doi = $1 AND id <> $2 AND slug <> $3");
        assert_eq!(statement.values.map_or(0, |values| values.0.len()), 3);
    }

    #[test]
    fn conditions_of_seaorm_are_fragments() {
        let has_slug = paper::COLUMN.slug.eq_any(["a", "b"].map(ToOwned::to_owned));
        let sql = sql!("SELECT id FROM paper WHERE id > ? AND ", 1_i64).then(has_slug);
        let statement = sql.into_statement().expect("a statement");
        assert_eq!(statement.sql, r#"SELECT id FROM paper WHERE id > $1 AND "paper"."slug" = ANY($2)"#);
    }

    #[test]
    fn queries_of_seaorm_are_statements() {
        let papers = paper::Entity::find().select_only().column(paper::Column::Id).filter(paper::COLUMN.slug.eq("a"));
        let statement = Sql::from(papers.limit(2).into_query()).into_statement().expect("a statement");
        assert_eq!(statement.sql, r#"SELECT "paper"."id" FROM "paper" WHERE "paper"."slug" = $1 LIMIT $2"#);
        assert_eq!(statement.values.map_or(0, |values| values.0.len()), 2);
    }

    #[test]
    fn a_missing_or_superfluous_value_is_an_error() {
        assert!(Sql::from("id = ?").into_statement().is_err());
        assert!(Sql::new(format!("{} = ?", "id"), vec![1_i64.into(), 2_i64.into()]).into_statement().is_err());
        assert!(Sql::new(format!("{} = ?", "id"), vec![1_i64.into()]).into_statement().is_ok());
    }
}
