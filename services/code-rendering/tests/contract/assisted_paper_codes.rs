//! `CreateAssistedPaperCode` and `PrintPaperCodes`: what counter staff do for people of their division.

use std::time::Duration;

use lutong_kernel::{DivisionCode, Fault, ServiceName};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::paper_code_service_client::PaperCodeServiceClient;
use lutong_proto::identity::v1::lookup_service_server::LookupServiceServer;
use lutong_proto::policy::{Caller, DataClass, Role};
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_proto::types::v1::Colour;
use lutong_testing::lookups::RecordedLookups;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::{Principal, Roles};
use lutong_transport::client::MeshChannel;
use wire::PaperCodeState as State;
use wire::print_paper_codes_response::Part;

use crate::bindings::Log;
use crate::paper_codes::request_id;
use crate::{Codes, decision, fault, start, subject};

on_both_engines!(
    staff_issue_paper_codes_for_people_of_their_division,
    a_care_home_is_printed_as_one_file,
);

struct Counter {
    codes: Codes,
    lookups: RecordedLookups,
}

fn staff(division: Option<&str>) -> Principal {
    Principal {
        account: "counter-1".to_owned(),
        roles: Roles::of(&[Role::CounterStaff]),
        subject: None,
        division: division.map(|division| DivisionCode::parse(division).unwrap()),
        feed: None,
        desks: Vec::new(),
    }
}

fn purpose() -> types::Purpose {
    types::Purpose {
        code: types::PurposeCode::Assistance.into(),
        reference: String::new(),
    }
}

impl Counter {
    /// People `1..=count`, who are green and live in 370202.
    async fn start(bed: Bed, count: u32) -> Self {
        let (log, lookups) = (Log::default(), RecordedLookups::default());
        let routes = log
            .routes()
            .add_service(LookupServiceServer::new(lookups.clone()));
        bed.bind_fake(ServiceName::Identity, routes);
        let codes = start(bed).await;
        for n in 1..=count {
            log.place(&subject(n).to_string(), "370202001");
        }
        codes
            .apply((1..=count).map(|n| decision(n, Colour::Green, 1)).collect())
            .await;
        let counter = Self { codes, lookups };
        // The last one is placed last.
        for n in 0..400 {
            let last = subject(count).to_string();
            let made = counter.create(Some("370202"), 10_000 + n, &last, true).await;
            if made.is_ok() {
                return counter;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nobody is known to live anywhere after 10 s");
    }

    fn client(&self) -> PaperCodeServiceClient<MeshChannel> {
        let bed = &self.codes.0;
        PaperCodeServiceClient::new(bed.channel(ServiceName::CodeRendering, Caller::Gateway))
    }

    async fn create(
        &self,
        division: Option<&str>,
        id: u32,
        subject_id: &str,
        end_earlier: bool,
    ) -> Result<wire::PaperCode, Fault> {
        let call = self.codes.0.call_as(&staff(division));
        let request = call.request(wire::CreateAssistedPaperCodeRequest {
            request_id: request_id(id),
            subject_id: subject_id.to_owned(),
            end_earlier,
            purpose: Some(purpose()),
        });
        let answer = self.client().create_assisted_paper_code(request).await;
        answer
            .map(|answer| answer.into_inner().paper_code.unwrap())
            .map_err(|status| fault(&status))
    }

    /// Whose codes are printed, in order, and the file.
    async fn print(
        &self,
        division: Option<&str>,
        people: &[u32],
        format: wire::PaperFormat,
    ) -> Result<(Vec<String>, Vec<u8>), Fault> {
        let call = self.codes.0.call_as(&staff(division));
        let request = call.request(wire::PrintPaperCodesRequest {
            subject_ids: people.iter().map(|n| subject(*n).to_string()).collect(),
            format: format.into(),
            purpose: Some(purpose()),
        });
        let mut client = self.client();
        let answer = client.print_paper_codes(request).await;
        let mut parts = answer.map_err(|status| fault(&status))?.into_inner();
        let (mut printed, mut file) = (Vec::new(), Vec::new());
        while let Some(answer) = parts.message().await.map_err(|status| fault(&status))? {
            match answer.part.unwrap() {
                Part::Page(page) => printed.push(page.subject_id),
                Part::Chunk(chunk) => {
                    assert!(chunk.len() <= 64 * 1024);
                    file.extend_from_slice(&chunk);
                }
            }
        }
        Ok((printed, file))
    }
}

async fn staff_issue_paper_codes_for_people_of_their_division(bed: Bed) {
    let counter = Counter::start(bed, 2).await;
    let one = subject(1).to_string();
    let made = counter.create(Some("370202"), 1, &one, false).await.unwrap();
    assert_eq!(
        (made.state(), made.subject_id.as_str()),
        (State::Active, one.as_str())
    );
    assert_eq!(
        counter.create(Some("370202"), 1, &one, false).await.unwrap(),
        made
    );
    // The holder has it like their own.
    let own = counter.codes.citizen(1);
    assert_eq!(own.get(&made.name).await.unwrap().state(), State::Active);
    counter.codes.0.clock.advance(Duration::from_secs(1));
    let later = counter.create(Some("370200"), 2, &one, true).await.unwrap();
    assert_eq!(own.get(&made.name).await.unwrap().state(), State::Ended);
    assert_eq!(own.get(&later.name).await.unwrap().state(), State::Active);
    // Of another division, of nobody, without a division.
    for (n, division, who) in [
        (3, Some("370203"), one.clone()),
        (4, Some("370202"), subject(9).to_string()),
    ] {
        let refused = counter.create(division, n, &who, false).await.unwrap_err();
        assert_eq!(refused.reason, "CODE_NOT_FOUND");
    }
    let nowhere = counter.create(None, 5, &one, false).await.unwrap_err();
    assert_eq!(nowhere.reason, "DIVISION_MISSING");
    let reused = counter
        .create(Some("370202"), 1, &subject(2).to_string(), false)
        .await;
    assert_eq!(reused.unwrap_err().reason, "REQUEST_ID_REUSED");
    let shapeless = counter.create(Some("370202"), 6, "x", false).await.unwrap_err();
    assert_eq!(shapeless.reason, "INVALID_FIELDS");
    for n in 7..11 {
        counter.create(Some("370202"), n, &one, false).await.unwrap();
    }
    let many = counter.create(Some("370202"), 11, &one, false).await.unwrap_err();
    assert_eq!(many.reason, "TOO_MANY_PAPER_CODES");
    let due = counter.codes.0.foundation.now().plus_seconds(20);
    let mut changing = decision(2, Colour::Green, 2);
    changing.next_change_time = Some(time::from_micros(due.micros()));
    counter.codes.apply(vec![changing]).await;
    counter.codes.0.clock.set(due);
    let changing = counter
        .create(Some("370202"), 12, &subject(2).to_string(), true)
        .await;
    assert_eq!(changing.unwrap_err().reason, "CODE_REFRESHING");
    let seen = counter.lookups.all();
    let looks = seen.iter().filter(|one_look| one_look.subject_id == one);
    let classes: Vec<_> = looks.map(|look| look.lookup.clone().unwrap().classes).collect();
    assert!(classes.len() >= 2, "{seen:?}");
    assert!(
        classes
            .iter()
            .all(|one| *one == [i32::from(DataClass::Decisions)])
    );
}

async fn a_care_home_is_printed_as_one_file(bed: Bed) {
    const PEOPLE: u32 = 200;
    let counter = Counter::start(bed, PEOPLE).await;
    let everybody: Vec<u32> = (1..=PEOPLE).collect();
    let missing = counter
        .print(Some("370202"), &everybody, wire::PaperFormat::PdfA4)
        .await
        .unwrap_err();
    assert_eq!(missing.violations.len(), PEOPLE as usize - 1);
    assert_eq!(violations(&missing)[0], "subject_ids[0] PAPER_CODE_MISSING");
    for n in &everybody {
        let who = subject(*n).to_string();
        counter.create(Some("370202"), *n, &who, true).await.unwrap();
    }
    let (printed, file) = counter
        .print(Some("370202"), &everybody, wire::PaperFormat::PdfA4)
        .await
        .unwrap();
    let expected: Vec<String> = everybody.iter().map(|n| subject(*n).to_string()).collect();
    assert_eq!(printed, expected);
    assert!(
        file.starts_with(b"%PDF-") && file.len() < 2_000_000,
        "{} bytes",
        file.len()
    );
    for n in &expected {
        assert!(
            counter.lookups.all().iter().any(|look| look.subject_id == *n),
            "{n}"
        );
    }
    let (_, card) = counter
        .print(Some("370202"), &[1], wire::PaperFormat::PdfCard)
        .await
        .unwrap();
    assert!(card.len() < file.len());
    let foreign = counter
        .print(Some("370203"), &[1, 2], wire::PaperFormat::PdfA4)
        .await;
    assert_eq!(
        violations(&foreign.unwrap_err()),
        ["subject_ids[0] CODE_NOT_FOUND", "subject_ids[1] CODE_NOT_FOUND"]
    );
    let picture = counter.print(Some("370202"), &[1], wire::PaperFormat::Svg).await;
    assert_eq!(violations(&picture.unwrap_err()), ["format FORMAT_NOT_PDF"]);
    let nowhere = counter.print(None, &[1], wire::PaperFormat::PdfA4).await;
    assert_eq!(nowhere.unwrap_err().reason, "DIVISION_MISSING");
}
