//! The tensors of a file that `torch.save` wrote: an archive that holds a pickle, which describes
//! the tensors, and their numbers, which are read in place.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};

use zip::{CompressionMethod, ZipArchive};

use super::pickle::{MAX_AXES, Pickle, Storage, Value, View};
use super::tensor::Tensor;
use crate::error::{Fault, bail, ensure};

/// Largest size in bytes of a pickle, far above that of a state dict: it holds no numbers.
const MAX_PICKLE: u64 = 16 << 20;

type Archive<'f> = ZipArchive<BufReader<&'f File>>;

/// Reads the tensors of a file of `size` bytes, which is file `number` of its checkpoint.
pub fn read(file: &File, size: u64, number: usize) -> Result<Vec<(String, Tensor)>, Fault> {
    let mut archive = open(file)?;
    let root = root(&archive)?;
    let (_, len) = place(&mut archive, &format!("{root}data.pkl"), size)?;
    ensure!(
        len <= MAX_PICKLE,
        "its pickle has {} MiB, expected at most {}: save the state dict alone",
        len >> 20,
        MAX_PICKLE >> 20
    );
    check_byte_order(&mut archive, &root, size)?;
    let pickle = bytes(&mut archive, &format!("{root}data.pkl"))?;
    let pickle = Pickle::read(&pickle)?;
    let Value::Dict(entries) = pickle.root() else { bail!("its pickle holds no state dict") };
    let mut storages = HashMap::new();
    let mut tensors = Vec::new();
    for (key, value) in entries {
        let Value::Str(name) = pickle.get(*key) else { bail!("the name of a tensor is no text") };
        let Value::Tensor(view) = pickle.get(*value) else {
            bail!("`{name}` is no tensor: save the state dict alone")
        };
        let key = view.storage.key;
        let place = match storages.get(key) {
            Some(place) => *place,
            None => place(&mut archive, &format!("{root}data/{key}"), size)?,
        };
        storages.insert(key, place);
        let tensor = tensor(view, place, number);
        let tensor = tensor.map_err(|fault| fault.within(&format!("tensor `{name}`")))?;
        tensors.push(((*name).to_owned(), tensor));
    }
    Ok(tensors)
}

fn open(file: &File) -> Result<Archive<'_>, Fault> {
    let mut start = [0; 2];
    let mut reader = BufReader::new(file);
    let legacy = reader.read_exact(&mut start).is_ok() && start == [0x80, 2];
    ensure!(
        !legacy,
        "written by PyTorch before 1.6, or without its zip format: load it with torch and save it \
         again"
    );
    reader.rewind()?;
    let archive = ZipArchive::new(reader).map_err(|error| {
        Fault::malformed(format!("no archive as torch.save writes it ({error})"))
    })?;
    ensure!(!archive.has_duplicate_names(), "two files of its archive have the same name");
    Ok(archive)
}

/// Returns the folder of the archive that everything is in, with a slash.
fn root(archive: &Archive<'_>) -> Result<String, Fault> {
    let names = archive.file_names_raw().filter_map(|name| std::str::from_utf8(name).ok());
    let mut roots = names.filter_map(|name| name.strip_suffix("data.pkl"));
    match roots.find(|root| root.ends_with('/')) {
        Some(root) => Ok(root.to_owned()),
        None => bail!("no data.pkl in its archive"),
    }
}

/// Returns the start and the length of a file of the archive, which is neither compressed nor
/// truncated.
fn place(archive: &mut Archive<'_>, name: &str, size: u64) -> Result<(u64, u64), Fault> {
    let entry = archive.by_name_raw(name.as_bytes());
    let entry =
        entry.map_err(|error| Fault::from(error).within(&format!("`{name}` in its archive")))?;
    let plain = entry.compression() == CompressionMethod::Stored && !entry.encrypted();
    ensure!(plain, "`{name}` in its archive is compressed, which torch.save never does");
    let Some(start) = entry.data_start() else { bail!("`{name}` has no place in its archive") };
    let len = entry.size();
    let fits = start.checked_add(len).is_some_and(|end| end <= size);
    ensure!(fits, "`{name}` ends after the file: it is truncated; fetch it again");
    Ok((start, len))
}

fn bytes(archive: &mut Archive<'_>, name: &str) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    archive.by_name_raw(name.as_bytes())?.take(MAX_PICKLE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Refuses big-endian numbers. Files from before PyTorch wrote the entry are little-endian.
fn check_byte_order(archive: &mut Archive<'_>, root: &str, size: u64) -> Result<(), Fault> {
    let name = format!("{root}byteorder");
    if archive.index_for_name_raw(name.as_bytes()).is_some() {
        place(archive, &name, size)?;
        let order = bytes(archive, &name)?;
        ensure!(order == b"little", "its numbers are not little-endian");
    }
    Ok(())
}

/// Returns the tensor of a view, all of which lies inside its storage.
fn tensor(view: &View<'_>, (start, bytes): (u64, u64), file: usize) -> Result<Tensor, Fault> {
    let View { storage: Storage { dtype, len, .. }, offset, shape, strides } = view;
    let size = dtype.bitsize() / 8;
    let held = len.checked_mul(size).is_some_and(|wanted| wanted as u64 <= bytes);
    ensure!(held, "its storage has {bytes} bytes, expected {len} numbers of type {dtype}");
    let (axes, found) = (shape.len(), strides.len());
    ensure!(axes <= MAX_AXES && found <= MAX_AXES, "too many axes, expected at most {MAX_AXES}");
    ensure!(axes == found, "{axes} axes with {found} strides, expected as many");
    let elements = shape.iter().try_fold(1usize, |n, axis| n.checked_mul(*axis));
    let last = shape.iter().zip(strides).try_fold(0usize, |last, (axis, stride)| {
        last.checked_add(axis.saturating_sub(1).checked_mul(*stride)?)
    });
    let end = last.and_then(|last| last.checked_add(*offset)?.checked_add(1));
    let empty = elements == Some(0);
    let inside = empty || end.is_some_and(|end| end <= *len);
    ensure!(
        inside,
        "shape {shape:?} with strides {strides:?} from {offset} on is more than its {len} numbers"
    );
    ensure!(
        empty || !overlaps(shape, strides),
        "entries share numbers (shape {shape:?} with strides {strides:?}): save it .contiguous()"
    );
    let Some(elements) = elements else { bail!("shape {shape:?} is too large") };
    Ok(Tensor {
        file,
        start: if empty { start } else { start + (offset * size) as u64 },
        dtype: *dtype,
        shape: shape.clone(),
        strides: (!empty && !in_order(shape, strides)).then(|| strides.clone()),
        len: (elements * size) as u64,
        mlx: false,
    })
}

/// Returns true if the numbers lie in the order of the axes, without gaps.
fn in_order(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(axis, stride)| {
        let fits = *axis <= 1 || *stride == expected;
        expected *= axis.max(&1);
        fits
    })
}

/// Returns true if two entries may be the same number. If not, some order of the axes goes through
/// the file forward.
fn overlaps(shape: &[usize], strides: &[usize]) -> bool {
    let axes = shape.iter().zip(strides).filter(|(len, _)| **len > 1);
    let mut axes: Vec<(usize, usize)> = axes.map(|(len, stride)| (*stride, *len)).collect();
    axes.sort_unstable();
    let mut span = 1;
    axes.iter().any(|(stride, len)| {
        let overlaps = *stride < span;
        span = stride.saturating_mul(*len);
        overlaps
    })
}
