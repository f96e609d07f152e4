//! Sharded safetensors files, written tensor by tensor in any order.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// A tensor to be written.
#[derive(Clone, Debug)]
pub struct Output {
    /// Full name, which no other output has.
    pub name: String,
    /// Data type.
    pub dtype: Dtype,
    /// Size of each axis.
    pub shape: Vec<usize>,
    /// Size in bytes.
    pub len: u64,
}

/// Open files whose headers are written.
pub struct Writer {
    files: Vec<(PathBuf, File)>,
    /// File, and offset in it, of each tensor.
    places: HashMap<String, (usize, u64)>,
}

impl Writer {
    /// Creates `model.safetensors`, or shards of at most `limit` bytes of tensors (or of one
    /// tensor) and their index.
    pub fn create(dir: &Path, outputs: Vec<Output>, format: &str, limit: u64) -> Result<Self> {
        let shards = shards(outputs, limit);
        let count = shards.len();
        let mut writer = Self { files: Vec::new(), places: HashMap::new() };
        let (mut map, mut total) = (Map::new(), 0);
        for (number, shard) in shards.into_iter().enumerate() {
            let name = match count {
                1 => "model.safetensors".to_owned(),
                _ => format!("model-{:05}-of-{count:05}.safetensors", number + 1),
            };
            map.extend(shard.iter().map(|output| (output.name.clone(), json!(name))));
            total += shard.iter().map(|output| output.len).sum::<u64>();
            let path = dir.join(&name);
            let file = writer.add(&path, shard, format).map_err(Error::writing(&path))?;
            writer.files.push((path, file));
        }
        if count > 1 {
            let index = json!({"metadata": {"total_size": total}, "weight_map": map});
            let path = dir.join("model.safetensors.index.json");
            fs::write(&path, format!("{index:#}\n")).map_err(Error::writing(&path))?;
        }
        Ok(writer)
    }

    /// Creates a file at its full length, with its header.
    fn add(&mut self, path: &Path, mut shard: Vec<Output>, format: &str) -> io::Result<File> {
        // The widest types come first, so that every tensor is aligned to its elements.
        shard.sort_by_key(|output| Reverse(output.dtype.bitsize()));
        let mut entries = Map::new();
        entries.insert("__metadata__".to_owned(), json!({"format": format}));
        let mut start = 0;
        for Output { name, dtype, shape, len } in &shard {
            let end = start + len;
            let dtype = dtype.to_string();
            let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]});
            entries.insert(name.clone(), entry);
            start = end;
        }
        let mut header = Value::Object(entries).to_string().into_bytes();
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut at = 8 + header.len() as u64;
        for output in shard {
            self.places.insert(output.name, (self.files.len(), at));
            at += output.len;
        }
        let mut file = File::create(path)?;
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        file.set_len(at)?;
        Ok(file)
    }

    /// Writes bytes of a tensor from its byte `from` on.
    ///
    /// # Panics
    /// Panics if the writer was not created with a tensor of this name.
    pub fn write(&mut self, name: &str, from: u64, bytes: &[u8]) -> Result<()> {
        let (file, start) = self.places[name];
        let (path, file) = &mut self.files[file];
        let written = file.seek(SeekFrom::Start(start + from)).and_then(|_| file.write_all(bytes));
        written.map_err(Error::writing(path))
    }

    /// Flushes all files to the disk.
    pub fn finish(self) -> Result<()> {
        for (path, file) in self.files {
            file.sync_all().map_err(Error::writing(&path))?;
        }
        Ok(())
    }
}

fn shards(outputs: Vec<Output>, limit: u64) -> Vec<Vec<Output>> {
    let mut shards = vec![Vec::new()];
    let mut size = 0;
    for output in outputs {
        if size > 0 && size + output.len > limit {
            shards.push(Vec::new());
            size = 0;
        }
        size += output.len;
        shards.last_mut().expect("at least one").push(output);
    }
    shards
}
