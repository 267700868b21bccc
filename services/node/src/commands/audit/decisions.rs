//! Decisions: every subject's chain, and a sealed day.

use std::io::IsTerminal as _;

use indicatif::ProgressBar;
use lutong_proto::risk_rules::v1::history_service_client::HistoryServiceClient;
use lutong_proto::risk_rules::v1::{HistoryBreak, VerifyDayRequest, VerifyDayResponse, VerifyHistoryRequest};
use serde_json::{Value, json};

use crate::commands::Failure;
use crate::commands::client::{Calls, failed, to_json};

/// How the chains stand.
#[derive(Default)]
pub struct Chains {
    subjects: i64,
    intact: i64,
    erased: i64,
    breaks: Vec<HistoryBreak>,
}

impl Chains {
    /// Of one subject, or of everybody.
    pub async fn check(calls: Calls, subject: Option<String>) -> Result<Self, Failure> {
        let mut client = HistoryServiceClient::new(calls);
        let mut chains = Self::default();
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        let mut request = VerifyHistoryRequest {
            subject_id: subject.unwrap_or_default(),
            ..VerifyHistoryRequest::default()
        };
        loop {
            let answer = client
                .verify_history(request.clone())
                .await
                .map_err(|status| failed(&status))?;
            let answer = answer.into_inner();
            chains.subjects += answer.subjects;
            chains.intact += answer.intact;
            chains.erased += answer.erased;
            chains.breaks.extend(answer.breaks);
            bar.set_message(format!("{}", chains.subjects));
            bar.tick();
            if answer.next_page_token.is_empty() {
                break;
            }
            request.page_token = answer.next_page_token;
        }
        bar.finish_and_clear();
        Ok(chains)
    }

    pub fn are_intact(&self) -> bool {
        self.breaks.is_empty()
    }

    pub fn json(&self) -> Value {
        let breaks = self.breaks.iter();
        let breaks: Vec<_> = breaks
            .map(|one| to_json("lutong.risk_rules.v1.HistoryBreak", one))
            .collect();
        json!({"subjects": self.subjects, "intact": self.intact, "erased": self.erased, "breaks": breaks})
    }

    pub fn say(&self) {
        for one in &self.breaks {
            say!("{} v{}: {:?}", one.subject_id, one.version, one.kind());
        }
        say!(
            "{} 人 subjects: {} 完好 intact, {} 已依法删除 erased, {} 异常 broken",
            self.subjects,
            self.intact,
            self.erased,
            self.breaks.len()
        );
    }
}

/// Checks one sealed day.
pub async fn verify_day(calls: Calls, day: &str, json: bool) -> Result<(), Failure> {
    let mut client = HistoryServiceClient::new(calls);
    let request = VerifyDayRequest { day: day.to_owned() };
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
            day.day,
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
