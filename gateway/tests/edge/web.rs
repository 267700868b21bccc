use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use lutong_proto::code_rendering::v1::{ShowCodeRequest, ShowCodeResponse};
use prost::Message as _;
use tonic::body::Body;
use tower::ServiceExt as _;

use crate::mesh::{Mesh, SUBJECT};

const SHOW_CODE: &str = "/lutong.code_rendering.v1.CodeService/ShowCode";

fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0][..], &length.to_be_bytes(), message].concat()
}

async fn call(mesh: &Mesh, content_type: &str, body: Vec<u8>, session: &str) -> (Response<()>, Bytes) {
    let request = Request::post(SHOW_CODE)
        .header("content-type", content_type)
        .header("accept", content_type)
        .header("x-grpc-web", "1")
        .header("authorization", format!("Bearer {session}"))
        .body(Body::new(Full::from(body)))
        .unwrap();
    let (head, body) = mesh.edge.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(head, ()), body)
}

/// The message and the trailers of a binary answer.
fn parts(body: &[u8]) -> (ShowCodeResponse, String) {
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    let message = ShowCodeResponse::decode(&body[5..5 + length]).unwrap();
    let trailers = &body[5 + length..];
    assert_eq!(trailers[0], 0x80);
    (message, String::from_utf8(trailers[5..].to_vec()).unwrap())
}

#[tokio::test]
async fn a_browser_speaks_binary_and_base64() {
    let mesh = Mesh::new();
    let session = mesh.citizen().await;
    let request = frame(&ShowCodeRequest::default().encode_to_vec());
    let (head, body) = call(&mesh, "application/grpc-web+proto", request.clone(), &session).await;
    assert_eq!(head.headers()["content-type"], "application/grpc-web+proto");
    let (shown, trailers) = parts(&body);
    assert_eq!(shown.token, format!("LT1:{SUBJECT}"));
    assert!(trailers.contains("grpc-status:0"), "{trailers}");

    let text = STANDARD.encode(&request).into_bytes();
    let (_, body) = call(&mesh, "application/grpc-web-text+proto", text, &session).await;
    // Each frame is padded separately, so decode four characters at a time.
    let decoded: Vec<u8> = body
        .chunks(4)
        .flat_map(|chunk| STANDARD.decode(chunk).unwrap())
        .collect();
    assert_eq!(parts(&decoded).0.token, format!("LT1:{SUBJECT}"));
}

#[tokio::test]
async fn a_refusal_reaches_a_browser() {
    let mesh = Mesh::new();
    let request = frame(&ShowCodeRequest::default().encode_to_vec());
    let (head, body) = call(&mesh, "application/grpc-web+proto", request, "AAAA").await;
    let whole = format!("{:?} {}", head.headers(), String::from_utf8_lossy(&body));
    assert!(whole.contains("grpc-status") && whole.contains("16"), "{whole}");
}
