//! Languages and speakers are found by the names that people use.

use std::path::Path;

use qwen3_tts_config::{ConfigError, Language, ModelConfig};

fn model(name: &str) -> ModelConfig {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    ModelConfig::from_file(dir.join(format!("Qwen3-TTS-12Hz-{name}/config.json"))).unwrap()
}

/// The checkpoint's name; ISO 639-1, 639-2/T, 639-2/B and 639-3 codes, tags, and names.
const NAMES: [(&str, &[&str]); 10] = [
    (
        "chinese",
        &[
            "zh",
            "ZH",
            "zho",
            "chi",
            "cmn",
            "zh-CN",
            "zh_TW",
            "zh-Hans",
            "zh-Hant-HK",
            "zh-cmn-Hans-CN",
            "zh_CN.UTF-8",
            "Chinese",
            "中文",
            "汉语",
            "漢語",
            "普通话",
            "國語",
            "Mandarin",
            "mandarin chinese",
            "简体中文",
        ],
    ),
    ("english", &["en", "eng", "en-US", "en_GB.UTF-8", "EN-us", "en-001", "English", "ENGLISH"]),
    ("german", &["de", "deu", "ger", "de_DE", "de-CH-1996", "de_DE@euro", "Deutsch", "deutsch"]),
    ("italian", &["it", "ita", "it-IT", "Italiano"]),
    ("portuguese", &["pt", "por", "pt-BR", "pt_PT", "Português", "portugues", "Portugue\u{302}s"]),
    ("spanish", &["es", "spa", "es-419", "es-MX", "Español", "espanol", "Castellano", " spanish "]),
    ("japanese", &["ja", "jpn", "ja-JP", "ja-Latn", "日本語", "Japanese", "ja-x-kansai"]),
    ("korean", &["ko", "kor", "ko-KR", "한국어"]),
    ("french", &["fr", "fra", "fre", "fr-CA", "Français", "FRANÇAIS", "franc\u{327}ais"]),
    ("russian", &["ru", "rus", "ru-RU", "русский", "Русский язык"]),
];

#[test]
fn a_language_has_its_names_codes_and_tags() {
    let config = model("1.7B-CustomVoice");
    for (language, names) in NAMES {
        for name in names {
            assert_eq!(config.language(name).unwrap(), Some(language), "{name}");
            let known = Language::named(name).unwrap();
            assert_eq!(known.name(), language, "{name}");
            let id = config.talker_config.codec_language_id.get(language).copied();
            assert_eq!(config.language_id(name).unwrap(), id, "{name}");
        }
    }
    assert_eq!(config.language("Auto").unwrap(), None);
    let names: Vec<_> = Language::ALL.iter().map(|language| language.name()).collect();
    assert_eq!(config.languages().collect::<Vec<_>>(), names);
}

#[test]
fn dialects_keep_their_names() {
    let config = model("0.6B-CustomVoice");
    for name in ["beijing_dialect", "Beijing_Dialect", "beijing dialect", "Beijing-dialect"] {
        assert_eq!(config.language(name).unwrap(), Some("beijing_dialect"));
    }
    // The dialect of a speaker replaces Chinese by any name.
    let dialect = config.language_id("sichuan_dialect").unwrap();
    for name in ["zh", "zh-CN", "中文", "auto"] {
        assert_eq!(config.language_token(name, Some("eric")).unwrap(), dialect, "{name}");
    }
    assert_eq!(config.language_token("en", Some("eric")).unwrap(), Some(2050));
}

#[test]
fn other_languages_are_refused_with_the_list() {
    let config = model("0.6B-Base");
    // Cantonese and Min Nan are no Mandarin; the others are no tags, or of other languages.
    for name in ["yue", "zh-yue", "zh-nan", "nl", "sv-SE", "en-", "-en", "en--US", "", "klingon"] {
        assert!(Language::named(name).is_none(), "{name}");
        let error = config.language(name).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(&format!("\"{name}\"")), "{message}");
        assert!(message.contains("auto, chinese, english, german, italian"), "{message}");
        let ConfigError::UnknownLanguage { suggestion, .. } = error else { panic!("{message}") };
        assert_eq!(suggestion, None, "{name}");
    }
}

#[test]
fn a_misspelling_gets_a_suggestion() {
    let config = model("1.7B-CustomVoice");
    for (name, expected) in [
        ("germn", "german"),
        ("Deutch", "german"),
        ("englisch", "english"),
        ("japanesse", "japanese"),
        ("portugese", "portuguese"),
        ("Spansh", "spanish"),
        ("jp", "japanese"),
        ("kr", "korean"),
        ("CN", "chinese"),
    ] {
        let message = config.language(name).unwrap_err().to_string();
        assert!(message.contains(&format!("did you mean \"{expected}\"?")), "{message}");
    }
    for (name, expected) in
        [("vivien", "vivian"), ("Rian", "ryan"), ("uncle", "uncle_fu"), ("onoanna", "ono_anna")]
    {
        let message = config.speaker(name).unwrap_err().to_string();
        assert!(message.contains(&format!("did you mean \"{expected}\"?")), "{message}");
        assert!(message.contains("serena"), "{message}");
    }
    let message = config.speaker("bob").unwrap_err().to_string();
    assert!(!message.contains("did you mean"), "{message}");
}

#[test]
fn a_speaker_may_be_written_as_words() {
    let config = model("1.7B-CustomVoice");
    for name in ["uncle_fu", "Uncle Fu", "uncle-fu", " UNCLE_FU "] {
        assert_eq!(config.speaker(name).unwrap().name, "uncle_fu");
    }
    assert_eq!(config.speaker("Ono Anna").unwrap().name, "ono_anna");
}
