//! Errors of loading a talker and of running a request.

/// [`Result`](std::result::Result) with the [`Error`] of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason why a talker could not be loaded, a request was refused, or a generation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The ids are not those of a wrapped text.
    #[error(
        "the {what} ids are not those of a wrapped text: {found} ids, expected at least {expected}"
    )]
    TooShort {
        /// `text` or `instruct`.
        what: &'static str,
        /// Number of ids of a wrapped text of one token.
        expected: usize,
        /// Number of ids.
        found: usize,
    },
    /// An id is outside its vocabulary.
    #[error(
        "{what} id {id} is outside the vocabulary of {vocab_size} entries: do tokenizer and model belong together?"
    )]
    IdOutOfRange {
        /// Meaning of the id.
        what: &'static str,
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// A speaker embedding has another width than the model.
    #[error(
        "the speaker embedding has {found} values and this model takes {expected}: the voice was \
         made with a model of another size; make it again with this one"
    )]
    SpeakerWidth {
        /// Width of the model.
        expected: usize,
        /// Number of values.
        found: usize,
    },
    /// A value of a speaker embedding is NaN or infinite.
    #[error("value {index} of the speaker embedding is not a finite number")]
    NonFiniteSpeaker {
        /// Index of the value.
        index: usize,
    },
    /// A blend of speakers has no parts.
    #[error("the blend of speakers has no parts; expected at least one")]
    EmptyBlend,
    /// A weight of a blend of speakers is NaN or infinite.
    #[error("the weight of speaker {id} is {weight}; expected a finite number")]
    NonFiniteWeight {
        /// Id of the speaker.
        id: u32,
        /// The weight.
        weight: f32,
    },
    /// A reference has no frames.
    #[error("the reference has no frames: its recording must not be empty")]
    EmptyReference,
    /// A frame of a reference has another number of codes.
    #[error("reference frame {frame} has {found} codes, expected {expected}")]
    ReferenceFrame {
        /// Index of the frame.
        frame: usize,
        /// Number of codebooks.
        expected: usize,
        /// Number of codes.
        found: usize,
    },
    /// The model has too few positions for the text.
    #[error(
        "the text is too long: it needs {positions} positions and the model has {limit}; \
         split the text and speak the parts one after the other"
    )]
    TextTooLong {
        /// Number of positions of the prompt and of the text that trails it.
        positions: usize,
        /// Number of positions of the model.
        limit: usize,
    },
    /// A request with incremental text has too little of it to start.
    #[error(
        "{found} ids of the text are too few to start with: expected at least {expected}, \
         or the whole text"
    )]
    TooLittleText {
        /// Minimum number of ids.
        expected: usize,
        /// Number of ids so far.
        found: usize,
    },
    /// A request with incremental text is not in the streaming text mode.
    #[error(
        "incremental text needs the streaming text mode: this request has the non-streaming one"
    )]
    NotStreaming,
    /// The text of the next frame has not been pushed yet.
    #[error("the next frame waits for text: push more of it, or finish it")]
    TextBehind,
    /// Text was pushed after it was finished.
    #[error("the text is finished: no more can be added to it")]
    TextComplete,
    /// A sampling parameter is out of range.
    #[error("{part}: {reason}")]
    Sampling {
        /// `talker` or `subtalker`.
        part: &'static str,
        /// The parameter, expected and found value.
        reason: qwen3_tts_nn::SamplingError,
    },
    /// The limit of frames is zero.
    #[error("the limit of frames is 0; expected at least 1")]
    NoFrames,
    /// The weights were refused, or the model computed NaN or infinity.
    #[error(transparent)]
    Nn(#[from] qwen3_tts_nn::Error),
}
