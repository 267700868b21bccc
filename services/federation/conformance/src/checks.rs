//! How each case is judged, by what it is about.

pub mod answers;
pub mod changes;
pub mod codes;
pub mod declarations;
pub mod judge;
pub mod messages;
pub mod people;
pub mod plan;
pub mod records;

use lutong_proto::federation::v1::HealthCodeVerification;
use prost::Message as _;

/// A question about something that is no code.
pub fn question() -> Vec<u8> {
    about("LT1:CONFORMANCE")
}

/// A question about a code.
pub fn about(token: &str) -> Vec<u8> {
    let body = HealthCodeVerification {
        token: token.to_owned(),
    };
    body.encode_to_vec()
}
