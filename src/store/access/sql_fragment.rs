//! SQL fragments with bound parameters.

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{DbBackend, Statement};

use crate::store::access::work_class::StatementWork;

/// SQL fragment. Each `?` in the text is bound to the next value; a complete statement numbers them `$1`, `$2`, ….
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

impl Sql {
    /// Returns a fragment with one parameter.
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

    /// Returns the complete statement.
    #[must_use]
    pub fn into_statement(self) -> Statement {
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
        debug_assert_eq!(
            number,
            self.values.len(),
            "the number of placeholders differs from the number of parameters: {text}"
        );
        Statement::from_sql_and_values(DbBackend::Postgres, text, self.values)
    }
}

/// Binds a list as one array parameter, so that the statement text does not depend on its length.
pub fn array_value<T: Into<Value>>(kind: ArrayType, entries: impl IntoIterator<Item = T>) -> Value {
    Value::Array(kind, Some(Box::new(entries.into_iter().map(Into::into).collect())))
}

/// Binds ids as one array parameter.
pub fn bigint_array(numbers: impl IntoIterator<Item = i64>) -> Value {
    array_value(ArrayType::BigInt, numbers)
}

/// Binds texts as one array parameter.
pub fn text_array<T: Into<String>>(entries: impl IntoIterator<Item = T>) -> Value {
    array_value(ArrayType::String, entries.into_iter().map(Into::<String>::into))
}
