//! The certificates that a server's own is checked against.

use std::env;
use std::path::{Path, PathBuf};

use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};
use ureq::tls::{Certificate, RootCerts};

use super::error::HubError;

/// Places of the certificates of authorities.
#[derive(Clone, Debug)]
pub(super) enum Certificates {
    /// The system's trust store, or Mozilla's list where the system has none.
    System,
    /// The files and directories that a variable names.
    Named { variable: &'static str, value: String, paths: Vec<PathBuf> },
}

impl Certificates {
    /// Reads `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE`, else `SSL_CERT_FILE` with `SSL_CERT_DIR`.
    pub fn from_variables(get: &dyn Fn(&str) -> Option<String>) -> Self {
        let get = |name| get(name).filter(|value| !value.trim().is_empty());
        for variable in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"] {
            if let Some(value) = get(variable) {
                let paths = vec![PathBuf::from(&value)];
                return Self::Named { variable, value, paths };
            }
        }
        let (file, directories) = (get("SSL_CERT_FILE"), get("SSL_CERT_DIR"));
        let paths = file.iter().map(PathBuf::from);
        let paths = paths.chain(directories.iter().flat_map(env::split_paths)).collect();
        match (file, directories) {
            (Some(value), _) => Self::Named { variable: "SSL_CERT_FILE", value, paths },
            (None, Some(value)) => Self::Named { variable: "SSL_CERT_DIR", value, paths },
            (None, None) => Self::System,
        }
    }

    /// Reads the certificates.
    pub fn load(&self) -> Result<RootCerts, HubError> {
        match self {
            Self::System => Ok(roots(&[load_native_certs()]).unwrap_or(RootCerts::WebPki)),
            Self::Named { variable, value, paths } => {
                let loaded: Vec<_> = paths.iter().map(|path| load(path)).collect();
                roots(&loaded).ok_or_else(|| HubError::Setting {
                    variable,
                    value: value.clone(),
                    expected: match loaded.iter().flat_map(|loaded| &loaded.errors).next() {
                        Some(error) => format!("certificates in PEM form ({error})"),
                        None => "certificates in PEM form; it has none".to_owned(),
                    },
                })
            }
        }
    }
}

fn load(path: &Path) -> CertificateResult {
    match path.is_dir() {
        true => load_certs_from_paths(None, Some(path)),
        false => load_certs_from_paths(Some(path), None),
    }
}

/// Returns the certificates, if there are any.
fn roots(loaded: &[CertificateResult]) -> Option<RootCerts> {
    let certificates = loaded.iter().flat_map(|loaded| &loaded.certs);
    let certificates: Vec<_> =
        certificates.map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    (!certificates.is_empty()).then(|| RootCerts::new_with_certs(&certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_certificates_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate").unwrap();
        let none = folder.path().join("none.pem");
        for variable in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            for path in [&empty, &none] {
                let path = path.to_str().unwrap();
                let get = |name: &str| (name == variable).then(|| path.to_owned());
                let error = Certificates::from_variables(&get).load().unwrap_err().to_string();
                assert!(error.contains(variable) && error.contains(path), "{error}");
            }
        }
    }
}
