#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

/// The path of a file in the published layout, and its bytes.
pub type File = (&'static str, &'static [u8]);

/// Includes a file of `data/` under its path.
macro_rules! file {
    ($path:literal) => {
        ($path, include_bytes!(concat!("../data/", $path)))
    };
}

/// Bytes at an aligned address, where weights are read in place instead of copied.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

static WEIGHTS: &Aligned<[u8]> =
    &Aligned(*include_bytes!("../data/speech_tokenizer/model.safetensors"));

static FILES: [File; 4] = [
    file!("speech_tokenizer/config.json"),
    file!("speech_tokenizer/configuration.json"),
    file!("speech_tokenizer/preprocessor_config.json"),
    ("speech_tokenizer/model.safetensors", &WEIGHTS.0),
];

/// Returns the files of the speech tokenizer.
pub fn files() -> impl Iterator<Item = File> {
    FILES.iter().copied()
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
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/speech_tokenizer");
        let names = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
        let mut present: Vec<_> =
            names.map(|name| format!("speech_tokenizer/{}", name.into_string().unwrap())).collect();
        present.sort();
        let mut listed: Vec<_> = super::files().map(|(path, _)| path).collect();
        listed.sort();
        assert_eq!(listed, present);
    }
}
