//! Classes of errors, for programs that react to them.

use std::io;

use super::Error;
use crate::audio::AudioError;
#[cfg(feature = "hub")]
use crate::checkpoint::HubError;
use crate::voice::VoiceFileError;

/// The class of an [`Error`]: what a caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request, or a file that comes with it (recording, voice, codes), is invalid or does not
    /// fit the model. The same request fails again.
    InvalidRequest,
    /// A file or a model does not exist under the name that was given.
    NotFound,
    /// A file of the checkpoint is damaged, or the files do not belong together.
    InvalidModel,
    /// Too many requests are waiting. The same request may succeed later.
    Busy,
    /// The request was cancelled, or the model was shut down.
    Cancelled,
    /// This build, device or checkpoint lacks the capability.
    Unsupported,
    /// Reading, writing or downloading failed.
    Io,
    /// A computation went wrong: a defect of this program, or weights that give NaN.
    Internal,
}

impl Error {
    /// Returns the class of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Request(_)
            | Self::Field { .. }
            | Self::Markup { .. }
            | Self::UnknownName(_)
            | Self::Codes { .. }
            | Self::SpeechEnded => ErrorKind::InvalidRequest,
            Self::ModelNotFound { .. } | Self::MissingFile { .. } => ErrorKind::NotFound,
            Self::Config { .. } | Self::Tokenizer { .. } | Self::WrongFile { .. } => {
                ErrorKind::InvalidModel
            }
            Self::Read { source, .. } => read_kind(source),
            Self::Write { .. } => ErrorKind::Io,
            Self::Audio { source, .. } => audio_kind(source),
            Self::VoiceFile { source, .. } => voice_file_kind(source),
            Self::Nn(error) => nn_kind(error),
            Self::Talker(error) => talker_kind(error),
            Self::Codec(error) => codec_kind(error),
            Self::SpeakerEncoder(error) => speaker_kind(error),
            Self::Unsupported(_) | Self::SpeechTokenizerAlone { .. } => ErrorKind::Unsupported,
            Self::Busy { .. } => ErrorKind::Busy,
            Self::Cancelled | Self::Stopped => ErrorKind::Cancelled,
            Self::Internal(_) => ErrorKind::Internal,
            #[cfg(feature = "hub")]
            Self::Hub(error) => hub_kind(error),
        }
    }
}

fn read_kind(source: &io::Error) -> ErrorKind {
    match source.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Io,
    }
}

fn audio_kind(error: &AudioError) -> ErrorKind {
    match error {
        AudioError::Io(_) => ErrorKind::Io,
        AudioError::UnknownFormat
        | AudioError::Foreign { .. }
        | AudioError::NotAFile { .. }
        | AudioError::UnknownCodec { .. }
        | AudioError::Damaged { .. }
        | AudioError::SampleRate { .. }
        | AudioError::Channels { .. }
        | AudioError::Empty
        | AudioError::TooShort { .. }
        | AudioError::Silent { .. }
        | AudioError::NonFinite { .. } => ErrorKind::InvalidRequest,
    }
}

fn voice_file_kind(error: &VoiceFileError) -> ErrorKind {
    match error {
        VoiceFileError::Version { .. } => ErrorKind::Unsupported,
        VoiceFileError::TooLarge { .. }
        | VoiceFileError::WrongFile(_)
        | VoiceFileError::Damaged { .. }
        | VoiceFileError::Format { .. }
        | VoiceFileError::Missing { .. }
        | VoiceFileError::Unexpected { .. } => ErrorKind::InvalidRequest,
    }
}

#[cfg(feature = "hub")]
fn hub_kind(error: &HubError) -> ErrorKind {
    match error {
        HubError::NotADirectory { .. }
        | HubError::NoRevisions { .. }
        | HubError::Offline { .. }
        | HubError::Setting { .. } => ErrorKind::InvalidRequest,
        HubError::NotAModel { .. } | HubError::NotCached { .. } | HubError::Refused { .. } => {
            ErrorKind::NotFound
        }
        HubError::NotACheckpoint { .. } => ErrorKind::InvalidModel,
        HubError::Unavailable { .. } | HubError::Content { .. } | HubError::Cache { .. } => {
            ErrorKind::Io
        }
    }
}

// The errors of other crates can get new variants. One that is not named here is `Internal`, so
// that it is reported rather than blamed on the user.

fn nn_kind(error: &qwen3_tts_nn::Error) -> ErrorKind {
    use qwen3_tts_nn::Error;
    match error {
        Error::Open { source, .. } => read_kind(source),
        Error::MissingFile { .. } => ErrorKind::NotFound,
        Error::Malformed { .. }
        | Error::WrongFile { .. }
        | Error::MissingTensor { .. }
        | Error::TensorShape { .. }
        | Error::TensorDtype { .. }
        | Error::QuantizedShape { .. }
        | Error::UnknownTensors { .. } => ErrorKind::InvalidModel,
        Error::QuantizedAlready { .. } => ErrorKind::InvalidRequest,
        Error::DeviceMissing { .. } => ErrorKind::Unsupported,
        // The same for all NaN, whether it is found in the weights or in what they compute.
        Error::NonFiniteTensor { .. } | Error::NonFinite { .. } => ErrorKind::Internal,
        _ => ErrorKind::Internal,
    }
}

fn talker_kind(error: &qwen3_tts_talker::Error) -> ErrorKind {
    use qwen3_tts_talker::Error;
    match error {
        Error::SpeakerWidth { .. }
        | Error::NonFiniteSpeaker { .. }
        | Error::EmptyBlend
        | Error::NonFiniteWeight { .. }
        | Error::EmptyReference
        | Error::ReferenceFrame { .. }
        | Error::TextTooLong { .. }
        | Error::NotStreaming
        | Error::Sampling { .. }
        | Error::NoFrames => ErrorKind::InvalidRequest,
        // Ids come from the checkpoint's own tokenizer.
        Error::TooShort { .. } | Error::IdOutOfRange { .. } => ErrorKind::InvalidModel,
        // Calls in a wrong order.
        Error::TooLittleText { .. } | Error::TextBehind | Error::TextComplete => {
            ErrorKind::Internal
        }
        Error::Nn(error) => nn_kind(error),
        _ => ErrorKind::Internal,
    }
}

fn codec_kind(error: &qwen3_tts_codec::Error) -> ErrorKind {
    use qwen3_tts_codec::Error;
    match error {
        Error::FrameLength { .. }
        | Error::CodeOutOfRange { .. }
        | Error::ChunkSize
        | Error::NoSamples
        | Error::NonFiniteSample { .. } => ErrorKind::InvalidRequest,
        Error::NoEncoder => ErrorKind::Unsupported,
        Error::Nn(error) => nn_kind(error),
        _ => ErrorKind::Internal,
    }
}

fn speaker_kind(error: &qwen3_tts_speaker::Error) -> ErrorKind {
    use qwen3_tts_speaker::Error;
    match error {
        Error::Config { .. } => ErrorKind::InvalidModel,
        // The samples of a recording overflow in its spectrogram.
        Error::MelNonFinite { .. } => ErrorKind::InvalidRequest,
        Error::TooShort { .. } | Error::MelShape { .. } => ErrorKind::InvalidRequest,
        Error::Dsp(error) => dsp_kind(error),
        Error::Nn(error) => nn_kind(error),
        _ => ErrorKind::Internal,
    }
}

fn dsp_kind(error: &qwen3_tts_speaker::DspError) -> ErrorKind {
    use qwen3_tts_speaker::DspError as Error;
    match error {
        Error::Config { .. } => ErrorKind::InvalidModel,
        Error::TooShort { .. } | Error::NonFinite { .. } => ErrorKind::InvalidRequest,
        _ => ErrorKind::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorKind::*;
    use super::*;
    use qwen3_tts_codec::Error as CodecError;
    use qwen3_tts_config::{ConfigError, ModelConfig};
    use qwen3_tts_files::{MissingFile, WrongFile};
    use qwen3_tts_nn::{Error as NnError, SamplingError};
    use qwen3_tts_speaker::{DspError, Error as SpeakerError};
    use qwen3_tts_talker::Error as TalkerError;

    fn file() -> String {
        "file".to_owned()
    }

    fn reason() -> String {
        "reason".to_owned()
    }

    fn io_error(kind: io::ErrorKind) -> io::Error {
        kind.into()
    }

    fn config_error() -> ConfigError {
        ModelConfig::from_json("").unwrap_err()
    }

    /// Checks kinds, and that each message is one line.
    fn check(errors: impl IntoIterator<Item = (Error, ErrorKind)>) {
        for (error, kind) in errors {
            assert_eq!(error.kind(), kind, "{error:?}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    #[test]
    fn every_variant_has_its_kind() {
        let read = |kind| Error::Read { file: file(), source: io_error(kind) };
        check([
            (Error::Request(reason()), InvalidRequest),
            (Error::Field { field: "text", reason: reason() }, InvalidRequest),
            (Error::UnknownName(config_error()), InvalidRequest),
            (Error::Markup { line: 1, column: 1, reason: reason() }, InvalidRequest),
            (Error::Unsupported(reason()), Unsupported),
            (Error::ModelNotFound { name: file(), reason: "reason" }, NotFound),
            (Error::MissingFile { file: file(), reason: None }, NotFound),
            (Error::WrongFile { file: file(), source: WrongFile::LfsPointer }, InvalidModel),
            (read(io::ErrorKind::NotFound), NotFound),
            (read(io::ErrorKind::PermissionDenied), Io),
            (Error::Config { file: file(), source: config_error() }, InvalidModel),
            (Error::Tokenizer { file: file(), reason: reason() }, InvalidModel),
            (Error::Codes { file: file(), reason: reason() }, InvalidRequest),
            (Error::SpeechTokenizerAlone { file: file() }, Unsupported),
            (Error::SpeechEnded, InvalidRequest),
            (Error::Cancelled, Cancelled),
            (Error::Busy { present: 3 }, Busy),
            (Error::Stopped, Cancelled),
            (Error::Internal(reason()), Internal),
            (
                Error::Write {
                    path: file().into(),
                    source: io_error(io::ErrorKind::PermissionDenied),
                },
                Io,
            ),
        ]);
    }

    #[test]
    fn recordings_and_voice_files_are_part_of_the_request() {
        let audio = |source, kind| (Error::Audio { file: file(), source }, kind);
        check([
            audio(AudioError::Io(io_error(io::ErrorKind::UnexpectedEof)), Io),
            audio(AudioError::UnknownFormat, InvalidRequest),
            audio(AudioError::UnknownCodec { found: "AMR".into() }, InvalidRequest),
            audio(AudioError::Damaged { seconds: 0.5, reason: reason() }, InvalidRequest),
            audio(AudioError::Foreign { found: "AMR" }, InvalidRequest),
            audio(AudioError::NotAFile { found: "a web address" }, InvalidRequest),
            audio(AudioError::SampleRate { found: 1, min: 2, max: 3 }, InvalidRequest),
            audio(AudioError::Channels { found: 40, max: 32 }, InvalidRequest),
            audio(AudioError::Empty, InvalidRequest),
            audio(AudioError::TooShort { found: 0.1, needed: 0.3 }, InvalidRequest),
            audio(AudioError::Silent { peak_dbfs: -90.0 }, InvalidRequest),
            audio(AudioError::NonFinite { seconds: 0.5, value: f32::NAN }, InvalidRequest),
        ]);
        let voice = |source, kind| (Error::VoiceFile { file: file(), source }, kind);
        check([
            voice(VoiceFileError::TooLarge { max: 1 }, InvalidRequest),
            voice(VoiceFileError::WrongFile(WrongFile::Html), InvalidRequest),
            voice(VoiceFileError::Damaged { reason: reason() }, InvalidRequest),
            voice(VoiceFileError::Format { found: reason() }, InvalidRequest),
            voice(VoiceFileError::Version { found: 2, known: 1 }, Unsupported),
            voice(VoiceFileError::Missing { what: "version" }, InvalidRequest),
            voice(
                VoiceFileError::Unexpected { what: "codes", expected: "U32", found: reason() },
                InvalidRequest,
            ),
        ]);
    }

    #[cfg(feature = "hub")]
    #[test]
    fn a_model_of_the_hub_is_missing_or_out_of_reach() {
        let (model, url) = (|| "a/b".to_owned(), || "https://hub".to_owned());
        let source = io_error(io::ErrorKind::StorageFull);
        check([
            (HubError::NotADirectory { path: file().into() }.into(), InvalidRequest),
            (
                HubError::NoRevisions { path: file().into(), revision: reason() }.into(),
                InvalidRequest,
            ),
            (HubError::NotAModel { name: model(), hint: reason() }.into(), NotFound),
            (HubError::NotCached { model: model() }.into(), NotFound),
            (HubError::Offline { model: model() }.into(), InvalidRequest),
            (HubError::Refused { model: model(), url: url(), reason: reason() }.into(), NotFound),
            (HubError::Unavailable { model: model(), url: url(), reason: reason() }.into(), Io),
            (HubError::Content { file: file(), url: url(), reason: reason() }.into(), Io),
            (
                HubError::Setting { variable: "V", value: file(), expected: reason() }.into(),
                InvalidRequest,
            ),
            (HubError::NotACheckpoint { model: model(), missing: file() }.into(), InvalidModel),
            (HubError::Cache { path: file().into(), source }.into(), Io),
        ]);
    }

    fn nn_errors() -> Vec<(NnError, ErrorKind)> {
        let (name, shape) = (|| "tensor".to_owned(), || vec![1]);
        let open = |kind| NnError::Open { path: file().into(), source: io_error(kind) };
        vec![
            (open(io::ErrorKind::NotFound), NotFound),
            (open(io::ErrorKind::PermissionDenied), Io),
            (NnError::WrongFile { file: file(), source: WrongFile::Gguf }, InvalidModel),
            (
                NnError::MissingFile { path: file().into(), reason: MissingFile::BrokenLink },
                NotFound,
            ),
            (NnError::Malformed { file: file(), reason: reason() }, InvalidModel),
            (
                NnError::MissingTensor { file: file(), name: name(), expected: shape() },
                InvalidModel,
            ),
            (
                NnError::TensorShape {
                    file: file(),
                    name: name(),
                    expected: shape(),
                    found: shape(),
                },
                InvalidModel,
            ),
            (
                NnError::TensorDtype {
                    file: file(),
                    name: name(),
                    expected: reason(),
                    found: reason(),
                },
                InvalidModel,
            ),
            (
                NnError::QuantizedShape {
                    file: file(),
                    name: name(),
                    expected: reason(),
                    found: shape(),
                },
                InvalidModel,
            ),
            (
                NnError::QuantizedAlready { file: file(), name: name(), expected: 4, found: 8 },
                InvalidRequest,
            ),
            (NnError::UnknownTensors { file: file(), name: name(), count: 2 }, InvalidModel),
            (NnError::DeviceMissing { device: "mlx", reason: reason() }, Unsupported),
            (
                NnError::NonFiniteTensor { file: file(), name: name(), index: 0, value: f32::NAN },
                Internal,
            ),
            (NnError::NonFinite { what: "logits" }, Internal),
        ]
    }

    #[test]
    fn an_error_of_the_arithmetic_is_the_same_through_every_model() {
        check(nn_errors().into_iter().map(|(error, kind)| (error.into(), kind)));
        for (error, kind) in nn_errors() {
            check([(TalkerError::Nn(error).into(), kind)]);
        }
        let errors: [fn(NnError) -> Error; 3] = [
            |error| TalkerError::Nn(error).into(),
            |error| CodecError::Nn(error).into(),
            |error| SpeakerError::Nn(error).into(),
        ];
        for wrap in errors {
            let error = wrap(NnError::DeviceMissing { device: "mlx", reason: reason() });
            assert!(matches!(error, Error::Nn(NnError::DeviceMissing { device: "mlx", .. })));
        }
    }

    #[test]
    fn the_talker_tells_requests_from_models() {
        let errors = [
            (TalkerError::TooShort { what: "text", expected: 9, found: 1 }, InvalidModel),
            (TalkerError::IdOutOfRange { what: "text", id: 9, vocab_size: 8 }, InvalidModel),
            (TalkerError::SpeakerWidth { expected: 8, found: 9 }, InvalidRequest),
            (TalkerError::NonFiniteSpeaker { index: 1 }, InvalidRequest),
            (TalkerError::EmptyReference, InvalidRequest),
            (TalkerError::ReferenceFrame { frame: 0, expected: 16, found: 1 }, InvalidRequest),
            (TalkerError::TextTooLong { positions: 9, limit: 8 }, InvalidRequest),
            (TalkerError::TooLittleText { expected: 9, found: 1 }, Internal),
            (TalkerError::NotStreaming, InvalidRequest),
            (TalkerError::TextBehind, Internal),
            (TalkerError::TextComplete, Internal),
            (
                TalkerError::Sampling {
                    part: "talker",
                    reason: SamplingError::TopP { found: 2.0 },
                },
                InvalidRequest,
            ),
            (TalkerError::NoFrames, InvalidRequest),
        ];
        check(errors.map(|(error, kind)| (error.into(), kind)));
    }

    #[test]
    fn the_codec_tells_requests_from_models() {
        let out_of_range =
            CodecError::CodeOutOfRange { frame: 0, codebook: 1, code: 9, codebook_size: 8 };
        let errors = [
            (CodecError::FrameLength { frame: 0, expected: 16, found: 1 }, InvalidRequest),
            (out_of_range, InvalidRequest),
            (CodecError::ChunkSize, InvalidRequest),
            (CodecError::NoEncoder, Unsupported),
            (CodecError::NoSamples, InvalidRequest),
            (CodecError::NonFiniteSample { index: 0 }, InvalidRequest),
        ];
        check(errors.map(|(error, kind)| (error.into(), kind)));
    }

    #[test]
    fn the_speaker_encoder_tells_requests_from_models() {
        let mel_shape =
            SpeakerError::MelShape { frames: 1, bands: 1, needed_frames: 2, needed_bands: 2 };
        let dsp_config = DspError::Config { field: "n_fft", expected: reason(), found: reason() };
        let errors = [
            (SpeakerError::Config(config_error()), InvalidModel),
            (SpeakerError::TooShort { found: 1, needed: 2, sample_rate: 24_000 }, InvalidRequest),
            (mel_shape, InvalidRequest),
            (
                SpeakerError::MelNonFinite { frame: 0, band: 0, value: f32::INFINITY },
                InvalidRequest,
            ),
            (SpeakerError::Dsp(dsp_config), InvalidModel),
            (SpeakerError::Dsp(DspError::TooShort { found: 1, needed: 2 }), InvalidRequest),
            (SpeakerError::Dsp(DspError::NonFinite { index: 0, value: f32::NAN }), InvalidRequest),
        ];
        check(errors.map(|(error, kind)| (error.into(), kind)));
    }
}
