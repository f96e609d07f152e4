//! Errors of registered voices and of references.

/// The reason why a voice cannot be used, added or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VoiceError {
    /// The name of a new voice is not allowed.
    #[error(
        "{name:?} is not a name of a voice: expected 1 to 64 letters (a to z), digits, - and _, and \
         not \"default\", \"auto\", \"none\" or the name of a device"
    )]
    InvalidName {
        /// The name that was asked for.
        name: String,
    },
    /// The name belongs to a speaker of a model or to an alias.
    #[error("the name {name:?} belongs to {owner}: choose another one")]
    Reserved {
        /// The name that was asked for.
        name: String,
        /// What has this name.
        owner: &'static str,
    },
    /// There is a voice of this id already.
    #[error(
        "there is a voice {id:?} already: delete it first, send replace=true, or choose another name"
    )]
    Exists {
        /// Id of the voice.
        id: String,
    },
    /// The directory has as many voices as allowed.
    #[error("this server keeps at most {most} voices, and has them: delete one first")]
    Full {
        /// Maximum number of voices.
        most: usize,
    },
    /// There is no such voice.
    #[error("there is no voice {name:?}{}", hint(.known))]
    NotFound {
        /// The name that was asked for.
        name: String,
        /// Names that exist.
        known: Vec<String>,
    },
    /// The server was started without a directory of voices.
    #[error("this server keeps no voices: start it with --voices DIR")]
    NoDirectory,
    /// The file of a voice is damaged.
    #[error("the file of the voice {id:?} cannot be used: {reason}; delete or replace this voice")]
    Damaged {
        /// Id of the voice.
        id: String,
        /// The defect.
        reason: String,
    },
    /// The directory of voices cannot be used at the moment.
    #[error("the voices of this server cannot be {action}: {reason}")]
    Directory {
        /// The operation: `read` or `written`.
        action: &'static str,
        /// The error of the operating system.
        reason: String,
    },
}

/// Maximum number of names in a message.
const SHOWN: usize = 20;

fn hint(known: &[String]) -> String {
    let more = if known.len() > SHOWN { ", … (GET /v1/audio/voices lists all)" } else { "" };
    match known {
        [] => ": GET /v1/audio/voices lists those that exist".to_owned(),
        names => format!("; there are {}{more}", names[..names.len().min(SHOWN)].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_voice_is_answered_with_those_that_exist() {
        let error = |known: &[&str]| {
            let known = known.iter().map(|&name| name.to_owned()).collect();
            VoiceError::NotFound { name: "rian".to_owned(), known }.to_string()
        };
        assert_eq!(error(&["ryan", "mina"]), "there is no voice \"rian\"; there are ryan, mina");
        assert!(error(&[]).contains("GET /v1/audio/voices"));
        assert!(error(&["x"; SHOWN + 1]).ends_with("lists all)"));
    }
}
