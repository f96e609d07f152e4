//! Fetching a snapshot, file by file, each whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use ureq::http::{Response, header};
use ureq::{Agent, Body};

use super::Environment;
use super::cache::{Repository, is_commit, is_name};
use super::error::{HubError, cache, unavailable};
use crate::ModelFiles;

/// How far a download is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The file, by its path in the checkpoint.
    pub file: &'a str,
    /// Bytes of it that are here.
    pub done: u64,
    /// Bytes that it has.
    pub total: u64,
}

/// What the hub says of a revision.
#[derive(Deserialize)]
struct Revision {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// Fetches the files of `main` that a checkpoint needs, and makes them the snapshot to use.
pub(super) fn download(
    repository: &Repository,
    environment: &Environment,
    progress: &mut dyn FnMut(&Progress<'_>),
) -> Result<PathBuf, HubError> {
    let client = Client::new(repository, environment);
    let revision = client.revision()?;
    let snapshot = repository.snapshot(&revision.sha);
    for file in revision.siblings.iter().map(|sibling| sibling.rfilename.as_str()) {
        if is_checkpoint_file(file) && !snapshot.join(file).is_file() {
            client.fetch(&revision.sha, file, &snapshot.join(file), progress)?;
        }
    }
    let missing = ModelFiles::directory(&snapshot).missing();
    if !missing.is_empty() {
        let model = repository.id.clone();
        return Err(HubError::NotACheckpoint { model, missing: missing.join(", ") });
    }
    repository.set_main(&revision.sha)?;
    Ok(snapshot)
}

/// Configuration, tokenizer and weights, at the top or in `speech_tokenizer`. Nothing that a
/// server may list lies elsewhere.
fn is_checkpoint_file(file: &str) -> bool {
    let name = file.strip_prefix("speech_tokenizer/").unwrap_or(file);
    let wanted = [".json", ".txt", ".safetensors"].iter().any(|end| name.ends_with(end));
    wanted && is_name(name)
}

struct Client<'a> {
    agent: Agent,
    model: &'a str,
    environment: &'a Environment,
}

impl<'a> Client<'a> {
    fn new(repository: &'a Repository, environment: &'a Environment) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_per_read(Some(Duration::from_secs(60)))
            .user_agent(concat!("qwen3-tts/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.new_agent(), model: &repository.id, environment }
    }

    fn revision(&self) -> Result<Revision, HubError> {
        let url = format!("{}/api/models/{}/revision/main", self.environment.endpoint, self.model);
        let mut response = self.get(&url, 0).map_err(|error| self.explain(error))?;
        let text = response.body_mut().read_to_string().map_err(|error| self.refuse(error))?;
        let revision: Revision = serde_json::from_str(&text)
            .map_err(|error| self.refuse(format!("the hub's answer is not a revision: {error}")))?;
        match is_commit(&revision.sha) {
            true => Ok(revision),
            false => Err(self.refuse("the hub's answer names no commit")),
        }
    }

    /// Fetches one file, going on where an earlier attempt ended.
    fn fetch(
        &self,
        commit: &str,
        file: &str,
        target: &Path,
        progress: &mut dyn FnMut(&Progress<'_>),
    ) -> Result<(), HubError> {
        let Some((path, mut part)) = open_part(target).map_err(|error| cache(target, error))?
        else {
            return Ok(());
        };
        let url = format!("{}/{}/resolve/{commit}/{file}", self.environment.endpoint, self.model);
        let mut done = part.seek(SeekFrom::End(0)).map_err(|error| cache(&path, error))?;
        let mut response = self.get(&url, done);
        if matches!(response, Err(ureq::Error::StatusCode(416))) {
            // Nothing follows what is here: it may be whole and may be wrong, so it starts over.
            done = restart(&part).map_err(|error| cache(&path, error))?;
            response = self.get(&url, done);
        }
        let response = response.map_err(|error| self.explain(error))?;
        if done > 0 && response.status() != 206 {
            done = restart(&part).map_err(|error| cache(&path, error))?;
        }
        let total = total_size(&response, done)
            .ok_or_else(|| self.refuse(format!("the hub does not say how long {file} is")))?;
        let mut reader = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 18];
        while done < total {
            let n = reader.read(&mut buffer).map_err(|error| self.refuse(error))?;
            if n == 0 {
                break;
            }
            part.write_all(&buffer[..n]).map_err(|error| cache(&path, error))?;
            done += n as u64;
            progress(&Progress { file, done, total });
        }
        if done != total {
            let _ = if done > total { part.set_len(0) } else { Ok(()) };
            return Err(
                self.refuse(format!("{file} ended after {done} of {total} bytes; run again"))
            );
        }
        part.sync_all()
            .and_then(|()| fs::rename(&path, target))
            .map_err(|error| cache(target, error))
    }

    /// Asks for what follows byte `from`.
    fn get(&self, url: &str, from: u64) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(url);
        if let Some(token) = &self.environment.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        request.call()
    }

    fn explain(&self, error: ureq::Error) -> HubError {
        match error {
            ureq::Error::StatusCode(401 | 403) => self
                .refuse("no permission: set HF_TOKEN, and accept the model's terms if it has any"),
            ureq::Error::StatusCode(404) => self.refuse("there is no such model or file"),
            error => self.refuse(error),
        }
    }

    fn refuse(&self, reason: impl ToString) -> HubError {
        unavailable(self.model, format!("{}: {}", self.environment.endpoint, reason.to_string()))
    }
}

/// The unfinished file beside `target`, locked against another process that fetches the same; or
/// nothing, if that other process has finished it.
fn open_part(target: &Path) -> io::Result<Option<(PathBuf, File)>> {
    let mut name = target.as_os_str().to_owned();
    name.push(".incomplete");
    let path = PathBuf::from(name);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = OpenOptions::new().create(true).append(true).open(&path)?;
    part.lock()?;
    if target.is_file() {
        let _ = fs::remove_file(&path);
        return Ok(None);
    }
    Ok(Some((path, part)))
}

/// Empties an unfinished file.
fn restart(mut part: &File) -> io::Result<u64> {
    part.set_len(0)?;
    part.seek(SeekFrom::Start(0))
}

/// How long the whole file is, of which `done` bytes are here.
fn total_size(response: &Response<Body>, done: u64) -> Option<u64> {
    let header = |name| response.headers().get(name)?.to_str().ok();
    match header(header::CONTENT_RANGE) {
        // "bytes 100-199/200"
        Some(range) => range.rsplit('/').next()?.parse().ok(),
        None => header(header::CONTENT_LENGTH)?.parse::<u64>().ok().map(|length| done + length),
    }
}
