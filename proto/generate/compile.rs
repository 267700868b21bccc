//! Compiles the contract. Needs no protoc.

use std::path::{Path, PathBuf};

/// The compiler with every file of `lutong/` in it, in the order of their names.
pub fn contract(root: &Path) -> Result<protox::Compiler, Box<dyn std::error::Error>> {
    let mut files = Vec::new();
    collect(&root.join("lutong"), &mut files)?;
    files.sort();
    for dir in ["lutong", "google", "generate"] {
        println!("cargo:rerun-if-changed={}", root.join(dir).display());
    }
    let mut compiler = protox::Compiler::new([root])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(&files)?;
    Ok(compiler)
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
