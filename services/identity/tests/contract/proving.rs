//! An identity service with a real-name check and a gateway of messages, which stand-ins play.

use std::sync::Arc;
use std::time::Duration;

use lutong_identity::IdentityConfig;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::identity::v1::account_service_client::AccountServiceClient;
use lutong_proto::identity::v1::identity_service_client::IdentityServiceClient;
use lutong_proto::identity::v1::one_time_code_service_client::OneTimeCodeServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1 as types;
use lutong_stand_ins::{PEOPLE, StandInPerson, StandIns};
use lutong_testing::Bed;
use lutong_transport::client::Call;
use tempfile::TempDir;

use crate::{Identity, document, items, reason, request_id, start_with};

pub const WANG: &StandInPerson = &PEOPLE[0];
pub const LI: &StandInPerson = &PEOPLE[1];

pub struct Proving {
    pub identity: Identity,
    pub stand_ins: StandIns,
    _secrets: TempDir,
}

/// A one-time code that was asked for, with its digits.
#[derive(Clone)]
pub struct Code {
    pub name: String,
    pub digits: String,
}

impl Code {
    pub fn proof(&self) -> types::OneTimeCodeProof {
        types::OneTimeCodeProof {
            one_time_code: self.name.clone(),
            code: self.digits.clone(),
        }
    }
}

/// E.164.
pub fn mobile(person: &StandInPerson) -> String {
    format!("+86{}", person.mobile)
}

/// The items of a person of the stand-ins.
pub fn items_of(person: &StandInPerson) -> types::PersonItems {
    types::PersonItems {
        mobile: person.mobile.to_owned(),
        document: Some(document(person.resident_id)),
        ..items(person.full_name, person.resident_id)
    }
}

impl Proving {
    pub async fn start(bed: Bed) -> Self {
        let random = Arc::new(SeededRandom::new(15));
        let clock = Arc::new(bed.clock.clone());
        let stand_ins = StandIns::start(0, clock, random).await.unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let config = stand_ins.identity(secrets.path()).unwrap();
        let config: IdentityConfig = serde_json::from_value(config).unwrap();
        Self {
            identity: start_with(bed, config).await,
            stand_ins,
            _secrets: secrets,
        }
    }

    pub const fn bed(&self) -> &Bed {
        &self.identity.0
    }

    pub async fn create_code(
        &self,
        account: &str,
        n: u32,
        mobile: &str,
        purpose: wire::OneTimeCodePurpose,
    ) -> Result<wire::OneTimeCode, Fault> {
        let call = self.bed().call_as(&lutong_testing::citizen(account, None));
        let request = call.request(wire::CreateOneTimeCodeRequest {
            request_id: request_id(n),
            mobile: mobile.to_owned(),
            purpose: purpose.into(),
        });
        let channel = self.bed().channel(ServiceName::Identity, Caller::Gateway);
        let answer = OneTimeCodeServiceClient::new(channel)
            .create_one_time_code(request)
            .await;
        answer
            .map(|answer| answer.into_inner().one_time_code.unwrap())
            .map_err(|status| reason(&status))
    }

    /// A code for applying, as its owner reads it on the telephone.
    pub async fn code(&self, account: &str, n: u32, person: &StandInPerson) -> Code {
        let purpose = wire::OneTimeCodePurpose::Apply;
        let created = self
            .create_code(account, n, person.mobile, purpose)
            .await
            .unwrap();
        Code {
            name: created.name,
            digits: self.stand_ins.last_code(&mobile(person)).unwrap(),
        }
    }

    pub async fn register(
        &self,
        account: &str,
        n: u32,
        person: types::PersonItems,
        proof: Option<types::OneTimeCodeProof>,
    ) -> Result<wire::RegisterPersonResponse, Fault> {
        let call = self.bed().call_as(&lutong_testing::citizen(account, None));
        let request = call.request(wire::RegisterPersonRequest {
            request_id: request_id(n),
            person: Some(person),
            mobile_proof: proof,
        });
        let channel = self.bed().channel(ServiceName::Identity, Caller::Declaration);
        let answer = IdentityServiceClient::new(channel).register_person(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| reason(&status))
    }

    /// A person who proves who they are: the subject.
    pub async fn proved(&self, account: &str, n: u32, person: &StandInPerson) -> String {
        let code = self.code(account, n + 1_000, person).await;
        let registered = self
            .register(account, n, items_of(person), Some(code.proof()))
            .await
            .unwrap();
        assert_eq!(registered.waiting_for, 0, "{registered:?}");
        registered.subject_id
    }

    pub async fn open(
        &self,
        channel: types::Channel,
        outside_id: &str,
        verified: Option<&StandInPerson>,
    ) -> Result<wire::Account, Fault> {
        let request = Call::background(Duration::from_secs(5)).request(wire::OpenAccountRequest {
            channel: channel.into(),
            outside_id: outside_id.to_owned(),
            verified: verified.map(|person| wire::VerifiedIdentity {
                full_name: person.full_name.to_owned(),
                resident_id: person.resident_id.to_owned(),
                mobile: person.mobile.to_owned(),
            }),
        });
        let mesh = self.bed().channel(ServiceName::Identity, Caller::Gateway);
        let answer = AccountServiceClient::new(mesh).open_account(request).await;
        answer
            .map(|answer| answer.into_inner().account.unwrap())
            .map_err(|status| reason(&status))
    }

    /// Whether a message of this template reaches the number within two seconds.
    pub async fn is_told(&self, person: &StandInPerson, template: &str) -> bool {
        for _ in 0..80 {
            let told = self.stand_ins.messages_to(&mobile(person));
            if told.iter().any(|message| message.template == template) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        false
    }

    /// Waits until an account is linked to somebody.
    pub async fn linked(&self, account: &str) -> String {
        for _ in 0..400 {
            let subject = self.identity.account(account).await.subject_id;
            if !subject.is_empty() {
                return subject;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{account} was linked to nobody within 10 s");
    }
}
