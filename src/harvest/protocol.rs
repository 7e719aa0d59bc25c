//! Requests of OAI-PMH: verbs, arguments and errors.

use std::fmt;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};

/// An error of the protocol. It is a response with status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OaiError {
    /// The code.
    pub code: ErrorCode,
    /// What is wrong and how to fix it.
    pub message: String,
}

/// The code of an error. `noSetHierarchy` never occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// An argument is missing, unknown, repeated or invalid.
    BadArgument,
    /// The resumption token is invalid, or no longer applies.
    BadResumptionToken,
    /// The verb is missing, unknown or repeated.
    BadVerb,
    /// The record is not available in the format.
    CannotDisseminateFormat,
    /// There is no such record.
    IdDoesNotExist,
    /// The list is empty.
    NoRecordsMatch,
}

impl ErrorCode {
    /// The word of the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadArgument => "badArgument",
            Self::BadResumptionToken => "badResumptionToken",
            Self::BadVerb => "badVerb",
            Self::CannotDisseminateFormat => "cannotDisseminateFormat",
            Self::IdDoesNotExist => "idDoesNotExist",
            Self::NoRecordsMatch => "noRecordsMatch",
        }
    }

    /// Whether the request was not understood, so that its arguments are not repeated in the response.
    #[must_use]
    pub fn is_of_syntax(self) -> bool {
        matches!(self, Self::BadArgument | Self::BadVerb)
    }

    /// An error with this code.
    pub fn error(self, message: impl Into<String>) -> OaiError {
        OaiError { code: self, message: message.into() }
    }
}

/// A metadata format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataFormat {
    /// Unqualified Dublin Core.
    DublinCore,
    /// The CERIF profile of OpenAIRE.
    Cerif,
}

impl MetadataFormat {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::DublinCore, Self::Cerif];

    /// The metadata prefix.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::DublinCore => "oai_dc",
            Self::Cerif => "oai_cerif_openaire",
        }
    }

    /// The address of the schema.
    #[must_use]
    pub fn schema(self) -> &'static str {
        match self {
            Self::DublinCore => "http://www.openarchives.org/OAI/2.0/oai_dc.xsd",
            Self::Cerif => "https://www.openaire.eu/schema/cris/1.2/openaire-cerif-profile.xsd",
        }
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(self) -> &'static str {
        match self {
            Self::DublinCore => "http://www.openarchives.org/OAI/2.0/oai_dc/",
            Self::Cerif => "https://www.openaire.eu/cerif-profile/1.2/",
        }
    }

    fn parse(prefix: &str) -> Result<Self, OaiError> {
        Self::ALL.into_iter().find(|format| format.prefix() == prefix).ok_or_else(|| {
            let message = format!("there is no format {}; ListMetadataFormats lists them", quote(prefix));
            ErrorCode::CannotDisseminateFormat.error(message)
        })
    }
}

/// Whether a list contains headers or whole records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// `ListIdentifiers`
    Identifiers,
    /// `ListRecords`
    Records,
}

impl ListKind {
    /// The verb.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Identifiers => "ListIdentifiers",
            Self::Records => "ListRecords",
        }
    }
}

/// The arguments of a list, or where it continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListStart {
    /// A new list.
    New {
        /// The format.
        format: MetadataFormat,
        /// The set.
        set: Option<String>,
        /// The earliest datestamp.
        from: Option<DateTime<Utc>>,
        /// The latest datestamp, a whole second.
        until: Option<DateTime<Utc>>,
    },
    /// After a resumption token.
    Resumed(String),
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OaiRequest {
    /// `Identify`
    Identify,
    /// `ListMetadataFormats`, of one record if it is given.
    ListMetadataFormats(Option<String>),
    /// `ListSets`, after a resumption token if it is given.
    ListSets(Option<String>),
    /// `GetRecord`
    GetRecord {
        /// The identifier of the record.
        identifier: String,
        /// The format.
        format: MetadataFormat,
    },
    /// `ListIdentifiers` or `ListRecords`
    List(ListKind, ListStart),
}

/// The arguments of a request, in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments(pub Vec<(String, String)>);

impl Arguments {
    /// The values of an argument.
    fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    fn required(&self, name: &str) -> Result<&str, OaiError> {
        self.value(name).ok_or_else(|| ErrorCode::BadArgument.error(format!("the argument {name} is missing")))
    }

    /// Parses the request.
    ///
    /// # Errors
    /// If it is not one of the protocol.
    pub fn parse(&self) -> Result<OaiRequest, OaiError> {
        let verbs: Vec<&str> = self.values("verb").collect();
        let verb = match verbs.as_slice() {
            [verb] => *verb,
            [] => return Err(ErrorCode::BadVerb.error(format!("the argument verb is missing; it is one of {VERBS}"))),
            _ => return Err(ErrorCode::BadVerb.error("the argument verb is repeated; send it once")),
        };
        match verb {
            "Identify" => {
                self.check(verb, &[])?;
                Ok(OaiRequest::Identify)
            }
            "ListMetadataFormats" => {
                self.check(verb, &["identifier"])?;
                Ok(OaiRequest::ListMetadataFormats(self.value("identifier").map(str::to_owned)))
            }
            "ListSets" => {
                self.check(verb, &["resumptionToken"])?;
                Ok(OaiRequest::ListSets(self.value("resumptionToken").map(str::to_owned)))
            }
            "GetRecord" => {
                self.check(verb, &["identifier", "metadataPrefix"])?;
                let identifier = self.required("identifier")?.to_owned();
                let format = MetadataFormat::parse(self.required("metadataPrefix")?)?;
                Ok(OaiRequest::GetRecord { identifier, format })
            }
            "ListIdentifiers" => Ok(OaiRequest::List(ListKind::Identifiers, self.list_start(verb)?)),
            "ListRecords" => Ok(OaiRequest::List(ListKind::Records, self.list_start(verb)?)),
            _ => {
                let message = format!("{} is not a verb of OAI-PMH; they are {VERBS}", quote(verb));
                Err(ErrorCode::BadVerb.error(message))
            }
        }
    }

    /// Checks that there are no arguments but these, and none twice.
    fn check(&self, verb: &str, permitted: &[&str]) -> Result<(), OaiError> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            let name = name.as_str();
            if name != "verb" && !permitted.contains(&name) {
                let accepted = if permitted.is_empty() { "none".to_owned() } else { permitted.join(", ") };
                let message = format!("{verb} has no argument {}; its arguments are: {accepted}", quote(name));
                return Err(ErrorCode::BadArgument.error(message));
            }
            if self.0[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(ErrorCode::BadArgument.error(format!("the argument {name} is repeated; send it once")));
            }
        }
        Ok(())
    }

    fn list_start(&self, verb: &str) -> Result<ListStart, OaiError> {
        self.check(verb, &["metadataPrefix", "from", "until", "set", "resumptionToken"])?;
        if let Some(token) = self.value("resumptionToken") {
            if self.0.len() > 2 {
                let message = "resumptionToken is an exclusive argument; send it without any other but verb";
                return Err(ErrorCode::BadArgument.error(message));
            }
            return Ok(ListStart::Resumed(token.to_owned()));
        }
        let prefix = self.required("metadataPrefix")?;
        let date = |name| self.value(name).map(|text| Datestamp::parse(name, text)).transpose();
        let (from, until) = (date("from")?, date("until")?);
        if let (Some(from), Some(until)) = (from, until) {
            if from.is_day != until.is_day {
                return Err(ErrorCode::BadArgument.error("from and until have different granularities; use the same"));
            }
            if from.at > until.at {
                return Err(ErrorCode::BadArgument.error("from is later than until"));
            }
        }
        let set = self.value("set");
        if let Some(set) = set.filter(|set| !is_set_spec(set)) {
            return Err(ErrorCode::BadArgument.error(format!("{} is not the setSpec of a set", quote(set))));
        }
        Ok(ListStart::New {
            format: MetadataFormat::parse(prefix)?,
            set: set.map(str::to_owned),
            from: from.map(|from| from.at),
            until: until.map(Datestamp::last_second),
        })
    }
}

const VERBS: &str = "Identify, ListMetadataFormats, ListSets, ListIdentifiers, ListRecords, GetRecord";

/// A datestamp as a client writes it, in days or seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Datestamp {
    /// Its first second.
    at: DateTime<Utc>,
    is_day: bool,
}

impl Datestamp {
    fn parse(name: &str, text: &str) -> Result<Self, OaiError> {
        let has_form = |form: &str| {
            let is_of_form = |(own, model): (u8, u8)| if model == b'0' { own.is_ascii_digit() } else { own == model };
            text.len() == form.len() && text.bytes().zip(form.bytes()).all(is_of_form)
        };
        let parsed = if has_form("0000-00-00") {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
            day.and_then(|day| day.and_hms_opt(0, 0, 0)).map(|at| (at, true))
        } else if has_form("0000-00-00T00:00:00Z") {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ").ok().map(|at| (at, false))
        } else {
            None
        };
        let (at, is_day) = parsed.ok_or_else(|| {
            let message =
                format!("{name} is {}; it must be a UTC date such as 2026-11-29 or 2026-11-29T18:30:00Z", quote(text));
            ErrorCode::BadArgument.error(message)
        })?;
        Ok(Self { at: at.and_utc(), is_day })
    }

    /// Its last second.
    fn last_second(self) -> DateTime<Utc> {
        let end = if self.is_day { self.at.checked_add_days(Days::new(1)) } else { None };
        end.map_or(self.at, |end| end - TimeDelta::seconds(1))
    }
}

/// Whether a text has the form of a setSpec.
fn is_set_spec(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.split(':').all(|part| !part.is_empty() && part.bytes().all(is_unreserved))
}

/// A value of a client in a message: the beginning of a long one.
fn quote(text: &str) -> impl fmt::Display {
    let mut quoted: String = text.chars().take(60).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    format!("\"{quoted}\"")
}

/// Writes a time as a datestamp.
#[must_use]
pub fn datestamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<OaiRequest, OaiError> {
        Arguments(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()).parse()
    }

    fn code(query: &str) -> &'static str {
        parse(query).expect_err(query).code.as_str()
    }

    fn range(query: &str) -> (Option<String>, Option<String>) {
        match parse(&format!("verb=ListRecords&metadataPrefix=oai_dc&{query}")).expect(query) {
            OaiRequest::List(_, ListStart::New { from, until, .. }) => (from.map(datestamp), until.map(datestamp)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn errors() {
        for (query, expected) in [
            ("", "badVerb"),
            ("verb=", "badVerb"),
            ("verb=identify", "badVerb"),
            ("verb=Identify&verb=Identify", "badVerb"),
            ("metadataPrefix=oai_dc", "badVerb"),
            ("verb=Identify&set=x", "badArgument"),
            ("verb=Identify&x=", "badArgument"),
            ("verb=ListMetadataFormats&identifier=a&identifier=a", "badArgument"),
            ("verb=GetRecord&identifier=a", "badArgument"),
            ("verb=GetRecord&metadataPrefix=oai_dc", "badArgument"),
            ("verb=GetRecord&metadataPrefix=marc&identifier=a", "cannotDisseminateFormat"),
            ("verb=ListRecords", "badArgument"),
            ("verb=ListRecords&metadataPrefix=", "cannotDisseminateFormat"),
            ("verb=ListRecords&metadataPrefix=oai_dc&resumptionToken=a", "badArgument"),
            ("verb=ListRecords&resumptionToken=a&resumptionToken=a", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&set=a:", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&set=", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&set=a%20b", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-02&until=2026-01-01", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-01&until=2026-01-02T00:00:00Z", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-1-1", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-02-30", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-01T00:00:00", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-01T00:00:00.0Z", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=2026-01-01T25:00:00Z", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=", "badArgument"),
            ("verb=ListRecords&metadataPrefix=oai_dc&from=%2B026-01-01", "badArgument"),
        ] {
            assert_eq!(code(query), expected, "{query}");
        }
    }

    #[test]
    fn ranges() {
        let at = |text: &str| Some(text.to_owned());
        assert_eq!(range(""), (None, None));
        assert_eq!(range("from=2026-01-01&until=2026-01-01"), (at("2026-01-01T00:00:00Z"), at("2026-01-01T23:59:59Z")));
        let second = "2026-01-01T10:20:30Z";
        assert_eq!(range(&format!("from={second}&until={second}")), (at(second), at(second)));
        assert_eq!(range("until=9999-12-31"), (None, at("9999-12-31T23:59:59Z")));
        assert_eq!(range("from=0000-01-01").0, at("0000-01-01T00:00:00Z"));
    }
}
