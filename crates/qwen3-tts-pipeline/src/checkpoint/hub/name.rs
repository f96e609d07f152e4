//! Names of models on the hub, as users write them.

use percent_encoding::percent_decode_str;

use super::error::HubError;

/// The revision that a name without one means.
pub(super) const MAIN: &str = "main";

/// Models of this family on the hub.
const PUBLISHED: [&str; 6] = [
    "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice",
    "Qwen/Qwen3-TTS-12Hz-0.6B-Base",
    "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice",
    "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign",
    "Qwen/Qwen3-TTS-12Hz-1.7B-Base",
    "Qwen/Qwen3-TTS-Tokenizer-12Hz",
];

/// Similarity, of at most 1, from which a name counts as a misspelling of another.
const SIMILAR: f64 = 0.7;

/// A model on the hub, at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModelName {
    /// `owner/name`.
    pub id: String,
    /// Branch, tag or commit. Valid as a relative path.
    pub revision: String,
}

impl ModelName {
    pub fn new(id: &str, revision: &str) -> Option<Self> {
        let (owner, name) = id.split_once('/')?;
        let valid = is_name(owner) && is_name(name) && is_revision(revision);
        valid.then(|| Self { id: id.to_owned(), revision: revision.to_owned() })
    }

    /// Parses `owner/name`, `owner/name@revision`, or the URL of a model's page at `endpoint` or at
    /// huggingface.co. Suggests the nearest of `known` and of the published models otherwise.
    pub fn parse(text: &str, endpoint: &str, known: &[String]) -> Result<Self, HubError> {
        let parsed = match page_path(text, endpoint) {
            Some(path) => Self::from_page(path),
            None => Self::new(split_revision(text).0, split_revision(text).1.unwrap_or(MAIN)),
        };
        parsed.ok_or_else(|| HubError::NotAModel { name: text.to_owned(), hint: hint(text, known) })
    }

    /// Parses the path of a page: `owner/name`, `owner/name/tree/revision/…`, or
    /// `owner/name@revision` of an `hf://` URL.
    fn from_page(path: &str) -> Option<Self> {
        let path = path.split(['?', '#']).next()?.trim_matches('/');
        let parts: Vec<_> = path.split('/').collect();
        let (owner, name) = (parts.first()?, parts.get(1)?);
        let (name, at) = split_revision(name);
        let revision = match (parts.get(2), at) {
            (None, at) => at.unwrap_or(MAIN).to_owned(),
            (Some(&("tree" | "blob" | "resolve" | "commit")), None) => page_revision(&parts[3..])?,
            _ => return None,
        };
        Self::new(&format!("{owner}/{name}"), &revision)
    }
}

/// Shows the revision only if it is not `main`.
impl std::fmt::Display for ModelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)?;
        if self.revision == MAIN { Ok(()) } else { write!(f, "@{}", self.revision) }
    }
}

/// Splits `name@revision`.
pub(super) fn split_revision(text: &str) -> (&str, Option<&str>) {
    match text.split_once('@') {
        Some((name, revision)) => (name, Some(revision)),
        None => (text, None),
    }
}

/// Returns an invitation to name the nearest model, or an example if none is near.
pub(super) fn hint(text: &str, known: &[String]) -> String {
    let asked = last_part(split_revision(text).0);
    let candidates = known.iter().map(String::as_str).chain(PUBLISHED);
    let similar = candidates
        .map(|id| (strsim::normalized_damerau_levenshtein(&asked, &last_part(id)), id))
        .filter(|&(similarity, id)| similarity >= SIMILAR && id != text)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match similar {
        Some((_, id)) => format!("did you mean {id}?"),
        None => format!("expected a name such as {}", PUBLISHED[0]),
    }
}

/// Returns true if `part` is valid as the owner or the name of a model, and as the name of a file in
/// the folder that it is joined to.
pub(super) fn is_name(part: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !part.is_empty() && part.len() < 100 && !part.starts_with('.') && part.chars().all(fits)
}

/// Returns true if `text` is a Git commit hash.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// Returns true if `text` can be a branch, tag or commit. Branches may have slashes.
fn is_revision(text: &str) -> bool {
    text.split('/').all(is_name)
}

/// Returns the path of the page that a URL names, if its host is one of the hub's.
fn page_path<'a>(text: &'a str, endpoint: &str) -> Option<&'a str> {
    if let Some(path) = text.strip_prefix("hf://") {
        return Some(path.strip_prefix("models/").unwrap_or(path));
    }
    let at_endpoint = text.strip_prefix(endpoint).filter(|_| !endpoint.is_empty());
    if let Some(path) = at_endpoint.and_then(|rest| rest.strip_prefix('/')) {
        return Some(path);
    }
    let page = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let (host, path) = page.unwrap_or(text).split_once('/')?;
    ["huggingface.co", "www.huggingface.co", "hf.co"].contains(&host).then_some(path)
}

/// Returns the revision at the begin of the rest of a page's path. Slashes in it are escaped, but
/// for those of `refs/pr/1`.
fn page_revision(parts: &[&str]) -> Option<String> {
    let revision = percent_decode_str(parts.first()?).decode_utf8().ok()?;
    match (&*revision, parts.get(1..3)) {
        ("refs", Some(rest)) => Some(format!("refs/{}", rest.join("/"))),
        _ => Some(revision.into_owned()),
    }
}

fn last_part(id: &str) -> String {
    let id = id.trim_end_matches('/');
    id.rsplit('/').next().unwrap_or(id).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: &str = "https://mirror.example/hf";

    fn parse(text: &str) -> Result<ModelName, HubError> {
        ModelName::parse(text, ENDPOINT, &["Someone/Tiny-TTS".to_owned()])
    }

    #[test]
    fn names_and_pages_are_parsed() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for (text, revision) in [
            ("Qwen/Some-TTS", MAIN),
            ("Qwen/Some-TTS@main", MAIN),
            ("Qwen/Some-TTS@v1.0", "v1.0"),
            ("Qwen/Some-TTS@refs/pr/1", "refs/pr/1"),
            ("https://huggingface.co/Qwen/Some-TTS", MAIN),
            ("https://huggingface.co/Qwen/Some-TTS/", MAIN),
            ("https://huggingface.co/Qwen/Some-TTS?library=transformers", MAIN),
            ("https://huggingface.co/Qwen/Some-TTS#usage", MAIN),
            ("https://huggingface.co/Qwen/Some-TTS/tree/v1.0", "v1.0"),
            ("https://huggingface.co/Qwen/Some-TTS/tree/v1.0/speech_tokenizer", "v1.0"),
            ("https://huggingface.co/Qwen/Some-TTS/tree/refs%2Fpr%2F1", "refs/pr/1"),
            ("https://huggingface.co/Qwen/Some-TTS/tree/refs/pr/1/speech_tokenizer", "refs/pr/1"),
            ("https://huggingface.co/Qwen/Some-TTS/blob/main/config.json", MAIN),
            ("http://hf.co/Qwen/Some-TTS", MAIN),
            ("huggingface.co/Qwen/Some-TTS", MAIN),
            ("hf://Qwen/Some-TTS@v1.0", "v1.0"),
            ("hf://models/Qwen/Some-TTS", MAIN),
            ("https://mirror.example/hf/Qwen/Some-TTS/tree/v1.0", "v1.0"),
            (&format!("https://huggingface.co/Qwen/Some-TTS/commit/{commit}"), commit),
        ] {
            let expected =
                ModelName { id: "Qwen/Some-TTS".to_owned(), revision: revision.to_owned() };
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        for text in [
            "",
            "Qwen",
            "a/b/c",
            "a/b@",
            "a/b@../x",
            "a/b@x/../y",
            "a/b@/x",
            "a/b@x y",
            "../x",
            "a/..",
            "https://huggingface.co/Qwen",
            "https://huggingface.co/spaces/Qwen/Qwen3-TTS",
            "https://huggingface.co/Qwen/Some-TTS/tree",
            "https://huggingface.co/Qwen/Some-TTS/tree/..%2F..",
            "https://elsewhere.example/Qwen/Some-TTS",
        ] {
            assert!(matches!(parse(text), Err(HubError::NotAModel { .. })), "{text}");
        }
    }

    #[test]
    fn the_nearest_model_is_suggested() {
        for (text, nearest) in [
            ("Qwen3-TTS-12Hz-0.6B-Base", "Qwen/Qwen3-TTS-12Hz-0.6B-Base"),
            ("qwen3-tts-12hz-1.7b-voicedesing", "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign"),
            ("models/Qwen3-TTS-Tokenizer-12Hz/", "Qwen/Qwen3-TTS-Tokenizer-12Hz"),
            ("tiny_tts", "Someone/Tiny-TTS"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(&format!("did you mean {nearest}?")), "{message}");
        }
        assert!(parse("x").unwrap_err().to_string().contains("such as Qwen/"));
    }

    #[test]
    fn only_other_revisions_than_main_are_shown() {
        assert_eq!(parse("a/b").unwrap().to_string(), "a/b");
        assert_eq!(parse("a/b@v1").unwrap().to_string(), "a/b@v1");
    }
}
