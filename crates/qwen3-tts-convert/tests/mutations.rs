//! Converting mutated files: no panic, no hang, bounded memory.
//!
//! `QWEN3_TTS_MUTATIONS` is the number of files per parser.

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::Path;

use peak_alloc::PeakAlloc;
use qwen3_tts_convert::{ConvertOptions, Result, convert};
use qwen3_tts_testkit::{
    MemoryLimit, Seed, TempCheckpoint, checkpoint, fixtures_dir, survive_mutations,
};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const LIMIT: MemoryLimit = MemoryLimit { allocator: &MEMORY, fixed: 16 << 20, factor: 256 };

/// Converts a checkpoint to nowhere.
fn attempt(source: &Path) -> Result<()> {
    let output = source.join("converted");
    let result = convert(source, &output, &ConvertOptions::default(), &mut |_| {});
    let _ = fs::remove_dir_all(&output);
    result.map(drop)
}

/// Returns the entries of a file that PyTorch wrote: names and bytes.
fn entries(file: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = fs::read(fixtures_dir().join("goldens/pickle").join(file)).unwrap();
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let n_entries = archive.len();
    let entry = |index| {
        let mut entry = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.name().unwrap().into_owned(), bytes)
    };
    (0..n_entries).map(entry).collect()
}

/// The archive's check sums would reject a mutation: the pickle is mutated within it.
#[test]
fn pickles() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(checkpoint("custom_voice_0b6").join("config.json"), dir.path().join("config.json"))
        .unwrap();
    for file in ["state_dict.bin", "state_dict_4.bin"] {
        let entries = entries(file);
        let is_pickle = |(name, _): &&(String, Vec<u8>)| name.ends_with("data.pkl");
        let pickle = &entries.iter().find(is_pickle).expect("a pickle").1;
        let write = |pickle: &[u8]| {
            let mut zip = ZipWriter::new(File::create(dir.path().join("model.bin")).unwrap());
            let options =
                SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            for entry in &entries {
                let bytes = if is_pickle(&entry) { pickle } else { &entry.1 };
                zip.start_file(&*entry.0, options).unwrap();
                zip.write_all(bytes).unwrap();
            }
            zip.finish().unwrap();
        };
        write(pickle);
        attempt(dir.path()).expect("the file of PyTorch");
        survive_mutations(file, &[Seed::new(file, &**pickle)], LIMIT, |bytes| {
            write(bytes);
            let _ = attempt(dir.path());
        });
    }
}

#[test]
fn archives_and_safetensors() {
    let copy = TempCheckpoint::new("custom_voice_0b6");
    let weights = copy.file("model.safetensors");
    let seeds = [
        Seed::read(fixtures_dir().join("goldens/pickle/state_dict.bin")),
        Seed::read(fixtures_dir().join("goldens/pickle/state_dict.safetensors")),
    ];
    survive_mutations("weights", &seeds, LIMIT, |bytes| {
        fs::write(&weights, bytes).unwrap();
        let _ = attempt(copy.path());
    });
}
