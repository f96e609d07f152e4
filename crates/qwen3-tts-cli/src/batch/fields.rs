//! The fields of a request by name and type, with errors in the user's terms.

use serde_json::{Map, Value};

/// The fields of a line, each of which is taken once.
pub struct Fields<'l> {
    values: Map<String, Value>,
    /// Names that were asked for.
    known: Vec<&'static str>,
    form: Form<'l>,
}

/// The form of the line that has the fields.
#[derive(Clone, Copy)]
pub enum Form<'l> {
    /// A JSON object, whose text is here.
    Json(&'l str),
    /// Cells of a table, all of them text.
    Table,
}

type Result<T> = std::result::Result<T, String>;

impl<'l> Fields<'l> {
    pub fn new(values: Map<String, Value>, form: Form<'l>) -> Self {
        Self { values, known: Vec::new(), form }
    }

    /// Takes a text.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>> {
        self.take(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// Takes true or false.
    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>> {
        self.take(name, "true or false", |value| match value {
            Value::String(cell) => cell.to_lowercase().parse().ok(),
            value => value.as_bool(),
        })
    }

    /// Takes an integer that is not negative.
    pub fn whole(&mut self, name: &'static str) -> Result<Option<u64>> {
        self.take(name, "a whole number", |value| match value {
            Value::String(cell) => cell.parse().ok(),
            value => value.as_u64(),
        })
    }

    /// Takes a number of frames or candidates.
    pub fn count(&mut self, name: &'static str) -> Result<Option<usize>> {
        let count = self.whole(name)?;
        Ok(count.map(|count| usize::try_from(count).unwrap_or(usize::MAX)))
    }

    /// Takes a number.
    pub fn number(&mut self, name: &'static str) -> Result<Option<f32>> {
        self.take(name, "a number", |value| match value {
            Value::String(cell) => cell.parse().ok(),
            value => value.as_f64().map(|number| number as f32),
        })
    }

    fn take<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>> {
        self.known.push(name);
        let column = self.column(name);
        let Some(value) = self.values.remove(name).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        // In JSON, a text is no number.
        let has_type = !matches!((self.form, &value), (Form::Json(_), Value::String(_)));
        let read = (has_type || expected == "a text").then(|| read(&value)).flatten();
        read.map(Some).ok_or_else(|| {
            format!("`{name}`: expected {expected}, found {}{column}", describe(&value))
        })
    }

    /// Ends the request.
    ///
    /// # Errors
    /// Returns a failure if a field was not asked for.
    pub fn finish(self) -> Result<()> {
        let Some(name) = self.values.keys().next() else { return Ok(()) };
        Err(unknown("field", name, &self.column(name), &self.known))
    }

    /// Returns the names that were asked for.
    pub fn known(self) -> Vec<&'static str> {
        self.known
    }

    /// Returns where a field is in the line.
    fn column(&self, name: &str) -> String {
        let Form::Json(line) = self.form else { return String::new() };
        match line.find(&format!("\"{name}\"")) {
            Some(place) => format!(" at column {}", line[..place].chars().count() + 1),
            None => String::new(),
        }
    }
}

/// Returns the reason to refuse a name that stands at `place`, with the one that is meant or all there
/// are.
pub fn unknown(what: &str, name: &str, place: &str, known: &[&str]) -> String {
    let likeness = |other: &&&str| (strsim::jaro_winkler(name, other) * 1000.0) as usize;
    match known.iter().max_by_key(likeness) {
        Some(near) if strsim::jaro_winkler(name, near) > 0.8 => {
            format!("there is no {what} `{name}`{place}; did you mean `{near}`?")
        }
        _ => format!("there is no {what} `{name}`{place}; expected one of {}", known.join(", ")),
    }
}

/// Describes a value of another type than expected.
pub fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => {
            let begin: String = text.chars().take(40).collect();
            format!("{begin:?}")
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields<'static> {
        let Value::Object(values) = value else { panic!() };
        Fields::new(values, Form::Table)
    }

    #[test]
    fn cells_of_a_table_are_read_by_type() {
        let mut cells = fields(json!({"a": "5", "b": "0.5", "c": "TRUE", "d": "5"}));
        assert_eq!(cells.whole("a"), Ok(Some(5)));
        assert_eq!(cells.number("b"), Ok(Some(0.5)));
        assert_eq!(cells.flag("c"), Ok(Some(true)));
        assert_eq!(cells.text("d"), Ok(Some("5".to_owned())));
        assert_eq!(cells.text("e"), Ok(None));
        cells.finish().unwrap();
    }

    #[test]
    fn json_has_types_and_columns() {
        let line = r#"{"seed": "5", "sed": 1}"#;
        let Ok(Value::Object(values)) = serde_json::from_str(line) else { panic!() };
        let mut json = Fields::new(values, Form::Json(line));
        let said = json.whole("seed").unwrap_err();
        assert_eq!(said, "`seed`: expected a whole number, found \"5\" at column 2");
        let said = json.finish().unwrap_err();
        assert_eq!(said, "there is no field `sed` at column 15; did you mean `seed`?");
    }
}
