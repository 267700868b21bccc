//! A partner's code that federation verified.

use lutong_proto::federation::v1::VerifyPartnerCodeResponse;
use lutong_proto::time;
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
    /// Makes it part of an arrival.
    pub fn add_to(mut self, arrival: &mut Declaration) {
        self.statement.key = key(arrival.id, "partner");
        self.provenance.statement_key.clone_from(&self.statement.key);
        arrival.statements.push(self.statement);
        arrival.provenance = Some(self.provenance);
    }
}

/// Makes a fact of a verified code. Its keys are assigned when it is stored. Returns `None` when the answer is incomplete.
pub fn partner_code(verified: VerifyPartnerCodeResponse) -> Option<PartnerCode> {
    let colour = verified.colour().known()?;
    let instant = |time: &prost_types::Timestamp| {
        lutong_kernel::Timestamp::from_micros(time::to_micros(time)).to_rfc3339()
    };
    let mut attributes = Map::new();
    attributes.insert("province".to_owned(), json!(verified.province));
    attributes.insert("colour".to_owned(), json!(colour.as_str()));
    attributes.insert(
        "issued_at".to_owned(),
        json!(instant(verified.issue_time.as_ref()?)),
    );
    if let Some(end) = &verified.expire_time {
        attributes.insert("expires_at".to_owned(), json!(instant(end)));
    }
    Some(PartnerCode {
        statement: Statement {
            source: FEDERATION.to_owned(),
            key: String::new(),
            kind: "partner_code".to_owned(),
            attributes,
            replaces: None,
            retracts: None,
        },
        provenance: Provenance {
            province: verified.province,
            key_id: verified.key_id,
            trust_list_version: verified.trust_list_version,
            verified_at: time::to_micros(verified.verify_time.as_ref()?),
            statement_key: String::new(),
            conversion: Some(verified.conversion.strip_prefix("conversions/")?.parse().ok()?),
        },
    })
}
