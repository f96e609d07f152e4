//! The lists of models.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::name::Name;
use crate::error::{ApiError, ApiResult, ErrorBody};
use crate::models::ModelFacts;
use crate::service::Service;

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub struct Model {
    /// Name that requests use.
    id: String,
    object: &'static str,
    /// Always 0: checkpoints do not tell.
    created: u64,
    owned_by: &'static str,
    /// `CustomVoice`, `VoiceDesign` or `Base`, as `task_type` names it.
    task_type: &'static str,
    /// Languages of the model besides `auto`.
    languages: Vec<String>,
}

/// The models, as OpenAI lists them.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelList {
    object: &'static str,
    data: Vec<Model>,
}

/// The models, as Open WebUI reads them.
#[derive(Debug, Serialize, ToSchema)]
pub struct AudioModelList {
    models: Vec<Model>,
}

impl Model {
    fn of(facts: ModelFacts<'_>) -> Self {
        Self {
            id: facts.name.to_owned(),
            object: "model",
            created: 0,
            owned_by: "qwen3-tts",
            task_type: facts.task_type(),
            languages: facts.config.languages().map(str::to_owned).collect(),
        }
    }
}

fn list(service: &Service) -> Vec<Model> {
    service.models.facts().map(Model::of).collect()
}

/// List the models
#[utoipa::path(
    get, path = "/v1/models", tag = "models",
    responses((status = 200, description = "The models", body = ModelList)),
)]
pub async fn models(State(service): State<Arc<Service>>) -> Json<ModelList> {
    Json(ModelList { object: "list", data: list(&service) })
}

/// Show a model
#[utoipa::path(
    get, path = "/v1/models/{model}", tag = "models",
    params(("model" = String, Path, description = "Name of the model")),
    responses(
        (status = 200, description = "The model", body = Model),
        (status = 400, description = "The path is not valid", body = ErrorBody),
        (status = 404, description = "There is no such model", body = ErrorBody),
    ),
)]
pub async fn model(
    State(service): State<Arc<Service>>,
    Name(name): Name,
) -> ApiResult<Json<Model>> {
    let found = list(&service).into_iter().find(|model| model.id.eq_ignore_ascii_case(&name));
    let missing = || {
        let message = format!("there is no model \"{name}\"");
        ApiError::not_found("model_not_found", message).param("model")
    };
    found.map(Json).ok_or_else(missing)
}

/// List the models for audio
#[utoipa::path(
    get, path = "/v1/audio/models", tag = "models",
    responses((status = 200, description = "The models", body = AudioModelList)),
)]
pub async fn audio_models(State(service): State<Arc<Service>>) -> Json<AudioModelList> {
    Json(AudioModelList { models: list(&service) })
}
