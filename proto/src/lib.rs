#![doc = include_str!("../README.md")]
// Generated code is not held to the lints of written code.
#![allow(clippy::pedantic, clippy::doc_markdown)]

pub mod answers;
pub mod bounds;
mod convert;
pub mod errors;
pub mod facts;
pub mod options;
pub mod policy;
pub mod requests;
pub mod time;
pub mod transitions;

/// Every file of the contract with its options and comments, as an encoded `FileDescriptorSet`.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lutong.binpb"));

/// The generated code, nested as the packages are: `lutong::identity::v1`.
pub mod lutong {
    pub mod code_rendering {
        pub mod v1 {
            tonic::include_proto!("lutong.code_rendering.v1");
        }
    }
    pub mod complaint {
        pub mod v1 {
            tonic::include_proto!("lutong.complaint.v1");
        }
    }
    pub mod declaration {
        pub mod v1 {
            tonic::include_proto!("lutong.declaration.v1");
        }
    }
    pub mod federation {
        pub mod v1 {
            tonic::include_proto!("lutong.federation.v1");
        }
    }
    pub mod identity {
        pub mod v1 {
            tonic::include_proto!("lutong.identity.v1");
        }
    }
    pub mod audit {
        pub mod v1 {
            tonic::include_proto!("lutong.audit.v1");
        }
    }
    pub mod policy {
        pub mod v1 {
            tonic::include_proto!("lutong.policy.v1");
        }
    }
    pub mod risk_rules {
        pub mod v1 {
            tonic::include_proto!("lutong.risk_rules.v1");
        }
    }
    pub mod types {
        pub mod v1 {
            tonic::include_proto!("lutong.types.v1");
        }
    }
}

pub use lutong::{audit, code_rendering, complaint, declaration, federation, identity, risk_rules, types};

/// The contract for reflection at run time, parsed once.
pub fn descriptor_pool() -> &'static prost_reflect::DescriptorPool {
    static POOL: std::sync::OnceLock<prost_reflect::DescriptorPool> = std::sync::OnceLock::new();
    POOL.get_or_init(|| {
        // The bytes were written by this crate's build script; a test decodes them.
        prost_reflect::DescriptorPool::decode(DESCRIPTOR_SET).expect("the built-in descriptor set decodes")
    })
}
