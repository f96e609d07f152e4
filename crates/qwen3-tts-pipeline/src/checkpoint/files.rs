//! The files of a checkpoint: a directory, or bytes embedded in the program.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use qwen3_tts_config::{ConfigError, GenerationConfig, ModelConfig, SpeechTokenizerConfig};
use qwen3_tts_files::{MissingFile, WrongFile, shard_files, strip_bom};
use qwen3_tts_nn::Weights;

use crate::{Error, Result};

/// The files of a checkpoint.
#[derive(Debug, Clone)]
pub struct ModelFiles(Source);

#[derive(Debug, Clone)]
enum Source {
    Directory(PathBuf),
    Embedded(Arc<[EmbeddedFile]>),
}

/// The path of a file in the published layout, and its bytes.
type EmbeddedFile = (&'static str, &'static [u8]);

const CONFIG: &str = "config.json";
const GENERATION_CONFIG: &str = "generation_config.json";
/// Folder of the speech tokenizer in a whole checkpoint.
const SPEECH_TOKENIZER: &str = "speech_tokenizer/";
const WEIGHTS: &str = "model.safetensors";
const WEIGHTS_INDEX: &str = "model.safetensors.index.json";

impl ModelFiles {
    /// Names the files of a directory in the published layout.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self(Source::Directory(path.into()))
    }

    /// Takes files embedded in the program, as pairs of a path in the published layout and bytes.
    ///
    /// ```
    /// use qwen3_tts_pipeline::ModelFiles;
    ///
    /// let files = ModelFiles::embedded(qwen3_tts_demo::custom_voice());
    /// assert_eq!(files.missing(), [""; 0]);
    /// ```
    pub fn embedded(files: impl IntoIterator<Item = (&'static str, &'static [u8])>) -> Self {
        Self(Source::Embedded(files.into_iter().collect()))
    }

    /// Returns the directory, or `None` if the files are embedded.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Source::Directory(path) => Some(path),
            Source::Embedded(_) => None,
        }
    }

    /// Returns the names of the required files that are missing.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let mut need = |name: String| {
            if !self.has(&name) {
                missing.push(name);
            }
        };
        need(format!("{}{CONFIG}", self.speech_tokenizer()));
        if !self.is_speech_tokenizer_alone() {
            need(CONFIG.to_owned());
            need(GENERATION_CONFIG.to_owned());
            if !self.has("tokenizer.json") {
                for name in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
                    need(name.to_owned());
                }
            }
        }
        self.weight_files().into_iter().for_each(&mut need);
        missing
    }

    /// Returns true for the speech tokenizer alone, which has a published repository of its own:
    /// it encodes and decodes, but does not speak.
    pub fn is_speech_tokenizer_alone(&self) -> bool {
        self.speech_tokenizer().is_empty()
    }

    /// Returns the folder of the speech tokenizer; empty if there is nothing else.
    fn speech_tokenizer(&self) -> &'static str {
        let alone = !self.has(&format!("{SPEECH_TOKENIZER}{CONFIG}"))
            && self.text(CONFIG).is_ok_and(|text| SpeechTokenizerConfig::is_named_in(&text));
        if alone { "" } else { SPEECH_TOKENIZER }
    }

    /// Returns the paths of the weights files in the published layout.
    pub fn weight_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let folders: &[&str] = match self.is_speech_tokenizer_alone() {
            true => &[""],
            false => &["", SPEECH_TOKENIZER],
        };
        for prefix in folders {
            let shards = self.shards(prefix).unwrap_or_default();
            match shards.is_empty() {
                true => files.push(format!("{prefix}{WEIGHTS}")),
                false => files.extend(shards),
            }
        }
        files
    }

    /// Returns the files that exist, with their sizes in bytes.
    pub fn sizes(&self) -> Vec<(String, u64)> {
        let named = [
            CONFIG,
            GENERATION_CONFIG,
            "tokenizer.json",
            "tokenizer_config.json",
            "vocab.json",
            "merges.txt",
            "speech_tokenizer/config.json",
            WEIGHTS_INDEX,
            "speech_tokenizer/model.safetensors.index.json",
        ];
        let names = named.map(str::to_owned).into_iter().chain(self.weight_files());
        names.filter_map(|name| self.size(&name).map(|size| (name, size))).collect()
    }

    /// Reads `config.json`.
    pub fn model_config(&self) -> Result<ModelConfig> {
        if self.is_speech_tokenizer_alone() {
            return Err(Error::SpeechTokenizerAlone { file: self.name_of(CONFIG) });
        }
        self.config(CONFIG, ModelConfig::from_json)
    }

    /// Reads `generation_config.json`.
    pub fn generation_config(&self) -> Result<GenerationConfig> {
        self.config(GENERATION_CONFIG, GenerationConfig::from_json)
    }

    /// Reads `speech_tokenizer/config.json`.
    pub fn speech_tokenizer_config(&self) -> Result<SpeechTokenizerConfig> {
        let name = format!("{}{CONFIG}", self.speech_tokenizer());
        self.config(&name, SpeechTokenizerConfig::from_json)
    }

    /// Opens the main weights: the talker, its code predictor and, in base models, the speaker
    /// encoder.
    pub fn talker_weights(&self) -> Result<Weights> {
        self.weights("")
    }

    /// Opens the weights of the speech tokenizer.
    pub fn speech_tokenizer_weights(&self) -> Result<Weights> {
        self.weights(self.speech_tokenizer())
    }

    /// Reads a whole text file.
    pub(crate) fn text(&self, name: &str) -> Result<Cow<'static, str>> {
        let text = match &self.0 {
            Source::Directory(dir) => {
                let bytes = qwen3_tts_files::read(&dir.join(name));
                let bytes = bytes.map_err(|source| self.unread_file(name, source))?;
                qwen3_tts_files::text(bytes).map(Cow::Owned)
            }
            Source::Embedded(_) => {
                let bytes = self.embedded_file(name).ok_or_else(|| self.missing_file(name))?;
                let text = std::str::from_utf8(bytes).map(strip_bom).map(Cow::Borrowed);
                text.map_err(|error| WrongFile::NotText { at: error.valid_up_to() })
            }
        };
        text.map_err(|source| Error::WrongFile { file: self.name_of(name), source })
    }

    /// Returns the error of a file that is missing or not a regular file.
    fn missing_file(&self, name: &str) -> Error {
        let path = self.path().map(|dir| dir.join(name));
        match path.map(|path| qwen3_tts_files::regular(&path)) {
            Some(Err(source)) => self.unread_file(name, source),
            _ => Error::MissingFile { file: self.name_of(name), reason: None },
        }
    }

    fn unread_file(&self, name: &str, source: std::io::Error) -> Error {
        let file = self.name_of(name);
        if source.kind() != std::io::ErrorKind::NotFound {
            return Error::Read { file, source };
        }
        let reason = self.path().and_then(|dir| MissingFile::explain(&dir.join(name)));
        Error::MissingFile { file, reason }
    }

    fn size(&self, name: &str) -> Option<u64> {
        match &self.0 {
            Source::Directory(dir) => {
                let file = std::fs::metadata(dir.join(name)).ok()?;
                file.is_file().then_some(file.len())
            }
            Source::Embedded(_) => self.embedded_file(name).map(|bytes| bytes.len() as u64),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.size(name).is_some()
    }

    /// Returns the name of a file for error messages.
    pub(crate) fn name_of(&self, name: &str) -> String {
        match &self.0 {
            Source::Directory(dir) => dir.join(name).display().to_string(),
            Source::Embedded(_) => format!("embedded {name}"),
        }
    }

    fn config<T>(&self, name: &str, parse: fn(&str) -> Result<T, ConfigError>) -> Result<T> {
        let text = self.text(name)?;
        parse(&text).map_err(|source| Error::Config { file: self.name_of(name), source })
    }

    fn weights(&self, folder: &str) -> Result<Weights> {
        let name = format!("{folder}{WEIGHTS}");
        match &self.0 {
            Source::Directory(dir) => {
                if !self.has(&name) && !self.has(&format!("{folder}{WEIGHTS_INDEX}")) {
                    return Err(self.missing_file(&name));
                }
                Ok(Weights::open(dir.join(folder))?)
            }
            Source::Embedded(_) => {
                let bytes = self.embedded_file(&name).ok_or_else(|| self.missing_file(&name))?;
                Ok(Weights::from_static(&self.name_of(&name), bytes)?)
            }
        }
    }

    /// Returns the shards that an index lists, or `None` if there is no valid index; opening the
    /// weights reports a damaged one.
    fn shards(&self, prefix: &str) -> Option<Vec<String>> {
        if self.has(&format!("{prefix}{WEIGHTS}")) {
            return None;
        }
        let index = self.text(&format!("{prefix}{WEIGHTS_INDEX}")).ok()?;
        let files = shard_files(&index).ok()?;
        Some(files.into_iter().map(|file| format!("{prefix}{file}")).collect())
    }

    fn embedded_file(&self, name: &str) -> Option<&'static [u8]> {
        match &self.0 {
            Source::Directory(_) => None,
            Source::Embedded(files) => {
                files.iter().find(|(file, _)| *file == name).map(|(_, bytes)| *bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_lie_beside_their_index() {
        let dir = tempfile::tempdir().unwrap();
        let files = ModelFiles::directory(dir.path());
        let weight_files = |index: &str| {
            std::fs::write(dir.path().join(WEIGHTS_INDEX), index).unwrap();
            files.weight_files()
        };
        let whole = ["model.safetensors", "speech_tokenizer/model.safetensors"];
        let shards =
            weight_files(r#"{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}"#);
        assert_eq!(shards, ["1.safetensors", "2.safetensors", whole[1]]);
        for name in ["../secret", "/etc/passwd", "a/b", "..", ".", "", "a\\\\b"] {
            let index = format!(r#"{{"weight_map": {{"a": "1.safetensors", "b": "{name}"}}}}"#);
            assert_eq!(weight_files(&index), whole, "{name}");
        }
    }
}
