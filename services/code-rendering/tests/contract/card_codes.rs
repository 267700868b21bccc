//! `CardCodeService`: what the readers of hospitals read, and no door.

use std::time::Duration;

use lutong_kernel::{Fault, ServiceName};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::card_code_service_client::CardCodeServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines, violations};
use tonic::{Response, Status};
use wire::CardCodeState as State;
use wire::VerificationOutcome as Outcome;

use crate::bindings::binding;
use crate::paper_codes::request_id;
use crate::{Codes, decision, fault, start, subject};

on_both_engines!(
    a_card_code_is_read_at_hospitals_whatever_the_colour_and_at_no_door,
    nobody_sees_or_ends_the_card_code_of_another_but_its_binder,
    an_ended_card_code_is_read_no_more_and_is_ended_once,
    five_card_codes_are_valid_at_most,
    a_card_code_that_says_nothing_is_named,
);

/// A citizen who calls, and the holder they name: empty for themself.
struct Citizen<'a> {
    codes: &'a Codes,
    n: u32,
    holder: String,
}

fn answer<T>(answer: Result<Response<T>, Status>) -> Result<T, Fault> {
    answer.map(Response::into_inner).map_err(|status| fault(&status))
}

impl Citizen<'_> {
    fn client(&self) -> CardCodeServiceClient<lutong_transport::client::MeshChannel> {
        CardCodeServiceClient::new(self.codes.0.channel(ServiceName::CodeRendering, Caller::Gateway))
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let citizen = lutong_testing::citizen(&format!("wx-{}", self.n), Some(subject(self.n)));
        self.codes.0.call_as(&citizen).request(message)
    }

    async fn create(&self, id: &str, end_earlier: bool) -> Result<wire::CardCode, Fault> {
        let request = self.request(wire::CreateCardCodeRequest {
            request_id: id.to_owned(),
            subject_id: self.holder.clone(),
            end_earlier,
        });
        let created = answer(self.client().create_card_code(request).await);
        created.map(|created| created.card_code.unwrap())
    }

    async fn get(&self, name: &str) -> Result<wire::GetCardCodeResponse, Fault> {
        let request = self.request(wire::GetCardCodeRequest {
            name: name.to_owned(),
            subject_id: self.holder.clone(),
            image_format: wire::ImageFormat::Svg.into(),
        });
        answer(self.client().get_card_code(request).await)
    }

    async fn list(&self, page_token: &str) -> Result<wire::ListCardCodesResponse, Fault> {
        let request = self.request(wire::ListCardCodesRequest {
            subject_id: self.holder.clone(),
            page_size: 1,
            page_token: page_token.to_owned(),
        });
        answer(self.client().list_card_codes(request).await)
    }

    async fn end(&self, id: &str, name: &str) -> Result<wire::CardCode, Fault> {
        let request = self.request(wire::EndCardCodeRequest {
            request_id: id.to_owned(),
            name: name.to_owned(),
            subject_id: self.holder.clone(),
        });
        let ended = answer(self.client().end_card_code(request).await);
        ended.map(|ended| ended.card_code.unwrap())
    }
}

fn citizen(codes: &Codes, n: u32) -> Citizen<'_> {
    Citizen {
        codes,
        n,
        holder: String::new(),
    }
}

fn for_ward(codes: &Codes, n: u32, ward: u32) -> Citizen<'_> {
    Citizen {
        codes,
        n,
        holder: subject(ward).to_string(),
    }
}

async fn a_card_code_is_read_at_hospitals_whatever_the_colour_and_at_no_door(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let holder = citizen(&codes, 1);
    let card = holder.create(&request_id(1), false).await.unwrap();
    let ends = codes.0.foundation.now().local_day().plus_days(14).end();
    assert_eq!(card.state(), State::Active);
    assert_eq!(
        card.expire_time.as_ref().map(lutong_proto::time::to_micros),
        Some(ends.micros())
    );
    let own = subject(1).to_string();
    for (colour, version) in [(Colour::Green, 2), (Colour::Red, 3), (Colour::Green, 4)] {
        codes.apply(vec![decision(1, colour, version)]).await;
        let read = codes.resolve(&card.token).await.unwrap();
        assert_eq!(
            (read.outcome(), &read.subject_id, read.on_card, read.on_paper),
            (Outcome::Valid, &own, true, false)
        );
        assert_eq!(codes.outcome(&card.token).await, Outcome::WrongKind);
    }
    let shown = holder.get(&card.name).await.unwrap();
    assert_eq!(shown.card_code.unwrap(), card);
    assert_eq!(shown.image.unwrap().media_type, "image/svg+xml");
    // Beside it, every other code is read as what it is.
    let dynamic = codes.resolve(&codes.show(1).await.unwrap().token).await.unwrap();
    assert!(!dynamic.on_card);
    codes.0.clock.set(ends.plus_seconds(30));
    let over = codes.resolve(&card.token).await.unwrap();
    assert_eq!((over.outcome(), over.subject_id.as_str()), (Outcome::Expired, ""));
    let shown = holder.get(&card.name).await.unwrap();
    assert_eq!(shown.image, None);
    let shown = shown.card_code.unwrap();
    assert_eq!((shown.state(), shown.token.as_str()), (State::Expired, ""));
}

async fn nobody_sees_or_ends_the_card_code_of_another_but_its_binder(bed: Bed) {
    let codes = start(bed).await;
    codes
        .apply(vec![decision(1, Colour::Green, 1), decision(2, Colour::Green, 1)])
        .await;
    let card = citizen(&codes, 1).create(&request_id(1), false).await.unwrap();
    let stranger = citizen(&codes, 2);
    let nobody = citizen(&codes, 3);
    assert_eq!(stranger.list("").await.unwrap().card_codes, []);
    for (refused, reason) in [
        (stranger.get(&card.name).await.unwrap_err(), "CARD_CODE_NOT_FOUND"),
        (
            stranger.end(&request_id(2), &card.name).await.unwrap_err(),
            "CARD_CODE_NOT_FOUND",
        ),
        (
            nobody.create(&request_id(3), false).await.unwrap_err(),
            "CODE_NOT_FOUND",
        ),
    ] {
        assert_eq!(refused.reason, reason);
    }
    let as_ward = for_ward(&codes, 2, 1);
    for refused in [
        as_ward.create(&request_id(4), false).await.unwrap_err(),
        as_ward.get(&card.name).await.unwrap_err(),
        as_ward.list("").await.unwrap_err(),
        as_ward.end(&request_id(5), &card.name).await.unwrap_err(),
    ] {
        assert_eq!(refused.reason, "CODE_NOT_FOUND");
    }
    codes.bind(vec![binding(1, 2, 1, true)]).await;
    assert_eq!(as_ward.get(&card.name).await.unwrap().card_code.unwrap(), card);
    assert_eq!(
        as_ward.list("").await.unwrap().card_codes,
        std::slice::from_ref(&card)
    );
    let ended = as_ward.end(&request_id(6), &card.name).await.unwrap();
    assert_eq!(ended.state(), State::Ended);
    codes.bind(vec![binding(1, 2, 1, false)]).await;
    assert_eq!(as_ward.list("").await.unwrap_err().reason, "CODE_NOT_FOUND");
}

async fn an_ended_card_code_is_read_no_more_and_is_ended_once(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let holder = citizen(&codes, 1);
    let card = holder.create(&request_id(1), false).await.unwrap();
    let ended = holder.end(&request_id(2), &card.name).await.unwrap();
    assert_eq!((ended.state(), ended.token.as_str()), (State::Ended, ""));
    let read = codes.resolve(&card.token).await.unwrap();
    assert_eq!((read.outcome(), read.subject_id.as_str()), (Outcome::Revoked, ""));
    // The lost answer, given again; and a second end.
    assert_eq!(holder.end(&request_id(2), &card.name).await.unwrap(), ended);
    let again = holder.end(&request_id(3), &card.name).await.unwrap_err();
    assert_eq!(again.reason, "WRONG_STATE");
    let other = holder.create(&request_id(4), false).await.unwrap();
    let reused = holder.end(&request_id(2), &other.name).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
}

async fn five_card_codes_are_valid_at_most(bed: Bed) {
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let holder = citizen(&codes, 1);
    let first = holder.create(&request_id(1), false).await.unwrap();
    assert_eq!(holder.create(&request_id(1), false).await.unwrap(), first);
    let reused = holder.create(&request_id(1), true).await.unwrap_err();
    assert_eq!(reused.reason, "REQUEST_ID_REUSED");
    for n in 2..=5 {
        holder.create(&request_id(n), false).await.unwrap();
    }
    let refused = holder.create(&request_id(6), false).await.unwrap_err();
    assert_eq!(refused.reason, "TOO_MANY_CARD_CODES");
    // Paper codes are counted for themselves.
    codes.citizen(1).create(7).await;
    codes.0.clock.advance(Duration::from_secs(1));
    let later = holder.create(&request_id(8), true).await.unwrap();
    let page = holder.list("").await.unwrap();
    assert_eq!(page.card_codes, [later]);
    let next = holder.list(&page.next_page_token).await.unwrap();
    assert_eq!(next.card_codes[0].state(), State::Ended);
    assert_eq!(
        holder.get(&first.name).await.unwrap().card_code.unwrap().state(),
        State::Ended
    );
}

async fn a_card_code_that_says_nothing_is_named(bed: Bed) {
    let codes = start(bed).await;
    let due = codes.0.foundation.now().plus_seconds(3_600);
    let mut green = decision(1, Colour::Green, 1);
    green.next_change_time = Some(lutong_proto::time::from_micros(due.micros()));
    codes.apply(vec![green]).await;
    let holder = citizen(&codes, 1);
    let wrong = holder.create("", false).await.unwrap_err();
    assert_eq!(violations(&wrong), ["request_id MISSING"]);
    for wrong in [
        holder.get("").await.unwrap_err(),
        holder.end(&request_id(1), "").await.unwrap_err(),
    ] {
        assert_eq!(violations(&wrong), ["name MISSING"]);
    }
    let wrong = holder.get("paper-codes/1").await.unwrap_err();
    assert_eq!(wrong.reason, "INVALID_FIELDS");
    let wrong = holder.list("x").await.unwrap_err();
    assert_eq!(violations(&wrong), ["page_token PAGE_TOKEN_FOREIGN"]);
    // Nobody knows which colour the token would say.
    codes.0.clock.set(due);
    let refused = holder.create(&request_id(2), false).await.unwrap_err();
    assert_eq!(refused.reason, "CODE_REFRESHING");
}
