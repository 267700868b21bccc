//! A hook between a call and its transport, where a test may delay, repeat or lose the call. Only with the feature
//! `wire`, which is off in production builds.

use std::sync::OnceLock;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response};
use lutong_kernel::Fault;
use tonic::body::Body;

use super::MeshChannel;

/// Sends a call over a channel and returns its answer.
pub type Wire = fn(MeshChannel, Request<Body>) -> BoxFuture<'static, Response<Body>>;

static INSTALLED: OnceLock<Wire> = OnceLock::new();

/// Sends every later call of this process over `wire`. Only the first installation takes effect.
pub fn install(wire: Wire) {
    let _ = INSTALLED.set(wire);
}

pub(super) fn installed() -> Option<Wire> {
    INSTALLED.get().copied()
}

/// Sends a call as it would be sent without a hook.
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

/// The answer to a call whose service cannot be reached.
pub fn unreachable(channel: &MeshChannel) -> Response<Body> {
    super::refusal(Fault::unavailable(channel.part.as_str()))
}
