//! The results of a batch, one line of JSON for each finished request.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};

use super::request::Line;
use crate::claim::Claim;
use crate::failure::{Failure, Result};
use crate::spoken::{Spoken, add_fields};

/// The manifest file, which grows with every result and belongs to one run at a time.
pub struct Manifest {
    file: Claim,
    /// Settings that all results depend on, apart from their lines.
    settings: Value,
    /// Results of requests that earlier runs completed, by file name.
    spoken: HashMap<String, Value>,
    /// True if a file of an earlier run was spoken again.
    has_outdated: bool,
}

impl Manifest {
    /// Creates the file at `path`. With `resume`, it keeps the completed requests of an earlier run.
    ///
    /// # Errors
    /// Returns a failure if another run uses the directory, or if the earlier run had other settings.
    pub fn open(path: &Path, resume: bool, settings: Value) -> Result<Self> {
        let mut earlier = Claim::existing(path)?;
        let read = match &mut earlier {
            Some(file) if resume => file.read()?,
            _ => Vec::new(),
        };
        // A line cut off by an interruption is not a result.
        let results = read.split(|byte| *byte == b'\n').filter_map(|line| {
            serde_json::from_slice::<Value>(line).ok().filter(|result| result["status"] == "ok")
        });
        let kept = last_of_each_file(results.collect());
        if let Some(other) = kept.iter().find(|result| result["settings"] != settings) {
            return Err(Failure::request(format!(
                "{} lists files that were spoken with other settings ({}): repeat those, choose \
                 another --out, or speak without --resume",
                path.display(),
                difference(&other["settings"], &settings)
            )));
        }
        let text: String = kept.iter().map(|result| format!("{result}\n")).collect();
        let file = match earlier {
            Some(file) => file.replace(text.as_bytes())?,
            None => Claim::create(path, text.as_bytes())?,
        };
        let spoken = kept
            .into_iter()
            .filter_map(|result| Some((result["file"].as_str()?.to_owned(), result)));
        Ok(Self { spoken: spoken.collect(), settings, file, has_outdated: false })
    }

    /// Returns true if an earlier run completed this request, from the same files, and its result
    /// still exists.
    pub fn has(&self, line: &Line, directory: &Path) -> bool {
        self.spoken.get(line.file()).is_some_and(|result| {
            result["request"] == *line.value() && result["inputs"] == json!(line.stamps())
        }) && directory.join(line.file()).is_file()
    }

    pub fn completed(&mut self, line: &Line, spoken: &Spoken) -> Result {
        let mut result = json!({ "line": line.number(), "file": line.file(), "status": "ok" });
        add_fields(&mut result, spoken.outcome());
        add_fields(&mut result, json!({ "request": line.value(), "inputs": line.stamps() }));
        add_fields(&mut result, json!({ "settings": self.settings }));
        self.has_outdated |= self.spoken.contains_key(line.file());
        self.add(&result)
    }

    pub fn failed(&mut self, line: &Line, reason: &str) -> Result {
        self.add(&json!({
            "line": line.number(),
            "file": line.file(),
            "status": "failed",
            "error": reason,
            "request": line.value(),
        }))
    }

    /// Removes the results of files that were spoken again.
    pub fn finish(mut self) -> Result {
        if !self.has_outdated {
            return Ok(());
        }
        let read = self.file.read_again()?;
        let results = read.split(|byte| *byte == b'\n');
        let results = results.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        let kept = last_of_each_file(results.collect());
        let text: String = kept.iter().map(|result| format!("{result}\n")).collect();
        self.file.replace(text.as_bytes()).map(drop)
    }

    fn add(&mut self, result: &Value) -> Result {
        self.file.append(format!("{result}\n").as_bytes())
    }
}

/// Drops results that a later one of the same file replaces: a file has the last speech.
fn last_of_each_file(results: Vec<Value>) -> Vec<Value> {
    let is_ok = |result: &Value| result["status"] == "ok";
    let name = |result: &Value| result["file"].as_str().map(str::to_owned);
    let done = results.iter().enumerate().filter(|(_, result)| is_ok(result));
    let last: HashMap<_, _> = done.map(|(index, result)| (name(result), index)).collect();
    let indexed = results.into_iter().enumerate();
    let kept = indexed.filter(|(index, r)| !is_ok(r) || last.get(&name(r)) == Some(index));
    kept.map(|(_, result)| result).collect()
}

/// Lists the settings that differ, with both values.
fn difference(then: &Value, now: &Value) -> String {
    let names = now.as_object().into_iter().flat_map(|settings| settings.keys());
    let different = names.filter(|name| then[*name] != now[*name]);
    let listed: Vec<String> =
        different.map(|name| format!("{name} {} instead of {}", then[name], now[name])).collect();
    listed.join(", ")
}
