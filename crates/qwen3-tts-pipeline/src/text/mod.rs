//! Text before the model: token ids, and the parts of a long text.

pub(crate) mod split;
pub(crate) mod tokenizer;

pub use split::{PieceEnd, TextPiece};
pub use tokenizer::{IncrementalTokenizer, TextTokenizer};
