//! The parser of texts with marks.

use std::ops::Range;
use std::time::Duration;

use super::error::{MarkupError, Result, position};
use super::heading::Heading;
use super::mark::{self, Kind, MAX_PAUSE, Mark};
use super::origins::Origins;
use super::sections::{Section, Setting, Style, push};
use crate::text::is_blank;
use crate::text::split::PieceEnd;

/// The contents of a text with marks.
#[derive(Default)]
pub struct Parsed {
    /// Text without marks and escapes.
    pub spoken: String,
    pub origins: Origins,
    /// Silence before the first section.
    pub lead: Duration,
    pub sections: Vec<Section>,
    pub settings: Vec<Setting>,
    pub chapters: Vec<String>,
}

/// Reads a text.
pub fn parse(source: &str) -> Result<Parsed> {
    let mut parser = Parser { source, ..Parser::default() };
    while parser.at < source.len() {
        parser.step()?;
    }
    parser.finish()
}

#[derive(Default)]
struct Parser<'t> {
    source: &'t str,
    /// Place in the source.
    at: usize,
    /// Start of the current section in the spoken text.
    section_start: usize,
    style: Style,
    /// Marks that are open, with the style before each.
    open: Vec<(usize, Style)>,
    /// The heading that is being read, and the start of its title in the spoken text.
    heading: Option<(Heading, usize)>,
    parsed: Parsed,
}

impl Parser<'_> {
    fn step(&mut self) -> Result {
        if self.heading.as_ref().is_some_and(|(heading, _)| self.at >= heading.title.end) {
            return self.end_heading();
        }
        let is_line_start = self.at == 0 || self.source[..self.at].ends_with('\n');
        if is_line_start && let Some(heading) = Heading::at(self.source, self.at) {
            self.begin_heading(heading);
            return Ok(());
        }
        let mut letters = self.source[self.at..].chars();
        match (letters.next(), letters.next()) {
            (Some('['), _) => self.mark(),
            (Some('\\'), Some(escaped @ ('[' | ']' | '#' | '\\'))) => {
                self.at += 1;
                self.take(escaped);
                Ok(())
            }
            (letter, _) => {
                letter.into_iter().for_each(|letter| self.take(letter));
                Ok(())
            }
        }
    }

    /// Adds a character to the spoken text.
    fn take(&mut self, letter: char) {
        self.parsed.origins.add(self.parsed.spoken.len(), self.at);
        self.parsed.spoken.push(letter);
        self.at += letter.len_utf8();
    }

    fn begin_heading(&mut self, heading: Heading) {
        self.end_section();
        self.end_paragraph();
        self.parsed.chapters.push(String::new());
        self.at = heading.title.start;
        self.heading = Some((heading, self.parsed.spoken.len()));
    }

    fn end_heading(&mut self) -> Result {
        let Some((heading, start)) = self.heading.take() else { return Ok(()) };
        self.end_section();
        self.end_paragraph();
        let title = &self.parsed.spoken[start..];
        if is_blank(title) {
            return Err(MarkupError::new(
                heading.start,
                "a heading without a title: expected words after #; a line that begins with # and \
                 is not a heading is written \\#",
            ));
        }
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(chapter) = self.parsed.chapters.last_mut() {
            *chapter = title;
        }
        self.at = self.at.max(heading.line_end);
        Ok(())
    }

    fn mark(&mut self) -> Result {
        let place = self.at;
        let (mark, end) = mark::read(self.source, place)?;
        self.end_section();
        self.at = end;
        match mark {
            Mark::Pause(pause) => self.pause(pause, place),
            Mark::Open(kind, value) => {
                self.open.push((self.parsed.settings.len(), self.style));
                self.style = self.style.with(kind, self.parsed.settings.len());
                self.parsed.settings.push(Setting { kind, value, place });
                Ok(())
            }
            Mark::Close(kind) => self.close(kind, place),
        }
    }

    /// Adds a pause to those since the last section.
    fn pause(&mut self, pause: Duration, place: usize) -> Result {
        let total = match self.parsed.sections.last_mut() {
            Some(section) => section.pause.get_or_insert_default(),
            None => &mut self.parsed.lead,
        };
        *total += pause;
        match *total <= MAX_PAUSE {
            true => Ok(()),
            false => Err(MarkupError::new(
                place,
                "the pauses here are too long together: expected at most 60 s",
            )),
        }
    }

    fn close(&mut self, kind: Kind, place: usize) -> Result {
        let name = kind.name();
        let Some((setting, before)) = self.open.pop() else {
            let reason = format!("[/{name}] closes nothing: expected [{name} …] before it");
            return Err(MarkupError::new(place, reason));
        };
        let open = &self.parsed.settings[setting];
        if open.kind != kind {
            let (line, column) = position(self.source, open.place);
            return Err(MarkupError::new(
                place,
                format!(
                    "expected [/{}], which closes the mark of line {line}, column {column}, found \
                     [/{name}]: marks close in the opposite order",
                    open.kind.name()
                ),
            ));
        }
        self.style = before;
        Ok(())
    }

    /// Ends the current section, if there is something to speak in it.
    fn end_section(&mut self) {
        let range = self.section_start..self.parsed.spoken.len();
        self.section_start = range.end;
        if is_blank(&self.parsed.spoken[range.clone()]) {
            return;
        }
        let chapter = self.parsed.chapters.len().checked_sub(1);
        let (style, end) = (self.style, PieceEnd::Clause);
        let section = Section { range, style, end, pause: None, chapter };
        push(&self.parsed.spoken, &mut self.parsed.sections, section);
    }

    fn finish(mut self) -> Result<Parsed> {
        self.end_heading()?;
        self.end_section();
        if let Some((setting, _)) = self.open.pop() {
            let Setting { kind, place, .. } = self.parsed.settings[setting];
            let name = kind.name();
            let reason = format!("[{name} …] is never closed: expected [/{name}] after it");
            return Err(MarkupError::new(place, reason));
        }
        self.end_paragraph();
        self.find_ends();
        Ok(self.parsed)
    }

    /// Notes that the last section ends a paragraph.
    fn end_paragraph(&mut self) {
        if let Some(section) = self.parsed.sections.last_mut() {
            section.end = PieceEnd::Paragraph;
        }
    }

    /// Finds the units that end with the sections.
    fn find_ends(&mut self) {
        let ranges: Vec<_> = self.parsed.sections.iter().map(|s| self.source_of(s)).collect();
        for (section, pair) in self.parsed.sections.iter_mut().zip(ranges.windows(2)) {
            let text = &self.parsed.spoken[section.range.clone()];
            let gap = &self.source[pair[0].end..pair[1].start];
            section.end = section.end.max(unit_end(text, gap));
        }
    }

    /// Returns the range in the source of a section without the space around it.
    fn source_of(&self, section: &Section) -> Range<usize> {
        let text = &self.parsed.spoken[section.range.clone()];
        let start = section.range.start + text.len() - text.trim_start().len();
        self.parsed.origins.range(&(start..start + text.trim().len()))
    }
}

/// Returns the unit that `text` ends, given the source up to the next text.
fn unit_end(text: &str, gap: &str) -> PieceEnd {
    let lines: Vec<&str> = gap.split('\n').collect();
    // A line with a mark alone is not an empty line.
    if lines.len() > 2 && lines[1..lines.len() - 1].iter().any(|line| line.trim().is_empty()) {
        return PieceEnd::Paragraph;
    }
    let closers = ['"', '\'', '”', '’', '»', '」', '』', ')', '）', ']'];
    let last = text.trim_end().trim_end_matches(closers).chars().next_back();
    match lines.len() > 1 || last.is_some_and(|last| ".!?…。！？｡।؟۔".contains(last)) {
        true => PieceEnd::Sentence,
        false => PieceEnd::Clause,
    }
}
