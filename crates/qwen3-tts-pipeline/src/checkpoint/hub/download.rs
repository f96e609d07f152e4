//! Downloads of a snapshot, file by file. A file gets its name when it is complete and checked.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use ureq::http::{HeaderName, StatusCode, header};

use super::cache::Repository;
use super::client::{Answer, Client};
use super::content::{self, Expected, Hash};
use super::error::HubError;
use super::name::{is_commit, is_name};
use super::part::Part;
use super::progress::DownloadProgress;
use super::retry::{Failure, Retries};
use super::settings::Hub;
use crate::ModelFiles;

/// Treatment of the files that a snapshot has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// They are checked against the hub, and replaced if they are not as published.
    Check,
    /// They are replaced.
    Replace,
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
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<LargeFile>,
}

#[derive(Deserialize)]
struct LargeFile {
    sha256: String,
    size: u64,
}

impl Sibling {
    fn expected(&self) -> Expected {
        match &self.lfs {
            Some(file) => Expected { size: Some(file.size), hash: Hash::parse(&file.sha256) },
            None => {
                let hash = self.blob_id.as_deref().and_then(Hash::parse);
                Expected { size: self.size, hash }
            }
        }
    }
}

/// Characters of a revision that stand for themselves in a URL.
const IN_REVISION: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-').remove(b'~');

/// Largest size in bytes of the answer that lists the files of a revision.
const MAX_LISTING: u64 = 10 << 20;
/// Largest size in bytes of a file whose size is not known beforehand.
const MAX_FILE: u64 = 16 << 30;

/// Downloads the files of a checkpoint and points the revision at that snapshot.
pub(super) fn download(
    repository: &Repository,
    hub: &Hub,
    existing: Existing,
    progress: &mut dyn FnMut(&DownloadProgress),
) -> Result<PathBuf, HubError> {
    let client = Client::new(hub, &repository.name)?;
    let mut retries = Retries::new(hub.retries, progress);
    let revision = retries.run(|_| revision(&client, repository))?;
    let snapshot = repository.snapshot(&revision.sha);
    for sibling in revision.siblings.iter().filter(|file| is_checkpoint_file(&file.rfilename)) {
        let file = Wanted {
            name: &sibling.rfilename,
            path: format!("{}/resolve/{}/{}", repository.name.id, revision.sha, sibling.rfilename),
            target: snapshot.join(&sibling.rfilename),
            expected: sibling.expected(),
        };
        file.fetch(&client, existing, &mut retries)?;
    }
    let missing = ModelFiles::directory(&snapshot).missing();
    if !missing.is_empty() {
        let model = repository.name.to_string();
        return Err(HubError::NotACheckpoint { model, missing: missing.join(", ") });
    }
    repository.set_reference(&revision.sha)?;
    Ok(snapshot)
}

/// Asks which files a revision has.
fn revision(client: &Client<'_>, repository: &Repository) -> Result<Revision, Failure> {
    let name = &repository.name;
    let revision = utf8_percent_encode(&name.revision, IN_REVISION);
    let path = format!("api/models/{}/revision/{revision}?blobs=true", name.id);
    let Answer { response, url, .. } = client.get(&path, &[])?;
    let mut bytes = Vec::new();
    let read = client.body(response).take(MAX_LISTING).read_to_end(&mut bytes);
    read.map_err(|error| client.broken(&url, &ureq::Error::from(error)))?;
    let text = String::from_utf8_lossy(&bytes);
    match serde_json::from_str::<Revision>(&text) {
        Ok(revision) if is_commit(&revision.sha) => Ok(revision),
        Ok(_) => Err(client.unavailable_at(&url, "the answer has no commit hash").into()),
        Err(_) if text.trim_start().starts_with('<') => {
            let reason = "the answer is a web page, such as the login page of a network; log in \
                          with a browser, and check HF_ENDPOINT if it is set";
            Err(client.unavailable_at(&url, reason).into())
        }
        Err(error) => {
            let reason = format!("the answer is not that of a hub: {error}");
            Err(client.unavailable_at(&url, reason).into())
        }
    }
}

/// Returns true for configuration, tokenizer and weights at the top or in `speech_tokenizer`, and
/// for no path outside these two folders, whatever the server lists.
fn is_checkpoint_file(file: &str) -> bool {
    let name = file.strip_prefix("speech_tokenizer/").unwrap_or(file);
    let wanted = [".json", ".txt", ".safetensors"].iter().any(|end| name.ends_with(end));
    wanted && is_name(name)
}

/// A file of the snapshot.
struct Wanted<'a> {
    /// Path in the checkpoint.
    name: &'a str,
    /// Path on the server.
    path: String,
    /// Path in the cache.
    target: PathBuf,
    expected: Expected,
}

impl Wanted<'_> {
    /// Downloads the file, if it is not there and as published. Resumes where an earlier attempt
    /// ended.
    fn fetch(
        &self,
        client: &Client<'_>,
        existing: Existing,
        retries: &mut Retries<'_>,
    ) -> Result<(), HubError> {
        if existing == Existing::Check && self.target.is_file() {
            retries.report(&DownloadProgress::Checking { name: self.name.to_owned() });
        }
        if self.is_here(existing) {
            Part::remove_left(&self.target);
            return Ok(());
        }
        let mut on_wait = || {
            let reason = format!("another process downloads {}", self.name);
            retries.report(&DownloadProgress::Waiting { reason, duration: None });
        };
        let mut part = Part::open(&self.target, &mut on_wait).map_err(|error| self.cache(error))?;
        if self.is_here(existing) {
            return part.discard().map_err(|error| self.cache(error));
        }
        if existing == Existing::Replace {
            part.restart(None).map_err(|error| self.cache(error))?;
        }
        let is_whole = self.expected.size == Some(part.len())
            && content::check(part.path(), self.name, &self.expected).is_ok();
        if !is_whole {
            let mut furthest = part.len();
            retries.run(|retries| self.attempt(client, &mut part, &mut furthest, retries))?;
        }
        part.complete().map_err(|error| self.cache(error))
    }

    fn is_here(&self, existing: Existing) -> bool {
        existing == Existing::Check
            && self.target.is_file()
            && content::check(&self.target, self.name, &self.expected).is_ok()
    }

    /// Downloads the bytes that are not there yet, and checks the whole.
    fn attempt(
        &self,
        client: &Client<'_>,
        part: &mut Part,
        furthest: &mut u64,
        retries: &mut Retries<'_>,
    ) -> Result<(), Failure> {
        let mut answer = client.get(&self.path, &self.rest_of(part))?;
        let resumed = self.continues(part, &answer);
        if !resumed {
            if part.len() > 0 && answer.response.status() != StatusCode::OK {
                // The server has no such range, or sends another.
                answer = client.get(&self.path, &[])?;
            }
            if answer.response.status() != StatusCode::OK {
                let reason = format!("the server answers {}", answer.response.status());
                return Err(client.unavailable_at(&answer.url, reason).into());
            }
            let tag = answer.header(header::ETAG).filter(|tag| !tag.starts_with("W/"));
            part.restart(tag).map_err(|error| self.cache(error))?;
        }
        answer.expected = self.expected.clone().or(answer.expected);
        let expected = answer.expected.clone();
        let url = answer.url.clone();
        self.receive(client, answer, part, furthest, retries)?;
        let Err(flaw) = content::check(part.path(), self.name, &expected) else { return Ok(()) };
        part.restart(None).map_err(|error| self.cache(error))?;
        let reason = format!("{} is not as published", self.name);
        let error = HubError::Content { file: self.name.to_owned(), url, reason: flaw };
        match resumed {
            // The bytes of an earlier attempt may be those of another version.
            true => Err(Failure::Transient { error, reason, wait: Some(Duration::ZERO) }),
            false => Err(error.into()),
        }
    }

    /// Appends the body of a response.
    fn receive(
        &self,
        client: &Client<'_>,
        answer: Answer,
        part: &mut Part,
        furthest: &mut u64,
        retries: &mut Retries<'_>,
    ) -> Result<(), Failure> {
        let total = total_size(part, &answer);
        let most = answer.expected.size.or(total).unwrap_or(MAX_FILE);
        let url = answer.url;
        let mut body = client.body(answer.response);
        let mut buffer = vec![0; 1 << 18];
        let before = *furthest;
        loop {
            let n = body
                .read(&mut buffer)
                .map_err(|error| client.broken(&url, &ureq::Error::from(error)))?;
            if n == 0 {
                break;
            }
            if part.len() + n as u64 > most {
                part.restart(None).map_err(|error| self.cache(error))?;
                let reason = format!("it has more than the expected {most} bytes");
                return Err(HubError::Content { file: self.name.to_owned(), url, reason }.into());
            }
            part.append(&buffer[..n]).map_err(|error| self.cache(error))?;
            let name = self.name.to_owned();
            retries.report(&DownloadProgress::File { name, done: part.len(), total });
            retries.advance(part.len().saturating_sub(before));
            *furthest = part.len().max(*furthest);
        }
        match total.filter(|&total| part.len() < total) {
            None => Ok(()),
            Some(total) => {
                let reason = format!("{} ended after {} of {total} bytes", self.name, part.len());
                let error = client.unavailable_at(&url, reason.clone());
                Err(Failure::Transient { error, reason, wait: None })
            }
        }
    }

    /// Returns the headers that ask for the bytes that `part` lacks, of the same version. Bytes of
    /// which neither version nor hash is known are fetched again.
    fn rest_of(&self, part: &Part) -> Vec<(HeaderName, String)> {
        if part.len() == 0 || (part.tag().is_none() && self.expected.hash.is_none()) {
            return Vec::new();
        }
        let range = (header::RANGE, format!("bytes={}-", part.len()));
        let version = part.tag().map(|tag| (header::IF_RANGE, tag.to_owned()));
        std::iter::once(range).chain(version).collect()
    }

    /// Returns true if a response holds the bytes that follow those of `part`, of the same version.
    fn continues(&self, part: &Part, answer: &Answer) -> bool {
        let Some(range) = answer.header(header::CONTENT_RANGE).and_then(ContentRange::parse) else {
            return false;
        };
        let same_version = match (part.tag(), answer.header(header::ETAG)) {
            (Some(old), Some(new)) => old == new,
            // The hash tells in the end.
            _ => self.expected.hash.is_some(),
        };
        let size = self.expected.size.zip(range.total);
        part.len() > 0
            && answer.response.status() == StatusCode::PARTIAL_CONTENT
            && range.start == part.len()
            && same_version
            && size.is_none_or(|(listed, told)| listed == told)
    }

    fn cache(&self, error: std::io::Error) -> HubError {
        HubError::cache(&self.target, error)
    }
}

/// Returns the size of the whole file, if the server tells it.
fn total_size(part: &Part, answer: &Answer) -> Option<u64> {
    let range = answer.header(header::CONTENT_RANGE).and_then(ContentRange::parse);
    let rest = || answer.header(header::CONTENT_LENGTH)?.trim().parse::<u64>().ok();
    match range {
        Some(range) => range.total,
        None => rest().map(|rest| part.len() + rest),
    }
}

/// `bytes 100-199/200`.
struct ContentRange {
    start: u64,
    /// `None` for `*`.
    total: Option<u64>,
}

impl ContentRange {
    fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (start, _) = range.split_once('-')?;
        let total = match total {
            "*" => None,
            total => Some(total.parse().ok()?),
        };
        Some(Self { start: start.trim().parse().ok()?, total })
    }
}
