//! The voice that a request asks for, and the model that speaks with it.

use std::io;
use std::sync::Arc;

use qwen3_tts_pipeline::{ClonedVoice, Voice};
use strsim::damerau_levenshtein;

use super::aliases::{self, Aliases};
use super::error::{VoiceError, shown};
use super::index::VoiceEntry;
use super::references::References;
use super::registry::Registry;
use super::task::Task;
use crate::error::{ApiError, ApiResult};
use crate::models::{LoadedModel, ModelFacts, Models, Need};
use crate::settings::VoiceSettings;
use crate::speech::{SpeechFields, instructions};

/// The voices that speak.
pub struct Voices {
    registry: Option<Registry>,
    aliases: Aliases,
    references: References,
}

impl Voices {
    /// Opens the directory of registered voices, if there is one.
    ///
    /// # Errors
    /// Returns the error of the system if the directory cannot be opened or created.
    pub fn open(settings: &VoiceSettings, aliases: Aliases) -> io::Result<Self> {
        // Recordings of requests are as likely to come again as registered voices are.
        let cache_bytes = (settings.cache_bytes / 2) as u64;
        let open = |path| Registry::open(path, settings.max_voices, cache_bytes);
        Ok(Self {
            registry: settings.directory.as_deref().map(open).transpose()?,
            aliases,
            references: References::new(settings.max_recording_bytes, cache_bytes),
        })
    }

    /// Returns the registered voices.
    ///
    /// # Errors
    /// Returns [`VoiceError::NoDirectory`] if there is no directory of voices.
    pub fn registry(&self) -> Result<&Registry, VoiceError> {
        self.registry.as_ref().ok_or(VoiceError::NoDirectory)
    }

    /// Lists the registered voices; none without a directory of voices.
    ///
    /// # Errors
    /// Returns [`VoiceError::Directory`] if the directory cannot be read.
    pub async fn entries(&self) -> Result<Vec<VoiceEntry>, VoiceError> {
        match &self.registry {
            Some(registry) => registry.list().await,
            None => Ok(Vec::new()),
        }
    }

    /// Returns the aliases that were set.
    pub fn aliases(&self) -> &Aliases {
        &self.aliases
    }

    /// Returns the model, loaded, and the voice that a request is for.
    ///
    /// # Errors
    /// Returns an error that names the field if there is no such voice, or if no model can speak with
    /// it.
    pub async fn choose(
        &self,
        models: &Arc<Models>,
        fields: &SpeechFields,
    ) -> ApiResult<(Arc<LoadedModel>, Voice)> {
        let task = Task::of(fields)?;
        if let Some(url) = &fields.ref_audio {
            return self.reference(models, fields, url, task).await;
        }
        if fields.ref_text.is_some() {
            let message = "`ref_text`: it is the transcript of a recording: send `ref_audio` too";
            return Err(ApiError::invalid(message).param("ref_text"));
        }
        let (model, voice) = self.find_both(models, fields, task).await?;
        let voice = match (voice, fields.x_vector_only_mode) {
            (Voice::Cloned(voice), Some(true)) => Voice::Cloned(without_recording(voice)),
            (Voice::Cloned(voice), _) => Voice::Cloned(voice),
            (_, Some(true)) => {
                let message = "`x_vector_only_mode`: only cloned voices have a speaker embedding";
                return Err(ApiError::invalid(message).param("x_vector_only_mode"));
            }
            (voice, _) => voice,
        };
        Ok((models.get(Some(model), &Need::Any).await?, voice))
    }

    /// Returns the voice of a recording that comes with the request.
    async fn reference(
        &self,
        models: &Arc<Models>,
        fields: &SpeechFields,
        url: &str,
        task: Option<Task>,
    ) -> ApiResult<(Arc<LoadedModel>, Voice)> {
        if let Some(task) = task.filter(|&task| task != Task::Base) {
            let message = format!("`task_type`: {task} does not clone `ref_audio`; expected Base");
            return Err(ApiError::invalid(message).param("task_type"));
        }
        let transcript = fields.ref_text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let transcript = match (fields.x_vector_only_mode, transcript) {
            (Some(true), _) => None,
            (_, Some(transcript)) => Some(transcript.to_owned()),
            (_, None) => {
                let message = "`ref_text`: the transcript of `ref_audio` is missing: send it, or \
                               \"x_vector_only_mode\": true to clone the speaker embedding only";
                return Err(ApiError::invalid(message).param("ref_text"));
            }
        };
        let named = fields.model.as_deref();
        check_clones(models.choose(named, &Need::Recording)?, "`ref_audio`")?;
        let model = models.get(named, &Need::Recording).await?;
        let voice = self.references.voice(&model, url.to_owned(), transcript).await?;
        Ok((model, Voice::Cloned(voice)))
    }

    /// Returns the name of the model, and the voice that the fields name, if they name one.
    async fn find_both<'m>(
        &self,
        models: &'m Models,
        fields: &SpeechFields,
        task: Option<Task>,
    ) -> ApiResult<(&'m str, Voice)> {
        let name = fields.voice.as_ref().map(|voice| voice.name());
        let name = name.filter(|name| !name.is_empty() && *name != aliases::DEFAULT);
        let model = fields.model.as_deref();
        let (facts, voice) = match (name, task) {
            (None, _) => (default_model(models, fields, task)?, Voice::Default),
            // Clients of OpenAI's API have to name a voice.
            (Some(name), Some(Task::VoiceDesign)) if aliases::is_openai_name(name) => {
                (models.choose(model, &Need::Description)?, Voice::Default)
            }
            (Some(name), _) => self.resolve(models, model, name).await?,
        };
        match task {
            // A registered voice needs no task.
            Some(Task::CustomVoice) if matches!(voice, Voice::Cloned(_)) => {}
            Some(task) => task.check(&facts)?,
            None => {}
        }
        Ok((facts.name, voice))
    }

    /// Returns the voice of a name, and the model that speaks with it: the named one, or the first
    /// that can. A name is that of a registered voice, an alias that was set, a speaker or a blend of
    /// speakers, or one of OpenAI's names, in this order.
    ///
    /// # Errors
    /// Returns the status 404 if there is no such voice or model.
    pub async fn resolve<'m>(
        &self,
        models: &'m Models,
        model: Option<&str>,
        name: &str,
    ) -> ApiResult<(ModelFacts<'m>, Voice)> {
        let alias = self.aliases.target(name);
        let wanted = alias.unwrap_or(name);
        for name in [Some(name), alias].into_iter().flatten() {
            if let Some(voice) = self.registered(name).await? {
                return cloned(models, model, voice);
            }
        }
        match of_model(models, model, wanted)? {
            Some(found) => Ok(found),
            None => Err(self.missing(models, model, (name, wanted)).await),
        }
    }

    /// Returns the error of a name that stands for a voice `wanted` that the model, or any, lacks.
    async fn missing(
        &self,
        models: &Models,
        model: Option<&str>,
        (name, wanted): (&str, &str),
    ) -> ApiError {
        if let (Some(model), Ok(Some(_))) = (model, of_model(models, None, wanted)) {
            let message = format!(
                "the model \"{model}\" does not have the voice {:?}: name another model, or none",
                shown(wanted)
            );
            return ApiError::not_found("voice_not_found", message).param("voice");
        }
        let alias = (name != wanted).then(|| shown(name));
        let suggestion = self.similar(models, wanted).await;
        VoiceError::NotFound { name: wanted.to_owned(), alias, suggestion }.into()
    }

    /// Returns the registered voice of this name, if it exists.
    ///
    /// # Errors
    /// Returns an error if the file of the voice cannot be used.
    pub async fn registered(&self, name: &str) -> Result<Option<Arc<ClonedVoice>>, VoiceError> {
        match &self.registry {
            Some(registry) => registry.find(name).await,
            None => Ok(None),
        }
    }

    /// Returns the name of a voice that is written nearly like `name`.
    async fn similar(&self, models: &Models, name: &str) -> Option<String> {
        let name = shown(name).to_lowercase();
        let registered = self.entries().await.unwrap_or_default();
        let mut known: Vec<&str> = registered.iter().map(|entry| entry.id.as_str()).collect();
        let speakers = models.facts().flat_map(|facts| facts.config.speakers());
        known.extend(speakers.map(|speaker| speaker.name));
        known.extend(self.aliases.iter().map(|(alias, _)| alias));
        for name in aliases::openai_names() {
            known.push(name);
        }
        let distance = |known: &str| damerau_levenshtein(&known.to_lowercase(), &name);
        let (distance, nearest) = known.into_iter().map(|known| (distance(known), known)).min()?;
        (distance <= 2 && 3 * distance <= name.chars().count()).then(|| nearest.to_owned())
    }
}

/// Returns the model for a request without a voice.
fn default_model<'m>(
    models: &'m Models,
    fields: &SpeechFields,
    task: Option<Task>,
) -> ApiResult<ModelFacts<'m>> {
    let model = fields.model.as_deref();
    let need = match task {
        Some(Task::CustomVoice) => Need::Preset,
        Some(Task::VoiceDesign) => Need::Description,
        Some(Task::Base) => return Err(needs_a_voice()),
        None if instructions(fields).is_some()
            && fitting(models, model, &Need::Description)?.is_some() =>
        {
            Need::Description
        }
        None => Need::Any,
    };
    let facts = models.choose(model, &need)?;
    if facts.config.clones_voices() { Err(needs_a_voice()) } else { Ok(facts) }
}

fn needs_a_voice() -> ApiError {
    let message = "`voice`: a Base model needs a registered voice, or a recording in `ref_audio`";
    ApiError::invalid(message).param("voice").code("missing_required_parameter")
}

/// Returns the model that is named, or the first one, if it can honour a need.
fn fitting<'m>(
    models: &'m Models,
    model: Option<&str>,
    need: &Need,
) -> ApiResult<Option<ModelFacts<'m>>> {
    match models.choose(model, need) {
        Ok(facts) => Ok(Some(facts).filter(|facts| need.fits(facts.config))),
        Err(error) if error.code == Some("model_not_found") => Err(error),
        Err(_) => Ok(None),
    }
}

/// Returns the model that speaks with a cloned voice.
fn cloned<'m>(
    models: &'m Models,
    model: Option<&str>,
    voice: Arc<ClonedVoice>,
) -> ApiResult<(ModelFacts<'m>, Voice)> {
    let need = Need::Cloned { size: voice.tts_model_size, width: voice.speaker_embedding.len() };
    let facts = models.choose(model, &need)?;
    check_clones(facts, "`voice`")?;
    voice.check_for(facts.config).map_err(|error| ApiError::from(error).param("voice"))?;
    Ok((facts, Voice::Cloned(voice)))
}

fn check_clones(facts: ModelFacts<'_>, field: &str) -> ApiResult<()> {
    if facts.config.clones_voices() {
        return Ok(());
    }
    let (name, task) = (facts.name, facts.task_type());
    let message = format!(
        "{field}: this voice is cloned, and \"{name}\" is a {task} model: name a Base model, or none"
    );
    Err(ApiError::invalid(message).param("model"))
}

/// Returns the voice of this name that a model has without a recording.
fn of_model<'m>(
    models: &'m Models,
    model: Option<&str>,
    name: &str,
) -> ApiResult<Option<(ModelFacts<'m>, Voice)>> {
    match speaker(models, model, name)? {
        Some(found) => Ok(Some(found)),
        None => openai_voice(models, model, name),
    }
}

/// Returns the speaker or the blend of speakers of this name.
fn speaker<'m>(
    models: &'m Models,
    model: Option<&str>,
    name: &str,
) -> ApiResult<Option<(ModelFacts<'m>, Voice)>> {
    if let Some(facts) = fitting(models, model, &Need::Speaker(name.to_owned()))? {
        return Ok(Some((facts, Voice::Speaker(name.to_owned()))));
    }
    match fitting(models, model, &Need::Preset)? {
        Some(facts) if name.contains([',', ':']) => check_blend(&facts, name).map(|()| None),
        _ => Ok(None),
    }
}

/// Names the part of a blend that a model does not have, if it has another one.
fn check_blend(facts: &ModelFacts<'_>, blend: &str) -> ApiResult<()> {
    let speakers = Voice::speakers_of(blend).map(|name| facts.config.speaker(name));
    let (known, unknown): (Vec<_>, Vec<_>) = speakers.partition(Result::is_ok);
    match unknown.into_iter().next() {
        Some(Err(error)) if !known.is_empty() => {
            let message = format!("`voice`: {error}");
            Err(ApiError::not_found("voice_not_found", message).param("voice"))
        }
        _ => Ok(()),
    }
}

/// Returns the speaker that one of OpenAI's names stands for. A model that makes voices from
/// descriptions needs no name, and OpenAI's clients have to send one.
fn openai_voice<'m>(
    models: &'m Models,
    model: Option<&str>,
    name: &str,
) -> ApiResult<Option<(ModelFacts<'m>, Voice)>> {
    if !aliases::is_openai_name(name) {
        return Ok(None);
    }
    let preset = fitting(models, model, &Need::Preset)?;
    let speaker = preset.and_then(|facts| {
        let speaker = aliases::openai_speaker(name, facts.config)?;
        Some((facts, Voice::Speaker(speaker.to_owned())))
    });
    if speaker.is_some() {
        return Ok(speaker);
    }
    let described = fitting(models, model, &Need::Description)?;
    Ok(described.map(|facts| (facts, Voice::Default)))
}

fn without_recording(voice: Arc<ClonedVoice>) -> Arc<ClonedVoice> {
    let mut voice = Arc::unwrap_or_clone(voice);
    voice.reference = None;
    Arc::new(voice)
}

#[cfg(test)]
mod tests;
