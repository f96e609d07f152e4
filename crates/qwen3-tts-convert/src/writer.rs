//! Sharded safetensors files, written tensor by tensor in any order.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// A tensor to be written.
#[derive(Clone, Debug)]
pub struct Output {
    /// The full name.
    pub name: String,
    /// The data type as the file names it.
    pub dtype: String,
    /// The shape.
    pub shape: Vec<usize>,
    /// Its bytes.
    pub len: u64,
}

/// Open files whose headers are written.
pub struct Writer {
    files: Vec<(PathBuf, File)>,
    /// By name: the file and the offset in it.
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
            writer
                .add(path, shard, format)
                .with_context(|| format!("writing {name} in {}", dir.display()))?;
        }
        if count > 1 {
            let index = json!({"metadata": {"total_size": total}, "weight_map": map});
            let path = dir.join("model.safetensors.index.json");
            std::fs::write(&path, serde_json::to_string_pretty(&index)? + "\n")
                .with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(writer)
    }

    fn add(&mut self, path: PathBuf, mut shard: Vec<Output>, format: &str) -> Result<()> {
        // The widest first, so that every tensor is aligned to its elements.
        shard.sort_by_key(|output| std::cmp::Reverse(element_size(output)));
        let mut entries = Map::new();
        entries.insert("__metadata__".to_owned(), json!({"format": format}));
        let mut start = 0;
        for output in &shard {
            let end = start + output.len;
            let Output { name, dtype, shape, .. } = output;
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
        let mut file = File::create(&path)?;
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        file.set_len(at)?;
        self.files.push((path, file));
        Ok(())
    }

    /// Writes bytes of a tensor from its byte `from` on.
    pub fn write(&mut self, name: &str, from: u64, bytes: &[u8]) -> Result<()> {
        let &(file, start) = self.places.get(name).with_context(|| format!("no place: {name}"))?;
        let (path, file) = &mut self.files[file];
        let written = file.seek(SeekFrom::Start(start + from)).and_then(|_| file.write_all(bytes));
        written.with_context(|| format!("writing {}", path.display()))
    }

    /// Brings everything to the disk.
    pub fn finish(self) -> Result<()> {
        for (path, file) in self.files {
            file.sync_all().with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }
}

fn element_size(output: &Output) -> u64 {
    output.len / output.shape.iter().product::<usize>().max(1) as u64
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
        shards.last_mut().expect("one at least").push(output);
    }
    shards
}
