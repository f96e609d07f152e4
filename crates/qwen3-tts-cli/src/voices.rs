//! `voices`: lists the speakers and languages of a model, and what else it takes.

use qwen3_tts_pipeline::ModelFiles;
use serde::Serialize;

use crate::args::InfoArgs;
use crate::facts::{self, Fact};
use crate::failure::{Failure, Result};
use crate::model;
use crate::output::{print, print_json};

pub fn run(args: &InfoArgs) -> Result {
    let files = model::local_files(args.model.as_deref())?;
    let voices = Voices::of(&files)?;
    if !args.json {
        return print(&voices.as_text());
    }
    let json = serde_json::to_string_pretty(&voices);
    print_json(&json.map_err(|error| Failure::Other(error.to_string()))?)
}

/// Voices of a model.
#[derive(Serialize)]
struct Voices {
    /// Name of the kind of model, as in its `config.json`.
    model_type: String,
    model_size: String,
    /// True for the built-in demo voice.
    built_in: bool,
    /// Preset speakers; the first is the default.
    speakers: Vec<Speaker>,
    /// Languages besides `auto`.
    languages: Vec<String>,
    takes: Takes,
}

#[derive(Serialize)]
struct Speaker {
    name: String,
    /// Dialect that is spoken if the language is Chinese or `auto`.
    dialect: Option<String>,
}

/// Inputs besides text, speaker and language.
#[derive(Serialize)]
struct Takes {
    /// Instructions for the manner of speaking.
    instructions: bool,
    /// Recordings and voice files.
    recordings: bool,
    /// Descriptions of a voice.
    descriptions: bool,
}

impl Voices {
    /// Reads the voices of a model from its configuration.
    fn of(files: &ModelFiles) -> Result<Self> {
        let config = files.model_config()?;
        let built_in = files.path().is_none();
        let speakers = config.speakers().map(|speaker| Speaker {
            name: speaker.name.to_owned(),
            dialect: speaker.dialect.map(str::to_owned),
        });
        Ok(Self {
            model_type: config.tts_model_type.to_string(),
            model_size: config.tts_model_size.to_string(),
            built_in,
            speakers: speakers.collect(),
            languages: config.languages().map(str::to_owned).collect(),
            takes: Takes {
                instructions: config.takes_instruct() && !config.designs_voices(),
                // The demo voice has a second checkpoint, for cloning.
                recordings: config.clones_voices() || built_in,
                descriptions: config.designs_voices(),
            },
        })
    }

    fn as_text(&self) -> String {
        let Self { model_size, model_type, takes, .. } = self;
        let model = match self.built_in {
            true => "demo voice, built in".to_owned(),
            false => format!("{model_size} {model_type}"),
        };
        let recordings = match self.built_in {
            true => "with --ref-audio FILE; the closer of the two speakers is used",
            false => "with --ref-audio FILE --ref-text TEXT, or --voice FILE",
        };
        let mut lines = vec![("model", model)];
        lines.extend(self.speaker_lines());
        let languages = std::iter::once("auto").chain(self.languages.iter().map(String::as_str));
        lines.push(("languages", languages.collect::<Vec<_>>().join(", ")));
        lines.extend([
            ("instructions", taken(takes.instructions, "with --instruct TEXT")),
            ("cloned voices", taken(takes.recordings, recordings)),
            ("described voices", taken(takes.descriptions, "with --instruct TEXT")),
        ]);
        facts::lines(lines)
    }

    /// Returns one line per speaker, the first with a name.
    fn speaker_lines(&self) -> Vec<Fact> {
        let speakers = self.speakers.iter().enumerate();
        let lines: Vec<_> = speakers
            .map(|(i, speaker)| (if i == 0 { "speakers" } else { "" }, speaker.as_text(i == 0)))
            .collect();
        if lines.is_empty() { vec![("speakers", "none".to_owned())] } else { lines }
    }
}

impl Speaker {
    fn as_text(&self, is_default: bool) -> String {
        let dialect = self.dialect.as_ref().map(|dialect| {
            let dialect = dialect.replace('_', " ");
            format!("{dialect} if the language is chinese or auto")
        });
        let remarks: Vec<_> =
            is_default.then(|| "default".to_owned()).into_iter().chain(dialect).collect();
        match remarks.is_empty() {
            true => self.name.clone(),
            false => format!("{} ({})", self.name, remarks.join(", ")),
        }
    }
}

fn taken(is_taken: bool, how: &str) -> String {
    if is_taken { format!("yes, {how}") } else { "no".to_owned() }
}
