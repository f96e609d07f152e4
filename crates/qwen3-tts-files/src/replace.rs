//! Files that can be written but not replaced by another of their name.

use std::io;
use std::path::Path;

/// Checks that a file in the folder of `path` may be renamed to `path`, as far as the rights to write
/// both do not tell. `part` is another file of this process in that folder.
///
/// # Errors
/// Returns an error if the file at `path` is mounted there, as containers mount single files, or if
/// it belongs to another user in a folder where only owners rename files, such as `/tmp`.
#[cfg(unix)]
pub fn check_replaceable(path: &Path, part: &Path) -> io::Result<()> {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let (folder, own) = (fs::metadata(crate::parent(path))?, fs::metadata(part)?.uid());
    if folder.mode() & STICKY != 0 && own != 0 && ![found.uid(), folder.uid()].contains(&own) {
        let reason = "it belongs to another user, who alone may replace it in this folder";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if is_mounted(path, &mounts) {
        let reason = "it is mounted by itself and cannot be replaced; mount its folder";
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, reason));
    }
    Ok(())
}

/// Other systems tell when the file is opened for writing.
///
/// # Errors
/// Returns none.
#[cfg(not(unix))]
pub fn check_replaceable(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns true if `path` is one of the mount points, the fifth field of each line.
#[cfg(unix)]
fn is_mounted(path: &Path, mounts: &str) -> bool {
    let mut field = path.to_string_lossy().replace('\\', "\\134");
    for (letter, code) in [(' ', "\\040"), ('\t', "\\011"), ('\n', "\\012")] {
        field = field.replace(letter, code);
    }
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(&*field))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_mounted_file_is_recognised() {
        let mounts = "22 1 0:21 / /proc rw - proc proc rw\n\
                      40 22 8:1 /x /data/my\\040song\\134.wav rw,relatime shared:1 - ext4 /dev/sda rw";
        assert!(is_mounted(Path::new("/data/my song\\.wav"), mounts));
        assert!(!is_mounted(Path::new("/data/my"), mounts));
        assert!(!is_mounted(Path::new("/x"), mounts));
    }

    #[test]
    fn own_files_may_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (path, part) = (dir.path().join("a"), dir.path().join("part"));
        fs::write(&part, "").unwrap();
        check_replaceable(&path, &part).unwrap();
        fs::write(&path, "").unwrap();
        check_replaceable(&path, &part).unwrap();
    }

    #[test]
    fn files_of_others_in_a_shared_folder_may_not() {
        use std::os::unix::fs::{PermissionsExt, chown};
        let dir = tempfile::tempdir().unwrap();
        let (path, part) = (dir.path().join("a"), dir.path().join("part"));
        for file in [&path, &part] {
            fs::write(file, "").unwrap();
        }
        if fs::metadata(&part).unwrap().uid() != 0 || chown(&part, Some(65_534), None).is_err() {
            return; // Only the superuser gives files away.
        }
        check_replaceable(&path, &part).unwrap();
        fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o1777)).unwrap();
        let error = check_replaceable(&path, &part).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
