//! `PartnerExchangeService`: parse, call, map.

use lutong_chassis::skin::Query;
use lutong_kernel::Fault;
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::federation::v1::PartnerExchangeHandler;
use lutong_token::Issuer;
use lutong_transport::access::NoPermit;
use lutong_transport::reply;
use prost::Message as _;
use wire::call_partner_request::Body;
use wire::call_partner_response::Answer;

use super::domain::{is_own, is_shown};
use super::service::{Called, PartnerExchanges};
use crate::colour_maps::domain::RecognitionOutcome;
use crate::exchanges::domain::Method;
use crate::outcomes::{outcome, read_outcome};
use crate::partners::domain::PartnerId;
use crate::partners::rpc as partners;

pub struct PartnerExchangeRpc(pub PartnerExchanges);

impl PartnerExchangeHandler for PartnerExchangeRpc {
    async fn call_partner(
        &self,
        _: Query<NoPermit>,
        message: wire::CallPartnerRequest,
    ) -> Result<wire::CallPartnerResponse, Fault> {
        let partner = partners::id(&message.partner)?;
        let body = reply::required(message.body.as_ref(), "body").map_err(reply::wrong)?;
        let (method, body) = self.message(body.clone());
        let called = self.0.call(partner, method, body).await?;
        let at = Some(instant(called.at));
        Ok(match read(partner, method, called) {
            Ok(answer) => wire::CallPartnerResponse {
                answer: Some(answer),
                call_time: at,
                ..wire::CallPartnerResponse::default()
            },
            Err(why) => wire::CallPartnerResponse {
                no_answer: outcome(why).into(),
                call_time: at,
                ..wire::CallPartnerResponse::default()
            },
        })
    }
}

impl PartnerExchangeRpc {
    /// The message that a body travels in; a person in it gets a salt.
    fn message(&self, body: Body) -> (Method, Vec<u8>) {
        let salted = |person: Option<wire::ExchangedPerson>| {
            person.map(|person| wire::ExchangedPerson {
                salt: self.0.salt(),
                ..person
            })
        };
        match body {
            Body::Health(mut body) => {
                body.person = salted(body.person);
                (Method::DeclareHealth, body.encode_to_vec())
            }
            Body::Itinerary(mut body) => {
                body.person = salted(body.person);
                (Method::DeclareItinerary, body.encode_to_vec())
            }
            Body::Correction(mut body) => {
                body.person = salted(body.person);
                (Method::CorrectDeclaration, body.encode_to_vec())
            }
            Body::Query(mut body) => {
                body.person = salted(body.person);
                (Method::QueryHealthRecords, body.encode_to_vec())
            }
            Body::Making(mut body) => {
                body.person = salted(body.person);
                (Method::MakeHealthCode, body.encode_to_vec())
            }
            Body::Call(body) => (Method::CallHealthCode, body.encode_to_vec()),
        }
    }
}

/// What counts of an answer. One that cannot be read, or that contradicts itself, has said nothing.
fn read(partner: PartnerId, method: Method, called: Called) -> Result<Answer, RecognitionOutcome> {
    let unknown = RecognitionOutcome::UnknownValue;
    let (body, at, trust) = (called.answer?, called.at, called.trust);
    let answer = match method {
        Method::QueryHealthRecords => {
            let mut records = wire::HealthRecords::decode(&*body).map_err(|_| unknown)?;
            said(records.return_code, records.outcome)?;
            records.records.retain(|record| {
                let province = Issuer::parse(&record.province).ok();
                province.is_some_and(|province| is_own(partner, province))
                    && read_outcome(record.outcome).is_some()
            });
            Answer::Records(records)
        }
        Method::MakeHealthCode | Method::CallHealthCode => {
            let code = wire::ShownHealthCode::decode(&*body).map_err(|_| unknown)?;
            let said = said(code.return_code, code.outcome)?;
            if !is_shown(&trust.list, partner, (said, &code.token), at) {
                return Err(unknown);
            }
            Answer::Code(code)
        }
        _ => {
            let receipt = wire::DeclarationReceipt::decode(&*body).map_err(|_| unknown)?;
            return_code(receipt.return_code)?;
            Answer::Receipt(receipt)
        }
    };
    Ok(answer)
}

fn return_code(value: i32) -> Result<wire::ExchangeReturnCode, RecognitionOutcome> {
    let known = wire::ExchangeReturnCode::try_from(value).ok();
    let known = known.filter(|code| *code != wire::ExchangeReturnCode::Unspecified);
    known.ok_or(RecognitionOutcome::UnknownValue)
}

/// What an answer says of a code: something where it is answered, nothing where it is not.
fn said(code: i32, outcome: i32) -> Result<Option<RecognitionOutcome>, RecognitionOutcome> {
    let is_answered = return_code(code)? == wire::ExchangeReturnCode::Done;
    let said = read_outcome(outcome);
    let is_nothing = outcome == i32::from(wire::RecognitionOutcome::Unspecified);
    if said.is_some() == is_answered && (is_answered || is_nothing) {
        return Ok(said);
    }
    Err(RecognitionOutcome::UnknownValue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_contradicts_itself_says_nothing() {
        let (done, green) = (
            i32::from(wire::ExchangeReturnCode::Done),
            i32::from(wire::RecognitionOutcome::Green),
        );
        assert_eq!(said(done, green), Ok(Some(RecognitionOutcome::Green)));
        for code in 2..=8 {
            assert_eq!(said(code, 0), Ok(None), "{code}");
        }
        for (code, outcome) in [
            (0, green),
            (done, 0),
            (done, 99),
            (6, green),
            (9, green),
            (9, 0),
            (6, 99),
        ] {
            let nothing = Err(RecognitionOutcome::UnknownValue);
            assert_eq!(said(code, outcome), nothing, "{code} {outcome}");
        }
    }
}
