#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use qwen3_tts_demo_codec::File;

/// Includes a file of `data/` under its path.
macro_rules! file {
    ($path:literal) => {
        ($path, include_bytes!(concat!("../data/", $path)))
    };
}

/// Bytes at an aligned address, where weights are read in place instead of copied.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

static WEIGHTS: &Aligned<[u8]> = &Aligned(*include_bytes!("../data/model.safetensors"));

/// `config.json` of the CustomVoice checkpoint.
static CUSTOM_VOICE: File = file!("config.json");

/// `config.json` of the Base checkpoint.
static BASE: File = ("config.json", include_bytes!("../data/base/config.json"));

/// The files that both checkpoints share, but for those of the speech tokenizer.
static SHARED: [File; 6] = [
    file!("generation_config.json"),
    file!("preprocessor_config.json"),
    file!("tokenizer_config.json"),
    file!("vocab.json"),
    file!("merges.txt"),
    ("model.safetensors", &WEIGHTS.0),
];

/// Returns the files of the CustomVoice checkpoint, with the speakers `arlo` and `mina`.
pub fn custom_voice() -> impl Iterator<Item = File> {
    checkpoint(CUSTOM_VOICE)
}

/// Returns the files of the Base checkpoint, which clones.
pub fn base() -> impl Iterator<Item = File> {
    checkpoint(BASE)
}

fn checkpoint(config: File) -> impl Iterator<Item = File> {
    [config].into_iter().chain(SHARED).chain(qwen3_tts_demo_codec::files())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn weights_are_aligned() {
        assert_eq!(super::WEIGHTS.0.as_ptr().align_offset(64), 0);
    }

    #[test]
    fn every_file_of_the_data_is_listed() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        let entries = data.read_dir().unwrap().map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        let mut present: Vec<_> =
            files.map(|entry| entry.file_name().into_string().unwrap()).collect();
        present.extend(qwen3_tts_demo_codec::files().map(|(path, _)| path.to_owned()));
        present.sort();
        for files in [super::custom_voice().collect::<Vec<_>>(), super::base().collect()] {
            let mut listed: Vec<_> = files.into_iter().map(|(path, _)| path).collect();
            listed.sort();
            assert_eq!(listed, present);
        }
    }

    #[test]
    fn the_checkpoints_differ_in_their_configuration_alone() {
        let differing: Vec<_> = super::custom_voice()
            .zip(super::base())
            .filter(|(custom_voice, base)| custom_voice != base)
            .collect();
        let [((name, custom_voice), (base_name, base))] = differing[..] else {
            panic!("{} files differ", differing.len());
        };
        assert_eq!((name, base_name), ("config.json", "config.json"));
        let has = |config: &[u8], text: &str| std::str::from_utf8(config).unwrap().contains(text);
        assert!(has(custom_voice, "\"custom_voice\"") && has(base, "\"base\""));
    }
}
