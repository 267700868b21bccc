use super::*;

fn spoken_as(method: Method, headers: &[(&str, &str)]) -> Result<Spoken, u16> {
    let mut request = Request::builder().method(method).uri("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let spoken = spoken(&request.body(Body::empty()).unwrap());
    spoken.map_err(|problem| problem.into_response("").status().as_u16())
}

#[test]
fn grpc_is_spoken_by_post_and_with_its_exact_content_types() {
    for (content_type, expected) in [
        ("application/grpc", Ok(Spoken::Grpc)),
        ("application/grpc+proto", Ok(Spoken::Grpc)),
        ("application/grpc-web", Ok(Spoken::GrpcWeb)),
        ("application/grpc-web+proto", Ok(Spoken::GrpcWeb)),
        ("application/grpc-web-text", Ok(Spoken::GrpcWeb)),
        ("application/grpc-web-text+proto", Ok(Spoken::GrpcWeb)),
        ("application/json", Ok(Spoken::Json)),
        ("", Ok(Spoken::Json)),
        ("application/grpc+json", Err(415)),
        ("application/grpc;charset=utf-8", Err(415)),
        ("application/grpc-web-thrift", Err(415)),
        ("application/grpcx", Err(415)),
        ("Application/GRPC", Err(415)),
    ] {
        let spoken = spoken_as(Method::POST, &[("content-type", content_type)]);
        assert_eq!(spoken, expected, "{content_type}");
    }
    for content_type in ["application/grpc", "application/grpc-web+proto"] {
        for method in [Method::GET, Method::PUT, Method::OPTIONS] {
            let spoken = spoken_as(method, &[("content-type", content_type)]);
            assert_eq!(spoken, Err(405), "{content_type}");
        }
    }
    assert_eq!(spoken_as(Method::GET, &[]), Ok(Spoken::Json));
}

#[test]
fn one_host_and_one_content_type_are_what_a_request_has() {
    assert_eq!(spoken_as(Method::GET, &[("host", "a")]), Ok(Spoken::Json));
    assert_eq!(spoken_as(Method::GET, &[("host", "a"), ("host", "a")]), Err(400));
    let two = [
        ("content-type", "application/json"),
        ("content-type", "application/grpc"),
    ];
    assert_eq!(spoken_as(Method::POST, &two), Err(415));
}
