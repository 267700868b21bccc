//! `PaperCodeService`: whose paper codes there are, how long they are valid, and what ends them.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName, Timestamp};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::paper_code_service_client::PaperCodeServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::time;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};
use tonic::{Response, Status};
use wire::PaperCodeState as State;
use wire::VerificationOutcome as Outcome;

use crate::{Codes, decision, fault, start, subject};

on_both_engines!(
    a_paper_code_is_valid_through_the_end_of_the_fourteenth_day,
    a_colour_that_turns_revokes_the_paper_codes_and_they_stay_revoked,
    a_decision_during_an_issue_leaves_no_paper_code_of_the_older_colour,
    a_binder_has_the_paper_codes_of_a_ward_and_of_nobody_else,
    an_ended_paper_code_is_refused_and_is_ended_once,
    a_later_paper_code_may_replace_the_earlier_ones,
    a_request_that_is_sent_again_issues_one_paper_code,
    no_paper_code_is_issued_without_a_colour_in_force,
    paper_codes_are_listed_in_pages_the_newest_first,
    every_format_is_drawn_with_the_same_token,
    a_paper_code_that_says_nothing_is_named,
);

fn client(codes: &Codes) -> PaperCodeServiceClient<lutong_transport::client::MeshChannel> {
    let channel = codes.0.channel(ServiceName::CodeRendering, Caller::Gateway);
    PaperCodeServiceClient::new(channel)
}

fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Fault> {
    answer.map(Response::into_inner).map_err(|status| fault(&status))
}

/// A citizen who calls, and the holder they name: empty for themself.
pub struct Citizen<'a> {
    codes: &'a Codes,
    n: u32,
    holder: String,
}

impl Codes {
    pub fn citizen(&self, n: u32) -> Citizen<'_> {
        Citizen {
            codes: self,
            n,
            holder: String::new(),
        }
    }

    pub fn for_ward(&self, n: u32, ward: u32) -> Citizen<'_> {
        Citizen {
            codes: self,
            n,
            holder: subject(ward).to_string(),
        }
    }
}

impl Citizen<'_> {
    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let citizen = lutong_testing::citizen(&format!("wx-{}", self.n), Some(subject(self.n)));
        self.codes.0.call_as(&citizen).request(message)
    }

    pub async fn try_to_create(&self, id: &str, end_earlier: bool) -> Result<wire::PaperCode, Fault> {
        let request = self.request(wire::CreatePaperCodeRequest {
            request_id: id.to_owned(),
            subject_id: self.holder.clone(),
            end_earlier,
        });
        let created = answer(client(self.codes).create_paper_code(request).await);
        created.map(|created| created.paper_code.unwrap())
    }

    pub async fn create(&self, n: u32) -> wire::PaperCode {
        self.try_to_create(&request_id(n), false).await.unwrap()
    }

    pub async fn get(&self, name: &str) -> Result<wire::PaperCode, Fault> {
        let request = self.request(wire::GetPaperCodeRequest {
            name: name.to_owned(),
            subject_id: self.holder.clone(),
        });
        let found = answer(client(self.codes).get_paper_code(request).await);
        found.map(|found| found.paper_code.unwrap())
    }

    pub async fn end(&self, id: &str, name: &str) -> Result<wire::PaperCode, Fault> {
        let request = self.request(wire::EndPaperCodeRequest {
            request_id: id.to_owned(),
            name: name.to_owned(),
            subject_id: self.holder.clone(),
        });
        let ended = answer(client(self.codes).end_paper_code(request).await);
        ended.map(|ended| ended.paper_code.unwrap())
    }

    pub async fn list(
        &self,
        page_size: i32,
        page_token: &str,
    ) -> Result<wire::ListPaperCodesResponse, Fault> {
        let request = self.request(wire::ListPaperCodesRequest {
            subject_id: self.holder.clone(),
            page_size,
            page_token: page_token.to_owned(),
        });
        answer(client(self.codes).list_paper_codes(request).await)
    }

    pub async fn show(
        &self,
        name: &str,
        format: wire::PaperFormat,
    ) -> Result<wire::ShowPaperCodeResponse, Fault> {
        let request = self.request(wire::ShowPaperCodeRequest {
            name: name.to_owned(),
            subject_id: self.holder.clone(),
            format: format.into(),
        });
        answer(client(self.codes).show_paper_code(request).await)
    }

    pub async fn token(&self, name: &str) -> String {
        self.show(name, wire::PaperFormat::Svg).await.unwrap().token
    }
}

pub fn request_id(n: u32) -> String {
    format!("00000000-0000-7000-b000-{n:012}")
}

fn ends(paper: &wire::PaperCode) -> Timestamp {
    Timestamp::from_micros(time::to_micros(paper.expire_time.as_ref().unwrap()))
}

async fn a_paper_code_is_valid_through_the_end_of_the_fourteenth_day(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let citizen = codes.citizen(1);
    let paper = citizen.create(1).await;
    assert_eq!(
        (paper.state(), paper.colour(), paper.version),
        (State::Active, Colour::Green, 1)
    );
    assert_eq!(
        ends(&paper),
        codes.0.foundation.now().local_day().plus_days(14).end()
    );
    assert_eq!(citizen.get(&paper.name).await.unwrap(), paper);
    let token = citizen.token(&paper.name).await;
    assert_eq!(codes.outcome(&token).await, Outcome::Valid);
    codes.0.clock.set(ends(&paper).plus_micros(-1));
    assert_eq!(codes.outcome(&token).await, Outcome::Valid);
    codes.0.clock.advance(Duration::from_secs(30));
    assert_eq!(codes.outcome(&token).await, Outcome::Valid);
    codes.0.clock.advance(Duration::from_millis(1));
    assert_eq!(codes.outcome(&token).await, Outcome::Expired);
    assert_eq!(citizen.get(&paper.name).await.unwrap().state(), State::Expired);
}

async fn a_colour_that_turns_revokes_the_paper_codes_and_they_stay_revoked(bed: Bed) {
    let codes = start(bed).await;
    codes
        .apply(vec![decision(1, Colour::Green, 1), decision(2, Colour::Green, 1)])
        .await;
    let (citizen, other) = (codes.citizen(1), codes.citizen(2));
    let papers = [citizen.create(1).await, citizen.create(2).await];
    let others = other.create(1).await;
    let mut tokens = Vec::new();
    for paper in &papers {
        tokens.push(citizen.token(&paper.name).await);
    }
    let others_token = other.token(&others.name).await;
    // A decision of the same colour changes nothing on paper.
    codes.apply(vec![decision(1, Colour::Green, 2)]).await;
    assert_eq!(codes.outcome(&tokens[0]).await, Outcome::Valid);
    for (colour, version) in [(Colour::Red, 3), (Colour::Green, 4)] {
        codes.apply(vec![decision(1, colour, version)]).await;
        for (paper, token) in papers.iter().zip(&tokens) {
            let verified = codes.verify(token).await.unwrap();
            assert_eq!(
                (verified.outcome(), verified.colour()),
                (Outcome::Superseded, colour)
            );
            assert_eq!(verified.name_mask, "");
            let paper = citizen.get(&paper.name).await.unwrap();
            assert_eq!((paper.state(), paper.colour()), (State::Revoked, Colour::Green));
            assert!(paper.end_time.is_some());
        }
    }
    assert_eq!(codes.outcome(&others_token).await, Outcome::Valid);
    let refused = citizen.end(&request_id(3), &papers[0].name).await.unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
    let printed_again = citizen.create(4).await;
    let token = citizen.token(&printed_again.name).await;
    assert_eq!(codes.outcome(&token).await, Outcome::Valid);
}

/// Issues and decisions run at the same time: whichever comes first, a paper code that is valid has the colour in force.
async fn a_decision_during_an_issue_leaves_no_paper_code_of_the_older_colour(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let citizen = codes.citizen(1);
    for round in 0..12_u32 {
        let colour = if round % 2 == 0 {
            Colour::Red
        } else {
            Colour::Green
        };
        let decided = decision(1, colour, i64::from(round) + 2);
        let (first, second) = (request_id(2 * round), request_id(2 * round + 1));
        let (issued, again, _) = tokio::join!(
            citizen.try_to_create(&first, true),
            citizen.try_to_create(&second, true),
            codes.apply(vec![decided]),
        );
        for issued in [issued, again] {
            match issued {
                Ok(_) => {}
                Err(refused) => assert_eq!(refused.reason, "CONTENDED"),
            }
        }
        let listed = citizen.list(0, "").await.unwrap().paper_codes;
        for paper in listed.iter().filter(|paper| paper.state() == State::Active) {
            assert_eq!(paper.colour(), colour, "round {round}");
        }
    }
}

async fn a_binder_has_the_paper_codes_of_a_ward_and_of_nobody_else(bed: Bed) {
    let codes = start(bed).await;
    codes
        .apply(vec![
            decision(1, Colour::Green, 1),
            decision(2, Colour::Yellow, 1),
            decision(3, Colour::Green, 1),
        ])
        .await;
    codes.bind(vec![crate::bindings::binding(1, 1, 2, true)]).await;
    let (binder, ward) = (codes.for_ward(1, 2), codes.citizen(2));
    let paper = binder.create(1).await;
    assert_eq!(
        (paper.subject_id.clone(), paper.colour()),
        (subject(2).to_string(), Colour::Yellow)
    );
    assert_eq!(ward.get(&paper.name).await.unwrap(), paper);
    assert_eq!(
        binder.list(0, "").await.unwrap().paper_codes,
        std::slice::from_ref(&paper)
    );
    assert!(codes.citizen(1).list(0, "").await.unwrap().paper_codes.is_empty());
    // Of another holder there is no such paper code, and of anybody else there is nothing.
    let own = codes.citizen(1);
    assert_eq!(
        own.get(&paper.name).await.unwrap_err().reason,
        "PAPER_CODE_NOT_FOUND"
    );
    let refused = own.end(&request_id(2), &paper.name).await.unwrap_err();
    assert_eq!(refused.reason, "PAPER_CODE_NOT_FOUND");
    let refused = own.show(&paper.name, wire::PaperFormat::Svg).await.unwrap_err();
    assert_eq!(refused.reason, "PAPER_CODE_NOT_FOUND");
    nothing_is_there(&codes.for_ward(3, 2), &paper.name).await;
    codes.bind(vec![crate::bindings::binding(1, 1, 2, false)]).await;
    nothing_is_there(&binder, &paper.name).await;
    assert_eq!(ward.get(&paper.name).await.unwrap().state(), State::Active);
}

async fn nothing_is_there(stranger: &Citizen<'_>, name: &str) {
    let created = stranger.try_to_create(&request_id(9), false).await;
    assert_eq!(created.unwrap_err().reason, "CODE_NOT_FOUND");
    assert_eq!(stranger.get(name).await.unwrap_err().reason, "CODE_NOT_FOUND");
    assert_eq!(stranger.list(0, "").await.unwrap_err().reason, "CODE_NOT_FOUND");
    let ended = stranger.end(&request_id(9), name).await;
    assert_eq!(ended.unwrap_err().reason, "CODE_NOT_FOUND");
    let shown = stranger.show(name, wire::PaperFormat::Svg).await;
    assert_eq!(shown.unwrap_err().reason, "CODE_NOT_FOUND");
}

async fn an_ended_paper_code_is_refused_and_is_ended_once(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let citizen = codes.citizen(1);
    let (paper, other) = (citizen.create(1).await, citizen.create(2).await);
    let token = citizen.token(&paper.name).await;
    let ended = citizen.end(&request_id(3), &paper.name).await.unwrap();
    assert_eq!(ended.state(), State::Ended);
    assert!(ended.end_time.is_some());
    let verified = codes.verify(&token).await.unwrap();
    assert_eq!((verified.outcome(), verified.colour), (Outcome::Revoked, None));
    assert_eq!(citizen.end(&request_id(3), &paper.name).await.unwrap(), ended);
    let refused = citizen.end(&request_id(3), &other.name).await.unwrap_err();
    assert_eq!(refused.reason, "REQUEST_ID_REUSED");
    let refused = citizen.end(&request_id(4), &paper.name).await.unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
    assert!(refused.metadata.contains(&("state".into(), "ENDED".to_owned())));
    let refused = citizen
        .show(&paper.name, wire::PaperFormat::PdfA4)
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "WRONG_STATE");
    // A decision later does not make it a revoked one.
    codes.apply(vec![decision(1, Colour::Red, 2)]).await;
    assert_eq!(citizen.get(&paper.name).await.unwrap(), ended);
    assert_eq!(codes.outcome(&token).await, Outcome::Revoked);
}

async fn a_later_paper_code_may_replace_the_earlier_ones(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let citizen = codes.citizen(1);
    let mut earlier = Vec::new();
    for n in 1..=5 {
        earlier.push(citizen.create(n).await.name);
    }
    let refused = citizen.try_to_create(&request_id(6), false).await.unwrap_err();
    assert_eq!(refused.reason, "TOO_MANY_PAPER_CODES");
    let later = citizen.try_to_create(&request_id(7), true).await.unwrap();
    for name in &earlier {
        assert_eq!(citizen.get(name).await.unwrap().state(), State::Ended);
    }
    assert_eq!(citizen.get(&later.name).await.unwrap().state(), State::Active);
    // Those that have expired do not count.
    for n in 8..12 {
        citizen.create(n).await;
    }
    codes.0.clock.set(ends(&later));
    citizen.create(12).await;
}

async fn a_request_that_is_sent_again_issues_one_paper_code(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let citizen = codes.citizen(1);
    let paper = citizen.create(1).await;
    assert_eq!(citizen.create(1).await, paper);
    let reused = citizen.try_to_create(&request_id(1), true).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    assert_eq!(
        citizen.list(0, "").await.unwrap().paper_codes,
        std::slice::from_ref(&paper)
    );
    // Also after the colour has turned: the answer is the same paper code, as it stands now.
    codes.apply(vec![decision(1, Colour::Red, 2)]).await;
    let again = citizen.create(1).await;
    assert_eq!((again.name, again.state), (paper.name, State::Revoked.into()));
}

async fn no_paper_code_is_issued_without_a_colour_in_force(bed: Bed) {
    let codes = start(bed).await;
    let citizen = codes.citizen(1);
    let refused = citizen.try_to_create(&request_id(1), false).await.unwrap_err();
    assert_eq!(refused.reason, "CODE_NOT_FOUND");
    let due = codes.0.foundation.now().plus_seconds(30);
    let mut green = decision(1, Colour::Green, 1);
    green.next_change_time = Some(time::from_micros(due.micros()));
    codes.apply(vec![green]).await;
    let token = citizen.token(&citizen.create(2).await.name).await;
    codes.0.clock.set(due);
    let refused = citizen.try_to_create(&request_id(3), false).await.unwrap_err();
    assert_eq!(refused.reason, "CODE_REFRESHING");
    assert_eq!(codes.verify(&token).await.unwrap_err().reason, "CODE_REFRESHING");
}

async fn paper_codes_are_listed_in_pages_the_newest_first(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let citizen = codes.citizen(1);
    let mut names = Vec::new();
    for n in 0..5 {
        codes.0.clock.advance(Duration::from_secs(1));
        names.insert(0, citizen.create(n).await.name);
    }
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let page = citizen.list(2, &token).await.unwrap();
        assert!(page.paper_codes.len() <= 2);
        listed.extend(page.paper_codes.into_iter().map(|paper| paper.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, names);
    let foreign = citizen.list(2, "x").await.unwrap_err();
    assert_eq!(foreign.violations[0].reason, "PAGE_TOKEN_FOREIGN");
}

async fn every_format_is_drawn_with_the_same_token(bed: Bed) {
    use wire::PaperFormat::{PdfA4, PdfCard, Svg};
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Yellow, 1)]).await;
    let citizen = codes.citizen(1);
    let paper = citizen.create(1).await;
    let token = citizen.token(&paper.name).await;
    for (format, media_type, begins) in [
        (Svg, "image/svg+xml", &b"<svg"[..]),
        (PdfA4, "application/pdf", b"%PDF-"),
        (PdfCard, "application/pdf", b"%PDF-"),
    ] {
        let shown = citizen.show(&paper.name, format).await.unwrap();
        let image = shown.image.unwrap();
        assert_eq!(
            (image.media_type.as_str(), shown.token.as_str()),
            (media_type, token.as_str())
        );
        assert!(image.data.starts_with(begins), "{media_type}");
        assert!(image.data.len() < 64 * 1024, "{media_type}: {}", image.data.len());
    }
}

async fn a_paper_code_that_says_nothing_is_named(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let (citizen, nobody) = (
        codes.citizen(1),
        Citizen {
            codes: &codes,
            n: 1,
            holder: "1".to_owned(),
        },
    );
    let wrong = |refused: Fault| {
        let one = &refused.violations[0];
        format!("{} {} {}", refused.reason, one.field, one.reason)
    };
    let name = citizen.create(1).await.name;
    let created = citizen.try_to_create("", false).await;
    assert_eq!(wrong(created.unwrap_err()), "INVALID_FIELDS request_id MISSING");
    let created = nobody.try_to_create(&request_id(2), false).await;
    assert_eq!(
        wrong(created.unwrap_err()),
        "INVALID_FIELDS subject_id UUID_SHAPE"
    );
    assert_eq!(
        wrong(citizen.get("").await.unwrap_err()),
        "INVALID_FIELDS name MISSING"
    );
    let found = citizen.get("codes/1").await;
    assert_eq!(wrong(found.unwrap_err()), "INVALID_FIELDS name NAME_SHAPE");
    let ended = citizen.end("1", &name).await;
    assert_eq!(wrong(ended.unwrap_err()), "INVALID_FIELDS request_id UUID_SHAPE");
    let listed = nobody.list(0, "").await;
    assert_eq!(wrong(listed.unwrap_err()), "INVALID_FIELDS subject_id UUID_SHAPE");
    let shown = citizen.show(&name, wire::PaperFormat::Unspecified).await;
    assert_eq!(wrong(shown.unwrap_err()), "INVALID_FIELDS format MISSING");
}
