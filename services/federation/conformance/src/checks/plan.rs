//! Whether a declaration is whole: what is not declared is not served.

use lutong_proto::federation::v1 as wire;
use prost::Message as _;
use strum::VariantArray as _;
use wire::ExchangeReturnCode as Code;

use super::people::nobody;
use crate::exchange::Exchange;
use crate::session::{Session, read};
use crate::verdict::{Failure, Finding, Verdict, ensure};

impl Session<'_> {
    /// Asks for each exchange about people that is not declared, about nobody.
    pub async fn undeclared(&mut self) -> Verdict {
        for exchange in Exchange::VARIANTS.iter().copied() {
            if self.kit.peer.serves(exchange) {
                continue;
            }
            let person = Some(nobody(self));
            let body = match exchange {
                Exchange::QueryHealthRecords => wire::HealthRecordQuery { person }.encode_to_vec(),
                Exchange::MakeHealthCode => wire::HealthCodeMaking { person }.encode_to_vec(),
                _ => continue,
            };
            let answer = match self.ask(exchange, &body).await {
                Ok(answer) => answer,
                Err(Failure {
                    finding: Finding::Refused,
                    ..
                }) => continue,
                // 501: it knows the exchange and does not serve it.
                Err(Failure {
                    finding: Finding::Failed,
                    detail,
                }) if detail == "HTTP 501" => continue,
                Err(failure) => return Err(failure),
            };
            let code = match exchange {
                Exchange::QueryHealthRecords => read::<wire::HealthRecords>(&answer.body)?.return_code(),
                _ => read::<wire::ShownHealthCode>(&answer.body)?.return_code(),
            };
            let is_closed = matches!(code, Code::NotAgreed | Code::NotCounted);
            let name: &str = exchange.into_str();
            ensure(
                is_closed,
                Finding::Undeclared,
                format!("{name}: {}", code.as_str_name()),
            )?;
        }
        Ok(())
    }
}
