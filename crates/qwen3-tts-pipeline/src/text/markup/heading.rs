//! Headings as in Markdown: one to six `#` at the start of a line, white space, the title.

use std::ops::Range;

/// A heading.
pub struct Heading {
    /// Start of the line.
    pub start: usize,
    /// Byte range of the title in the text; empty for a heading without one.
    pub title: Range<usize>,
    /// End of the line, before its line break.
    pub line_end: usize,
}

/// Maximum number of spaces before a heading, and of its `#`.
const MAX_INDENT: usize = 3;
const MAX_LEVEL: usize = 6;

impl Heading {
    /// Returns the heading in the line that begins at `start`.
    pub fn at(text: &str, start: usize) -> Option<Self> {
        let line = text[start..].split('\n').next().unwrap_or_default();
        let marked = line.trim_start_matches(' ');
        let rest = marked.trim_start_matches('#');
        let (indent, level) = (line.len() - marked.len(), marked.len() - rest.len());
        let is_heading = indent <= MAX_INDENT
            && (1..=MAX_LEVEL).contains(&level)
            && (rest.is_empty() || rest.starts_with(char::is_whitespace));
        if !is_heading {
            return None;
        }
        let title_start = start + line.len() - rest.trim_start().len();
        let title = without_closing_marks(rest.trim());
        Some(Self {
            start,
            title: title_start..title_start + title.len(),
            line_end: start + line.trim_end_matches('\r').len(),
        })
    }
}

/// Returns a title without the `#` that may close it.
fn without_closing_marks(title: &str) -> &str {
    let open = title.trim_end_matches('#');
    match open.is_empty() || open.ends_with(char::is_whitespace) {
        true => open.trim_end(),
        false => title,
    }
}
