//! Which file a path leads to.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Maximum number of symbolic links in a row, as on Linux.
const MAX_LINKS: usize = 40;

/// Returns the path of the file that a write to `path` changes or creates: absolute, without
/// symbolic links, also if the last link leads to a file that does not exist.
///
/// # Errors
/// Returns an error if the directory of the file does not exist, if `path` does not end with the name
/// of a file, or if its links form a loop.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            resolved => return resolved,
        }
        let parent = parent(&path);
        match fs::read_link(&path) {
            Ok(target) => path = parent.join(target),
            Err(_) => return Ok(fs::canonicalize(parent)?.join(file_name(&path)?)),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links"))
}

/// Returns true if `path` leads to an open file of a process, such as `/dev/stdout` or `/dev/fd/1`,
/// however it is spelled and through links. Behind a redirection there may be a regular file.
pub fn is_open_file(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let parent = parent(&path);
        if fs::canonicalize(parent).is_ok_and(|folder| holds_open_files(&folder)) {
            return true;
        }
        match fs::read_link(&path) {
            Ok(target) => path = parent.join(target),
            Err(_) => return false,
        }
    }
    false
}

/// Returns true for `/dev/fd`, and for `/proc/PID/fd` and those of its threads.
fn holds_open_files(folder: &Path) -> bool {
    folder == Path::new("/dev/fd") || (folder.starts_with("/proc") && folder.ends_with("fd"))
}

/// Returns the directory that holds the file.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn file_name(path: &Path) -> io::Result<&OsStr> {
    let is_folder = path.to_string_lossy().ends_with(std::path::is_separator);
    let name = path.file_name().filter(|_| !is_folder);
    name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it does not name a file"))
}

/// Returns true if the open file is the one at `path`, not one that was removed or replaced.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |found: fs::Metadata| (found.dev(), found.ino());
    let (open, named) = (file.metadata().map(identity), fs::symlink_metadata(path).map(identity));
    matches!((open, named), (Ok(open), Ok(named)) if open == named)
}

/// Returns true if there is a file at `path`: an open file cannot be replaced on this system.
#[cfg(not(unix))]
pub fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_to_files_that_do_not_exist() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(root.join("folder")).unwrap();
        symlink("folder/second", root.join("first")).unwrap();
        symlink("../new", root.join("folder/second")).unwrap();
        assert_eq!(resolve(&root.join("first")).unwrap(), root.join("new"));
        symlink("loop", root.join("loop")).unwrap();
        resolve(&root.join("loop")).unwrap_err();
        for nowhere in ["none/a", "new/", "none/.."] {
            resolve(&root.join(nowhere)).unwrap_err();
        }
        resolve(Path::new("")).unwrap_err();
    }

    #[test]
    fn open_files_are_recognised_by_any_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = File::create(&path).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        symlink(format!("/dev/fd/{number}"), dir.path().join("link")).unwrap();
        symlink("link", dir.path().join("second")).unwrap();
        let open = format!("/dev/fd/{number}");
        let other = format!("/dev/../dev//./fd/{number}");
        assert!([&open, &other].iter().all(|path| is_open_file(Path::new(path))));
        assert!(["link", "second"].iter().all(|link| is_open_file(&dir.path().join(link))));
        let others = [&*path, dir.path(), Path::new("/dev/null"), Path::new("none/a")];
        assert!(!others.into_iter().any(is_open_file));
    }

    #[test]
    fn a_file_that_was_replaced_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let file = File::create(&path).unwrap();
        assert!(is_at(&file, &path));
        fs::write(dir.path().join("b"), "").unwrap();
        fs::rename(dir.path().join("b"), &path).unwrap();
        assert!(!is_at(&file, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&file, &path));
    }
}
