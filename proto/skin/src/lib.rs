#![doc = include_str!("../README.md")]

/// What the generated code stands on.
mod runtime {
    #![allow(unused_imports)] // not every scope is in use

    pub use lutong_chassis::lookups::LookupLog;
    pub use lutong_chassis::skin::answer_stream;
    pub use lutong_chassis::skin::{Answers, Following, Listing, Mutation, Query, Sent, Skin};
    pub use lutong_kernel::Fault;
    pub use lutong_transport::access::{
        AnyPermit, BearerPermit, CasePermit, DeclarantPermit, DivisionPermit, FeedPermit, NoPermit,
        SelfPermit, WardPermit,
    };
    pub use lutong_transport::reply::answer;
    pub use tonic::{Request, Response, Status, Streaming};
}

#[allow(unused_imports, clippy::all, clippy::pedantic)]
mod generated {
    use super::runtime;

    include!(concat!(env!("OUT_DIR"), "/skin.rs"));
}

pub use generated::*;
