//! Records of a person: told with consent, with provenance, and of nobody else.

use lutong_kernel::PartnerCode;
use lutong_proto::federation::v1 as wire;
use wire::ExchangeReturnCode as Code;
use wire::RecognitionOutcome as Outcome;

use super::codes::is_colour;
use super::people::{invalid, misnamed, named, nobody, returns, unsalted};
use crate::declaration::Consent;
use crate::exchange::Exchange;
use crate::session::Session;
use crate::verdict::{Failure, Finding, Verdict, ensure};

impl Session<'_> {
    async fn query(&mut self, person: wire::ExchangedPerson) -> Result<wire::HealthRecords, Failure> {
        let query = wire::HealthRecordQuery { person: Some(person) };
        self.say(Exchange::QueryHealthRecords, &query).await
    }

    pub async fn query_without_consent(&mut self) -> Verdict {
        let records = self.query(nobody(self)).await?;
        tells_nothing(&records, Outcome::Unspecified)?;
        returns(records.return_code(), Code::NotConsented)
    }

    pub async fn query_with_short_salt(&mut self) -> Verdict {
        let records = self.query(unsalted(self)).await?;
        tells_nothing(&records, Outcome::Unspecified)?;
        invalid(records.return_code(), &records.errors)
    }

    pub async fn query_of_other_name(&mut self) -> Verdict {
        let person = &self.consenting(&[Consent::Records])?;
        let records = self.query(misnamed(self, person)).await?;
        returns(records.return_code(), Code::Done)?;
        tells_nothing(&records, Outcome::NameMismatch)
    }

    pub async fn query_consented(&mut self) -> Verdict {
        let person = &self.consenting(&[Consent::Records])?;
        let records = self.query(named(self, person)).await?;
        returns(records.return_code(), Code::Done)?;
        let (outcome, expected) = (records.outcome(), person.outcome);
        let detail = format!("{} instead of {}", outcome.as_str_name(), expected.as_str_name());
        ensure(outcome == expected, Finding::Outcome, detail)?;
        if is_colour(expected) {
            ensure(
                !records.records.is_empty(),
                Finding::Provenance,
                "a colour without a record",
            )?;
        }
        for record in &records.records {
            let is_known = PartnerCode::parse(&record.province).is_some();
            let detail = format!("a record of the province {:?}", record.province);
            ensure(is_known, Finding::Provenance, detail)?;
            let is_said = record.outcome() != Outcome::Unspecified;
            ensure(is_said, Finding::Outcome, "a record without an outcome")?;
        }
        Ok(())
    }
}

fn tells_nothing(records: &wire::HealthRecords, expected: Outcome) -> Verdict {
    let is_silent = records.outcome() == expected && records.records.is_empty();
    ensure(
        is_silent,
        Finding::Disclosed,
        format!("it tells {}", records.outcome().as_str_name()),
    )
}
