//! Every path of HTTP: pages and sign-in by their own routes, the contract's paths by its rules, which is the fallback.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use lutong_kernel::Random;

use super::problems;
use crate::pages::{self, Pages};
use crate::problem::Problem;
use crate::rpc::Calls;
use crate::sign_in::{self, SignIn};

pub fn router(calls: Arc<Calls>, pages: Pages, sign_in: SignIn, random: Arc<dyn Random>) -> Router {
    let contract = Router::new().fallback(call).with_state(calls);
    contract
        .merge(pages::routes(pages))
        .merge(sign_in::routes(sign_in))
        .layer(from_fn_with_state(random, problems::answer))
}

/// The paths of the listener for partners: the contract's alone.
pub fn router_of_partners(calls: Arc<Calls>, random: Arc<dyn Random>) -> Router {
    let contract = Router::new().fallback(call).with_state(calls);
    contract.layer(from_fn_with_state(random, problems::answer))
}

async fn call(State(calls): State<Arc<Calls>>, request: Request) -> Result<Response, Problem> {
    calls.json(request).await
}

#[cfg(test)]
mod tests {
    use crate::rpc::contract::tests::contract;
    use crate::rpc::transcode::pattern::Segment;
    use crate::rpc::transcode::{Bindings, RouteMatch};
    use crate::sign_in::{dev_session, device_session, mini_program};
    use http::Method;

    /// A route comes before the contract's paths: one that both have would hide an RPC.
    #[test]
    fn no_route_hides_a_path_of_the_contract() {
        let bindings = Bindings::read(lutong_proto::descriptor_pool(), &contract()).unwrap();
        let v1 = Segment::Literal("v1".to_owned());
        for binding in bindings.iter() {
            assert_eq!(
                binding.pattern.segments().first(),
                Some(&v1),
                "{}",
                binding.rpc.path
            );
        }
        // The routes below `/v1`.
        for path in [dev_session::PATH, device_session::PATH, mini_program::PATH] {
            assert!(
                matches!(bindings.find(&Method::POST, path), RouteMatch::Nothing),
                "{path}"
            );
        }
    }
}
