//! Why a request can't be spoken.

/// A specialised [`Result`](std::result::Result).
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a prompt was refused or a generation broke off.
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
        /// How many ids a wrapped text of one token has.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// An id is outside its vocabulary.
    #[error(
        "{what} id {id} is outside the vocabulary of {vocab_size} entries: do tokenizer and model belong together?"
    )]
    IdOutOfRange {
        /// What the id stands for.
        what: &'static str,
        /// The id.
        id: u32,
        /// The size of the vocabulary.
        vocab_size: usize,
    },
    /// A speaker embedding belongs to another model.
    #[error(
        "the speaker embedding has {found} values and this model takes {expected}: the voice was \
         made with a model of another size; make it again with this one"
    )]
    SpeakerWidth {
        /// The model's width.
        expected: usize,
        /// The number of values.
        found: usize,
    },
    /// A speaker embedding is damaged.
    #[error("value {index} of the speaker embedding is not a finite number")]
    NonFiniteSpeaker {
        /// The value, from 0.
        index: usize,
    },
    /// A reference has no frames.
    #[error("the reference has no frames: its recording must not be empty")]
    EmptyReference,
    /// A frame of a reference has another number of codes.
    #[error("reference frame {frame} has {found} codes, expected {expected}")]
    ReferenceFrame {
        /// The frame, from 0.
        frame: usize,
        /// The number of codebooks.
        expected: usize,
        /// The number of codes.
        found: usize,
    },
    /// The model has too few positions for the text.
    #[error(
        "the text is too long: it needs {positions} positions and the model has {limit}; \
         split the text and speak the parts one after the other"
    )]
    TextTooLong {
        /// Positions that the prompt and the text that trails it need.
        positions: usize,
        /// Positions that the model has.
        limit: usize,
    },
    /// A request whose text comes bit by bit has too little of it to start.
    #[error(
        "{found} ids of the text are too few to start with: expected at least {expected}, \
         or the whole text"
    )]
    TooLittleText {
        /// Ids to start with.
        expected: usize,
        /// Ids that are there.
        found: usize,
    },
    /// The text of a request that is to be spoken whole can't come bit by bit.
    #[error(
        "text can come bit by bit only in the streaming text mode, not in the non-streaming one"
    )]
    NotStreaming,
    /// A frame was asked for whose text is not there yet.
    #[error("the next frame waits for text: push more of it, or finish it")]
    TextBehind,
    /// Text was pushed after the end.
    #[error("the text is complete: nothing can be added to it")]
    TextComplete,
    /// A sampling parameter is out of range.
    #[error("{who}: {reason}")]
    Sampling {
        /// `talker` or `subtalker`.
        who: &'static str,
        /// The parameter, what was expected and what was found.
        reason: String,
    },
    /// The limit of frames is zero.
    #[error("the limit of frames must be at least 1, not 0")]
    NoFrames,
    /// The arithmetic failed.
    #[error(transparent)]
    Nn(#[from] qwen3_tts_nn::Error),
}
