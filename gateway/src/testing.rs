//! A contract for tests that has every shape which the edge supports, whether or not the real contract uses it today.

use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::peers::Peers;
use crate::rpc::contract::Contract;

/// The descriptors of `testing/shapes.proto`, with their comments.
pub fn pool() -> DescriptorPool {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/src/testing");
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");
    let mut compiler = protox::Compiler::new([here, proto]).unwrap();
    compiler.include_imports(true).include_source_info(true);
    compiler.open_file("shapes.proto").unwrap();
    DescriptorPool::decode(compiler.encode_file_descriptor_set().as_slice()).unwrap()
}

pub fn message(name: &str) -> MessageDescriptor {
    pool()
        .get_message_by_name(&format!("lutong.complaint.shapes.v1.{name}"))
        .unwrap()
}

pub fn contract() -> Contract {
    Contract::read(&pool(), &Peers::new()).unwrap()
}
