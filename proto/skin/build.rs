//! Makes the handler traits and the servers in front of them out of the contract.

#[path = "../generate/compile.rs"]
mod compile;
#[path = "../generate/names.rs"]
mod names;
#[path = "../generate/policies.rs"]
mod policies;
#[path = "../generate/skin.rs"]
mod skin;

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let root = root.parent().ok_or("the contract lies beside this crate")?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let encoded = compile::contract(root)?.encode_file_descriptor_set();
    let pool = prost_reflect::DescriptorPool::decode(encoded.as_slice())?;
    std::fs::write(out.join("skin.rs"), skin::write(&pool))?;
    Ok(())
}
