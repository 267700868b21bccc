//! Makes the Rust types, clients and servers, and the descriptor set that policy, JSON and reflection are read
//! from. Needs no protoc.

#[path = "generate/bounds.rs"]
mod bounds;
#[path = "generate/names.rs"]
mod names;

use std::path::{Path, PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut files = Vec::new();
    collect(&root.join("lutong"), &mut files)?;
    files.sort();
    for dir in ["lutong", "google", "generate"] {
        println!("cargo:rerun-if-changed={}", root.join(dir).display());
    }

    let mut compiler = protox::Compiler::new([&root])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(&files)?;
    // protox's own encoding keeps extensions (google.api.http, the access policy) and comments.
    let encoded = compiler.encode_file_descriptor_set();
    let pool = prost_reflect::DescriptorPool::decode(encoded.as_slice())?;
    std::fs::write(out.join("bounds.rs"), bounds::write(&pool))?;
    std::fs::write(out.join("lutong.binpb"), encoded)?;

    let set = compiler.file_descriptor_set();
    debug_assert!(!set.encode_to_vec().is_empty());
    tonic_prost_build::configure()
        .bytes(".lutong.risk_rules.v1.ImportNoticeRequest")
        .bytes(".lutong.risk_rules.v1.ImportIntervalsRequest")
        .compile_fds(set)?;
    Ok(())
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
