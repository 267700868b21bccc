//! Forwarding a call to its service: the body unchanged, the headers from an allow-list.

use std::time::Duration;

use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Version};
use lutong_kernel::Fault;
use lutong_operating::telemetry;
use lutong_transport::access::{NETWORK_HEADER, PARTNER_HEADER, PRINCIPAL_HEADER};
use lutong_transport::{deadline, status};
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tower::Service as _;

use super::contract::EdgeRpc;

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const PRINCIPAL: HeaderName = HeaderName::from_static(PRINCIPAL_HEADER);

const NETWORK: HeaderName = HeaderName::from_static(NETWORK_HEADER);
const PARTNER: HeaderName = HeaderName::from_static(PARTNER_HEADER);

/// What the gateway says of a call in place of the client.
#[derive(Debug, Clone)]
pub struct OurMetadata {
    /// `lutong-principal`.
    pub token: HeaderValue,
    /// `lutong-network`; absent where it is not known or nobody's business.
    pub network: Option<HeaderValue>,
    /// `lutong-partner`; absent for a call that did not come over the listener for partners.
    pub partner: Option<HeaderValue>,
}

impl OurMetadata {
    fn insert_into(self, inside: &mut HeaderMap) {
        inside.insert(PRINCIPAL, self.token);
        if let Some(network) = self.network {
            inside.insert(NETWORK, network);
        }
        if let Some(partner) = self.partner {
            inside.insert(PARTNER, partner);
        }
    }
}

/// The client's headers that pass into the mesh; every other stays outside, above all `lutong-principal`, `lutong-network`
/// and `lutong-partner`.
const FROM_GRPC: [HeaderName; 6] = [
    CONTENT_TYPE,
    TE,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];
const FROM_JSON: [HeaderName; 2] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// The longest that a call and a stream (an import or a watch) may take, which is also what one without a deadline gets.
const LONGEST_CALL: (Duration, HeaderValue) = (Duration::from_secs(10), HeaderValue::from_static("10S"));
const LONGEST_STREAM: (Duration, HeaderValue) = (Duration::from_secs(600), HeaderValue::from_static("600S"));

/// The longest that a call may take, with what its answer may wait for something to happen.
fn longest_call(rpc: &EdgeRpc) -> (Duration, HeaderValue) {
    if rpc.waits.is_zero() {
        return LONGEST_CALL;
    }
    let longest = LONGEST_CALL.0 + rpc.waits;
    // Digits and a letter are a header's value.
    let header = HeaderValue::try_from(format!("{}S", longest.as_secs())).unwrap_or(LONGEST_CALL.1);
    (longest, header)
}

/// The longest that a call or a stream may take.
fn longest(rpc: &EdgeRpc) -> (Duration, HeaderValue) {
    if rpc.streams || rpc.method.is_server_streaming() {
        LONGEST_STREAM
    } else {
        longest_call(rpc)
    }
}

/// The headers inside for a call that came as gRPC.
pub fn headers_of_grpc(rpc: &EdgeRpc, outside: &HeaderMap, ours: OurMetadata) -> HeaderMap {
    let mut inside = chosen(outside, &FROM_GRPC);
    let longest = longest(rpc);
    let requested = outside.get(TIMEOUT).filter(|value| {
        let parsed = value.to_str().ok().and_then(deadline::parse);
        parsed.is_some_and(|requested| requested <= longest.0)
    });
    inside.insert(TIMEOUT, requested.cloned().unwrap_or(longest.1));
    ours.insert_into(&mut inside);
    inside
}

/// The headers inside for a call that came as JSON.
pub fn headers_of_json(rpc: &EdgeRpc, outside: &HeaderMap, ours: OurMetadata) -> HeaderMap {
    let mut inside = chosen(outside, &FROM_JSON);
    inside.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    inside.insert(TE, HeaderValue::from_static("trailers"));
    inside.insert(TIMEOUT, longest(rpc).1);
    ours.insert_into(&mut inside);
    inside
}

fn chosen(outside: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut inside = HeaderMap::with_capacity(16);
    for name in names {
        if let Some(value) = outside.get(name) {
            inside.insert(name, value.clone());
        }
    }
    inside
}

/// Sends a call to its service, in the trace of the current span. Where the process has no channel to the service, the
/// answer is UNAVAILABLE.
pub async fn forward(rpc: &EdgeRpc, headers: HeaderMap, body: Body) -> Response<Body> {
    let Some(mut channel) = rpc.channel.clone() else {
        return status::from_fault(Fault::unavailable(rpc.part.as_str())).into_http();
    };
    let mut metadata = MetadataMap::from_headers(headers);
    telemetry::inject(&mut metadata);
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = rpc.uri.clone();
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = metadata.into_headers();
    let answered = channel.call(request).await;
    answered.unwrap_or_else(|never| match never {})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::contract::tests::contract;

    fn outside(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn ours() -> OurMetadata {
        OurMetadata {
            token: HeaderValue::from_static("ours"),
            network: None,
            partner: None,
        }
    }

    fn rpc(name: &str) -> std::sync::Arc<EdgeRpc> {
        let contract = contract();
        let found = contract.iter().find(|rpc| rpc.path.ends_with(name));
        std::sync::Arc::clone(found.unwrap())
    }

    #[test]
    fn nothing_passes_but_what_is_listed_and_the_principal_is_ours() {
        let headers = outside(&[
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-encoding", "gzip"),
            ("traceparent", "00-1-2-01"),
            ("lutong-principal", "forged"),
            ("lutong-network", "forged"),
            ("lutong-partner", "forged"),
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("x-forwarded-for", "1.2.3.4"),
            ("host", "evil"),
        ]);
        let inside = headers_of_grpc(&rpc("/ShowCode"), &headers, ours());
        let mut names: Vec<&str> = inside.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "content-type",
                "grpc-encoding",
                "grpc-timeout",
                "lutong-principal",
                "te",
                "traceparent"
            ]
        );
        assert_eq!(inside[PRINCIPAL_HEADER], "ours");
        let network = Some(HeaderValue::from_static("hash"));
        let partner = Some(HeaderValue::from_static("a.cn"));
        let stated = OurMetadata {
            network,
            partner,
            ..ours()
        };
        let inside = headers_of_json(&rpc("/ShowCode"), &headers, stated);
        assert_eq!(inside[PARTNER_HEADER], "a.cn");
        assert_eq!(inside[PRINCIPAL_HEADER], "ours");
        assert_eq!(inside[NETWORK_HEADER], "hash");
        assert!(!inside.contains_key("authorization") && !inside.contains_key("cookie"));
        assert_eq!(inside["content-type"], "application/grpc");
    }

    #[test]
    fn a_call_has_a_deadline_whether_the_client_says_so_or_not() {
        for (name, asked, given) in [
            ("/ShowCode", None, "10S"),
            ("/ShowCode", Some("50m"), "50m"),
            ("/ShowCode", Some("99999999H"), "10S"),
            ("/ShowCode", Some("soon"), "10S"),
            ("/ImportFacts", None, "600S"),
            ("/ImportFacts", Some("60S"), "60S"),
            ("/ListDoorReports", None, "40S"),
            ("/ListDoorReports", Some("5S"), "5S"),
            ("/WatchOperation", None, "600S"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(asked) = asked {
                headers.insert(TIMEOUT, HeaderValue::from_static(asked));
            }
            let inside = headers_of_grpc(&rpc(name), &headers, ours());
            assert_eq!(inside[TIMEOUT], given, "{name} {asked:?}");
        }
    }

    #[tokio::test]
    async fn a_service_that_this_process_does_not_have_is_away() {
        let response = forward(&rpc("/ShowCode"), HeaderMap::new(), Body::empty()).await;
        let status = tonic::Status::from_header_map(response.headers()).unwrap();
        assert_eq!(
            status::to_fault(&status, "x"),
            Fault::unavailable("code-rendering")
        );
    }
}
