//! A place between a call and its wire, where a test may delay, repeat or lose it. Only with the feature `wire`, which the
//! product is built without.

use std::sync::OnceLock;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response};
use lutong_kernel::Fault;
use tonic::body::Body;

use super::MeshChannel;

/// Carries a call over a channel and brings its answer.
pub type Wire = fn(MeshChannel, Request<Body>) -> BoxFuture<'static, Response<Body>>;

static INSTALLED: OnceLock<Wire> = OnceLock::new();

/// Every later call of this process goes over `wire`. The first one that is installed stays.
pub fn install(wire: Wire) {
    let _ = INSTALLED.set(wire);
}

pub(super) fn installed() -> Option<Wire> {
    INSTALLED.get().copied()
}

/// Carries a call as it would be without a wire of a test's own.
pub fn carry(channel: &MeshChannel, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
    let answer = channel.carry(request);
    async move {
        match answer.await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }
    .boxed()
}

/// What a caller is told when its service cannot be reached.
pub fn unreachable(channel: &MeshChannel) -> Response<Body> {
    super::refusal(Fault::unavailable(channel.part.as_str()))
}
