//! SQL text with its parameters, put together from pieces.

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{DbBackend, Statement};

/// A piece of SQL. Each `?` in the text stands for the next value; a whole statement numbers them `$1`, `$2`, ….
#[derive(Clone, Debug, Default)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
    is_planned_for_values: bool,
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
    /// A piece with one parameter.
    pub fn with(text: &str, value: impl Into<Value>) -> Self {
        Self { text: text.to_owned(), values: vec![value.into()], ..Self::default() }
    }

    /// The text, without the numbers of its parameters.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Appends a piece.
    #[must_use]
    pub fn then(mut self, piece: impl Into<Sql>) -> Self {
        let piece = piece.into();
        self.text.push_str(&piece.text);
        self.values.extend(piece.values);
        self.is_planned_for_values |= piece.is_planned_for_values;
        self
    }

    /// The same, where what is best to do depends on the values: how many rows have a word differs by the word.
    #[must_use]
    pub fn planned_for_values(self) -> Self {
        Self { is_planned_for_values: true, ..self }
    }

    /// Whether Postgres should plan it for its values, and not once for any.
    #[must_use]
    pub fn is_planned_for_values(&self) -> bool {
        self.is_planned_for_values
    }

    /// Appends a piece with one parameter.
    #[must_use]
    pub fn then_with(self, text: &str, value: impl Into<Value>) -> Self {
        self.then(Self::with(text, value))
    }

    /// All of the conditions; true where there are none.
    pub fn all(conditions: impl IntoIterator<Item = Sql>) -> Self {
        let mut conditions = conditions.into_iter();
        let Some(first) = conditions.next() else { return "true".into() };
        conditions.fold(Self::from("(").then(first), |all, condition| all.then(") AND (").then(condition)).then(")")
    }

    /// Any of the conditions; false where there are none.
    pub fn any(conditions: impl IntoIterator<Item = Sql>) -> Self {
        let mut conditions = conditions.into_iter();
        let Some(first) = conditions.next() else { return "false".into() };
        conditions.fold(Self::from("(").then(first), |any, condition| any.then(") OR (").then(condition)).then(")")
    }

    /// What does not pass a condition, also where nobody knows whether it would: a paper without a year is in no range.
    #[must_use]
    pub fn not(condition: Sql) -> Self {
        Self::from("(").then(condition).then(") IS NOT TRUE")
    }

    /// Whether an id is one of those that a query gives. They are read once and looked up by the index of the id: of a
    /// recursion the planner expects so many rows that it would read whole tables instead.
    pub fn is_in(column: &str, query: impl Into<Sql>) -> Self {
        Self::from(column).then(" = ANY(ARRAY(").then(query).then("))")
    }

    /// The statement.
    #[must_use]
    pub fn statement(self) -> Statement {
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
        debug_assert_eq!(number, self.values.len(), "as many parameters as places for them: {text}");
        Statement::from_sql_and_values(DbBackend::Postgres, text, self.values)
    }
}

/// A list as one array parameter, so that the statement is the same for any number of entries.
pub fn array<T: Into<Value>>(kind: ArrayType, entries: impl IntoIterator<Item = T>) -> Value {
    Value::Array(kind, Some(Box::new(entries.into_iter().map(Into::into).collect())))
}

/// Ids as one array parameter.
pub fn ids(numbers: impl IntoIterator<Item = i64>) -> Value {
    array(ArrayType::BigInt, numbers)
}

/// Texts as one array parameter.
pub fn texts<T: Into<String>>(entries: impl IntoIterator<Item = T>) -> Value {
    array(ArrayType::String, entries.into_iter().map(Into::<String>::into))
}
