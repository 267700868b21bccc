//! `PartnerConsentService`: what people let other provinces' code systems have, and what federation learns of it.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::identity::v1 as wire;
use lutong_proto::policy::Caller;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::PartnerConsentOutcome as Outcome;
use wire::PartnerConsentState as State;
use wire::PartnerConsentUse as Use;
use wire::partner_consent_service_client::PartnerConsentServiceClient;
use wire::verify_partner_consent_request::Person;

use crate::{Identity, ONE, TWO, document, next_id, reason, start};

on_both_engines!(
    a_consent_is_for_one_partner_its_uses_and_its_time,
    a_consent_is_its_givers_own_to_end,
    a_new_consent_takes_the_place_of_the_one_before,
    federation_does_not_learn_who_is_registered,
    a_consent_that_is_wrong_is_refused_with_its_reason,
);

fn person(subject: &str) -> Principal {
    lutong_testing::citizen("wx-1", Some(subject.parse().unwrap()))
}

fn named(name: &str, number: &str) -> wire::NamedPerson {
    wire::NamedPerson {
        full_name: name.to_owned(),
        document: Some(document(number)),
    }
}

impl Identity {
    fn consents(&self, caller: Caller) -> PartnerConsentServiceClient<MeshChannel> {
        PartnerConsentServiceClient::new(self.0.channel(ServiceName::Identity, caller))
    }

    async fn consent(
        &self,
        who: &Principal,
        request: wire::CreatePartnerConsentRequest,
    ) -> Result<wire::PartnerConsent, Fault> {
        let request = self.0.call_as(who).request(request);
        let answer = self
            .consents(Caller::Gateway)
            .create_partner_consent(request)
            .await;
        answer
            .map(|answer| answer.into_inner().partner_consent.unwrap())
            .map_err(|status| reason(&status))
    }

    async fn own(&self, who: &Principal) -> Result<Vec<wire::PartnerConsent>, Fault> {
        let request = self
            .0
            .call_as(who)
            .request(wire::ListPartnerConsentsRequest::default());
        let answer = self
            .consents(Caller::Gateway)
            .list_partner_consents(request)
            .await;
        answer
            .map(|answer| answer.into_inner().partner_consents)
            .map_err(|status| reason(&status))
    }

    async fn end(
        &self,
        who: &Principal,
        id: &str,
        (name, etag): (&str, &str),
    ) -> Result<wire::PartnerConsent, Fault> {
        let request = self.0.call_as(who).request(wire::EndPartnerConsentRequest {
            request_id: id.to_owned(),
            name: name.to_owned(),
            etag: etag.to_owned(),
        });
        let answer = self.consents(Caller::Gateway).end_partner_consent(request).await;
        answer
            .map(|answer| answer.into_inner().partner_consent.unwrap())
            .map_err(|status| reason(&status))
    }

    async fn verify(
        &self,
        partner: &str,
        wanted: Use,
        whose: Person,
    ) -> Result<wire::VerifyPartnerConsentResponse, Fault> {
        let call = self.0.call_as(&Principal::service("federation"));
        let request = call.request(wire::VerifyPartnerConsentRequest {
            partner: partner.to_owned(),
            r#use: wanted.into(),
            person: Some(whose),
        });
        let answer = self
            .consents(Caller::Federation)
            .verify_partner_consent(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| reason(&status))
    }

    async fn outcome(&self, partner: &str, wanted: Use, whose: Person) -> Outcome {
        self.verify(partner, wanted, whose).await.unwrap().outcome()
    }

    async fn has_other_name(&self, named: wire::NamedPerson) -> Result<bool, Fault> {
        let call = self.0.call_as(&Principal::service("federation"));
        let request = call.request(wire::VerifyNamedPersonRequest { named: Some(named) });
        let answer = self
            .consents(Caller::Federation)
            .verify_named_person(request)
            .await;
        answer
            .map(|answer| answer.into_inner().has_other_name)
            .map_err(|status| reason(&status))
    }
}

fn asked(partner: &str, uses: &[Use], days: i32) -> wire::CreatePartnerConsentRequest {
    wire::CreatePartnerConsentRequest {
        request_id: next_id(),
        partner: format!("partners/{partner}"),
        uses: uses.iter().map(|one| (*one).into()).collect(),
        days,
    }
}

async fn a_consent_is_for_one_partner_its_uses_and_its_time(bed: Bed) {
    let identity = start(bed).await;
    let (wang, _) = identity.two().await;
    let whose = || Person::Named(named("王小明", ONE));
    assert_eq!(
        identity.outcome("32", Use::Records, whose()).await,
        Outcome::NotConsented
    );
    let given = identity
        .consent(&person(&wang), asked("32", &[Use::Records], 2))
        .await
        .unwrap();
    assert_eq!((given.state(), &*given.partner), (State::Active, "partners/32"));
    let verified = identity.verify("32", Use::Records, whose()).await.unwrap();
    assert_eq!(
        (verified.outcome(), verified.subject_id),
        (Outcome::Consented, wang.clone())
    );
    let known = Person::SubjectId(wang.clone());
    assert_eq!(
        identity.outcome("32", Use::Records, known.clone()).await,
        Outcome::Consented
    );
    for (partner, wanted) in [("33", Use::Records), ("32", Use::Code)] {
        assert_eq!(
            identity.outcome(partner, wanted, whose()).await,
            Outcome::NotConsented
        );
    }
    let other = identity
        .verify("32", Use::Records, Person::Named(named("王小", ONE)))
        .await
        .unwrap();
    assert_eq!((other.outcome(), &*other.subject_id), (Outcome::NameMismatch, ""));
    // A name is the same however its characters were typed.
    let spaced = Person::Named(named(" 王小明 ", ONE));
    assert_eq!(
        identity.outcome("32", Use::Records, spaced).await,
        Outcome::Consented
    );
    identity.0.clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(
        identity.outcome("32", Use::Records, known).await,
        Outcome::NotConsented
    );
    assert_eq!(
        identity.own(&person(&wang)).await.unwrap()[0].state(),
        State::Expired
    );
}

async fn a_consent_is_its_givers_own_to_end(bed: Bed) {
    let identity = start(bed).await;
    let (wang, li) = identity.two().await;
    let given = identity
        .consent(&person(&wang), asked("32", &[Use::Code], 30))
        .await
        .unwrap();
    assert!(identity.own(&person(&li)).await.unwrap().is_empty());
    let hidden = identity
        .end(&person(&li), &next_id(), (&given.name, ""))
        .await
        .unwrap_err();
    assert_eq!(hidden.reason, "PARTNER_CONSENT_NOT_FOUND");
    let id = next_id();
    let ended = identity
        .end(&person(&wang), &id, (&given.name, &given.etag))
        .await
        .unwrap();
    assert_eq!(ended.state(), State::Ended);
    let again = identity
        .end(&person(&wang), &id, (&given.name, &given.etag))
        .await
        .unwrap();
    assert_eq!(again, ended);
    let known = Person::SubjectId(wang.clone());
    assert_eq!(
        identity.outcome("32", Use::Code, known).await,
        Outcome::NotConsented
    );
    let stale = identity
        .end(&person(&wang), &next_id(), (&given.name, &given.etag))
        .await
        .unwrap_err();
    assert_eq!(stale.reason, "STALE");
    let over = identity
        .end(&person(&wang), &next_id(), (&given.name, ""))
        .await
        .unwrap_err();
    assert_eq!(over.reason, "WRONG_STATE");
    let reused = identity
        .end(&person(&wang), &id, (&given.name, ""))
        .await
        .unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
}

async fn a_new_consent_takes_the_place_of_the_one_before(bed: Bed) {
    let identity = start(bed).await;
    let (wang, _) = identity.two().await;
    let wang = person(&wang);
    let first = asked("32", &[Use::Code, Use::Records], 30);
    let given = identity.consent(&wang, first.clone()).await.unwrap();
    assert_eq!(identity.consent(&wang, first.clone()).await.unwrap(), given);
    let reused = wire::CreatePartnerConsentRequest { days: 1, ..first };
    let reused = identity.consent(&wang, reused).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    identity.0.clock.advance(Duration::from_secs(1));
    identity
        .consent(&wang, asked("32", &[Use::Records], 1))
        .await
        .unwrap();
    identity
        .consent(&wang, asked("33", &[Use::Code], 1))
        .await
        .unwrap();
    let whose = || Person::Named(named("王小明", ONE));
    assert_eq!(
        identity.outcome("32", Use::Code, whose()).await,
        Outcome::NotConsented
    );
    assert_eq!(
        identity.outcome("32", Use::Records, whose()).await,
        Outcome::Consented
    );
    assert_eq!(
        identity.outcome("33", Use::Code, whose()).await,
        Outcome::Consented
    );
    let states: Vec<_> = identity
        .own(&wang)
        .await
        .unwrap()
        .iter()
        .map(wire::PartnerConsent::state)
        .collect();
    assert_eq!(states, [State::Active, State::Active, State::Ended]);
}

async fn federation_does_not_learn_who_is_registered(bed: Bed) {
    let identity = start(bed).await;
    identity
        .register("wx-1", 1, crate::items("王小明", ONE))
        .await
        .unwrap();
    // Nobody has this number, somebody has that one: the same is said of both.
    for number in [ONE, TWO] {
        let said = identity
            .verify("32", Use::Records, Person::Named(named("王小明", number)))
            .await
            .unwrap();
        assert_eq!((said.outcome(), &*said.subject_id), (Outcome::NotConsented, ""));
    }
    for (name, number, is_other) in [("王小明", ONE, false), ("李四", ONE, true), ("李四", TWO, false)]
    {
        assert_eq!(identity.has_other_name(named(name, number)).await, Ok(is_other));
    }
    let wrong = identity.has_other_name(named("", "1")).await.unwrap_err();
    assert_eq!(violations(&wrong), ["named.full_name MISSING"]);
    let wrong = identity
        .has_other_name(named("王小明", "110105194912310021"))
        .await
        .unwrap_err();
    assert_eq!(
        violations(&wrong),
        ["named.document.number RESIDENT_ID_CHECK_CHARACTER"]
    );
    let wrong = identity
        .verify("3", Use::Records, Person::Named(named("王小明", ONE)))
        .await
        .unwrap_err();
    assert_eq!(violations(&wrong), ["partner PARTNER_SHAPE"]);
}

async fn a_consent_that_is_wrong_is_refused_with_its_reason(bed: Bed) {
    let identity = start(bed).await;
    let (wang, _) = identity.two().await;
    let nobody = lutong_testing::citizen("wx-9", None);
    let refused = identity
        .consent(&nobody, asked("32", &[Use::Code], 1))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "CODE_NOT_FOUND");
    assert_eq!(identity.own(&nobody).await.unwrap_err().reason, "CODE_NOT_FOUND");
    let wang = person(&wang);
    for (request, wrong) in [
        (asked("3x", &[Use::Code], 1), "partner PARTNER_SHAPE"),
        (asked("32", &[], 1), "uses MISSING"),
        (asked("32", &[Use::Unspecified], 1), "uses[0] MISSING"),
        (asked("32", &[Use::Code], 0), "days OUT_OF_RANGE"),
        (asked("32", &[Use::Code], 31), "days OUT_OF_RANGE"),
    ] {
        let refused = identity.consent(&wang, request).await.unwrap_err();
        assert_eq!(violations(&refused), [wrong]);
    }
    let refused = identity.end(&wang, &next_id(), ("", "")).await.unwrap_err();
    assert_eq!(violations(&refused), ["name MISSING"]);
    let request = wire::ListPartnerConsentsRequest {
        page_size: 1,
        page_token: "x".to_owned(),
    };
    let request = identity.0.call_as(&wang).request(request);
    let refused = identity
        .consents(Caller::Gateway)
        .list_partner_consents(request)
        .await;
    assert_eq!(reason(&refused.unwrap_err()).reason, "INVALID_FIELDS");
    assert_eq!(lutong_testing::rows(&identity.1, "partner_consents").await, 0);
}
