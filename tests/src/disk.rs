//! A faulty disk: a library preloaded into the process under test fails writes and syncs of database files.

use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

/// Failure rates, in percent of the calls.
#[derive(Debug, Clone, Copy)]
pub struct Errors {
    pub writes: u8,
    pub syncs: u8,
    pub lengthenings: u8,
    pub errno: u8,
}

/// Linux error numbers.
pub const EIO: u8 = 5;
pub const ENOSPC: u8 = 28;

/// Controls the faults of one process's disk. Nothing fails until [`FaultyDisk::err`] is called.
#[derive(Debug)]
pub struct FaultyDisk(std::fs::File);

impl FaultyDisk {
    /// Builds the library in `folder`; returns the control and the environment variables for the process.
    pub fn build(folder: &Path) -> (Self, Vec<(String, String)>) {
        let (source, library, switch) = (
            folder.join("faulty_disk.c"),
            folder.join("faulty_disk.so"),
            folder.join("faulty_disk"),
        );
        std::fs::write(&source, include_str!("disk/faulty_disk.c")).unwrap();
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        assert!(built.unwrap().success());
        std::fs::write(&switch, [0; 4]).unwrap();
        let environment = [("LD_PRELOAD", &library), ("FAULTY_DISK_SWITCH", &switch)]
            .map(|(name, path)| (name.to_owned(), path.display().to_string()));
        let file = std::fs::File::options().write(true).open(switch).unwrap();
        (Self(file), environment.into())
    }

    pub fn err(&self, errors: Errors) {
        let Errors {
            writes,
            syncs,
            lengthenings,
            errno,
        } = errors;
        self.0
            .write_all_at(&[writes, syncs, lengthenings, errno], 0)
            .unwrap();
    }

    pub fn work(&self) {
        self.0.write_all_at(&[0; 3], 0).unwrap();
    }
}
