//! Identity and declaration as federation sees them: who has consented to what, and what was declared at partners.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use lutong_kernel::{Fault, FaultCode, ServiceName, Violation};
use lutong_proto::declaration::v1 as declarations;
use lutong_proto::declaration::v1::fact_row::Statement;
use lutong_proto::declaration::v1::partner_declaration_service_server::{
    PartnerDeclarationService, PartnerDeclarationServiceServer,
};
use lutong_proto::federation::v1::ExchangedPerson;
use lutong_proto::identity::v1 as identities;
use lutong_proto::identity::v1::partner_consent_service_server::{
    PartnerConsentService, PartnerConsentServiceServer,
};
use lutong_proto::identity::v1::verify_partner_consent_request::Person;
use lutong_proto::types::v1::{Document, DocumentType, Effect, EffectState};
use lutong_testing::Bed;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

pub const NAME: &str = "张三";
pub const NUMBER: &str = "11010519491231002X";

/// A person in a message.
pub fn person() -> ExchangedPerson {
    ExchangedPerson {
        salt: vec![7; 16],
        full_name: NAME.to_owned(),
        document: Some(Document {
            r#type: DocumentType::ResidentId.into(),
            number: NUMBER.to_owned(),
            issuing_country: String::new(),
        }),
    }
}

/// The people of a province: one is registered.
#[derive(Clone, Default)]
pub struct People {
    /// Uses to which they have consented, by subject.
    consents: Arc<Mutex<BTreeMap<String, Vec<identities::PartnerConsentUse>>>>,
    subject: Arc<Mutex<String>>,
    /// What was declared, by key.
    pub declared: Arc<Mutex<BTreeMap<String, declarations::FactRow>>>,
}

fn refused(violation: Violation) -> Status {
    let (zh, en) = ("填写有误", "fields are wrong");
    let mut fault = Fault::new(FaultCode::InvalidArgument, "INVALID_FIELDS", zh, en);
    fault.violations = vec![violation];
    lutong_transport::status::from_fault(fault)
}

fn not_asked<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not asked here"))
}

impl People {
    pub fn bind(&self, bed: &Bed) {
        let identity = Routes::new(PartnerConsentServiceServer::new(self.clone()));
        bed.bind_fake(ServiceName::Identity, identity);
        let declaration = Routes::new(PartnerDeclarationServiceServer::new(self.clone()));
        bed.bind_fake(ServiceName::Declaration, declaration);
    }

    /// Somebody is registered with [`NUMBER`] as [`NAME`], and consents to these uses.
    pub fn consents(&self, subject: &str, uses: &[identities::PartnerConsentUse]) {
        subject.clone_into(&mut self.subject.lock().unwrap());
        let mut consents = self.consents.lock().unwrap();
        consents.insert(subject.to_owned(), uses.to_vec());
    }

    fn is_registered(&self, number: &str) -> bool {
        !self.subject.lock().unwrap().is_empty() && number == NUMBER
    }
}

#[tonic::async_trait]
impl PartnerConsentService for People {
    async fn verify_partner_consent(
        &self,
        request: Request<identities::VerifyPartnerConsentRequest>,
    ) -> Result<Response<identities::VerifyPartnerConsentResponse>, Status> {
        use identities::PartnerConsentOutcome as Outcome;
        let request = request.into_inner();
        let wanted = request.r#use();
        let (subject, is_named_so) = match request.person.unwrap() {
            Person::SubjectId(subject) => (Some(subject), true),
            Person::Named(named) => {
                let number = named.document.unwrap_or_default().number;
                if number == "X" {
                    let wrong = Violation::new("named.document.number", "DOCUMENT_SHAPE", "有误", "is none");
                    return Err(refused(wrong));
                }
                let subject = self.subject.lock().unwrap().clone();
                (
                    self.is_registered(&number).then_some(subject),
                    named.full_name == NAME,
                )
            }
        };
        let consents = self.consents.lock().unwrap();
        let given =
            subject.filter(|subject| consents.get(subject).is_some_and(|uses| uses.contains(&wanted)));
        let (outcome, subject_id) = match given {
            None => (Outcome::NotConsented, String::new()),
            Some(_) if !is_named_so => (Outcome::NameMismatch, String::new()),
            Some(subject) => (Outcome::Consented, subject),
        };
        Ok(Response::new(identities::VerifyPartnerConsentResponse {
            outcome: outcome.into(),
            subject_id,
        }))
    }

    async fn verify_named_person(
        &self,
        request: Request<identities::VerifyNamedPersonRequest>,
    ) -> Result<Response<identities::VerifyNamedPersonResponse>, Status> {
        let named = request.into_inner().named.unwrap();
        let number = named.document.unwrap_or_default().number;
        Ok(Response::new(identities::VerifyNamedPersonResponse {
            has_other_name: self.is_registered(&number) && named.full_name != NAME,
        }))
    }

    async fn create_partner_consent(
        &self,
        _: Request<identities::CreatePartnerConsentRequest>,
    ) -> Result<Response<identities::CreatePartnerConsentResponse>, Status> {
        not_asked()
    }

    async fn list_partner_consents(
        &self,
        _: Request<identities::ListPartnerConsentsRequest>,
    ) -> Result<Response<identities::ListPartnerConsentsResponse>, Status> {
        not_asked()
    }

    async fn end_partner_consent(
        &self,
        _: Request<identities::EndPartnerConsentRequest>,
    ) -> Result<Response<identities::EndPartnerConsentResponse>, Status> {
        not_asked()
    }
}

#[tonic::async_trait]
impl PartnerDeclarationService for People {
    async fn append_partner_declaration(
        &self,
        request: Request<declarations::AppendPartnerDeclarationRequest>,
    ) -> Result<Response<declarations::AppendPartnerDeclarationResponse>, Status> {
        let request = request.into_inner();
        let mut declared = self.declared.lock().unwrap();
        let (mut accepted, mut unchanged) = (0, 0);
        for (place, row) in request.rows.into_iter().enumerate() {
            assert_eq!(row.source, format!("partner-{}", request.partner));
            let replaces = match row.statement.as_ref().unwrap() {
                Statement::Fact(_) => None,
                Statement::Correction(one) => Some((&one.replaces_key, "correction.replaces_key")),
                Statement::Retraction(one) => Some((&one.retracts_key, "retraction.retracts_key")),
            };
            if let Some((_, field)) = replaces.filter(|(key, _)| !declared.contains_key(*key)) {
                let field = format!("rows[{place}].{field}");
                return Err(refused(Violation::new(
                    field,
                    "TARGET_UNKNOWN",
                    "没有",
                    "there is none",
                )));
            }
            if declared.contains_key(&row.key) {
                unchanged += 1;
            } else {
                accepted += 1;
                declared.insert(row.key.clone(), row);
            }
        }
        Ok(Response::new(declarations::AppendPartnerDeclarationResponse {
            accepted,
            unchanged,
            effect: Some(Effect {
                redecided: accepted,
                state: EffectState::InForce.into(),
                operation: String::new(),
            }),
        }))
    }
}
