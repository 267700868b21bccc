//! A small disk that tests can fill.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory, mounted until this value is dropped. Needs root, as the tests' PostgreSQL does.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Creates `folder` and mounts the disk on it; `size` as in `20m`.
    pub fn mount(folder: &Path, size: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let disk = Self(folder.to_owned());
        disk.run(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]);
        disk
    }

    pub fn resize(&self, size: &str) {
        self.run(&["-o", &format!("remount,size={size}")]);
    }

    fn run(&self, options: &[&str]) {
        let status = Command::new("mount").args(options).arg(&self.0).status();
        assert!(
            status.unwrap().success(),
            "mount {options:?}: tests of full disks run as root"
        );
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy unmount: a server may still have a file on it open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
