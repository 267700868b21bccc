//! `ExchangeService`: parse, call, map.

pub mod bodies;

use lutong_chassis::skin::Query;
use lutong_kernel::{Fault, Violation};
use lutong_proto::bounds::Bounded as _;
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::federation::v1::ExchangeHandler;
use lutong_transport::access::{Grant, NoPermit};
use prost::Message as _;

use super::domain::{Connection, Message, Method, RefusedMessage, ReturnCode};
use super::service::declaring::Receipt;
use super::service::disclosing::Disclosure;
use super::service::{Accepted, Exchanges};
use crate::batches::service::Batches;
use crate::colour_maps::domain::RecognitionOutcome;
use crate::fault;
use crate::outcomes::outcome;
use bodies::Declared;

pub struct ExchangeRpc {
    pub exchanges: Exchanges,
    pub batches: Batches,
}

/// A message as it came.
pub fn read_message(message: Option<wire::SignedMessage>) -> Message {
    let wire::SignedMessage { header, body } = message.unwrap_or_default();
    Message { header, body }
}

/// The connection over which a call came in.
pub fn connection(grant: &Grant) -> Connection {
    grant
        .partner()
        .map_or(Connection::Public, |names| Connection::Certified(names.to_vec()))
}

/// A message as it goes.
pub fn signed_message(message: Message) -> wire::SignedMessage {
    let Message { header, body } = message;
    wire::SignedMessage { header, body }
}

impl ExchangeHandler for ExchangeRpc {
    async fn verify_health_code(
        &self,
        call: Query<NoPermit>,
        message: wire::VerifyHealthCodeRequest,
    ) -> Result<wire::VerifyHealthCodeResponse, Fault> {
        let (accepted, body): (_, wire::HealthCodeVerification) = self
            .open(&call, Method::VerifyHealthCode, message.message)
            .await?;
        let (verified, code_reference, at) = self.exchanges.verify_code(&accepted, &body.token).await?;
        let answer = wire::HealthCodeVerificationResult {
            outcome: outcome(verified.outcome).into(),
            refusal: verified.refusal,
            verify_time: Some(instant(at)),
            code_reference,
        };
        let answer = self
            .exchanges
            .answer(&accepted, answer.encode_to_vec(), verified.outcome.into_str())
            .await?;
        Ok(wire::VerifyHealthCodeResponse {
            answer: Some(signed_message(answer)),
        })
    }

    async fn declare_health(
        &self,
        call: Query<NoPermit>,
        message: wire::DeclareHealthRequest,
    ) -> Result<wire::DeclareHealthResponse, Fault> {
        let opened = self.open(&call, Method::DeclareHealth, message.message).await?;
        let (accepted, body): (_, wire::HealthDeclaration) = opened;
        let answer = self.declare(&accepted, bodies::health(body)).await?;
        Ok(wire::DeclareHealthResponse { answer: Some(answer) })
    }

    async fn declare_itinerary(
        &self,
        call: Query<NoPermit>,
        message: wire::DeclareItineraryRequest,
    ) -> Result<wire::DeclareItineraryResponse, Fault> {
        let opened = self
            .open(&call, Method::DeclareItinerary, message.message)
            .await?;
        let (accepted, body): (_, wire::ItineraryDeclaration) = opened;
        let answer = self.declare(&accepted, bodies::itinerary(body)).await?;
        Ok(wire::DeclareItineraryResponse { answer: Some(answer) })
    }

    async fn correct_declaration(
        &self,
        call: Query<NoPermit>,
        message: wire::CorrectDeclarationRequest,
    ) -> Result<wire::CorrectDeclarationResponse, Fault> {
        let opened = self
            .open(&call, Method::CorrectDeclaration, message.message)
            .await?;
        let (accepted, body): (_, wire::DeclarationCorrection) = opened;
        let answer = self.declare(&accepted, bodies::correction(body)).await?;
        Ok(wire::CorrectDeclarationResponse { answer: Some(answer) })
    }

    async fn query_health_records(
        &self,
        call: Query<NoPermit>,
        message: wire::QueryHealthRecordsRequest,
    ) -> Result<wire::QueryHealthRecordsResponse, Fault> {
        let opened = self
            .open(&call, Method::QueryHealthRecords, message.message)
            .await?;
        let (accepted, body): (_, wire::HealthRecordQuery) = opened;
        let named = bodies::checked(&body, body.person.as_ref());
        let found = self.exchanges.disclose_named(&accepted, named).await?;
        let (code, said) = (found.code, found.outcome);
        let answer = health_records(found, &self.exchanges.own());
        let answer = self
            .close(&accepted, answer.encode_to_vec(), (code, said))
            .await?;
        Ok(wire::QueryHealthRecordsResponse { answer: Some(answer) })
    }

    async fn make_health_code(
        &self,
        call: Query<NoPermit>,
        message: wire::MakeHealthCodeRequest,
    ) -> Result<wire::MakeHealthCodeResponse, Fault> {
        let opened = self.open(&call, Method::MakeHealthCode, message.message).await?;
        let (accepted, body): (_, wire::HealthCodeMaking) = opened;
        let named = bodies::checked(&body, body.person.as_ref());
        let found = self.exchanges.disclose_named(&accepted, named).await?;
        Ok(wire::MakeHealthCodeResponse {
            answer: Some(self.show(&accepted, found).await?),
        })
    }

    async fn call_health_code(
        &self,
        call: Query<NoPermit>,
        message: wire::CallHealthCodeRequest,
    ) -> Result<wire::CallHealthCodeResponse, Fault> {
        let opened = self.open(&call, Method::CallHealthCode, message.message).await?;
        let (accepted, body): (_, wire::HealthCodeCall) = opened;
        let found = match body.check() {
            Ok(()) => self.exchanges.call(&accepted, &body.code_reference).await?,
            Err(fault) => self.exchanges.invalid(fault.violations),
        };
        Ok(wire::CallHealthCodeResponse {
            answer: Some(self.show(&accepted, found).await?),
        })
    }

    async fn get_message_key(
        &self,
        _: Query<NoPermit>,
        _: wire::GetMessageKeyRequest,
    ) -> Result<wire::GetMessageKeyResponse, Fault> {
        let (key, batch_key) = (self.exchanges.key(), self.batches.key());
        Ok(wire::GetMessageKeyResponse {
            key_id: key.kid().to_string(),
            public_key: key.to_pem().map_err(Fault::internal)?,
            batch_key_id: batch_key.kid().to_string(),
            batch_public_key: batch_key.to_pem().map_err(Fault::internal)?,
        })
    }
}

impl ExchangeRpc {
    /// Accepts a message and reads its body.
    async fn open<B: prost::Message + Default>(
        &self,
        call: &Query<NoPermit>,
        method: Method,
        message: Option<wire::SignedMessage>,
    ) -> Result<(Accepted, B), Fault> {
        let message = read_message(message);
        // Read before it is counted: a body that cannot be read is no request.
        let body = B::decode(&*message.body);
        let from = connection(&call.grant);
        let accepted = self.exchanges.accept(method, &message, &from).await?;
        let unreadable = lutong_token::MessageError::Unreadable("its body is none of this method");
        let body = body.map_err(|_| fault::message_refused(RefusedMessage::Message(unreadable)))?;
        Ok((accepted, body))
    }

    /// Signs and records an answer.
    async fn close(
        &self,
        accepted: &Accepted,
        body: Vec<u8>,
        (code, said): (ReturnCode, Option<RecognitionOutcome>),
    ) -> Result<wire::SignedMessage, Fault> {
        let outcome = said.map_or(code.into_str(), |said| said.into_str());
        let answer = self.exchanges.answer(accepted, body, outcome).await?;
        Ok(signed_message(answer))
    }

    async fn declare(
        &self,
        accepted: &Accepted,
        declared: Result<Declared, Vec<Violation>>,
    ) -> Result<wire::SignedMessage, Fault> {
        let receipt = match declared {
            Ok((named, rows)) => self.exchanges.declare(accepted, named, rows).await?,
            Err(wrong) => Receipt {
                code: ReturnCode::Invalid,
                errors: wrong,
                is_in_force: false,
                at: self.exchanges.now(),
            },
        };
        let code = receipt.code;
        let answer = wire::DeclarationReceipt {
            return_code: return_code(code).into(),
            errors: receipt
                .errors
                .into_iter()
                .map(|wrong| bodies::of_body(wrong).into())
                .collect(),
            is_in_force: receipt.is_in_force,
            receive_time: Some(instant(receipt.at)),
        };
        self.close(accepted, answer.encode_to_vec(), (code, None)).await
    }

    async fn show(&self, accepted: &Accepted, found: Disclosure) -> Result<wire::SignedMessage, Fault> {
        let (code, said) = (found.code, found.outcome);
        let answer = shown_health_code(found);
        self.close(accepted, answer.encode_to_vec(), (code, said)).await
    }
}

fn health_records(found: Disclosure, own: &str) -> wire::HealthRecords {
    let said = found
        .outcome
        .map_or(wire::RecognitionOutcome::Unspecified, outcome);
    let holds = found.decided_at.is_some();
    let record = wire::HealthRecord {
        province: own.to_owned(),
        update_time: found.decided_at.map(instant),
        outcome: said.into(),
        ..wire::HealthRecord::default()
    };
    wire::HealthRecords {
        return_code: return_code(found.code).into(),
        errors: found.errors.into_iter().map(Into::into).collect(),
        outcome: said.into(),
        records: if holds { vec![record] } else { Vec::new() },
        query_time: Some(instant(found.at)),
    }
}

fn shown_health_code(found: Disclosure) -> wire::ShownHealthCode {
    let said = found
        .outcome
        .map_or(wire::RecognitionOutcome::Unspecified, outcome);
    let (token, ends) = found.token.unzip();
    wire::ShownHealthCode {
        return_code: return_code(found.code).into(),
        errors: found.errors.into_iter().map(Into::into).collect(),
        outcome: said.into(),
        token: token.unwrap_or_default(),
        expire_time: ends.map(instant),
        code_reference: found.reference,
        show_time: Some(instant(found.at)),
    }
}

const fn return_code(code: ReturnCode) -> wire::ExchangeReturnCode {
    match code {
        ReturnCode::Done => wire::ExchangeReturnCode::Done,
        ReturnCode::Unchanged => wire::ExchangeReturnCode::Unchanged,
        ReturnCode::Invalid => wire::ExchangeReturnCode::Invalid,
        ReturnCode::NotAgreed => wire::ExchangeReturnCode::NotAgreed,
        ReturnCode::NotCounted => wire::ExchangeReturnCode::NotCounted,
        ReturnCode::NotConsented => wire::ExchangeReturnCode::NotConsented,
        ReturnCode::ReferenceUnknown => wire::ExchangeReturnCode::ReferenceUnknown,
        ReturnCode::NameMismatch => wire::ExchangeReturnCode::NameMismatch,
    }
}
