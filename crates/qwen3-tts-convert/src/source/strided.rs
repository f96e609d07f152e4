//! Tensors whose numbers do not lie in the order of their axes: views, for example transposed ones.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Number of bytes of the file that are held at a time.
const WINDOW: usize = 4 << 20;

/// Reads a tensor of numbers of `size` bytes in the order of its axes.
///
/// The axes are walked from the longest stride to the shortest, so that the file is read forward.
pub fn read(
    file: &File,
    start: u64,
    shape: &[usize],
    strides: &[usize],
    size: usize,
) -> io::Result<Vec<u8>> {
    let mut axes: Vec<Axis> = (0..shape.len())
        .map(|i| Axis {
            len: shape[i],
            from: strides[i] * size,
            to: shape[i + 1..].iter().product::<usize>() * size,
        })
        .collect();
    axes.sort_by_key(|axis| std::cmp::Reverse(axis.from));
    let n: usize = shape.iter().product();
    let mut ordered = vec![0; n * size];
    let mut window = Window { file, start, at: 0, bytes: Vec::new() };
    let mut index = vec![0; axes.len()];
    let (mut from, mut to) = (0, 0);
    for _ in 0..n {
        ordered[to..to + size].copy_from_slice(window.bytes(from, size)?);
        // Advance like an odometer: the last axis first, and the one before it when it overflows.
        for (axis, i) in axes.iter().zip(&mut index).rev() {
            *i += 1;
            (from, to) = (from + axis.from, to + axis.to);
            if *i < axis.len {
                break;
            }
            (from, to) = (from - axis.from * axis.len, to - axis.to * axis.len);
            *i = 0;
        }
    }
    Ok(ordered)
}

/// An axis: its length, and the distance in bytes of two entries in the file and in order.
struct Axis {
    len: usize,
    from: usize,
    to: usize,
}

/// A moving part of the file.
struct Window<'a> {
    file: &'a File,
    start: u64,
    at: usize,
    bytes: Vec<u8>,
}

impl Window<'_> {
    fn bytes(&mut self, from: usize, len: usize) -> io::Result<&[u8]> {
        if from < self.at || from + len > self.at + self.bytes.len() {
            self.at = from;
            self.bytes.clear();
            self.file.seek(SeekFrom::Start(self.start + from as u64))?;
            self.file.take(WINDOW as u64).read_to_end(&mut self.bytes)?;
        }
        let bytes = self.bytes.get(from - self.at..).and_then(|rest| rest.get(..len));
        bytes.ok_or(io::ErrorKind::UnexpectedEof.into())
    }
}
