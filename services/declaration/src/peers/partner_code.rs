//! A partner's code that federation verified.

use lutong_kernel::{Colour, Timestamp};
use lutong_proto::federation::v1::VerifyPartnerCodeResponse;
use lutong_proto::time::timestamp;
use serde_json::{Map, json};

use crate::declarations::domain::statement::{FEDERATION, Statement, key};
use crate::declarations::domain::{Declaration, Provenance};

/// A converted code: its fact and its provenance.
#[derive(Debug, Clone)]
pub struct PartnerCode {
    pub statement: Statement,
    pub provenance: Provenance,
}

impl PartnerCode {
    /// A code of another province. Its keys are assigned when it is stored.
    pub fn new(
        colour: Colour,
        issued_at: Timestamp,
        expires_at: Option<Timestamp>,
        provenance: Provenance,
    ) -> Self {
        let mut attributes = Map::new();
        attributes.insert("province".to_owned(), json!(provenance.province));
        attributes.insert("colour".to_owned(), json!(colour.as_str()));
        attributes.insert("issued_at".to_owned(), json!(issued_at.to_rfc3339()));
        if let Some(end) = expires_at {
            attributes.insert("expires_at".to_owned(), json!(end.to_rfc3339()));
        }
        Self {
            statement: Statement {
                source: FEDERATION.to_owned(),
                key: String::new(),
                kind: "partner_code".to_owned(),
                attributes,
                replaces: None,
                retracts: None,
            },
            provenance,
        }
    }

    /// Makes it part of an arrival.
    pub fn add_to(mut self, arrival: &mut Declaration) {
        self.statement.key = key(arrival.id, "partner");
        self.provenance.statement_key.clone_from(&self.statement.key);
        arrival.statements.push(self.statement);
        arrival.provenance = Some(self.provenance);
    }
}

/// Makes a fact of a verified code. Returns `None` when the answer is incomplete.
pub fn partner_code(verified: VerifyPartnerCodeResponse) -> Option<PartnerCode> {
    let colour = verified.colour().known()?;
    let issued_at = timestamp(verified.issue_time.as_ref()?);
    let expires_at = verified.expire_time.as_ref().map(timestamp);
    let provenance = Provenance {
        province: verified.province,
        key_id: verified.key_id,
        trust_list_version: verified.trust_list_version,
        verified_at: timestamp(verified.verify_time.as_ref()?).micros(),
        statement_key: String::new(),
        conversion: Some(verified.conversion.strip_prefix("conversions/")?.parse().ok()?),
        intermediary: None,
    };
    Some(PartnerCode::new(colour, issued_at, expires_at, provenance))
}
