//! `TrustListService`: lists that the root key signed are staged, compared, activated; what was changed in the database is refused.

use lutong_federation::Migrations;
use lutong_federation::trust_list::sign;
use lutong_kernel::{Colour, Fault, FaultCode, ServiceName};
use lutong_proto::federation::v1 as wire;
use lutong_proto::policy::{Caller, Role};
use lutong_testing::{Bed, on_both_engines, tamper};
use lutong_token::SigningKey;
use lutong_transport::access::Principal;
use lutong_transport::client::MeshChannel;
use wire::TrustListState::{Active, Damaged, Rejected, Staged, Superseded};
use wire::trust_list_service_client::TrustListServiceClient;

use crate::partner_codes::verify;
use crate::{Federation, build, entry, fault, key, metadata, next_request_id, operator, shown, staff, start};

on_both_engines!(
    a_list_is_staged_compared_and_activated_as_a_whole,
    each_way_in_which_a_list_is_bad_has_its_own_outcome,
    the_sequence_only_grows,
    an_empty_or_shrunken_list_takes_a_second_operator_who_says_so,
    a_removed_partner_is_a_tombstone_and_comes_back_as_it_was,
    a_list_whose_row_was_changed_is_refused,
    a_list_that_has_expired_trusts_nobody,
    a_step_on_a_list_is_refused_with_the_state_as_it_is,
    a_repeated_step_on_a_list_is_done_once,
    lists_are_read_by_state_in_pages,
    a_staged_list_names_partners_that_it_lets_nothing_through_of,
    without_a_root_key_no_list_is_taken,
    only_operators_change_lists,
);

type List = wire::TrustList;

fn root() -> SigningKey {
    key(1_000)
}

fn one() -> Principal {
    operator("operator-1")
}

fn two() -> Principal {
    operator("operator-2")
}

/// A signed list of these entries, valid for thirty days.
fn signed(federation: &Federation, sequence: i64, entries: &str) -> Vec<u8> {
    let now = federation.now();
    sign(&root(), &text(federation, sequence, entries), now).unwrap()
}

fn text(federation: &Federation, sequence: i64, entries: &str) -> String {
    let (from, until) = (federation.now(), federation.now().plus_seconds(30 * 86_400));
    format!(
        "version = \"list-{sequence}\"\nsequence = {sequence}\nissued_at = \"{from}\"\nexpires_at = \"{until}\"\n{entries}"
    )
}

fn jiangsu(federation: &Federation) -> String {
    entry("32", "江苏", &federation.jiangsu, "")
}

fn all(federation: &Federation) -> String {
    format!(
        "{}{}{}",
        jiangsu(federation),
        entry("33", "浙江", &key(133), ""),
        entry("41", "河南", &key(141), "")
    )
}

/// With a root key, and the list of the configuration.
async fn start_with_root(bed: Bed) -> Federation {
    let storage = bed.storage::<Migrations>(ServiceName::Federation).await;
    let federation = Federation {
        bed,
        storage,
        jiangsu: key(32),
        zhejiang: key(133),
        henan: key(141),
    };
    serve(&federation).await;
    federation
}

async fn serve(federation: &Federation) {
    let pem = root().verifying_key().to_pem().unwrap();
    let list = format!("version = \"2022-11\"\n\n{}", all(federation));
    build(&federation.bed, &federation.storage, Some(&list), Some(&pem))
        .await
        .unwrap();
}

/// Another process on the same store.
async fn restart(federation: Federation) -> Federation {
    let bed = federation.bed.reopened();
    let federation = Federation { bed, ..federation };
    serve(&federation).await;
    federation
}

impl Federation {
    fn lists(&self) -> TrustListServiceClient<MeshChannel> {
        TrustListServiceClient::new(self.bed.channel(ServiceName::Federation, Caller::Gateway))
    }

    async fn stage_as(&self, who: &Principal, id: &str, document: Vec<u8>) -> Result<List, Fault> {
        let request = wire::CreateTrustListRequest {
            request_id: id.to_owned(),
            document,
        };
        let answer = self
            .lists()
            .create_trust_list(self.bed.call_as(who).request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().trust_list.unwrap())
            .map_err(|status| fault(&status))
    }

    pub async fn stage(&self, sequence: i64, entries: &str) -> Result<List, Fault> {
        let document = signed(self, sequence, entries);
        self.stage_as(&one(), &next_request_id(), document).await
    }

    async fn activate_with(
        &self,
        who: &Principal,
        id: &str,
        (name, etag): (&str, &str),
        accept_shrunken: bool,
    ) -> Result<List, Fault> {
        let request = wire::ActivateTrustListRequest {
            request_id: id.to_owned(),
            name: name.to_owned(),
            etag: etag.to_owned(),
            accept_shrunken,
        };
        let answer = self
            .lists()
            .activate_trust_list(self.bed.call_as(who).request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().trust_list.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn activate(&self, list: &List) -> Result<List, Fault> {
        self.activate_with(&one(), &next_request_id(), (&list.name, ""), false)
            .await
    }

    async fn reject_with(&self, who: &Principal, id: &str, name: &str, etag: &str) -> Result<List, Fault> {
        let request = wire::RejectTrustListRequest {
            request_id: id.to_owned(),
            name: name.to_owned(),
            etag: etag.to_owned(),
        };
        let answer = self
            .lists()
            .reject_trust_list(self.bed.call_as(who).request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().trust_list.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn read(&self, name: &str) -> Result<List, Fault> {
        let request = wire::GetTrustListRequest {
            name: name.to_owned(),
        };
        let who = staff("auditor-1", Role::Auditor);
        let answer = self
            .lists()
            .get_trust_list(self.bed.call_as(&who).request(request))
            .await;
        answer
            .map(|answer| answer.into_inner().trust_list.unwrap())
            .map_err(|status| fault(&status))
    }

    async fn list(&self, request: wire::ListTrustListsRequest) -> Result<(Vec<String>, String), Fault> {
        let answer = self
            .lists()
            .list_trust_lists(self.bed.call_as(&one()).request(request))
            .await;
        let answer = answer
            .map(tonic::Response::into_inner)
            .map_err(|status| fault(&status))?;
        let ids = answer.trust_lists.into_iter().map(|list| list.trust_list_id);
        Ok((ids.collect(), answer.next_page_token))
    }

    async fn shows(&self, key: &SigningKey, code: &str) -> Result<(), String> {
        let token = shown(key, code, self.now(), Colour::Green);
        let verified = verify(&self.bed, &token).await;
        verified.map(drop).map_err(|refused| {
            let outcome = refused.metadata.iter().find(|(name, _)| name == "outcome");
            outcome.map_or(refused.reason.clone().into_owned(), |(_, outcome)| {
                outcome.clone()
            })
        })
    }
}

async fn a_list_is_staged_compared_and_activated_as_a_whole(bed: Bed) {
    let federation = start_with_root(bed).await;
    let new = key(132);
    let entries = format!("{}{}", all(&federation), entry("44", "广东", &new, ""));
    let staged = federation.stage(7, &entries).await.unwrap();
    assert_eq!(
        (&*staged.name, staged.state(), &*staged.version),
        ("trust-lists/7", Staged, "list-7")
    );
    assert_eq!(staged.partners, ["32", "33", "41", "44"]);
    assert_eq!(staged.root_key_id, root().kid().to_string());
    let comparison = staged.comparison.clone().unwrap();
    assert_eq!(comparison.added_partners, ["44"]);
    assert_eq!(comparison.added_keys, [new.kid().to_string()]);
    assert!(comparison.removed_partners.is_empty() && !comparison.shrunken);
    assert_eq!(
        federation.shows(&new, "44").await,
        Err("WRONG_KEY".to_owned()),
        "a staged list trusts nobody"
    );
    let active = federation.activate(&staged).await.unwrap();
    assert_eq!(active.state(), Active);
    let approval = active.approval.unwrap();
    assert_eq!(
        (&*approval.proposer, &*approval.approver),
        ("operator-1", "operator-1")
    );
    // A new partner begins in TEST; one of the configuration's list stays as it was.
    assert_eq!(
        federation.shows(&new, "44").await,
        Err("NOT_RECOGNISED".to_owned())
    );
    assert_eq!(federation.shows(&federation.jiangsu, "32").await, Ok(()));
    let next = federation.stage(8, &entries).await.unwrap();
    federation.activate(&next).await.unwrap();
    assert_eq!(
        federation.read("trust-lists/7").await.unwrap().state(),
        Superseded
    );
    // After a restart the signed list stands, and not the configuration's.
    let federation = restart(federation).await;
    let token = shown(&federation.jiangsu, "32", federation.now(), Colour::Red);
    let verified = verify(&federation.bed, &token).await;
    assert_eq!(verified.unwrap().trust_list_version, "list-8");
    assert_eq!(
        federation.shows(&new, "44").await,
        Err("NOT_RECOGNISED".to_owned())
    );
}

async fn each_way_in_which_a_list_is_bad_has_its_own_outcome(bed: Bed) {
    let federation = start_with_root(bed).await;
    let good = signed(&federation, 1, &all(&federation));
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    let foreign = sign(
        &key(1_001),
        &text(&federation, 1, &all(&federation)),
        federation.now(),
    );
    let by_root = |text: &str| {
        let purpose = lutong_token::document::Purpose::Trust;
        lutong_token::document::sign(&root(), purpose, text.as_bytes()).unwrap()
    };
    let valid = text(&federation, 1, &all(&federation));
    let twice = text(
        &federation,
        1,
        &format!(
            "{}{}",
            jiangsu(&federation),
            entry("33", "浙江", &federation.jiangsu, "")
        ),
    );
    let ahead = valid.replace("2022-11-26", "2022-11-27");
    let over = valid
        .replace("2022-12-26", "2022-11-26")
        .replace("issued_at = \"2022", "issued_at = \"2021");
    for (document, outcome) in [
        (b"x".to_vec(), "UNREADABLE"),
        (good[..good.len() - 1].to_vec(), "UNREADABLE"),
        (forged, "BAD_SIGNATURE"),
        (foreign.unwrap(), "WRONG_ROOT"),
        (by_root(&twice), "WRONG_ENTRY"),
        (by_root("x"), "WRONG_ENTRY"),
        (
            by_root(&valid.replace("sequence = 1", "sequence = -1")),
            "WRONG_ENTRY",
        ),
        (by_root(&ahead), "NOT_YET_VALID"),
        (by_root(&over), "EXPIRED"),
    ] {
        let refused = federation
            .stage_as(&one(), &next_request_id(), document)
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::FailedPrecondition, "TRUST_LIST_REFUSED")
        );
        assert_eq!(metadata(&refused, "outcome"), outcome, "{refused:?}");
        assert_eq!(!metadata(&refused, "entry").is_empty(), outcome == "WRONG_ENTRY");
    }
    for (document, wrong) in [(Vec::new(), "MISSING"), (vec![0; 65_537], "TOO_LONG")] {
        let refused = federation.stage_as(&one(), &next_request_id(), document).await;
        assert_eq!(
            lutong_testing::violations(&refused.unwrap_err()),
            [format!("document {wrong}")]
        );
    }
    assert_eq!(lutong_testing::rows(&federation.storage, "trust_lists").await, 0);
    assert_eq!(
        federation.shows(&federation.jiangsu, "32").await,
        Ok(()),
        "what stood stands"
    );
}

async fn the_sequence_only_grows(bed: Bed) {
    let federation = start_with_root(bed).await;
    let five = federation.stage(5, &all(&federation)).await.unwrap();
    let six = federation.stage(6, &all(&federation)).await.unwrap();
    for older in [1, 5, 6] {
        let refused = federation.stage(older, &all(&federation)).await.unwrap_err();
        assert_eq!(metadata(&refused, "outcome"), "OLDER", "{older}");
    }
    federation.activate(&six).await.unwrap();
    let refused = federation.activate(&five).await.unwrap_err();
    assert_eq!(&*refused.reason, "TRUST_LIST_REFUSED");
    assert_eq!(
        metadata(&refused, "outcome"),
        "OLDER",
        "staged before a later one was activated"
    );
    assert_eq!(federation.read(&five.name).await.unwrap().state(), Staged);
}

async fn an_empty_or_shrunken_list_takes_a_second_operator_who_says_so(bed: Bed) {
    let federation = start_with_root(bed).await;
    for (sequence, entries, removed, silenced) in [
        (1, jiangsu(&federation), "33,41", ""),
        (2, String::new(), "32,33,41", ""),
        (
            3,
            all(&federation).replacen(
                "not_before",
                "revoked_at = \"2022-11-01T00:00:00Z\"\nnot_before",
                1,
            ),
            "",
            "32",
        ),
    ] {
        let staged = federation.stage(sequence, &entries).await.unwrap();
        assert!(staged.comparison.as_ref().unwrap().shrunken);
        let named = (&*staged.name, "");
        let refused = federation
            .activate_with(&two(), &next_request_id(), named, false)
            .await
            .unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::FailedPrecondition, "TRUST_LIST_SHRUNKEN")
        );
        assert_eq!(
            (metadata(&refused, "removed"), metadata(&refused, "silenced")),
            (removed, silenced)
        );
        let own = federation
            .activate_with(&one(), &next_request_id(), named, true)
            .await
            .unwrap_err();
        assert_eq!(&*own.reason, "OWN_PROPOSAL");
        assert_eq!(federation.shows(&federation.jiangsu, "32").await, Ok(()));
    }
    let emptied = federation
        .activate_with(&two(), &next_request_id(), ("trust-lists/2", ""), true)
        .await
        .unwrap();
    assert_eq!(emptied.state(), Active);
    assert_eq!(
        federation.shows(&federation.jiangsu, "32").await,
        Err("WRONG_KEY".to_owned())
    );
    // What was staged against another list is compared anew: nothing is removed from an empty list.
    let three = federation
        .activate(&federation.read("trust-lists/3").await.unwrap())
        .await;
    assert_eq!(three.unwrap().state(), Active);
}

async fn a_removed_partner_is_a_tombstone_and_comes_back_as_it_was(bed: Bed) {
    let federation = start_with_root(bed).await;
    let first = federation.stage(1, &all(&federation)).await.unwrap();
    federation.activate(&first).await.unwrap();
    let fewer = federation
        .stage(
            2,
            &all(&federation)
                .replace("\"32\"", "\"34\"")
                .replace("江苏", "安徽"),
        )
        .await;
    let fewer = fewer.unwrap();
    federation
        .activate_with(&two(), &next_request_id(), (&fewer.name, ""), true)
        .await
        .unwrap();
    let gone = federation.partner("32").await.unwrap();
    assert!(gone.remove_time.is_some() && gone.keys.is_empty(), "{gone:?}");
    assert_eq!(
        federation.shows(&federation.jiangsu, "32").await,
        Err("WRONG_ISSUER".to_owned())
    );
    let refused = federation.propose("32", wire::PartnerState::Suspended).await;
    assert_eq!(&*refused.unwrap_err().reason, "WRONG_STATE");
    let back = federation
        .stage(
            3,
            &format!("{}{}", all(&federation), entry("34", "安徽", &key(134), "")),
        )
        .await
        .unwrap();
    federation.activate(&back).await.unwrap();
    let back = federation.partner("32").await.unwrap();
    assert_eq!(back.remove_time, None);
    assert_eq!(
        federation.shows(&federation.jiangsu, "32").await,
        Ok(()),
        "{back:?}"
    );
}

async fn a_list_whose_row_was_changed_is_refused(bed: Bed) {
    let mut federation = start_with_root(bed).await;
    let first = federation.stage(1, &all(&federation)).await.unwrap();
    federation.activate(&first).await.unwrap();
    let second = federation.stage(2, &all(&federation)).await.unwrap();
    federation.activate(&second).await.unwrap();
    for change in [
        // An older list, genuinely signed, made the one that stands.
        "UPDATE trust_lists SET state = 'ACTIVE' WHERE sequence = 1",
        "UPDATE trust_lists SET document = (SELECT document FROM trust_lists WHERE sequence = 1) WHERE sequence = 2",
        "UPDATE trust_lists SET decided_by = 'somebody' WHERE sequence = 2",
    ] {
        tamper(&federation.storage, change).await;
        federation = restart(federation).await;
        let is_first = change.ends_with("sequence = 1");
        let name = if is_first {
            "trust-lists/1"
        } else {
            "trust-lists/2"
        };
        assert_eq!(federation.read(name).await.unwrap().state(), Damaged, "{change}");
        let verified = federation.shows(&federation.jiangsu, "32").await;
        if is_first {
            assert_eq!(verified, Ok(()), "the later list stands");
        } else {
            assert_eq!(verified, Err("WRONG_KEY".to_owned()), "{change}");
        }
    }
    // Nor does the configuration's list come back when the rows are gone.
    tamper(&federation.storage, "DELETE FROM trust_lists WHERE sequence = 2").await;
    let federation = restart(federation).await;
    assert_eq!(
        federation.shows(&federation.jiangsu, "32").await,
        Err("WRONG_KEY".to_owned())
    );
    // A new list that the root signed repairs it.
    let third = federation.stage(3, &all(&federation)).await.unwrap();
    federation.activate(&third).await.unwrap();
    assert_eq!(federation.shows(&federation.jiangsu, "32").await, Ok(()));
}

async fn a_list_that_has_expired_trusts_nobody(bed: Bed) {
    let federation = start_with_root(bed).await;
    let first = federation.stage(1, &all(&federation)).await.unwrap();
    federation.activate(&first).await.unwrap();
    let end = federation.now().plus_seconds(30 * 86_400);
    federation.bed.clock.set(end.plus_micros(-1));
    assert_eq!(federation.shows(&federation.jiangsu, "32").await, Ok(()));
    // One that was staged in time is not activated after its end.
    let late = federation.stage(2, &all(&federation)).await.unwrap();
    federation.bed.clock.set(end.plus_seconds(40 * 86_400));
    let refused = federation.activate(&late).await.unwrap_err();
    assert_eq!(metadata(&refused, "outcome"), "EXPIRED");
    federation.bed.clock.set(end);
    let token = shown(&federation.jiangsu, "32", federation.now(), Colour::Green);
    let refused = verify(&federation.bed, &token).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::Unavailable, "TRUST_LIST_EXPIRED"),
        "the code may be good: it is tried again once there is a list"
    );
    assert_eq!(
        &*federation.says_anything().await.reason,
        "TRUST_LIST_EXPIRED",
        "nor is anybody answered"
    );
    for refused in federation.says_anything_shared().await {
        assert_eq!(&*refused.reason, "TRUST_LIST_EXPIRED");
    }
    assert_eq!(&*federation.calls_anybody().await.reason, "TRUST_LIST_EXPIRED");
    assert_eq!(
        &*federation.asks_about_anybody().await.reason,
        "TRUST_LIST_EXPIRED"
    );
    federation.activate(&late).await.unwrap();
    assert_eq!(federation.shows(&federation.jiangsu, "32").await, Ok(()));
}

async fn a_step_on_a_list_is_refused_with_the_state_as_it_is(bed: Bed) {
    let federation = start_with_root(bed).await;
    let staged = federation.stage(1, &all(&federation)).await.unwrap();
    federation.activate(&staged).await.unwrap();
    let named = (&*staged.name, &*staged.etag);
    let stale = federation
        .activate_with(&one(), &next_request_id(), named, false)
        .await
        .unwrap_err();
    assert_eq!((&*stale.reason, metadata(&stale, "state")), ("STALE", "ACTIVE"));
    let stale = federation
        .reject_with(&one(), &next_request_id(), named.0, named.1)
        .await;
    assert_eq!(&*stale.unwrap_err().reason, "STALE");
    for refused in [
        federation.activate(&staged).await.unwrap_err(),
        federation
            .reject_with(&one(), &next_request_id(), &staged.name, "")
            .await
            .unwrap_err(),
    ] {
        assert_eq!(
            (&*refused.reason, metadata(&refused, "allowed")),
            ("WRONG_STATE", "STAGED")
        );
    }
    let other = federation.stage(2, &all(&federation)).await.unwrap();
    let rejected = federation
        .reject_with(&two(), &next_request_id(), &other.name, &other.etag)
        .await
        .unwrap();
    assert_eq!((rejected.state(), rejected.allowed_actions.len()), (Rejected, 0));
    assert_eq!(rejected.approval.unwrap().closer, "operator-2");
    for name in ["trust-lists/9", "trust-lists/01", "trust-lists/x"] {
        let missing = [
            federation
                .activate_with(&one(), &next_request_id(), (name, ""), false)
                .await
                .unwrap_err(),
            federation
                .reject_with(&one(), &next_request_id(), name, "")
                .await
                .unwrap_err(),
            federation.read(name).await.unwrap_err(),
        ];
        assert!(
            missing.iter().all(|fault| fault.reason == "TRUST_LIST_NOT_FOUND"),
            "{name}"
        );
    }
    let wrong = [
        federation
            .activate_with(&one(), &next_request_id(), ("", ""), false)
            .await
            .unwrap_err(),
        federation
            .reject_with(&one(), &next_request_id(), "x/1", "")
            .await
            .unwrap_err(),
        federation.read("").await.unwrap_err(),
    ];
    assert!(
        wrong.iter().all(|fault| fault.reason == "INVALID_FIELDS"),
        "{wrong:?}"
    );
}

async fn a_repeated_step_on_a_list_is_done_once(bed: Bed) {
    let federation = start_with_root(bed).await;
    let (id, document) = (next_request_id(), signed(&federation, 1, &all(&federation)));
    let staged = federation.stage_as(&one(), &id, document.clone()).await.unwrap();
    let again = federation.stage_as(&one(), &id, document).await.unwrap();
    assert_eq!(staged, again);
    let other = signed(&federation, 2, &all(&federation));
    let reused = federation.stage_as(&one(), &id, other).await.unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
    let (id, named) = (next_request_id(), (&*staged.name, &*staged.etag));
    let active = federation.activate_with(&one(), &id, named, false).await.unwrap();
    assert_eq!(
        federation.activate_with(&one(), &id, named, false).await.unwrap(),
        active
    );
    let reused = federation
        .activate_with(&one(), &id, named, true)
        .await
        .unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
    let second = federation.stage(2, &all(&federation)).await.unwrap();
    let id = next_request_id();
    let rejected = federation
        .reject_with(&one(), &id, &second.name, &second.etag)
        .await;
    let again = federation
        .reject_with(&one(), &id, &second.name, &second.etag)
        .await;
    assert_eq!(rejected.unwrap(), again.unwrap());
    let reused = federation
        .reject_with(&one(), &id, &second.name, "")
        .await
        .unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
}

async fn lists_are_read_by_state_in_pages(bed: Bed) {
    let federation = start_with_root(bed).await;
    for sequence in 1..=3 {
        let staged = federation.stage(sequence, &all(&federation)).await.unwrap();
        if sequence < 3 {
            federation.activate(&staged).await.unwrap();
        }
    }
    let of = |state: wire::TrustListState| wire::ListTrustListsRequest {
        state: state.into(),
        ..Default::default()
    };
    for (state, ids) in [(Staged, ["3"]), (Active, ["2"]), (Superseded, ["1"])] {
        assert_eq!(federation.list(of(state)).await.unwrap().0, ids);
    }
    let page = |page_token: &str| wire::ListTrustListsRequest {
        page_size: 2,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    let (ids, token) = federation.list(page("")).await.unwrap();
    assert_eq!(ids, ["3", "2"]);
    assert_eq!(
        federation.list(page(&token)).await.unwrap(),
        (vec!["1".to_owned()], String::new())
    );
    let refused = federation.list(page("x")).await.unwrap_err();
    assert_eq!(&*refused.reason, "INVALID_FIELDS");
}

async fn without_a_root_key_no_list_is_taken(bed: Bed) {
    let federation = start(bed).await;
    let refused = federation.stage(1, &all(&federation)).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (FaultCode::FailedPrecondition, "TRUST_ROOT_MISSING")
    );
    let broken = build(&federation.bed, &federation.storage, None, Some("x")).await;
    assert!(broken.unwrap_err().contains("trust-root.pem"));
}

async fn only_operators_change_lists(bed: Bed) {
    let federation = start_with_root(bed).await;
    let staged = federation.stage(1, &all(&federation)).await.unwrap();
    for role in [Role::Auditor, Role::Supervisor, Role::HealthOfficer] {
        let who = staff("x", role);
        let refused = [
            federation
                .stage_as(&who, &next_request_id(), signed(&federation, 2, ""))
                .await
                .unwrap_err(),
            federation
                .activate_with(&who, &next_request_id(), (&staged.name, ""), true)
                .await
                .unwrap_err(),
            federation
                .reject_with(&who, &next_request_id(), &staged.name, "")
                .await
                .unwrap_err(),
        ];
        assert!(
            refused
                .iter()
                .all(|fault| fault.code == FaultCode::PermissionDenied)
        );
    }
    let seen = federation.read(&staged.name).await.unwrap();
    assert!(
        seen.allowed_actions.is_empty(),
        "an auditor sees it and changes nothing"
    );
}

async fn a_staged_list_names_partners_that_it_lets_nothing_through_of(bed: Bed) {
    let federation = start_with_root(bed).await;
    let answered = |code: &str, seed: u64, quota: &str| {
        let fields = format!("directions = [\"OUTBOUND\"]\n{quota}name = ");
        entry(code, "甲", &key(seed), "").replacen("name = ", &fields, 1)
    };
    let five = "quota = { requests_per_minute = 5, requests_per_day = 100 }\n";
    let entries = format!(
        "{}{}{}",
        jiangsu(&federation),
        answered("33", 133, ""),
        answered("41", 141, five)
    );
    let staged = federation.stage(1, &entries).await.unwrap();
    assert_eq!(staged.partners_without_quota, ["33"]);
    assert_eq!(staged.partners_without_trial_quota, ["41"]);
}
