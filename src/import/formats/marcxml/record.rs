//! The fields of a record.

use crate::import::io::xml::XmlElement;

/// A bibliographic record.
pub(super) struct MarcRecord<'a> {
    pub(super) element: &'a XmlElement,
}

/// A data field: its indicators, and its subfields by code.
#[derive(Clone, Copy)]
pub(super) struct MarcField<'a> {
    pub(super) element: &'a XmlElement,
}

impl<'a> MarcField<'a> {
    /// Returns the first indicator; a space if it is not defined.
    pub(super) fn first_indicator(self) -> char {
        self.indicator("ind1")
    }

    pub(super) fn second_indicator(self) -> char {
        self.indicator("ind2")
    }

    fn indicator(self, name: &str) -> char {
        // Catalogs write an undefined indicator as a space, #, _ or \.
        let indicator = self.element.attribute(name).and_then(|value| value.chars().next()).unwrap_or(' ');
        if matches!(indicator, '#' | '_' | '\\' | '|') { ' ' } else { indicator }
    }

    /// Returns the values of the subfields with this code.
    pub(super) fn values(self, code: &'a str) -> impl Iterator<Item = String> + use<'a> {
        let subfields = self.element.children_named("subfield");
        let values = subfields.filter(move |subfield| subfield.attribute("code") == Some(code));
        values.map(|subfield| subfield.text().trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn value(self, code: &'a str) -> Option<String> {
        self.values(code).next()
    }
}

impl<'a> MarcRecord<'a> {
    pub(super) fn control_field(&self, tag: &str) -> Option<String> {
        let mut fields = self.element.children_named("controlfield");
        let field = fields.find(|field| field.attribute("tag") == Some(tag))?;
        Some(field.text()).filter(|text| !text.trim().is_empty())
    }

    /// Returns the data fields with these tags, in the order of the record.
    pub(super) fn fields(&self, tags: &'a [&'a str]) -> impl Iterator<Item = MarcField<'a>> + use<'a> {
        let fields = self.element.children_named("datafield");
        let with_tag = fields.filter(|field| field.attribute("tag").is_some_and(|tag| tags.contains(&tag)));
        with_tag.map(|element| MarcField { element })
    }

    /// Returns the first value of a subfield of the fields with these tags.
    pub(super) fn value(&self, tags: &'a [&'a str], code: &'a str) -> Option<String> {
        self.fields(tags).find_map(|field| field.value(code))
    }

    /// Returns a character of the leader, or a space.
    pub(super) fn leader(&self, position: usize) -> char {
        let leader = self.element.descendant_at(&["leader"]).map(XmlElement::text);
        leader.and_then(|leader| leader.chars().nth(position)).unwrap_or(' ')
    }
}

/// Returns whether a field is of a scheme, by its subfield 2.
pub(super) fn names_scheme(field: MarcField<'_>, scheme: &str) -> bool {
    field.value("2").is_some_and(|source| source.eq_ignore_ascii_case(scheme))
}

/// Strips the punctuation by which ISBD separates a part from the next one.
pub(super) fn strip_punctuation(text: &str) -> &str {
    let text = text.trim().trim_end_matches(['/', ':', ';', '=', ',']).trim_end();
    // A full stop ends the field, unless it is part of an abbreviation or an ellipsis.
    match text.strip_suffix('.') {
        Some(before)
            if !before.ends_with('.') && before.rsplit(' ').next().is_some_and(|word| word.chars().count() > 3) =>
        {
            before
        }
        _ => text,
    }
}
