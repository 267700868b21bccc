//! Recorded messages, the chain of their records, and evidence that needs neither this database nor a network. Pure.
//!
//! A record keeps the signed header of a message and not its body: the header has the body's digest, so that whoever holds the body can prove
//! that it is the one, and nothing personal is kept.

pub mod evidence;
mod head;

use lutong_kernel::Timestamp;

pub use head::Head;

/// Every record whose number is a multiple of it gets a signed head, so that the way from a record to a head is short.
pub const HEAD_EVERY: i64 = 32;

/// A record as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// From 1, without a gap.
    pub sequence: i64,
    pub recorded_at: Timestamp,
    /// Two digits of GB/T 2260; `00` the national platform.
    pub partner: String,
    pub is_answer: bool,
    /// As signed.
    pub header: Vec<u8>,
    /// Of an answer: what it says.
    pub outcome: String,
    /// SHA-256 of the entry before and of this record.
    pub entry: Vec<u8>,
}

/// What the standard calls the exchange of a method; empty for one that it does not know.
pub fn clause(method: &str) -> &'static str {
    let Some(rpc) = method.strip_prefix("lutong.federation.v1.ExchangeService/") else {
        return "";
    };
    match rpc {
        "DeclareHealth" => "GB/T 38963-2020, 6: health declaration",
        "DeclareItinerary" => "GB/T 38963-2020, 6: itinerary declaration",
        "QueryHealthRecords" => "GB/T 38963-2020, 6: query",
        "CallHealthCode" => "GB/T 38963-2020, 6: code call",
        "MakeHealthCode" => "GB/T 38963-2020, 6: code making",
        "CorrectDeclaration" => "GB/T 38963-2020, 6: correction",
        "VerifyHealthCode" => "GB/T 38963-2020, 6: code verification",
        _ => "",
    }
}
