//! The lines of a batch in JSON, or the rows of one in CSV.

use std::collections::HashSet;

use csv::{ReaderBuilder, StringRecord};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::fields::{describe, unknown};
use crate::failure::{Failure, Result};
use crate::text_decoder;

/// A line or row that is not blank.
pub struct Raw<'t> {
    /// Number of its line in the file, from 1.
    pub number: usize,
    /// The line of JSON; `None` for a row of a table.
    pub text: Option<&'t str>,
    /// Its values by name, or the reason why there are none.
    pub values: std::result::Result<Map<String, Value>, String>,
}

/// Reads a text with one JSON object per line.
pub fn json_lines(text: &str) -> Vec<Raw<'_>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(index, line)| Raw { number: index + 1, text: Some(line), values: object(line) };
    lines.map(read).collect()
}

fn object(line: &str) -> std::result::Result<Map<String, Value>, String> {
    if line.contains('\0') {
        // JSON has none.
        return Err(text_decoder::NUL.to_owned());
    }
    match serde_json::from_str(line) {
        Ok(Value::Object(values)) => check_names(line).map(|()| values),
        Ok(value) => Err(format!("expected a JSON object, found {}", describe(&value))),
        Err(_) if line.trim_start().starts_with('[') => {
            Err("expected a JSON object, found an array".to_owned())
        }
        Err(error) => Err(syntax(&error)),
    }
}

/// Says in the user's terms why a line is not JSON.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    let reason = match reason {
        _ if error.is_eof() => "the line ends within its JSON object; is a quote or a } missing?",
        "expected value" => "expected a JSON object such as {\"text\": \"Hello.\"}",
        "key must be a string" => "expected a name in double quotes",
        "trailing comma" => "a comma before the closing bracket",
        "trailing characters" => "expected one JSON object, found more after it",
        reason => reason,
    };
    format!("{reason} at column {}", error.column())
}

/// Refuses an object that has a name twice.
fn check_names(line: &str) -> std::result::Result<(), String> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = Option<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut names, mut twice) = (HashSet::new(), None);
            while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
                if !names.insert(name.clone()) {
                    twice = Some(name);
                }
            }
            Ok(twice)
        }
    }
    type Result<T, E> = std::result::Result<T, E>;
    match serde_json::Deserializer::from_str(line).deserialize_map(Names) {
        Ok(Some(name)) => Err(format!("the field `{name}` is there twice")),
        Ok(None) => Ok(()),
        Err(error) => Err(syntax(&error)),
    }
}

/// Reads a table whose first row has the names of fields. An empty cell is a missing field.
///
/// # Errors
/// Returns a failure if the header has other names than `known`, one of them twice, or no text.
pub fn table(text: &str, name: &str, known: &[&str]) -> Result<Vec<Raw<'static>>> {
    let refuse = |reason: String| Failure::request(format!("{name}: line 1: {reason}"));
    let delimiter = if name.ends_with(".tsv") { b'\t' } else { delimiter(text) };
    check_quotes(text, delimiter)
        .map_err(|(line, reason)| Failure::request(format!("{name}: line {line}: {reason}")))?;
    let mut reader =
        ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| refuse(error.to_string()))?;
    let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    for (index, column) in header.iter().enumerate() {
        if !known.contains(&column.as_str()) {
            return Err(refuse(unknown("column", column, "", known)));
        }
        if header[..index].contains(column) {
            return Err(refuse(format!("the column `{column}` is there twice")));
        }
    }
    if !header.iter().any(|column| column == "text") {
        return Err(refuse("expected a header row with a column `text`".to_owned()));
    }
    let (mut rows, mut place, mut number) = (Vec::new(), 0, 1);
    for record in reader.records() {
        let record = record.map_err(|error| Failure::request(format!("{name}: {error}")))?;
        // The position of a row is that of the blank lines before it.
        let begin = record.position().map_or(0, |position| position.byte() as usize);
        let begin =
            begin + text[begin..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        number += text[place..begin].matches('\n').count();
        place = begin;
        rows.push(row(number, &header, &record));
    }
    Ok(rows)
}

/// Refuses quotes that would take other rows into a cell, or be lost.
///
/// # Errors
/// Returns the number of the line and the reason.
fn check_quotes(text: &str, delimiter: u8) -> std::result::Result<(), (usize, &'static str)> {
    let bytes = text.as_bytes();
    let (mut line, mut at, mut is_start) = (1, 0, true);
    while at < bytes.len() {
        if !(is_start && bytes[at] == b'"') {
            is_start = bytes[at] == delimiter || bytes[at] == b'\n';
            line += usize::from(bytes[at] == b'\n');
            at += 1;
            continue;
        }
        let begin = line;
        let end = closing_quote(&bytes[at + 1..]).ok_or((
            begin,
            "the quote at the beginning of a cell is never closed; quotes in a text are doubled, \
             and quotes are around it",
        ))?;
        line += bytes[at..at + 1 + end].iter().filter(|byte| **byte == b'\n').count();
        at += end + 2;
        is_start = false;
        if bytes.get(at).is_some_and(|next| *next != delimiter && !b"\r\n".contains(next)) {
            return Err((
                begin,
                "a cell goes on after its closing quote; quotes in a text are doubled, and quotes \
                 are around it",
            ));
        }
    }
    Ok(())
}

/// Returns the place of the quote that closes a cell; two of them are one in its text.
fn closing_quote(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|byte| *byte == b'"')?;
        match bytes.get(at + 1) {
            Some(b'"') => at += 2,
            _ => return Some(at),
        }
    }
}

fn row(number: usize, header: &[String], record: &StringRecord) -> Raw<'static> {
    let cells = header.iter().zip(record).filter(|(_, cell)| !cell.is_empty());
    let values = cells.map(|(column, cell)| (column.clone(), Value::String(cell.to_owned())));
    let values = match record.len() == header.len() {
        true if record.iter().any(|cell| cell.contains('\0')) => Err(text_decoder::NUL.to_owned()),
        true => Ok(values.collect()),
        false => Err(format!(
            "expected {} cells, as in the header, found {}; a text with a comma is put in quotes",
            header.len(),
            record.len()
        )),
    };
    Raw { number, text: None, values }
}

/// Returns the character between cells, which spreadsheets choose by country.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    // The comma if none is more frequent.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(line: &str) -> String {
        object(line).unwrap_err()
    }

    #[test]
    fn what_is_no_object_is_told_in_plain_words() {
        for (line, expected) in [
            ("[1, 2]", "expected a JSON object, found an array"),
            ("[", "expected a JSON object, found an array"),
            ("\"a\"", "expected a JSON object, found \"a\""),
            ("5", "expected a JSON object, found 5"),
            ("null", "expected a JSON object, found null"),
            ("hello", "expected a JSON object such as {\"text\": \"Hello.\"} at column 1"),
            ("{'text': 1}", "expected a name in double quotes at column 2"),
            ("{\"a\": 1,}", "a comma before the closing bracket at column 9"),
            ("{\"a\": 1} {}", "expected one JSON object, found more after it at column 10"),
            ("{\"a\": 1, \"a\": 2}", "the field `a` is there twice"),
        ] {
            assert_eq!(reason(line), expected, "{line}");
        }
        let said = reason("{\"text\": \"a\"");
        assert!(said.contains("the line ends within its JSON object"), "{said}");
    }

    #[test]
    fn a_table_has_a_header_and_numbered_rows() {
        let known = ["text", "file", "seed"];
        for text in ["text,seed\n\"a,\nb\",5\n\nc,\n", "text;seed\n\"a,\nb\";5\n\nc;\n"] {
            let rows = table(text, "r.csv", &known).unwrap();
            let numbers: Vec<usize> = rows.iter().map(|row| row.number).collect();
            assert_eq!(numbers, [2, 5], "{text}");
            assert_eq!(rows[0].values.as_ref().unwrap()["text"], "a,\nb");
            assert_eq!(rows[0].values.as_ref().unwrap()["seed"], "5");
            assert!(!rows[1].values.as_ref().unwrap().contains_key("seed"));
        }
        for (text, words) in [
            ("txt\na", "no column `txt`; did you mean `text`?"),
            ("seed\n1", "a column `text`"),
            ("text,text\na,b", "twice"),
            ("", "a column `text`"),
        ] {
            let said = table(text, "r.csv", &known).err().unwrap().reason();
            assert!(said.contains(words) && said.contains("r.csv: line 1"), "{said}");
        }
        for (text, words) in [
            ("text,seed\n\"a\nb,1\n", "line 2: the quote"),
            ("text,seed\n\"a\n\"\"b\",1\n\"c", "line 4: the quote"),
            ("text,seed\na,1\n\"Hi,\" she said.,2\n", "line 3: a cell goes on"),
        ] {
            let said = table(text, "r.csv", &known).err().unwrap().reason();
            assert!(said.contains(words), "{said}");
        }
        let rows = table("text\nHello, \"you\".\n\"A \"\"b\"\"\"\n", "r.tsv", &known).unwrap();
        let texts: Vec<_> = rows.iter().map(|row| &row.values.as_ref().unwrap()["text"]).collect();
        assert_eq!(texts, ["Hello, \"you\".", "A \"b\""]);
        let rows = table("text,seed\na\0b,1\n", "r.csv", &known).unwrap();
        assert!(rows[0].values.is_err());
        let rows = table("text,seed\na,b,c\n", "r.csv", &known).unwrap();
        let said = rows[0].values.as_ref().unwrap_err();
        assert!(said.contains("expected 2 cells") && said.contains("found 3"), "{said}");
    }
}
