//! Files that can be read to their end: no folders, pipes or devices.

use std::fs::{self, FileType, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// Returns the facts of a regular file. Links are followed.
///
/// # Errors
/// Returns the error of the system if there is no such file, and [`io::ErrorKind::InvalidInput`] if
/// it is a folder, a pipe, a socket or a device, which might never end.
pub fn regular(path: &Path) -> io::Result<Metadata> {
    let facts = fs::metadata(path)?;
    if facts.is_file() {
        return Ok(facts);
    }
    let reason = format!("{}; expected a regular file", kind(facts.file_type()));
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

/// Reads a regular file whole.
///
/// # Errors
/// As [`regular`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    regular(path)?;
    fs::read(path)
}

/// Reads a file or a pipe to its end, which comes after at most `max` bytes.
///
/// # Errors
/// Returns the error of the system, and [`io::ErrorKind::FileTooLarge`] if there are more bytes, as in
/// a device that never ends.
pub fn read_at_most(input: impl Read, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        let reason = format!("it is longer than {} MiB", max >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

#[cfg(unix)]
fn kind(file: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match file {
        _ if file.is_dir() => "a folder",
        _ if file.is_fifo() => "a named pipe",
        _ if file.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind(file: FileType) -> &'static str {
    if file.is_dir() { "a folder" } else { "a device" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        fs::write(&path, "{}").unwrap();
        assert_eq!(read(&path).unwrap(), b"{}");
        let error = read(folder.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert_eq!(error.to_string(), "a folder; expected a regular file");
    }

    #[test]
    fn an_input_without_an_end_is_refused() {
        assert_eq!(read_at_most(&b"1234"[..], 4).unwrap(), b"1234");
        let error = read_at_most(io::repeat(0), 1 << 20).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "it is longer than 1 MiB");
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_named() {
        let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert_eq!(error, "a device; expected a regular file");
    }
}
