//! The index of weights in several files.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::text::strip_bom;

/// Returns the names of the files that the index of a checkpoint's shards lists:
/// `model.safetensors.index.json` or `pytorch_model.bin.index.json`.
///
/// # Errors
/// Returns the reason if the text is no such index, or if a name leads out of the index's
/// directory.
pub fn shard_files(index: &str) -> Result<BTreeSet<String>, String> {
    let json: Value = serde_json::from_str(strip_bom(index))
        .map_err(|error| format!("not valid JSON ({error})"))?;
    let Some(map) = json["weight_map"].as_object().filter(|map| !map.is_empty()) else {
        return Err("no `weight_map` with the files of the tensors".to_owned());
    };
    let mut names = BTreeSet::new();
    for (tensor, name) in map {
        let Some(name) = name.as_str() else {
            let reason = "not a string with the name of a file";
            return Err(format!("`weight_map.{tensor}` is {name}, {reason}"));
        };
        // A shard is in the directory of its index: a path to another place, such as `C:a` on
        // Windows, is not a shard.
        if name.contains(['/', '\\', ':']) || ["", ".", ".."].contains(&name) {
            return Err(format!("`{name}` is not a file name"));
        }
        names.insert(name.to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_lists_each_file_once() {
        let index = r#"{"metadata": {}, "weight_map": {"a": "2", "b": "1", "c": "2"}}"#;
        let expected = BTreeSet::from(["1".to_owned(), "2".to_owned()]);
        assert_eq!(shard_files(index), Ok(expected.clone()));
        assert_eq!(shard_files(&format!("\u{feff}{index}")), Ok(expected));
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        for (index, reason) in [
            ("", "not valid JSON"),
            ("{}", "weight_map"),
            (r#"{"weight_map": {}}"#, "weight_map"),
            (r#"{"weight_map": {"a": 3}}"#, "`weight_map.a` is 3"),
            (r#"{"weight_map": {"a": "../secret"}}"#, "`../secret` is not a file name"),
            (r#"{"weight_map": {"a": "/etc/passwd"}}"#, "not a file name"),
            (r#"{"weight_map": {"a": "a\\b"}}"#, "not a file name"),
            (r#"{"weight_map": {"a": "C:a"}}"#, "not a file name"),
            (r#"{"weight_map": {"a": ".."}}"#, "not a file name"),
            (r#"{"weight_map": {"a": ""}}"#, "not a file name"),
        ] {
            let error = shard_files(index).unwrap_err();
            assert!(error.contains(reason), "{index}: {error}");
        }
    }
}
