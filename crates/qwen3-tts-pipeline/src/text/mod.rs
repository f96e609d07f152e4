//! Text before the model: token ids, and the parts of a long text.

mod blank;
pub(crate) mod markup;
pub(crate) mod split;
pub(crate) mod tokenizer;

pub(crate) use blank::is_blank;
pub(crate) use split::PieceEnd;
pub use split::TextPiece;
pub use tokenizer::TextTokenizer;
