//! A person's code, as federation has it from the national platform.

use lutong_kernel::{Colour, Fault, ServiceName, SubjectId};
use lutong_proto::federation::v1::national_code_service_client::NationalCodeServiceClient;
use lutong_proto::federation::v1::{
    QueryNationalCodeRequest, QueryNationalCodeResponse, RecognitionOutcome as Outcome,
};
use lutong_proto::identity::v1::DiscloseDocumentRequest;
use lutong_proto::identity::v1::person_disclosure_service_client::PersonDisclosureServiceClient;
use lutong_proto::time;
use lutong_proto::types::v1::{Purpose, PurposeCode};
use lutong_transport::client::{self, Call};

use super::{PartnerCode, Peers, contract_violation};
use crate::arrivals::domain::pending_step::NoNationalCode;
use crate::declarations::domain::Provenance;

/// The national platform, as partners are named.
const PLATFORM: &str = "partners/00";

/// What the national platform says of a person.
#[derive(Debug, Clone)]
pub enum NationalAnswer {
    Code(Box<PartnerCode>),
    /// There is no colour.
    Refused(NoNationalCode),
    /// Nothing yet: it is asked again.
    Later,
}

impl Peers {
    /// Asks the national platform for a person's code, with name and document as identity has them: they pass through and are not kept here.
    pub async fn national_code(
        &self,
        call: &Call,
        subject: SubjectId,
        province: &str,
    ) -> Result<NationalAnswer, Fault> {
        let request = call.request(DiscloseDocumentRequest {
            subject_id: subject.to_string(),
            purpose: Some(Purpose {
                code: PurposeCode::Recognition.into(),
                reference: PLATFORM.to_owned(),
            }),
        });
        let person = PersonDisclosureServiceClient::new(self.identity.clone())
            .disclose_document(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Identity, ""))?
            .into_inner();
        let request = call.request(QueryNationalCodeRequest {
            full_name: person.full_name,
            document: person.document,
            origin_province: province.to_owned(),
        });
        let answer = NationalCodeServiceClient::new(self.federation.clone())
            .query_national_code(request)
            .await
            .map_err(|status| client::relay(&status, ServiceName::Federation, "form.national_code"))?;
        national_answer(answer.into_inner())
            .ok_or_else(|| contract_violation(ServiceName::Federation, &"an incomplete national code"))
    }
}

/// `None` when the answer is incomplete.
fn national_answer(queried: QueryNationalCodeResponse) -> Option<NationalAnswer> {
    let colour = match queried.outcome() {
        Outcome::Unspecified => return None,
        Outcome::Green => Colour::Green,
        Outcome::Yellow => Colour::Yellow,
        Outcome::Red => Colour::Red,
        Outcome::UnderReview | Outcome::Throttled | Outcome::Unreachable => {
            return Some(NationalAnswer::Later);
        }
        Outcome::NoCode => return Some(NationalAnswer::Refused(NoNationalCode::NoCode)),
        Outcome::NotFound => return Some(NationalAnswer::Refused(NoNationalCode::NotFound)),
        Outcome::NameMismatch => return Some(NationalAnswer::Refused(NoNationalCode::NameMismatch)),
        Outcome::UnknownValue => return Some(NationalAnswer::Refused(NoNationalCode::UnknownValue)),
    };
    let asked_at = time::timestamp(queried.query_time.as_ref()?);
    let provenance = Provenance {
        province: queried.province,
        key_id: String::new(),
        trust_list_version: queried.trust_list_version,
        verified_at: asked_at.micros(),
        statement_key: String::new(),
        conversion: None,
        intermediary: Some(PLATFORM.to_owned()),
    };
    let code = PartnerCode::new(colour, asked_at, None, provenance);
    Some(NationalAnswer::Code(Box::new(code)))
}
