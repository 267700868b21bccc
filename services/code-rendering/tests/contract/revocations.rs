//! `ListRevocations` and `GetKeyList`: what a door without a connection knows after it has taken them in.

use lutong_code_rendering::CodeRenderingConfig;
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::code_rendering::v1::key_service_client::KeyServiceClient;
use lutong_proto::code_rendering::v1::revocation_service_client::RevocationServiceClient;
use lutong_proto::policy::Caller;
use lutong_proto::types::v1::Colour;
use lutong_storage::StorageConfig;
use lutong_testing::{Bed, on_both_engines};
use lutong_token::{
    Expectations, Issuer, KeyUse, OfflineOutcome, Outcome, Progress, Revocations, TrustedKey, TrustedLists,
    VerifyingKeys, verify_offline,
};
use lutong_transport::access::Principal;
use wire::VerificationOutcome;

use crate::paper_codes::request_id;
use crate::{Codes, decision, fault, start, start_with_storage};

on_both_engines!(
    a_door_refuses_what_was_ended_or_revoked_once_it_has_the_list,
    the_list_comes_in_parts_and_leaves_out_what_has_expired,
    revocations_of_concurrent_transactions_are_all_in_the_list,
    a_part_that_is_not_there_is_named,
);

/// A door without a connection but for its lists.
pub struct Door {
    keys: TrustedLists,
    revocations: Revocations,
}

impl Door {
    /// Set up with the list key that `lutong keys list` prints.
    pub async fn new(codes: &Codes, storage: &StorageConfig) -> Self {
        let keys =
            lutong_code_rendering::open_keys(&codes.0.foundation, storage, &CodeRenderingConfig::default())
                .await
                .unwrap();
        let mut anchors = VerifyingKeys::new();
        for status in keys.statuses().await.unwrap() {
            if status.signs == KeyUse::Lists {
                let anchor = TrustedKey {
                    key: status.key,
                    issuers: vec![Issuer::SHANDONG],
                    not_before: status.limits.not_before,
                    not_after: None,
                    revoked_at: None,
                };
                anchors.insert(anchor).unwrap();
            }
        }
        Self {
            keys: TrustedLists::new(anchors),
            revocations: Revocations::new(),
        }
    }

    pub async fn take_in(&mut self, codes: &Codes) {
        let channel = codes.0.channel(ServiceName::CodeRendering, Caller::Gateway);
        let request = codes
            .0
            .call_as(&Principal::public())
            .request(wire::GetKeyListRequest {});
        let list = KeyServiceClient::new(channel)
            .get_key_list(request)
            .await
            .unwrap();
        self.keys
            .take_in(&list.into_inner().data, codes.0.foundation.now())
            .unwrap();
        self.take_in_revocations(codes).await;
    }

    pub async fn take_in_revocations(&mut self, codes: &Codes) {
        let mut after = self.revocations.sequence();
        loop {
            let part = list(codes, after, 1_000, "").await.unwrap();
            let now = codes.0.foundation.now();
            match self
                .revocations
                .take_in(&part.data, self.keys.lists(), now)
                .unwrap()
            {
                Progress::Complete => return,
                Progress::More(sequence) => after = sequence,
            }
        }
    }

    pub fn check(&self, codes: &Codes, token: &str) -> Result<(), OfflineOutcome> {
        let now = codes.0.foundation.now();
        let anything = Expectations::anything();
        verify_offline(token, self.keys.tokens(), &self.revocations, now, &anything).map(|_| ())
    }
}

async fn list(
    codes: &Codes,
    after_sequence: i64,
    page_size: i32,
    page_token: &str,
) -> Result<wire::ListRevocationsResponse, Fault> {
    let channel = codes.0.channel(ServiceName::CodeRendering, Caller::Gateway);
    let request = wire::ListRevocationsRequest {
        after_sequence,
        page_size,
        page_token: page_token.to_owned(),
    };
    let request = codes.0.call_as(&Principal::public()).request(request);
    let listed = RevocationServiceClient::new(channel)
        .list_revocations(request)
        .await;
    listed
        .map(tonic::Response::into_inner)
        .map_err(|status| fault(&status))
}

const REVOKED: Result<(), OfflineOutcome> = Err(OfflineOutcome::Refused(Outcome::Revoked));

/// Never: a door without a connection that accepts a revoked paper code after the list that it has taken in.
async fn a_door_refuses_what_was_ended_or_revoked_once_it_has_the_list(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let people = 1..=6;
    let green = people.clone().map(|n| decision(n, Colour::Green, 1)).collect();
    codes.apply(green).await;
    let (mut names, mut tokens) = (Vec::new(), Vec::new());
    for n in people {
        let paper = codes.citizen(n).create(1).await;
        tokens.push(codes.citizen(n).token(&paper.name).await);
        names.push(paper.name);
    }
    let mut door = Door::new(&codes, &storage).await;
    assert_eq!(
        door.check(&codes, &tokens[0]),
        Err(OfflineOutcome::Refused(Outcome::WrongKey))
    );
    door.take_in(&codes).await;
    for token in &tokens {
        assert_eq!(door.check(&codes, token), Ok(()));
    }
    codes.citizen(1).end(&request_id(2), &names[0]).await.unwrap();
    codes.apply(vec![decision(2, Colour::Red, 2)]).await;
    codes
        .citizen(3)
        .try_to_create(&request_id(2), true)
        .await
        .unwrap();
    door.take_in_revocations(&codes).await;
    for (n, token) in tokens.iter().enumerate() {
        let expected = if n < 3 { REVOKED } else { Ok(()) };
        assert_eq!(door.check(&codes, token), expected, "{n}");
    }
    // The list of before was a list: what it did not have yet is the stated exception.
    codes.apply(vec![decision(4, Colour::Yellow, 2)]).await;
    assert_eq!(door.check(&codes, &tokens[3]), Ok(()));
    assert_eq!(codes.outcome(&tokens[3]).await, VerificationOutcome::Superseded);
    door.take_in_revocations(&codes).await;
    assert_eq!(door.check(&codes, &tokens[3]), REVOKED);
    // A door that was away for longer than a list may be relied on accepts no paper code until it has another.
    let day = std::time::Duration::from_secs(24 * 3_600 + 30);
    codes.0.clock.advance(day);
    assert_eq!(door.check(&codes, &tokens[4]), Err(OfflineOutcome::ListTooOld));
    assert_eq!(door.check(&codes, &tokens[0]), REVOKED);
    door.take_in_revocations(&codes).await;
    assert_eq!(door.check(&codes, &tokens[4]), Ok(()));
}

async fn the_list_comes_in_parts_and_leaves_out_what_has_expired(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    let empty = list(&codes, 0, 0, "").await.unwrap();
    assert_eq!((empty.through_sequence, empty.last_sequence), (0, 0));
    assert_eq!(empty.next_page_token, "");
    for n in 0..5 {
        let paper = codes.citizen(1).create(n).await;
        codes
            .citizen(1)
            .end(&request_id(10 + n), &paper.name)
            .await
            .unwrap();
    }
    let mut door = Door::new(&codes, &storage).await;
    let (mut token, mut through) = (String::new(), Vec::new());
    loop {
        let part = list(&codes, 0, 2, &token).await.unwrap();
        let (now, keys) = (codes.0.foundation.now(), door.keys.lists());
        let progress = door.revocations.take_in(&part.data, keys, now).unwrap();
        let is_last = part.next_page_token.is_empty();
        assert_eq!(progress == Progress::Complete, is_last);
        through.push((part.through_sequence, part.last_sequence));
        token = part.next_page_token;
        if is_last {
            break;
        }
    }
    assert_eq!(through, [(2, 5), (4, 5), (5, 5)]);
    assert_eq!(door.revocations.len(), 5);
    // Tokens that have expired are not in a list that starts anew; its sequence goes on.
    codes
        .0
        .clock
        .advance(std::time::Duration::from_secs(16 * 24 * 3_600));
    let paper = codes.citizen(1).create(20).await;
    codes.citizen(1).end(&request_id(21), &paper.name).await.unwrap();
    let part = list(&codes, 0, 0, "").await.unwrap();
    assert_eq!((part.through_sequence, part.last_sequence), (6, 6));
    let (now, keys) = (codes.0.foundation.now(), door.keys.lists());
    door.revocations.take_in(&part.data, keys, now).unwrap();
    assert_eq!((door.revocations.len(), door.revocations.sequence()), (1, 6));
}

async fn revocations_of_concurrent_transactions_are_all_in_the_list(bed: Bed) {
    let (codes, storage) = start_with_storage(bed).await;
    let people = 1..=12_u32;
    codes
        .apply(people.clone().map(|n| decision(n, Colour::Green, 1)).collect())
        .await;
    let mut tokens = Vec::new();
    for n in people.clone() {
        let paper = codes.citizen(n).create(1).await;
        tokens.push(codes.citizen(n).token(&paper.name).await);
    }
    let mut door = Door::new(&codes, &storage).await;
    door.take_in(&codes).await;
    let turned = people.map(|n| codes.apply(vec![decision(n, Colour::Red, 2)]));
    let reading = async {
        // A door that reads meanwhile misses nothing of what it reads past.
        for _ in 0..6 {
            door.take_in_revocations(&codes).await;
        }
    };
    tokio::join!(futures::future::join_all(turned), reading);
    door.take_in_revocations(&codes).await;
    assert_eq!(door.revocations.sequence(), 12);
    for token in &tokens {
        assert_eq!(door.check(&codes, token), REVOKED);
    }
}

async fn a_part_that_is_not_there_is_named(bed: Bed) {
    let codes = start(bed).await;
    let wrong = async |after, token: &str| {
        let refused = list(&codes, after, 0, token).await.unwrap_err();
        let one = &refused.violations[0];
        format!("{} {} {}", refused.reason, one.field, one.reason)
    };
    assert_eq!(wrong(1, "").await, "INVALID_FIELDS after_sequence SEQUENCE_AHEAD");
    assert_eq!(wrong(-1, "").await, "INVALID_FIELDS after_sequence OUT_OF_RANGE");
    assert_eq!(
        wrong(0, "x").await,
        "INVALID_FIELDS page_token PAGE_TOKEN_FOREIGN"
    );
}
