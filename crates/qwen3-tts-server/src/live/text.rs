//! Sentences of a text that is still being written.
//!
//! A sentence is taken as soon as the text after it shows that it has ended. The sentences depend on
//! the characters of the text only: not on the messages that it arrives in, and not on the time. They
//! are the pieces of the same text as a whole, by [`LongText::each_sentence`].

use std::time::Duration;

use qwen3_tts_pipeline::{LongText, Result, Synthesizer, TextPiece};

/// Maximum number of tokens of a sentence that is not split.
const SENTENCE_TOKENS: usize = 256;

/// Length of a text without an end of a sentence, in bytes, from which it is split after clauses.
const LONGEST: usize = 2048;

/// Length of a text in bytes up to which it is examined after every word.
const EXAMINED_OFTEN: usize = 256;

/// Number of words after a quotation that tell whether its sentence goes on: "“Stop!” Mary said".
const WORDS_AFTER_QUOTATION: usize = 6;

/// Number of letters after a quotation that tell the same in a script without spaces.
const LETTERS_AFTER_QUOTATION: usize = 16;

/// A sentence to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Text without the white space around it. Has a letter or digit.
    pub text: String,
    /// Silence between the sentence and the next one.
    pub pause: Duration,
}

/// Places at which a text is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// After each sentence.
    Sentence,
    /// Nowhere: the text is spoken when it is complete.
    Whole,
}

/// A text that arrives in parts.
pub struct IncomingText {
    tts: Synthesizer,
    language: String,
    granularity: Granularity,
    /// Text after the last sentence that was taken.
    pending: String,
    /// True if a mark that may end a sentence comes after a letter of the pending text.
    has_mark: bool,
    /// Length of the pending text in bytes at which it is examined again.
    due: usize,
}

impl IncomingText {
    /// Begins a text in a language of the model.
    pub fn new(tts: Synthesizer, language: &str, granularity: Granularity) -> Self {
        let (language, pending) = (language.to_owned(), String::new());
        Self { tts, language, granularity, pending, has_mark: false, due: 0 }
    }

    /// Appends to the text, and returns the sentences that are complete now.
    ///
    /// # Errors
    /// Returns an error if the model cannot split the text.
    pub fn push(&mut self, text: &str) -> Result<Vec<Sentence>> {
        if self.granularity == Granularity::Whole {
            self.pending.push_str(text);
            return Ok(Vec::new());
        }
        let mut sentences = Vec::new();
        for letter in text.chars() {
            self.push_letter(letter, &mut sentences)?;
        }
        Ok(sentences)
    }

    /// Ends the text, and returns the sentences that were not complete before. The next text can
    /// begin.
    ///
    /// # Errors
    /// Returns an error as [`Self::push`] does.
    pub fn finish(&mut self) -> Result<Vec<Sentence>> {
        let text = std::mem::take(&mut self.pending);
        (self.has_mark, self.due) = (false, 0);
        if self.granularity == Granularity::Whole {
            let text = text.trim().to_owned();
            let sentence = Sentence { text, pause: LongText::default().paragraph_pause };
            return Ok(Some(sentence)
                .filter(|sentence| is_spoken(&sentence.text))
                .into_iter()
                .collect());
        }
        let pieces = self.split(&text)?;
        Ok(sentences(&text, &pieces))
    }

    fn push_letter(&mut self, letter: char, taken: &mut Vec<Sentence>) -> Result<()> {
        let ends_paragraph = is_line_end(letter) && self.ends_with_line();
        let ends_word = is_unspaced(letter)
            || !letter.is_alphanumeric() && self.pending.ends_with(char::is_alphabetic);
        self.pending.push(letter);
        if ends_paragraph {
            let pieces = self.split(&self.pending)?;
            taken.extend(self.take(&pieces));
            // What is left, such as a line of asterisks, says nothing.
            self.pending.clear();
            (self.has_mark, self.due) = (false, 0);
            return Ok(());
        }
        let is_long = self.pending.len() >= LONGEST;
        if ends_word && (self.has_mark || is_long) && self.pending.len() >= self.due {
            let pieces = self.split(&self.pending)?;
            let n_complete = self.complete(&pieces);
            taken.extend(self.take(&pieces[..n_complete]));
        }
        self.has_mark |= may_end_sentence(letter) && self.is_spoken();
        Ok(())
    }

    /// Returns the number of pieces that no later text can change.
    fn complete(&self, pieces: &[TextPiece]) -> usize {
        let is_complete = |piece: &&TextPiece| {
            let (before, after) = self.pending.split_at(piece.range.end);
            piece.ends_sentence() && tells_end(before, after)
        };
        match pieces.iter().rposition(|piece| is_complete(&piece)) {
            Some(last) => last + 1,
            None if self.pending.len() >= LONGEST => pieces.len().saturating_sub(1),
            None => 0,
        }
    }

    /// Takes pieces from the beginning of the pending text.
    fn take(&mut self, pieces: &[TextPiece]) -> Vec<Sentence> {
        let Some(last) = pieces.last() else {
            let len = self.pending.len();
            self.due = if len > EXAMINED_OFTEN { len + len / 8 } else { 0 };
            return Vec::new();
        };
        let taken = sentences(&self.pending, pieces);
        self.pending.drain(..last.range.end);
        self.due = 0;
        let first = self.pending.find(char::is_alphanumeric).unwrap_or(self.pending.len());
        self.has_mark = self.pending[first..].contains(may_end_sentence);
        taken
    }

    fn split(&self, text: &str) -> Result<Vec<TextPiece>> {
        self.tts.split_sentences(text, &self.language, SENTENCE_TOKENS)
    }

    fn is_spoken(&self) -> bool {
        is_spoken(&self.pending)
    }

    /// Returns true if the text ends with a line end, and spaces after it.
    fn ends_with_line(&self) -> bool {
        self.pending.trim_end_matches([' ', '\t', '\r']).ends_with(is_line_end)
    }
}

/// Returns the pieces that can be spoken. A piece without letters and digits cannot.
fn sentences(text: &str, pieces: &[TextPiece]) -> Vec<Sentence> {
    let pauses = LongText::default();
    let sentence = |piece: &TextPiece| Sentence {
        text: text[piece.range.clone()].to_owned(),
        pause: pauses.pause_after(piece),
    };
    pieces.iter().map(sentence).filter(|sentence| is_spoken(&sentence.text)).collect()
}

fn is_spoken(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

fn is_line_end(letter: char) -> bool {
    letter == '\n'
}

/// Returns true if the text after an end of a sentence is enough to be sure of the end.
fn tells_end(before: &str, after: &str) -> bool {
    let (mut n_words, mut n_letters, mut last) = (0, 0, ' ');
    let is_quoted = before.trim_end().ends_with(may_close);
    for letter in after.chars() {
        n_words += usize::from(last.is_alphabetic() && !letter.is_alphanumeric());
        n_letters += usize::from(is_unspaced(letter));
        if is_quoted && n_words + n_letters > 0 && (may_end_sentence(letter) || letter == ',') {
            return true;
        }
        last = letter;
    }
    match is_quoted {
        true => n_words >= WORDS_AFTER_QUOTATION || n_letters >= LETTERS_AFTER_QUOTATION,
        false => n_words + n_letters > 0,
    }
}

/// Returns true for a letter of a script that is written without spaces.
fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
        && letter.is_alphabetic()
}

/// Returns true for a mark that ends a sentence in some language and place.
fn may_end_sentence(letter: char) -> bool {
    matches!(
        letter,
        '.' | '!'
            | '?'
            | '…'
            | '‼'
            | '⁇'
            | '⁈'
            | '⁉'
            | '‽'
            | '。'
            | '！'
            | '？'
            | '．'
            | '｡'
            | '؟'
            | '۔'
            | '।'
            | '॥'
            | '։'
            | '\n'
            | '\u{b}'
            | '\u{c}'
            | '\u{85}'
            | '\u{2028}'
            | '\u{2029}'
    )
}

/// Returns true for a mark that may close a quotation.
fn may_close(letter: char) -> bool {
    matches!(
        letter,
        '"' | '\''
            | '“'
            | '”'
            | '‘'
            | '’'
            | '«'
            | '»'
            | '‹'
            | '›'
            | '」'
            | '』'
            | ')'
            | ']'
            | '}'
            | '）'
            | '］'
            | '】'
            | '〕'
            | '》'
            | '〉'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use qwen3_tts_pipeline::{LoadOptions, ModelFiles};
    use std::sync::LazyLock;

    static MODEL: LazyLock<Synthesizer> = LazyLock::new(|| {
        let options = LoadOptions::default().threads(1);
        let files = ModelFiles::embedded(qwen3_tts_demo::custom_voice());
        Synthesizer::from_files(&files, &options).unwrap()
    });

    /// Paragraphs whose sentences are not easy to tell.
    const PARAGRAPHS: [&str; 8] = [
        "Dr. Brown met Mrs. Green at 5 p.m. on Monday. “Stop!” Mary said. “Why?” Nobody moved.",
        "1. First do this.\n2. Then do that.\n\n- One\n- Two\n\nWait... what? Really?!",
        "The price is 3.14 dollars. Visit www.example.com. It (what a man!) was new. (It stayed.)",
        "今天天气很好。我们去公园吧！“快走！”小明大声喊道。他（笑）走了。",
        "「行くよ。」と彼は言った。とても寒い。本当ですか？はい。",
        "그녀는 웃었다. 그는 물었다. “어디 가?” 집에 간다.",
        "Z. B. am 3. Oktober kam er. Er sagte: „Komm!“ und ging. Bzw. er lief… 🙂 Gut!",
        "... Ça va ? « Oui ! » dit-il. M. Dupont part. Привет! Как дела? Хорошо.",
    ];

    fn text_in(language: &str) -> IncomingText {
        IncomingText::new(MODEL.clone(), language, Granularity::Sentence)
    }

    /// Returns the sentences of a text that arrives in parts.
    fn of_parts<'t>(language: &str, parts: impl IntoIterator<Item = &'t str>) -> Vec<Sentence> {
        let mut text = text_in(language);
        let mut found: Vec<_> =
            parts.into_iter().flat_map(|part| text.push(part).unwrap()).collect();
        found.extend(text.finish().unwrap());
        found
    }

    /// Returns the sentences of a text that is known as a whole.
    fn of_whole(language: &str, text: &str) -> Vec<Sentence> {
        sentences(text, &MODEL.split_sentences(text, language, SENTENCE_TOKENS).unwrap())
    }

    fn words(sentences: &[Sentence]) -> Vec<&str> {
        sentences.iter().map(|sentence| &*sentence.text).collect()
    }

    #[test]
    fn a_sentence_is_taken_when_the_first_word_after_it_ends() {
        let mut text = text_in("auto");
        for part in ["It is", " late. ", "We ", "should go", "."] {
            let taken = text.push(part).unwrap();
            let expected: &[&str] = if part == "We " { &["It is late."] } else { &[] };
            assert_eq!(words(&taken), expected, "{part:?}");
        }
        assert_eq!(words(&text.push(" Now").unwrap()), [""; 0]);
        assert_eq!(words(&text.finish().unwrap()), ["We should go.", "Now"]);
        assert_eq!(text.finish().unwrap(), []);
    }

    #[test]
    fn a_script_without_spaces_needs_one_letter() {
        let mut text = text_in("auto");
        assert_eq!(text.push("今天天气很好。").unwrap(), []);
        assert_eq!(words(&text.push("我").unwrap()), ["今天天气很好。"]);
        assert_eq!(words(&text.push("们去公园吧！").unwrap()), [""; 0]);
        assert_eq!(words(&text.finish().unwrap()), ["我们去公园吧！"]);
    }

    #[test]
    fn an_empty_line_ends_a_sentence_at_once() {
        let mut text = text_in("auto");
        assert_eq!(words(&text.push("# Title\n").unwrap()), [""; 0]);
        let taken = text.push("\n").unwrap();
        assert_eq!(words(&taken), ["# Title"]);
        assert_eq!(taken[0].pause, Duration::from_millis(650));
        assert_eq!(text.push("\n \n* * *\n\n").unwrap(), []);
        assert_eq!(words(&text.push("One. Two ").unwrap()), ["One."]);
    }

    #[test]
    fn an_abbreviation_and_a_quotation_wait_for_more() {
        let mut text = text_in("en");
        assert_eq!(text.push("Yesterday Dr. Brown met Mrs. Green in town. ").unwrap(), []);
        let taken = text.push("“Stop!” ").unwrap();
        assert_eq!(words(&taken), ["Yesterday Dr. Brown met Mrs. Green in town."]);
        assert_eq!(text.push("Mary said to all of us in the room ").unwrap(), []);
        assert_eq!(words(&text.finish().unwrap()), ["“Stop!” Mary said to all of us in the room"]);
    }

    #[test]
    fn nothing_is_spoken_of_a_text_without_letters() {
        for text in ["", " \n\n ", "...", "?!", "🙂", "* * *\n\n---\n\n"] {
            assert_eq!(of_parts("auto", [text]), [], "{text:?}");
            let mut whole = IncomingText::new(MODEL.clone(), "auto", Granularity::Whole);
            assert_eq!(whole.push(text).unwrap(), []);
            assert_eq!(whole.finish().unwrap(), [], "{text:?}");
        }
    }

    #[test]
    fn a_whole_text_is_one_sentence() {
        let mut text = IncomingText::new(MODEL.clone(), "auto", Granularity::Whole);
        assert_eq!(text.push(" One. Two.\n\n").unwrap(), []);
        assert_eq!(text.push("Three. ").unwrap(), []);
        assert_eq!(words(&text.finish().unwrap()), ["One. Two.\n\nThree."]);
    }

    #[test]
    fn marks_are_ordinary_characters() {
        let found = of_parts("auto", ["Wait [pause 2s] here. [Speaker nobody] Go."]);
        assert_eq!(words(&found), ["Wait [pause 2s] here.", "[Speaker nobody] Go."]);
    }

    #[test]
    fn a_text_without_ends_of_sentences_is_split_after_clauses() {
        let text = "one two three, ".repeat(1_000);
        let mut incoming = text_in("auto");
        let (taken, start) = (incoming.push(&text).unwrap(), std::time::Instant::now());
        assert!(taken.len() > 5, "{}", taken.len());
        assert!(taken.iter().all(|sentence| sentence.text.ends_with(',')), "{taken:?}");
        assert!(incoming.pending.len() < 2 * LONGEST);
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_word_of_any_length_waits_for_its_end() {
        let mut text = text_in("auto");
        assert_eq!(text.push(&"a".repeat(100_000)).unwrap(), []);
        assert_eq!(text.push("。".repeat(1_000).as_str()).unwrap(), []);
    }

    #[test]
    fn letter_by_letter_the_sentences_are_those_of_the_whole_text() {
        for text in PARAGRAPHS {
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let found = of_parts("auto", letters.iter().map(String::as_str));
            assert_eq!(words(&found), words(&of_whole("auto", text)));
            assert_eq!(found, of_whole("auto", text));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(64)
        })]

        #[test]
        fn sentences_do_not_depend_on_the_parts(
            chosen in proptest::collection::vec(0..PARAGRAPHS.len(), 1..5),
            is_apart: bool,
            size in 1..40_usize,
        ) {
            let chosen: Vec<&str> = chosen.into_iter().map(|index| PARAGRAPHS[index]).collect();
            let text = chosen.join(if is_apart { "\n\n" } else { " " });
            let letters: Vec<char> = text.chars().collect();
            let parts: Vec<String> =
                letters.chunks(size).map(|part| part.iter().collect()).collect();
            let found = of_parts("auto", parts.iter().map(String::as_str));
            prop_assert_eq!(found, of_parts("auto", [&*text]));
        }
    }
}
