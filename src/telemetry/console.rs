//! What is written besides the log: the banner, progress and fatal errors. With `LOG_FORMAT=json`, each is one JSON object in
//! one line, like a log event.

use std::io::Write as _;
use std::sync::OnceLock;

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::config::LogFormat;

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Sets the format for the rest of the process; the first call counts. In JSON, panics are written as objects, too.
pub fn set_format(format: LogFormat) {
    if FORMAT.set(format).is_ok() && format == LogFormat::Json {
        std::panic::set_hook(Box::new(|panic| {
            let location = panic.location().map(ToString::to_string);
            let payload = panic.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            write_line(&json_line("ERROR", "a thread panicked", &json!({ "panic": text, "location": location })), true);
        }));
    }
}

/// Whether lines are JSON objects.
#[must_use]
pub fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json)
}

/// Writes an error that ends the program to standard error.
pub fn print_error(error: &str) {
    let line = if is_json() { json_line("ERROR", error, &Value::Null) } else { format!("error: {error}") };
    write_line(&line, true);
}

/// Writes progress, or a problem that does not end the program, to standard error.
pub fn print_message(text: &str) {
    let line = if is_json() { json_line("INFO", text, &Value::Null) } else { text.to_owned() };
    write_line(&line, true);
}

/// Writes a result to standard output: the text, or in JSON the message with these fields.
pub fn print_result(text: &str, message: &str, fields: &Value) {
    let line = if is_json() { json_line("INFO", message, fields) } else { text.to_owned() };
    write_line(&line, false);
}

/// A log event in the format of the JSON log.
fn json_line(level: &str, message: &str, fields: &Value) -> String {
    let mut event = Map::new();
    event.insert("timestamp".to_owned(), Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true).into());
    event.insert("level".to_owned(), level.into());
    event.insert("message".to_owned(), message.into());
    event.extend(fields.as_object().cloned().unwrap_or_default());
    event.insert("target".to_owned(), env!("CARGO_CRATE_NAME").into());
    Value::Object(event).to_string()
}

/// Writes a line. A program whose output is closed continues.
fn write_line(line: &str, is_error: bool) {
    let text = format!("{}\n", line.trim_end_matches('\n'));
    let written = if is_error {
        std::io::stderr().lock().write_all(text.as_bytes())
    } else {
        let mut output = std::io::stdout().lock();
        output.write_all(text.as_bytes()).and_then(|()| output.flush())
    };
    if let Err(error) = written
        && !is_error
    {
        tracing::warn!(%error, "could not write to standard output");
    }
}
