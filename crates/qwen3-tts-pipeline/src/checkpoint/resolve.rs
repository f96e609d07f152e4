//! The files of a model by its name.

use std::path::Path;

use super::files::ModelFiles;
#[cfg(feature = "hub")]
use super::hub::Hub;
use crate::{Error, Result};

impl ModelFiles {
    /// Returns the files of `model`: those of the directory of that path if there is one, else,
    /// with the feature `hub`, those of the model with that name on the hub, such as
    /// `Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice`, which `@revision` may follow.
    ///
    /// A model of the hub is looked up in the Hugging Face cache, and downloaded into it if it is
    /// not there. `Hub::resolve` does the same with progress and with other settings than those of the
    /// environment variables.
    ///
    /// # Errors
    /// Returns [`Error::ModelNotFound`] or `Error::Hub` if there is no such model, or if it cannot
    /// be downloaded.
    pub fn resolve(model: impl AsRef<Path>) -> Result<Self> {
        let model = model.as_ref();
        if model.is_dir() {
            return Ok(Self::directory(model));
        }
        Self::resolve_by_name(model)
    }

    #[cfg(feature = "hub")]
    fn resolve_by_name(model: &Path) -> Result<Self> {
        // A path that is not UTF-8 can only be a directory.
        let Some(name) = model.to_str() else { return Err(not_a_directory(model)) };
        let directory = Hub::from_env().resolve(name, &mut |_| ())?;
        Ok(Self::directory(directory))
    }

    #[cfg(not(feature = "hub"))]
    fn resolve_by_name(model: &Path) -> Result<Self> {
        Err(not_a_directory(model))
    }
}

fn not_a_directory(model: &Path) -> Error {
    let reason = match cfg!(feature = "hub") {
        true => "expected a directory with a checkpoint, or the name of a model on the hub",
        false => {
            "expected a directory with a checkpoint; models on the hub need the feature `hub`, which \
             this program was built without"
        }
    };
    Error::ModelNotFound { name: model.display().to_string(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_directory_is_resolved_to_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let files = ModelFiles::resolve(&directory).unwrap();
        assert_eq!(files.path(), Some(directory.path()));
        let missing = files.missing();
        assert!(missing.iter().any(|name| name == "config.json"), "{missing:?}");
        for path in missing.iter().map(|name| directory.path().join(name)) {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        }
        assert!(files.missing().is_empty());
    }

    #[test]
    fn a_name_that_is_no_model_is_not_found() {
        for name in ["/nonexistent/model", "no-owner", ""] {
            let error = ModelFiles::resolve(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert!(error.to_string().contains(&format!("\"{name}\"")), "{error}");
        }
    }
}
