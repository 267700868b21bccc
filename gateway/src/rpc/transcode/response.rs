//! Converting a service's gRPC answer to JSON, or to the fault that it carries.

mod json;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Limited};
use lutong_kernel::Fault;
use lutong_transport::status;
use prost_reflect::DynamicMessage;
use tonic::body::Body;
use tonic::{Code, Status};

use super::request::FRAME_HEADER;
use crate::rpc::contract::EdgeRpc;

/// The longest answer, in bytes; a longer one is a defect of the service.
const LONGEST: usize = 4 * 1_024 * 1_024;

/// The answer as JSON: proto field names, enum names, 64-bit integers as strings, instants in RFC 3339; what has no
/// presence is always there.
pub async fn read(rpc: &EdgeRpc, response: Response<Body>) -> Result<Bytes, Fault> {
    let part = rpc.part.as_str();
    let body = body_of(part, response)?;
    let body = Limited::new(body, LONGEST).collect().await.map_err(|error| {
        tracing::warn!(part, %error, "an answer broke off");
        Fault::unavailable(part)
    })?;
    if let Some(status) = trailing_status(body.trailers()).filter(is_error) {
        return Err(status::to_fault(&status, part));
    }
    json(rpc, body.to_bytes())
        .ok_or_else(|| Fault::internal(format_args!("an answer of {} could not be read", rpc.label)))
}

/// The body of an answer that has begun well.
pub(super) fn body_of(part: &'static str, response: Response<Body>) -> Result<Body, Fault> {
    let (head, body) = response.into_parts();
    if let Some(status) = Status::from_header_map(&head.headers).filter(is_error) {
        return Err(status::to_fault(&status, part));
    }
    if head.status != http::StatusCode::OK {
        // Not an answer of a gRPC service but of something in between.
        return Err(Fault::unavailable(part));
    }
    Ok(body)
}

/// A message as the JSON that this edge answers, for commands that print exactly the API's JSON.
pub fn answer_json(message: &DynamicMessage) -> serde_json::Value {
    // What is written has no keys but strings: it serialises.
    serde_json::to_value(json::Json(message)).unwrap_or_default()
}

pub(super) fn trailing_status(trailers: Option<&HeaderMap>) -> Option<Status> {
    trailers.and_then(Status::from_header_map)
}

pub(super) fn is_error(status: &Status) -> bool {
    status.code() != Code::Ok
}

fn json(rpc: &EdgeRpc, mut body: Bytes) -> Option<Bytes> {
    // Compression was not asked for, so the flag is 0; the length is all of the rest.
    let [0, a, b, c, d] = *body.first_chunk::<FRAME_HEADER>()? else {
        return None;
    };
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    let message = body.split_off(FRAME_HEADER);
    if message.len() != length {
        return None;
    }
    let message = DynamicMessage::decode(rpc.method.output(), message).ok()?;
    let mut json = Vec::with_capacity(length * 2 + 64);
    serde_json::to_writer(&mut json, &json::Json(&message)).ok()?;
    Some(Bytes::from(json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::contract::tests::contract;
    use bytes::BufMut as _;
    use http_body_util::Full;
    use lutong_kernel::FaultCode;
    use lutong_proto::risk_rules::v1::{Decision, GetDecisionResponse};
    use lutong_proto::types::v1::{Colour, EffectState};
    use prost::Message as _;

    fn rpc() -> std::sync::Arc<EdgeRpc> {
        let contract = contract();
        let found = contract.get("/lutong.risk_rules.v1.DecisionService/GetDecision");
        std::sync::Arc::clone(found.unwrap())
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        let mut frame = vec![0];
        frame.put_u32(u32::try_from(message.len()).unwrap());
        frame.extend_from_slice(message);
        frame
    }

    #[tokio::test]
    async fn an_answer_is_written_in_proto_names_enum_names_and_rfc_3339() {
        let answer = GetDecisionResponse {
            decision: Some(Decision {
                decision_id: "d".to_owned(),
                colour: Colour::Yellow.into(),
                version: 3,
                evaluate_time: Some(prost_types::Timestamp {
                    seconds: 1_646_128_800,
                    nanos: 500_000_000,
                }),
                ..Decision::default()
            }),
            effect_state: Some(EffectState::InForce.into()),
        };
        let response = Response::new(Body::new(Full::from(framed(&answer.encode_to_vec()))));
        let json: serde_json::Value = serde_json::from_slice(&read(&rpc(), response).await.unwrap()).unwrap();
        for (field, value) in [
            ("decision_id", "d"),
            ("colour", "COLOUR_YELLOW"),
            ("version", "3"),
            ("evaluate_time", "2022-03-01T10:00:00.500Z"),
        ] {
            assert_eq!(json["decision"][field], value, "{json}");
        }
    }

    /// A `Thing` as JSON.
    fn written(message: &[u8]) -> serde_json::Value {
        let message = DynamicMessage::decode(crate::testing::message("Thing"), message).unwrap();
        serde_json::to_value(json::Json(&message)).unwrap()
    }

    #[test]
    fn what_has_no_presence_is_always_written_and_what_has_one_only_when_it_is_there() {
        assert_eq!(
            written(b""),
            serde_json::json!({
                "name": "",
                "thing_id": "",
                "version": "0",
                "count": "0",
                "parts": [],
                "words": {},
                "good": false,
                "weight": 0.0,
                "data": "",
            })
        );
        // heat = 0, shade = COLOUR_UNSPECIFIED, part = {}, text = "": each is there, and says so.
        let there = written(&[96, 0, 104, 0, 114, 0, 122, 0]);
        assert_eq!(there["heat"], 0);
        assert_eq!(there["shade"], "COLOUR_UNSPECIFIED");
        assert_eq!(there["part"], serde_json::json!({"number": 0}));
        assert_eq!(there["text"], "");
        assert!(there.get("piece").is_none());
        // A value of a later version, in a list of messages, a map and an enum.
        let later = written(&[24, 7, 50, 2, 8, 9, 58, 6, 10, 1, b'a', 18, 1, b'b']);
        assert_eq!(later["colour"], 7);
        assert_eq!(later["parts"], serde_json::json!([{"number": 9}]));
        assert_eq!(later["words"], serde_json::json!({"a": "b"}));
    }

    #[test]
    #[ignore = "a measurement, meaningful in a release build only"]
    fn how_long_it_takes_to_write_the_answer_of_a_shown_code() {
        use lutong_proto::code_rendering::v1::ShowCodeResponse;
        let shown = ShowCodeResponse {
            token: "LT1:".to_owned() + &"A".repeat(230),
            name_mask: "王*明".to_owned(),
            shape: "circle".to_owned(),
            version: 3,
            issue_time: Some(prost_types::Timestamp {
                seconds: 1_669_435_200,
                nanos: 0,
            }),
            expire_time: Some(prost_types::Timestamp {
                seconds: 1_669_435_260,
                nanos: 0,
            }),
            ..ShowCodeResponse::default()
        };
        let contract = contract();
        let rpc = contract
            .get("/lutong.code_rendering.v1.CodeService/ShowCode")
            .unwrap();
        let frame = Bytes::from(framed(&shown.encode_to_vec()));
        let started = std::time::Instant::now();
        for _ in 0..100_000 {
            std::hint::black_box(json(rpc, frame.clone()).unwrap());
        }
        let whole = started.elapsed() / 100_000;
        // As it was: prost-reflect's own writer, which leaves out what has its default value.
        let options = prost_reflect::SerializeOptions::new().use_proto_field_name(true);
        let started = std::time::Instant::now();
        for _ in 0..100_000 {
            let message = DynamicMessage::decode(rpc.method.output(), frame.slice(FRAME_HEADER..)).unwrap();
            let mut json = Vec::with_capacity(frame.len() * 2 + 64);
            let mut serializer = serde_json::Serializer::new(&mut json);
            message.serialize_with_options(&mut serializer, &options).unwrap();
            std::hint::black_box(json);
        }
        eprintln!(
            "{whole:?} an answer; {:?} without defaults",
            started.elapsed() / 100_000
        );
    }

    #[tokio::test]
    async fn a_refusal_keeps_its_reason_whether_it_stands_in_headers_or_trailers() {
        let fault = Fault::unavailable("risk-rules");
        let status = status::from_fault(fault.clone());
        let early = status.clone().into_http();
        assert_eq!(read(&rpc(), early).await, Err(fault.clone()));
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers).unwrap();
        let late = Full::from(Bytes::new()).with_trailers(async move { Some(Ok(trailers)) });
        let late = Response::new(Body::new(late));
        assert_eq!(read(&rpc(), late).await, Err(fault));
    }

    #[tokio::test]
    async fn a_broken_answer_is_our_fault_and_says_nothing_of_itself() {
        for body in [
            vec![],
            vec![0, 0, 0, 0],
            vec![1, 0, 0, 0, 0],
            vec![0, 0, 0, 0, 9, 1],
            framed(&[0xff]),
        ] {
            let response = Response::new(Body::new(Full::from(body)));
            let fault = read(&rpc(), response).await.unwrap_err();
            assert_eq!((&*fault.reason, fault.code), ("INTERNAL", FaultCode::Internal));
        }
    }
}
