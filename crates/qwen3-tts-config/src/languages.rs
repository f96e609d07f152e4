//! Languages by the names that people use: English and native names, ISO 639 codes, BCP 47 tags.

use crate::names::folded;

/// A language that Qwen3-TTS speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// Mandarin Chinese, `zh`.
    Chinese,
    /// English, `en`.
    English,
    /// German, `de`.
    German,
    /// Italian, `it`.
    Italian,
    /// Portuguese, `pt`.
    Portuguese,
    /// Spanish, `es`.
    Spanish,
    /// Japanese, `ja`.
    Japanese,
    /// Korean, `ko`.
    Korean,
    /// French, `fr`.
    French,
    /// Russian, `ru`.
    Russian,
}

impl Language {
    /// Every language, in the order of the published checkpoints.
    pub const ALL: [Self; 10] = [
        Self::Chinese,
        Self::English,
        Self::German,
        Self::Italian,
        Self::Portuguese,
        Self::Spanish,
        Self::Japanese,
        Self::Korean,
        Self::French,
        Self::Russian,
    ];

    /// Returns the name that checkpoints use: the English one, in lower case.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Returns the code of two letters of ISO 639-1.
    pub fn code(self) -> &'static str {
        &self.row().1[..2]
    }

    /// Returns the language called `name`, ignoring case: its English or native name, an ISO 639
    /// code of two or three letters, or a BCP 47 tag such as `zh-Hans-CN` or `pt_BR`.
    pub fn named(name: &str) -> Option<Self> {
        let name = folded(name);
        let has_name = |language: &Self| language.names().any(|own| folded(own) == name);
        Self::ALL.into_iter().find(has_name).or_else(|| Self::tagged(&name))
    }

    /// Returns the language of a folded BCP 47 tag or POSIX locale.
    fn tagged(tag: &str) -> Option<Self> {
        let tag = tag.split(['.', '@']).next()?;
        let mut subtags = tag.split('_');
        let code = subtags.next()?;
        let language = Self::ALL.into_iter().find(|language| language.has_code(code))?;
        // Private use and other extensions begin with a single character.
        let mut subtags = subtags.take_while(|subtag| subtag.len() != 1);
        subtags.all(|subtag| language.takes_subtag(subtag)).then_some(language)
    }

    /// Returns true for a script, a region or a variant. Three letters stand for another language,
    /// such as Cantonese in `zh-yue`.
    fn takes_subtag(self, subtag: &str) -> bool {
        let is_word = subtag.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_number = subtag.bytes().all(|byte| byte.is_ascii_digit());
        match subtag.len() {
            2 | 4..=8 => is_word,
            3 => is_number || self.has_code(subtag),
            _ => false,
        }
    }

    fn has_code(self, code: &str) -> bool {
        self.row().1.split(' ').any(|own| own == code)
    }

    /// Iterates over the English and native names.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let (name, _, others) = self.row();
        std::iter::once(name).chain(others.split(", "))
    }

    /// Returns the language that the code of a country hints at.
    pub(crate) fn of_country(code: &str) -> Option<Self> {
        Some(match folded(code).as_str() {
            "cn" | "tw" => Self::Chinese,
            "us" | "uk" | "gb" => Self::English,
            "jp" => Self::Japanese,
            "kr" => Self::Korean,
            "br" => Self::Portuguese,
            "mx" => Self::Spanish,
            _ => return None,
        })
    }

    /// Returns the name in checkpoints, the codes of ISO 639-1, -2 and -3, and other names. Names
    /// with accents are also there without.
    fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Chinese => (
                "chinese",
                "zh zho chi cmn",
                "中文, 汉语, 漢語, 华语, 華語, 国语, 國語, 普通话, 普通話, 简体中文, 簡體中文, \
                 繁体中文, 繁體中文, mandarin, mandarin chinese",
            ),
            Self::English => ("english", "en eng", "english"),
            Self::German => ("german", "de deu ger", "deutsch"),
            Self::Italian => ("italian", "it ita", "italiano"),
            Self::Portuguese => ("portuguese", "pt por", "português, portugues"),
            Self::Spanish => ("spanish", "es spa", "español, espanol, castellano, castilian"),
            Self::Japanese => ("japanese", "ja jpn", "日本語, にほんご, nihongo"),
            Self::Korean => ("korean", "ko kor", "한국어, 한국말, 조선말"),
            Self::French => ("french", "fr fra fre", "français, francais"),
            Self::Russian => ("russian", "ru rus", "русский, русский язык"),
        }
    }
}
