use super::*;

fn protocol_of(method: Method, headers: &[(&str, &str)]) -> Result<Protocol, u16> {
    let mut request = Request::builder().method(method).uri("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let protocol = Protocol::of(&request.body(()).unwrap());
    protocol.map_err(|problem| problem.status().as_u16())
}

#[test]
fn grpc_is_spoken_by_post_and_with_its_exact_content_types() {
    for (content_type, expected) in [
        ("application/grpc", Ok(Protocol::Grpc)),
        ("application/grpc+proto", Ok(Protocol::Grpc)),
        ("application/grpc-web", Ok(Protocol::GrpcWeb)),
        ("application/grpc-web+proto", Ok(Protocol::GrpcWeb)),
        ("application/grpc-web-text", Ok(Protocol::GrpcWeb)),
        ("application/grpc-web-text+proto", Ok(Protocol::GrpcWeb)),
        ("application/json", Ok(Protocol::Http)),
        ("", Ok(Protocol::Http)),
        ("application/grpc+json", Err(415)),
        ("application/grpc;charset=utf-8", Err(415)),
        ("application/grpc-web-thrift", Err(415)),
        ("application/grpcx", Err(415)),
        ("Application/GRPC", Err(415)),
    ] {
        let protocol = protocol_of(Method::POST, &[("content-type", content_type)]);
        assert_eq!(protocol, expected, "{content_type}");
    }
    for content_type in ["application/grpc", "application/grpc-web+proto"] {
        for method in [Method::GET, Method::PUT, Method::OPTIONS] {
            let protocol = protocol_of(method, &[("content-type", content_type)]);
            assert_eq!(protocol, Err(405), "{content_type}");
        }
    }
    assert_eq!(protocol_of(Method::GET, &[]), Ok(Protocol::Http));
}

#[test]
fn one_host_and_one_content_type_are_what_a_request_has() {
    assert_eq!(protocol_of(Method::GET, &[("host", "a")]), Ok(Protocol::Http));
    assert_eq!(
        protocol_of(Method::GET, &[("host", "a"), ("host", "a")]),
        Err(400)
    );
    let two = [
        ("content-type", "application/json"),
        ("content-type", "application/grpc"),
    ];
    assert_eq!(protocol_of(Method::POST, &two), Err(415));
}
