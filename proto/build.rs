//! Makes the Rust types, clients and servers, the checks of their bounds, and the descriptor set that policy, JSON and
//! reflection are read from.

#[path = "generate/answers.rs"]
mod answers;
#[path = "generate/bounds.rs"]
mod bounds;
#[path = "generate/compile.rs"]
mod compile;
#[path = "generate/facts.rs"]
mod facts;
#[path = "generate/fields.rs"]
mod fields;
#[path = "generate/names.rs"]
mod names;
#[path = "generate/policies.rs"]
mod policies;
#[path = "generate/requests.rs"]
mod requests;

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let compiler = compile::contract(&root)?;
    // protox's own encoding keeps extensions (google.api.http, the access policy, bounds) and comments.
    let encoded = compiler.encode_file_descriptor_set();
    let pool = prost_reflect::DescriptorPool::decode(encoded.as_slice())?;
    std::fs::write(out.join("answers.rs"), answers::write(&pool))?;
    std::fs::write(out.join("bounds.rs"), bounds::write(&pool))?;
    std::fs::write(out.join("facts.rs"), facts::write(&pool))?;
    std::fs::write(out.join("requests.rs"), requests::write(&pool))?;
    std::fs::write(out.join("lutong.binpb"), encoded)?;
    tonic_prost_build::configure()
        .bytes(".lutong.risk_rules.v1.ImportNoticeRequest")
        .bytes(".lutong.risk_rules.v1.ImportIntervalsRequest")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
