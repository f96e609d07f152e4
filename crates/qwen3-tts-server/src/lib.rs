#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod connection;
mod error;
mod health;
mod live;
mod metrics;
mod models;
mod openai;
mod openapi;
mod routes;
mod server;
mod service;
mod settings;
mod speech;
mod voices;
mod web;
mod wyoming;

pub use server::{Server, ServerError};
pub use settings::{Limits, ModelSetting, Settings, TlsFiles, VoiceSettings};
