//! Downloads of a snapshot, file by file. A file gets its name when it is complete.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use ureq::http::{Response, header};
use ureq::{Agent, Body};

use super::cache::{Repository, is_commit, is_name};
use super::error::HubError;
use super::settings::Hub;
use crate::ModelFiles;

/// Progress of the download of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadProgress {
    /// Path of the file in the checkpoint.
    pub file: String,
    /// Number of bytes on disk.
    pub done: u64,
    /// Size of the file in bytes.
    pub total: u64,
}

/// The hub's answer to a request for a revision.
#[derive(Deserialize)]
struct Revision {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// Downloads the files of a checkpoint at `main` and points the cache at that snapshot.
pub(super) fn download(
    repository: &Repository,
    hub: &Hub,
    progress: &mut dyn FnMut(&DownloadProgress),
) -> Result<PathBuf, HubError> {
    let client = Client::new(repository, hub);
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

/// Returns true for configuration, tokenizer and weights at the top or in `speech_tokenizer`, and
/// for no path outside these two folders, whatever the server lists.
fn is_checkpoint_file(file: &str) -> bool {
    let name = file.strip_prefix("speech_tokenizer/").unwrap_or(file);
    let wanted = [".json", ".txt", ".safetensors"].iter().any(|end| name.ends_with(end));
    wanted && is_name(name)
}

struct Client<'a> {
    agent: Agent,
    model: &'a str,
    hub: &'a Hub,
}

impl<'a> Client<'a> {
    fn new(repository: &'a Repository, hub: &'a Hub) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_per_read(Some(Duration::from_secs(60)))
            .user_agent(concat!("qwen3-tts/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.new_agent(), model: &repository.id, hub }
    }

    fn revision(&self) -> Result<Revision, HubError> {
        let url = format!("{}/api/models/{}/revision/main", self.hub.endpoint, self.model);
        let mut response = self.get(&url, 0).map_err(|error| self.failure(error))?;
        let text = response.body_mut().read_to_string().map_err(|error| self.unavailable(error))?;
        let revision: Revision = serde_json::from_str(&text).map_err(|error| {
            self.unavailable(format!("the hub's answer is not a revision: {error}"))
        })?;
        match is_commit(&revision.sha) {
            true => Ok(revision),
            false => Err(self.unavailable("the hub's answer has no commit hash")),
        }
    }

    /// Downloads one file. Resumes where an earlier attempt ended.
    fn fetch(
        &self,
        commit: &str,
        file: &str,
        target: &Path,
        progress: &mut dyn FnMut(&DownloadProgress),
    ) -> Result<(), HubError> {
        let Some((path, mut part)) =
            open_part(target).map_err(|error| HubError::cache(target, error))?
        else {
            return Ok(());
        };
        let url = format!("{}/{}/resolve/{commit}/{file}", self.hub.endpoint, self.model);
        let mut done =
            part.seek(SeekFrom::End(0)).map_err(|error| HubError::cache(&path, error))?;
        let mut response = self.get(&url, done);
        if matches!(response, Err(ureq::Error::StatusCode(416))) {
            // The server has no bytes beyond those on disk. They may be complete or wrong: start over.
            done = restart(&part).map_err(|error| HubError::cache(&path, error))?;
            response = self.get(&url, done);
        }
        let response = response.map_err(|error| self.failure(error))?;
        if done > 0 && response.status() != 206 {
            done = restart(&part).map_err(|error| HubError::cache(&path, error))?;
        }
        let total = total_size(&response, done).ok_or_else(|| {
            self.unavailable(format!("the hub does not send the length of {file}"))
        })?;
        let mut reader = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 18];
        while done < total {
            let n = reader.read(&mut buffer).map_err(|error| self.unavailable(error))?;
            if n == 0 {
                break;
            }
            part.write_all(&buffer[..n]).map_err(|error| HubError::cache(&path, error))?;
            done += n as u64;
            progress(&DownloadProgress { file: file.to_owned(), done, total });
        }
        if done != total {
            let _ = if done > total { part.set_len(0) } else { Ok(()) };
            return Err(
                self.unavailable(format!("{file} ended after {done} of {total} bytes; run again"))
            );
        }
        part.sync_all()
            .and_then(|()| fs::rename(&path, target))
            .map_err(|error| HubError::cache(target, error))
    }

    /// Requests the bytes from `from` on.
    fn get(&self, url: &str, from: u64) -> Result<Response<Body>, ureq::Error> {
        let mut request = self.agent.get(url);
        if let Some(token) = &self.hub.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        request.call()
    }

    fn failure(&self, error: ureq::Error) -> HubError {
        let reason = match error {
            ureq::Error::StatusCode(401 | 403) => {
                "no permission; check the name, set HF_TOKEN, and accept the model's terms if it \
                 has any"
            }
            ureq::Error::StatusCode(404) => "there is no such model or file; check the name",
            error => return self.unavailable(error),
        };
        let endpoint = self.hub.endpoint.clone();
        HubError::Refused { model: self.model.to_owned(), endpoint, reason }
    }

    fn unavailable(&self, reason: impl Display) -> HubError {
        let reason = format!("{}: {reason}", self.hub.endpoint);
        HubError::Unavailable { model: self.model.to_owned(), reason }
    }
}

/// Opens the unfinished file beside `target` and locks it against other processes that download
/// the same file. Returns `None` if another process has completed it meanwhile.
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

/// Truncates an unfinished file to nothing.
fn restart(mut part: &File) -> io::Result<u64> {
    part.set_len(0)?;
    part.seek(SeekFrom::Start(0))
}

/// Returns the size of the whole file in bytes, of which `done` are on disk.
fn total_size(response: &Response<Body>, done: u64) -> Option<u64> {
    let header = |name| response.headers().get(name)?.to_str().ok();
    match header(header::CONTENT_RANGE) {
        // "bytes 100-199/200"
        Some(range) => range.rsplit('/').next()?.parse().ok(),
        None => header(header::CONTENT_LENGTH)?.parse::<u64>().ok().map(|length| done + length),
    }
}
