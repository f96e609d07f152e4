//! Text before the model: token ids and sentence boundaries.

pub(crate) mod split;
pub(crate) mod tokenizer;

pub use split::{PieceEnd, TextPiece};
pub use tokenizer::{TextPieces, TextTokenizer};
