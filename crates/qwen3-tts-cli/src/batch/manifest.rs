//! The results of a batch, one line of JSON for each finished request.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::request::{Line, MANIFEST};
use crate::failure::{Failure, Result};
use crate::output_file::OutputFile;
use crate::spoken::{Spoken, add_fields};

/// The manifest file, which grows with every result.
pub struct Manifest {
    path: PathBuf,
    file: File,
    /// Requests that earlier runs completed, by file name.
    spoken: HashMap<String, Value>,
}

impl Manifest {
    /// Creates the file. With `resume`, it keeps the completed requests of an earlier run.
    pub fn open(directory: &Path, resume: bool) -> Result<Self> {
        let path = directory.join(MANIFEST);
        let earlier = match resume {
            true => fs::read_to_string(&path).unwrap_or_default(),
            false => String::new(),
        };
        // A line cut off by an interruption is not a result.
        let results = earlier.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let kept: Vec<Value> = results.filter(|result| result["status"] == "ok").collect();
        let text: String = kept.iter().map(|result| format!("{result}\n")).collect();
        OutputFile::check(&path)?.write(text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(|error| failure(&path, error))?;
        let spoken = kept.into_iter().filter_map(|mut result| {
            Some((result["file"].as_str()?.to_owned(), result["request"].take()))
        });
        Ok(Self { spoken: spoken.collect(), path, file })
    }

    /// Returns true if an earlier run completed this request and its file still exists.
    pub fn has(&self, line: &Line, directory: &Path) -> bool {
        self.spoken.get(line.file()).is_some_and(|request| request == line.value())
            && directory.join(line.file()).is_file()
    }

    pub fn completed(&mut self, line: &Line, spoken: &Spoken) -> Result {
        let mut result = json!({ "line": line.number(), "file": line.file(), "status": "ok" });
        add_fields(&mut result, spoken.outcome());
        add_fields(&mut result, json!({ "request": line.value() }));
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

    fn add(&mut self, result: &Value) -> Result {
        let written = self.file.write_all(format!("{result}\n").as_bytes());
        written.map_err(|error| failure(&self.path, error))
    }
}

fn failure(path: &Path, error: std::io::Error) -> Failure {
    Failure::Other(format!("cannot write {}: {error}", path.display()))
}
