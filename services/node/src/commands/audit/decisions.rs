//! Decisions: every subject's chain, and a sealed day.

use lutong_proto::risk_rules::v1::history_service_client::HistoryServiceClient;
use lutong_proto::risk_rules::v1::{
    GetHistoryVerificationRequest, HistoryVerification, StartHistoryVerificationRequest, VerifyDayRequest,
    VerifyDayResponse,
};
use lutong_proto::types::v1::{Purpose, PurposeCode};
use serde_json::Value;

use crate::commands::client::{Calls, failed, new_request_id, to_json};
use crate::commands::{Failure, operations};

/// How the chains stand.
#[derive(Default)]
pub struct Chains(HistoryVerification);

impl Chains {
    /// Of one subject, or of everybody.
    pub async fn check(calls: Calls, subject: Option<String>) -> Result<Self, Failure> {
        let mut client = HistoryServiceClient::new(calls.clone());
        let request = StartHistoryVerificationRequest {
            request_id: new_request_id(),
            subject_id: subject.unwrap_or_default(),
            purpose: Some(Purpose {
                code: PurposeCode::Audit.into(),
                reference: String::new(),
            }),
        };
        let begun = client.start_history_verification(request).await;
        let begun = begun.map_err(|status| failed(&status))?.into_inner();
        operations::follow(calls, &begun.operation).await?;
        let request = GetHistoryVerificationRequest {
            name: begun.history_verification.unwrap_or_default().name,
        };
        let checked = client.get_history_verification(request).await;
        let checked = checked.map_err(|status| failed(&status))?.into_inner();
        Ok(Self(checked.history_verification.unwrap_or_default()))
    }

    pub fn are_intact(&self) -> bool {
        self.0.broken == 0
    }

    pub fn json(&self) -> Value {
        to_json("lutong.risk_rules.v1.HistoryVerification", &self.0)
    }

    pub fn say(&self) {
        for one in &self.0.breaks {
            say!("{} v{}: {:?}", one.subject_id, one.version, one.kind());
        }
        say!(
            "{} 人 subjects: {} 完好 intact, {} 已依法删除 erased, {} 异常 broken",
            self.0.subjects,
            self.0.intact,
            self.0.erased,
            self.0.broken
        );
    }
}

/// Checks one sealed day.
pub async fn verify_day(calls: Calls, day: &str, json: bool) -> Result<(), Failure> {
    let mut client = HistoryServiceClient::new(calls);
    let request = VerifyDayRequest {
        decision_date: day.to_owned(),
    };
    let answer = client
        .verify_day(request)
        .await
        .map_err(|status| failed(&status))?;
    let day: VerifyDayResponse = answer.into_inner();
    if json {
        say!("{}", to_json("lutong.risk_rules.v1.VerifyDayResponse", &day));
    } else {
        let state = if day.intact {
            "完好 intact"
        } else {
            "异常 BROKEN"
        };
        say!(
            "{}: {state}; 封存 sealed {}, 现存 found {}, root {}",
            day.decision_date,
            day.sealed,
            day.found,
            day.root
        );
        if !day.broken_buckets.is_empty() {
            say!(
                "  subject ids ending in the bytes {:02x?} differ",
                day.broken_buckets
            );
        }
    }
    if day.intact { Ok(()) } else { Err(Failure::Failed) }
}
