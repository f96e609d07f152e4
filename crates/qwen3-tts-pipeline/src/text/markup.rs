//! Texts with marks: pauses, changes of speaker, language and instruction, and headings.
//!
//! `[pause 500ms]` is silence; `[speaker NAME]`, `[language NAME]` and `[instruct "TEXT"]` hold until
//! `[/speaker]`, `[/language]` and `[/instruct]`, and nest. A line that begins with `#` is the heading
//! of a chapter. A backslash before `[`, `]`, `#` or `\` makes it an ordinary character.

mod error;
mod heading;
mod mark;
mod marked_text;
mod origins;
mod parser;
mod sections;

pub use error::{MarkupError, position};
pub use mark::Kind;
pub use marked_text::MarkedText;
pub use sections::{Section, Style};

#[cfg(test)]
mod tests;
