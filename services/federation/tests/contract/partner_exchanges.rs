//! The exchanges of GB/T 38963 about people, called at a partner and served there: two provinces with their own keys, over JSON.

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::declaration::v1::fact_row::Statement;
use lutong_proto::federation::v1 as wire;
use lutong_proto::identity::v1::PartnerConsentUse as Use;
use lutong_proto::policy::Caller;
use lutong_proto::time::instant;
use lutong_proto::types::v1::{Colour, Stay, Symptom, Symptoms};
use lutong_testing::{Bed, bytes, on_both_engines};
use lutong_transport::access::Principal;
use wire::ExchangeReturnCode as Code;
use wire::RecognitionOutcome as Outcome;
use wire::call_partner_request::Body;
use wire::call_partner_response::Answer;
use wire::declaration_correction::Statement as Corrected;
use wire::partner_exchange_service_client::PartnerExchangeServiceClient;

use crate::people::{NUMBER, People, person};
use crate::sharing::{Line, Provinces};
use crate::{Federation, fault, key, metadata, province, sharing};

on_both_engines!(
    a_partner_is_told_what_a_person_has_consented_to_and_the_person_sees_it,
    a_code_is_made_and_called_as_long_as_its_holder_consents,
    what_is_declared_at_a_partner_is_stored_once_under_its_name,
    a_partner_corrects_and_takes_back_what_it_declared_itself,
    what_is_wrong_with_a_message_is_named_as_it_was_written,
    an_answer_that_is_not_the_partners_own_is_none_and_never_a_colour,
    a_partner_that_does_not_count_is_not_called,
    nothing_of_a_person_is_left_in_what_is_kept,
);

const SUBJECT: &str = "0193b2a0-0000-7000-8000-000000000001";

impl Federation {
    /// What a call at a partner is refused with.
    pub async fn calls_anybody(&self) -> Fault {
        let channel = self.bed.channel(ServiceName::Federation, Caller::Declaration);
        let call = self.bed.call_as(&Principal::service("declaration"));
        let request = call.request(wire::CallPartnerRequest {
            partner: "partners/32".to_owned(),
            body: Some(query()),
        });
        let answer = PartnerExchangeServiceClient::new(channel)
            .call_partner(request)
            .await;
        fault(&answer.unwrap_err())
    }
}

struct Calling {
    provinces: Provinces,
    /// Of the partner.
    people: People,
}

async fn start(bed: Bed) -> Calling {
    let provinces = sharing::start(bed).await;
    let people = People::default();
    people.bind(&provinces.origin.bed);
    let codes = &provinces.origin.codes;
    codes.signs_with(key(32), province("32"), provinces.now());
    codes.set(SUBJECT, Some(Colour::Green), provinces.now());
    Calling { provinces, people }
}

fn query() -> Body {
    Body::Query(wire::HealthRecordQuery {
        person: Some(person()),
    })
}

fn making() -> Body {
    Body::Making(wire::HealthCodeMaking {
        person: Some(person()),
    })
}

fn calling_of(reference: &str) -> Body {
    Body::Call(wire::HealthCodeCall {
        code_reference: reference.to_owned(),
    })
}

fn correction(key: &str, corrected: (&str, i32), statement: Corrected) -> Body {
    Body::Correction(wire::DeclarationCorrection {
        person: Some(person()),
        declaration_key: key.to_owned(),
        corrected_key: corrected.0.to_owned(),
        corrected_stay: corrected.1,
        statement: Some(statement),
    })
}

impl Calling {
    /// What declaration gets for a call at a partner.
    async fn answer(&self, partner: &str, body: Body) -> Result<wire::CallPartnerResponse, Fault> {
        let bed = &self.provinces.here.bed;
        let channel = bed.channel(ServiceName::Federation, Caller::Declaration);
        let call = bed.call_as(&Principal::service("declaration"));
        let request = call.request(wire::CallPartnerRequest {
            partner: format!("partners/{partner}"),
            body: Some(body),
        });
        let answer = PartnerExchangeServiceClient::new(channel)
            .call_partner(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))
    }

    async fn says(&self, body: Body) -> Result<Answer, Outcome> {
        let answer = self.answer("32", body).await.unwrap();
        let why = answer.no_answer();
        answer.answer.ok_or(why)
    }

    async fn records(&self) -> wire::HealthRecords {
        match self.says(query()).await {
            Ok(Answer::Records(records)) => records,
            other => panic!("{other:?}"),
        }
    }

    async fn code(&self, body: Body) -> wire::ShownHealthCode {
        match self.says(body).await {
            Ok(Answer::Code(code)) => code,
            other => panic!("{other:?}"),
        }
    }

    async fn receipt(&self, body: Body) -> wire::DeclarationReceipt {
        match self.says(body).await {
            Ok(Answer::Receipt(receipt)) => receipt,
            other => panic!("{other:?}"),
        }
    }

    fn symptoms(&self, symptoms: &[Symptom]) -> Symptoms {
        Symptoms {
            observed_at: Some(instant(self.provinces.now())),
            symptoms: symptoms.iter().map(|one| (*one).into()).collect(),
            ..Symptoms::default()
        }
    }

    fn health(&self, key: &str) -> Body {
        Body::Health(wire::HealthDeclaration {
            person: Some(person()),
            declaration_key: key.to_owned(),
            symptoms: Some(self.symptoms(&[Symptom::Fever])),
        })
    }

    fn stay(&self, division: &str) -> Stay {
        Stay {
            division: division.to_owned(),
            arrived_at: Some(instant(self.provinces.now())),
            ..Stay::default()
        }
    }

    /// Whose codes were shown, and to whom.
    fn seen(&self) -> Vec<(String, String)> {
        self.provinces.origin.codes.shown.lock().unwrap().clone()
    }
}

async fn a_partner_is_told_what_a_person_has_consented_to_and_the_person_sees_it(bed: Bed) {
    let calling = start(bed).await;
    let said = calling.records().await;
    assert_eq!(
        (said.return_code(), said.outcome()),
        (Code::NotConsented, Outcome::Unspecified)
    );
    assert!(said.records.is_empty());
    // To show the code is not to tell the records.
    calling.people.consents(SUBJECT, &[Use::Code]);
    assert_eq!(calling.records().await.return_code(), Code::NotConsented);
    assert!(calling.seen().is_empty(), "nothing was read of anybody");

    calling.people.consents(SUBJECT, &[Use::Records]);
    let said = calling.records().await;
    assert_eq!((said.return_code(), said.outcome()), (Code::Done, Outcome::Green));
    let of: Vec<_> = said
        .records
        .iter()
        .map(|one| (&*one.province, one.outcome()))
        .collect();
    assert_eq!(of, [("32", Outcome::Green)]);
    assert_eq!(calling.seen(), [(SUBJECT.to_owned(), "partners/37".to_owned())]);

    let other = Body::Query(wire::HealthRecordQuery {
        person: Some(wire::ExchangedPerson {
            full_name: "李四".to_owned(),
            ..person()
        }),
    });
    let Ok(Answer::Records(said)) = calling.says(other).await else {
        panic!("no answer")
    };
    assert_eq!(said.outcome(), Outcome::NameMismatch);
    assert!(said.records.is_empty());
    calling
        .provinces
        .origin
        .codes
        .set(SUBJECT, None, calling.provinces.now());
    let said = calling.records().await;
    assert_eq!(said.outcome(), Outcome::UnderReview);
    assert!(said.records.is_empty());
}

async fn a_code_is_made_and_called_as_long_as_its_holder_consents(bed: Bed) {
    let calling = start(bed).await;
    assert_eq!(calling.code(making()).await.return_code(), Code::NotConsented);
    calling.people.consents(SUBJECT, &[Use::Code]);
    let made = calling.code(making()).await;
    assert_eq!((made.return_code(), made.outcome()), (Code::Done, Outcome::Green));
    assert!(made.token.starts_with("LT1:"), "{}", made.token);
    assert!(!made.code_reference.contains(SUBJECT));
    let called = calling.code(calling_again(&made)).await;
    assert_eq!(
        (called.return_code(), called.outcome()),
        (Code::Done, Outcome::Green)
    );
    let codes = &calling.provinces.origin.codes;
    codes.set(SUBJECT, Some(Colour::Red), calling.provinces.now());
    assert_eq!(calling.code(calling_again(&made)).await.outcome(), Outcome::Red);
    assert_eq!(calling.seen().len(), 3);
    for wrong in ["bm9ib2R5", "!", &made.code_reference[1..]] {
        let said = calling.code(calling_of(wrong)).await;
        assert_eq!(said.return_code(), Code::ReferenceUnknown, "{wrong}");
    }
    // The next call after the consent has ended shows nothing.
    calling.people.consents(SUBJECT, &[]);
    let said = calling.code(calling_again(&made)).await;
    assert_eq!((said.return_code(), &*said.token), (Code::NotConsented, ""));
    assert_eq!(calling.seen().len(), 3);
}

fn calling_again(made: &wire::ShownHealthCode) -> Body {
    calling_of(&made.code_reference)
}

async fn what_is_declared_at_a_partner_is_stored_once_under_its_name(bed: Bed) {
    let calling = start(bed).await;
    let receipt = calling.receipt(calling.health("d-1")).await;
    assert_eq!((receipt.return_code(), receipt.is_in_force), (Code::Done, true));
    let again = calling.receipt(calling.health("d-1")).await;
    assert_eq!(again.return_code(), Code::Unchanged);
    let itinerary = Body::Itinerary(wire::ItineraryDeclaration {
        person: Some(person()),
        declaration_key: "d-2".to_owned(),
        stays: vec![calling.stay("320100"), calling.stay("320200")],
    });
    assert_eq!(calling.receipt(itinerary).await.return_code(), Code::Done);
    let declared = calling.people.declared.lock().unwrap().clone();
    let kept: Vec<_> = declared.values().map(|row| (&*row.source, &*row.key)).collect();
    assert_eq!(
        kept,
        [
            ("partner-37", "d-1"),
            ("partner-37", "d-2/1"),
            ("partner-37", "d-2/2")
        ]
    );
    // A slip in the number that hits somebody else.
    calling.people.consents(SUBJECT, &[]);
    let Body::Health(mut other) = calling.health("d-3") else {
        panic!()
    };
    "李四".clone_into(&mut other.person.as_mut().unwrap().full_name);
    let receipt = calling.receipt(Body::Health(other)).await;
    assert_eq!(receipt.return_code(), Code::NameMismatch);
    assert_eq!(calling.people.declared.lock().unwrap().len(), 3);
}

async fn a_partner_corrects_and_takes_back_what_it_declared_itself(bed: Bed) {
    let calling = start(bed).await;
    let none = Corrected::Symptoms(calling.symptoms(&[]));
    let early = calling.receipt(correction("c-0", ("d-1", 0), none.clone())).await;
    let named: Vec<_> = early
        .errors
        .iter()
        .map(|one| (&*one.field, &*one.reason))
        .collect();
    assert_eq!(early.return_code(), Code::Invalid);
    assert_eq!(named, [("corrected_key", "TARGET_UNKNOWN")]);
    calling.receipt(calling.health("d-1")).await;
    let itinerary = Body::Itinerary(wire::ItineraryDeclaration {
        person: Some(person()),
        declaration_key: "d-2".to_owned(),
        stays: vec![calling.stay("320100"), calling.stay("320200")],
    });
    calling.receipt(itinerary).await;
    let second = Corrected::Stay(calling.stay("320300"));
    let withdrawn = Corrected::Withdrawal("误报".to_owned());
    for (key, corrected, statement) in [
        ("c-1", ("d-1", 0), none),
        ("c-2", ("d-2", 2), second),
        ("c-3", ("c-1", 0), withdrawn),
    ] {
        let receipt = calling.receipt(correction(key, corrected, statement)).await;
        assert_eq!(receipt.return_code(), Code::Done, "{key}");
    }
    let declared = calling.people.declared.lock().unwrap().clone();
    let target = |key: &str| match declared[key].statement.clone().unwrap() {
        Statement::Correction(one) => one.replaces_key,
        Statement::Retraction(one) => one.retracts_key,
        Statement::Fact(_) => String::new(),
    };
    assert_eq!(["c-1", "c-2", "c-3"].map(target), ["d-1", "d-2/2", "c-1"]);
}

async fn what_is_wrong_with_a_message_is_named_as_it_was_written(bed: Bed) {
    let calling = start(bed).await;
    let wrong = |person: wire::ExchangedPerson| Body::Query(wire::HealthRecordQuery { person: Some(person) });
    let mut numbered = person();
    "X".clone_into(&mut numbered.document.as_mut().unwrap().number);
    let Ok(Answer::Records(said)) = calling.says(wrong(numbered)).await else {
        panic!("no answer")
    };
    let named: Vec<_> = said
        .errors
        .iter()
        .map(|one| (&*one.field, &*one.reason))
        .collect();
    assert_eq!(named, [("person.document.number", "DOCUMENT_SHAPE")]);
    // What is out of bounds is not sent.
    let refused = calling
        .answer("32", wrong(wire::ExchangedPerson::default()))
        .await;
    let refused = lutong_testing::violations(&refused.unwrap_err());
    assert_eq!(
        refused,
        ["query.person.full_name MISSING", "query.person.document MISSING"]
    );
    let refused = calling.answer("41", query()).await.unwrap_err();
    assert_eq!(&*refused.reason, "PARTNER_NOT_FOUND");
}

async fn an_answer_that_is_not_the_partners_own_is_none_and_never_a_colour(bed: Bed) {
    let calling = start(bed).await;
    calling.people.consents(SUBJECT, &[Use::Code, Use::Records]);
    for (line, why) in [
        (Line::Down, Outcome::Unreachable),
        (Line::LosesAnswers, Outcome::Unreachable),
        (Line::Corrupts, Outcome::UnknownValue),
    ] {
        *calling.provinces.origin.gateway.line.lock().unwrap() = line;
        for body in [query(), making(), calling.health("d-1")] {
            assert_eq!(calling.says(body).await, Err(why), "{line:?}");
        }
    }
    *calling.provinces.origin.gateway.line.lock().unwrap() = Line::Up;
    // A green code that the partner has not signed, or that is another province's.
    let codes = &calling.provinces.origin.codes;
    for (signer, of) in [(key(99), "32"), (key(32), "33")] {
        codes.signs_with(signer, province(of), calling.provinces.now());
        assert_eq!(calling.says(making()).await, Err(Outcome::UnknownValue), "{of}");
    }
}

async fn a_partner_that_does_not_count_is_not_called(bed: Bed) {
    let calling = start(bed).await;
    calling.provinces.here.suspend("32").await;
    let refused = calling.answer("32", query()).await.unwrap_err();
    assert_eq!(
        (&*refused.reason, metadata(&refused, "state")),
        ("PARTNER_NOT_RECOGNISED", "SUSPENDED")
    );
    let said = calling.provinces.here.digests().await;
    assert!(said.is_empty(), "nothing was said to it");
}

async fn nothing_of_a_person_is_left_in_what_is_kept(bed: Bed) {
    let calling = start(bed).await;
    calling.people.consents(SUBJECT, &[Use::Code, Use::Records]);
    calling.records().await;
    calling.records().await;
    calling.code(making()).await;
    calling.receipt(calling.health("d-1")).await;
    for side in [&calling.provinces.here, &calling.provinces.origin] {
        let kept = bytes(&side.storage, "message_records", "header").await;
        let text = String::from_utf8_lossy(&kept);
        assert!(!text.contains(NUMBER) && !text.contains("张三"));
        let said = side.digests().await;
        assert_eq!(said.len(), 4);
    }
    // The same question twice has another digest each time: it cannot be found by trying names and numbers.
    let sent = calling.provinces.here.digests().await;
    let mut different = sent.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), sent.len());
}
