//! Imports in several calls, for feeds that have only HTTP: resumable by row numbers, and visible only to their own
//! feed.

use std::time::Duration;

use lutong_declaration::DeclarationConfig;
use lutong_kernel::{Fault, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::facts::FactKind;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1 as types;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, violations};
use lutong_transport::access::{Principal, Roles};
use wire::fact_row::Subject;
use wire::{FactImportState, ImportMode};

use crate::fakes::BAD_NUMBER;
use crate::feeds::{closed, fact, row_of};
use crate::{Declaration, alone, build, document, request_id, start};

on_both_engines!(
    rows_come_piece_by_piece_and_errors_are_read_page_by_page,
    a_piece_whose_answer_was_lost_is_sent_again_and_counted_once,
    all_or_nothing_waits_encrypted_and_is_stored_at_the_end,
    one_bad_row_refuses_all_whoever_finds_it,
    another_feeds_import_is_not_there,
    an_import_that_has_ended_takes_no_rows_and_ends_once,
    an_import_has_its_limits,
    without_identity_or_risk_rules_a_piece_can_be_sent_again,
    who_is_no_feed_imports_nothing,
    old_imports_are_forgotten,
    the_kinds_of_facts_are_told_as_the_contract_says,
);

fn cdc() -> Principal {
    lutong_testing::feed("cdc-370200", &["case", "close_contact"])
}

fn row(key: &str) -> wire::FactRow {
    row_of("cdc-370200", key, fact(FactKind::Case))
}

fn bad_document(key: &str) -> wire::FactRow {
    wire::FactRow {
        subject: Some(Subject::Document(document(BAD_NUMBER))),
        ..row(key)
    }
}

type CallResult<T> = Result<T, Fault>;

impl Declaration {
    fn facts(&self) -> FeedServiceClient<lutong_transport::client::MeshChannel> {
        FeedServiceClient::new(self.bed.channel(ServiceName::Declaration, Caller::Gateway))
    }

    async fn begin(&self, who: &Principal, n: u32, mode: ImportMode) -> CallResult<wire::FactImport> {
        let request = self.bed.call_as(who).request(wire::CreateFactImportRequest {
            request_id: request_id(n),
            mode: mode.into(),
        });
        let answer = self.facts().create_fact_import(request).await;
        answer
            .map(|told| told.into_inner().fact_import.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    /// `(next row, refused)`.
    async fn piece(
        &self,
        who: &Principal,
        name: &str,
        first_row: i64,
        rows: Vec<wire::FactRow>,
    ) -> CallResult<(i64, i64)> {
        let request = self.bed.call_as(who).request(wire::AppendFactImportRowsRequest {
            name: name.to_owned(),
            first_row,
            rows,
        });
        let answer = self.facts().append_fact_import_rows(request).await;
        let answer = answer.map_err(|status| crate::fault(&status))?.into_inner();
        Ok((answer.next_row, answer.refused))
    }

    async fn finish(&self, who: &Principal, name: &str, n: u32) -> CallResult<wire::FactImport> {
        let request = self.bed.call_as(who).request(wire::FinishFactImportRequest {
            name: name.to_owned(),
            request_id: request_id(n),
        });
        let answer = self.facts().finish_fact_import(request).await;
        answer
            .map(|told| told.into_inner().fact_import.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    async fn import(&self, who: &Principal, name: &str) -> CallResult<wire::FactImport> {
        let request = self.bed.call_as(who).request(wire::GetFactImportRequest {
            name: name.to_owned(),
        });
        let answer = self.facts().get_fact_import(request).await;
        answer
            .map(|told| told.into_inner().fact_import.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    async fn imports(
        &self,
        who: &Principal,
        page_size: i32,
        page_token: &str,
    ) -> CallResult<wire::ListFactImportsResponse> {
        let request = self.bed.call_as(who).request(wire::ListFactImportsRequest {
            page_size,
            page_token: page_token.to_owned(),
        });
        let answer = self.facts().list_fact_imports(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| crate::fault(&status))
    }

    async fn error_page(
        &self,
        who: &Principal,
        name: &str,
        page_size: i32,
        page_token: &str,
    ) -> CallResult<wire::ListFactImportErrorsResponse> {
        let request = self.bed.call_as(who).request(wire::ListFactImportErrorsRequest {
            name: name.to_owned(),
            page_size,
            page_token: page_token.to_owned(),
        });
        let answer = self.facts().list_fact_import_errors(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| crate::fault(&status))
    }

    /// All errors, read in pages of one.
    async fn errors(&self, name: &str) -> Vec<String> {
        let (mut told, mut token) = (Vec::new(), String::new());
        loop {
            let page = self.error_page(&cdc(), name, 1, &token).await.unwrap();
            told.extend(page.errors.iter().map(|one| {
                let wrong = one.error.as_ref().unwrap();
                assert!(!wrong.message.as_ref().unwrap().zh.is_empty());
                format!("{} {} {}", one.row, wrong.field, wrong.reason)
            }));
            token = page.next_page_token;
            if token.is_empty() {
                return told;
            }
        }
    }

    fn stored_keys(&self) -> Vec<String> {
        self.risk_rules.stored().into_iter().map(|one| one.key).collect()
    }
}

fn counts(import: &wire::FactImport) -> (i64, i64, i64) {
    (import.accepted, import.unchanged, import.refused)
}

async fn rows_come_piece_by_piece_and_errors_are_read_page_by_page(bed: Bed) {
    let declaration = start(bed).await;
    let begun = declaration.begin(&cdc(), 1, ImportMode::GoodRows).await.unwrap();
    assert_eq!((begun.state(), begun.next_row), (FactImportState::Open, 1));
    assert_eq!(begun.name, format!("fact-imports/{}", begun.fact_import_id));
    let name = &begun.name;
    let mut bad_twice = row("3");
    bad_twice.key = "k".repeat(101);
    bad_twice.subject = None;
    let piece = vec![row("1"), bad_document("2"), bad_twice];
    assert_eq!(declaration.piece(&cdc(), name, 1, piece).await, Ok((4, 2)));
    assert_eq!(
        declaration
            .piece(&cdc(), name, 4, vec![closed("4"), row("5")])
            .await,
        Ok((6, 3))
    );
    assert_eq!(
        declaration.errors(name).await,
        [
            "2 document.number RESIDENT_ID_CHECK_CHARACTER",
            "3 key TOO_LONG",
            "3 subject MISSING",
            "4 fact.case.closed_at CLOSED_AT_MISSING",
        ]
    );
    let ended = declaration.finish(&cdc(), name, 2).await.unwrap();
    assert_eq!(
        (ended.state(), counts(&ended)),
        (FactImportState::Finished, (2, 0, 3))
    );
    assert!(ended.finish_time.is_some());
    let effect = ended.effect.as_ref().unwrap();
    assert_eq!(
        (effect.redecided, effect.state()),
        (2, types::EffectState::InForce)
    );
    assert_eq!(declaration.import(&cdc(), name).await, Ok(ended.clone()));
    declaration.bed.clock.advance(Duration::from_secs(1));
    let second = declaration
        .begin(&cdc(), 3, ImportMode::Unspecified)
        .await
        .unwrap();
    let first_page = declaration.imports(&cdc(), 1, "").await.unwrap();
    assert_eq!(first_page.fact_imports, std::slice::from_ref(&second));
    let next = declaration
        .imports(&cdc(), 1, &first_page.next_page_token)
        .await
        .unwrap();
    assert_eq!(
        (next.fact_imports, next.next_page_token.as_str()),
        (vec![ended], "")
    );
    // A page token of one list is not valid for another.
    let foreign = declaration
        .error_page(&cdc(), name, 1, &first_page.next_page_token)
        .await
        .unwrap_err();
    assert_eq!(violations(&foreign), ["page_token PAGE_TOKEN_FOREIGN"]);
    let foreign = declaration.imports(&cdc(), 1, "x").await.unwrap_err();
    assert_eq!(violations(&foreign), ["page_token PAGE_TOKEN_FOREIGN"]);
}

async fn a_piece_whose_answer_was_lost_is_sent_again_and_counted_once(bed: Bed) {
    let declaration = start(bed).await;
    let begun = declaration.begin(&cdc(), 1, ImportMode::GoodRows).await.unwrap();
    let again = declaration.begin(&cdc(), 1, ImportMode::GoodRows).await.unwrap();
    assert_eq!(again, begun, "the same request");
    let name = &begun.name;
    let piece = || vec![row("1"), row("2"), bad_document("3")];
    for _ in 0..2 {
        assert_eq!(declaration.piece(&cdc(), name, 1, piece()).await, Ok((4, 1)));
    }
    // Half of the chunk was stored already.
    let more = [piece(), vec![row("4")]].concat();
    assert_eq!(declaration.piece(&cdc(), name, 1, more).await, Ok((5, 1)));
    let gap = declaration
        .piece(&cdc(), name, 7, vec![row("7")])
        .await
        .unwrap_err();
    assert_eq!(&*gap.reason, "ROWS_MISSING");
    assert_eq!(gap.metadata, [("next_row".into(), "5".to_owned())]);
    // The process crashed after storing the rows and before recording that: sent again they count as unchanged.
    let messages = vec![
        crate::feeds::options(ImportMode::GoodRows),
        crate::feeds::rows(vec![row("5")]),
    ];
    crate::feeds::send(&declaration, &cdc(), messages).await.unwrap();
    assert_eq!(
        declaration.piece(&cdc(), name, 5, vec![row("5"), row("6")]).await,
        Ok((7, 1))
    );
    // Two concurrent callers with the same chunk.
    let feed = cdc();
    let (one, two) = tokio::join!(
        declaration.piece(&feed, name, 7, vec![row("7"), bad_document("8")]),
        declaration.piece(&feed, name, 7, vec![row("7"), bad_document("8")]),
    );
    assert_eq!((one, two), (Ok((9, 2)), Ok((9, 2))));
    let ended = declaration.finish(&cdc(), name, 2).await.unwrap();
    let (accepted, unchanged, refused) = counts(&ended);
    assert_eq!((accepted + unchanged, refused), (6, 2));
    assert!(unchanged >= 1, "{ended:?}");
    assert_eq!(declaration.errors(name).await.len(), 2);
    assert_eq!(declaration.stored_keys(), ["1", "2", "4", "5", "6", "7"]);
}

async fn all_or_nothing_waits_encrypted_and_is_stored_at_the_end(bed: Bed) {
    let declaration = start(bed).await;
    let begun = declaration
        .begin(&cdc(), 1, ImportMode::AllOrNothing)
        .await
        .unwrap();
    let name = &begun.name;
    assert_eq!(
        declaration.piece(&cdc(), name, 1, vec![row("1"), row("2")]).await,
        Ok((3, 0))
    );
    assert_eq!(
        declaration.piece(&cdc(), name, 3, vec![row("3")]).await,
        Ok((4, 0))
    );
    assert!(declaration.stored_keys().is_empty());
    assert_eq!(
        lutong_testing::rows(&declaration.storage, "fact_import_rows").await,
        3
    );
    let hex = lutong_testing::texts(
        &declaration.storage,
        "fact_import_rows",
        if declaration.storage.url.expose().starts_with("sqlite") {
            "hex(statement)"
        } else {
            "encode(statement, 'hex')"
        },
        "row",
    )
    .await;
    let hidden = |text: &str| {
        let text = text
            .bytes()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert!(
            hex.iter().all(|stored| !stored.to_lowercase().contains(&text)),
            "{text}"
        );
    };
    hidden(crate::NUMBER);
    hidden(&declaration.identity.subject(crate::NUMBER));
    hidden("cdc-370200");
    let ended = declaration.finish(&cdc(), name, 2).await.unwrap();
    assert_eq!(
        (ended.state(), counts(&ended)),
        (FactImportState::Finished, (3, 0, 0))
    );
    assert_eq!(declaration.stored_keys(), ["1", "2", "3"]);
    assert_eq!(declaration.risk_rules.calls(), 1, "one transaction");
    assert_eq!(
        lutong_testing::rows(&declaration.storage, "fact_import_rows").await,
        0
    );
}

async fn one_bad_row_refuses_all_whoever_finds_it(bed: Bed) {
    let declaration = start(bed).await;
    // Found while rows are appended.
    let begun = declaration
        .begin(&cdc(), 1, ImportMode::AllOrNothing)
        .await
        .unwrap();
    let piece = vec![row("1"), bad_document("2")];
    assert_eq!(declaration.piece(&cdc(), &begun.name, 1, piece).await, Ok((3, 1)));
    let ended = declaration.finish(&cdc(), &begun.name, 2).await.unwrap();
    assert_eq!(
        (ended.state(), counts(&ended)),
        (FactImportState::Refused, (0, 0, 1))
    );
    assert_eq!(declaration.risk_rules.calls(), 0);
    // Found by risk-rules, at the end.
    let begun = declaration
        .begin(&cdc(), 3, ImportMode::AllOrNothing)
        .await
        .unwrap();
    let name = &begun.name;
    declaration
        .piece(&cdc(), name, 1, vec![row("1"), row("2")])
        .await
        .unwrap();
    declaration
        .piece(&cdc(), name, 3, vec![closed("3")])
        .await
        .unwrap();
    let ended = declaration.finish(&cdc(), name, 4).await.unwrap();
    assert_eq!(
        (ended.state(), counts(&ended)),
        (FactImportState::Refused, (0, 0, 1))
    );
    assert_eq!(
        declaration.errors(name).await,
        ["3 fact.case.closed_at CLOSED_AT_MISSING"]
    );
    assert!(declaration.stored_keys().is_empty());
    assert_eq!(
        lutong_testing::rows(&declaration.storage, "fact_import_rows").await,
        0
    );
}

async fn another_feeds_import_is_not_there(bed: Bed) {
    let declaration = start(bed).await;
    let begun = declaration.begin(&cdc(), 1, ImportMode::GoodRows).await.unwrap();
    let other = lutong_testing::feed("cdc-370100", &["case"]);
    let name = &begun.name;
    let refused = [
        declaration.import(&other, name).await.unwrap_err(),
        declaration
            .piece(&other, name, 1, vec![row("1")])
            .await
            .unwrap_err(),
        declaration.finish(&other, name, 1).await.unwrap_err(),
        declaration.error_page(&other, name, 0, "").await.unwrap_err(),
        declaration
            .import(&cdc(), "fact-imports/00000000-0000-7000-9000-000000000009")
            .await
            .unwrap_err(),
    ];
    for fault in refused {
        assert_eq!(&*fault.reason, "FACT_IMPORT_NOT_FOUND");
    }
    assert!(
        declaration
            .imports(&other, 0, "")
            .await
            .unwrap()
            .fact_imports
            .is_empty()
    );
    // The same request id from another feed is a different request.
    let others = declaration.begin(&other, 1, ImportMode::GoodRows).await.unwrap();
    assert_ne!(others.name, *name);
    let token = {
        declaration.bed.clock.advance(Duration::from_secs(1));
        declaration.begin(&cdc(), 2, ImportMode::GoodRows).await.unwrap();
        declaration.imports(&cdc(), 1, "").await.unwrap().next_page_token
    };
    // Nor does a page token of one feed reveal another's list.
    let seen = declaration
        .imports(&other, 10, &token)
        .await
        .unwrap()
        .fact_imports;
    assert!(seen.iter().all(|import| import.name == others.name));
    for bad in [
        "",
        "fact-imports/",
        "fact-imports/x",
        "imports/1",
        "fact-imports/1/2",
    ] {
        let fault = declaration.import(&cdc(), bad).await.unwrap_err();
        assert_eq!(fault.violations[0].field, "name", "{bad}");
    }
}

async fn an_import_that_has_ended_takes_no_rows_and_ends_once(bed: Bed) {
    let declaration = start(bed).await;
    let begun = declaration.begin(&cdc(), 1, ImportMode::GoodRows).await.unwrap();
    let name = &begun.name;
    declaration.piece(&cdc(), name, 1, vec![row("1")]).await.unwrap();
    let ended = declaration.finish(&cdc(), name, 2).await.unwrap();
    declaration.bed.clock.advance(Duration::from_secs(60));
    for n in [2, 3] {
        assert_eq!(declaration.finish(&cdc(), name, n).await, Ok(ended.clone()));
    }
    let refused = declaration
        .piece(&cdc(), name, 2, vec![row("2")])
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "FACT_IMPORT_ENDED");
    let reused = declaration
        .begin(&cdc(), 1, ImportMode::AllOrNothing)
        .await
        .unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
    let other = declaration.begin(&cdc(), 4, ImportMode::GoodRows).await.unwrap();
    let reused = declaration.finish(&cdc(), &other.name, 2).await.unwrap_err();
    assert_eq!(&*reused.reason, "REQUEST_ID_REUSED");
    assert_eq!(
        declaration.import(&cdc(), &other.name).await.unwrap().state(),
        FactImportState::Open
    );
}

async fn an_import_has_its_limits(bed: Bed) {
    let declaration = start(bed).await;
    let begun = declaration
        .begin(&cdc(), 1, ImportMode::AllOrNothing)
        .await
        .unwrap();
    let name = &begun.name;
    let rows = |n: usize| (0..n).map(|n| row(&n.to_string())).collect::<Vec<_>>();
    for (first_row, rows, expected) in [
        (1, rows(1_001), "rows TOO_MANY"),
        (1, vec![], "rows MISSING"),
        (0, rows(1), "first_row OUT_OF_RANGE"),
    ] {
        let refused = declaration
            .piece(&cdc(), name, first_row, rows)
            .await
            .unwrap_err();
        assert_eq!(violations(&refused), [expected]);
    }
    assert_eq!(
        declaration.piece(&cdc(), name, 1, rows(999)).await,
        Ok((1_000, 0))
    );
    let refused = declaration.piece(&cdc(), name, 1_000, rows(2)).await.unwrap_err();
    assert_eq!(
        (&*refused.reason, &violations(&refused)[..]),
        ("TOO_MANY_ROWS", &["rows TOO_MANY_ROWS".to_owned()][..])
    );
    let request = declaration
        .bed
        .call_as(&cdc())
        .request(wire::CreateFactImportRequest {
            request_id: request_id(7),
            mode: 99,
        });
    let refused = crate::fault(&declaration.facts().create_fact_import(request).await.unwrap_err());
    assert_eq!(violations(&refused), ["mode UNKNOWN_VALUE"]);
    let refused = declaration.finish(&cdc(), "fact-imports/x", 1).await.unwrap_err();
    assert_eq!(violations(&refused), ["name NAME_SHAPE"]);
}

async fn without_identity_or_risk_rules_a_piece_can_be_sent_again(bed: Bed) {
    let declaration = alone(bed).await;
    let good = declaration.begin(&cdc(), 1, ImportMode::GoodRows).await.unwrap();
    let all = declaration
        .begin(&cdc(), 2, ImportMode::AllOrNothing)
        .await
        .unwrap();
    let refused = declaration
        .piece(&cdc(), &good.name, 1, vec![row("1")])
        .await
        .unwrap_err();
    assert_eq!(&*refused.reason, "PART_UNAVAILABLE");
    declaration.bind_identity();
    let refused = declaration
        .piece(&cdc(), &good.name, 1, vec![row("1")])
        .await
        .unwrap_err();
    assert_eq!(refused.metadata, [("part".into(), "risk-rules".to_owned())]);
    assert_eq!(
        declaration.piece(&cdc(), &all.name, 1, vec![row("2")]).await,
        Ok((2, 0))
    );
    let refused = declaration.finish(&cdc(), &all.name, 3).await.unwrap_err();
    assert_eq!(&*refused.reason, "PART_UNAVAILABLE");
    assert_eq!(
        declaration.import(&cdc(), &all.name).await.unwrap().state(),
        FactImportState::Open
    );
    declaration.bind_risk_rules();
    assert_eq!(
        declaration.piece(&cdc(), &good.name, 1, vec![row("1")]).await,
        Ok((2, 0))
    );
    let ended = declaration.finish(&cdc(), &all.name, 3).await.unwrap();
    assert_eq!(counts(&ended), (1, 0, 0));
    // Decisions not yet delivered to code-rendering are reported as pending.
    declaration.risk_rules.code_rendering_is_away(true);
    declaration
        .piece(&cdc(), &good.name, 2, vec![row("3")])
        .await
        .unwrap();
    let effect = declaration
        .import(&cdc(), &good.name)
        .await
        .unwrap()
        .effect
        .unwrap();
    assert_eq!(effect.state(), types::EffectState::Pending);
    assert!(effect.operation.starts_with("operations/"));
    // All chunks share one operation.
    declaration
        .piece(&cdc(), &good.name, 3, vec![row("4")])
        .await
        .unwrap();
    let ended = declaration.finish(&cdc(), &good.name, 4).await.unwrap();
    assert_eq!(ended.effect.unwrap().operation, effect.operation);
}

async fn who_is_no_feed_imports_nothing(bed: Bed) {
    let declaration = start(bed).await;
    let begun = declaration.begin(&cdc(), 1, ImportMode::GoodRows).await.unwrap();
    let mut nobody = cdc();
    nobody.feed = None;
    let citizen = lutong_testing::citizen("wx-1", None);
    for (who, reason) in [(nobody, "FEED_NOT_REGISTERED"), (citizen, "NOT_PERMITTED")] {
        let name = &begun.name;
        let refused = [
            declaration
                .begin(&who, 1, ImportMode::GoodRows)
                .await
                .unwrap_err(),
            declaration.import(&who, name).await.unwrap_err(),
            declaration
                .piece(&who, name, 1, vec![row("1")])
                .await
                .unwrap_err(),
            declaration.finish(&who, name, 1).await.unwrap_err(),
            declaration.imports(&who, 0, "").await.unwrap_err(),
            declaration.error_page(&who, name, 0, "").await.unwrap_err(),
        ];
        for fault in refused {
            assert_eq!(&*fault.reason, reason);
        }
    }
    assert_eq!(declaration.import(&cdc(), &begun.name).await.unwrap().next_row, 1);
}

async fn old_imports_are_forgotten(bed: Bed) {
    let declaration = start(bed).await;
    let ended = declaration.begin(&cdc(), 1, ImportMode::GoodRows).await.unwrap();
    declaration
        .piece(&cdc(), &ended.name, 1, vec![bad_document("1")])
        .await
        .unwrap();
    declaration.finish(&cdc(), &ended.name, 2).await.unwrap();
    let left = declaration
        .begin(&cdc(), 3, ImportMode::AllOrNothing)
        .await
        .unwrap();
    declaration
        .piece(&cdc(), &left.name, 1, vec![row("1")])
        .await
        .unwrap();
    declaration.bed.clock.advance(Duration::from_secs(8 * 86_400));
    let is_there = async |name: &str| declaration.import(&cdc(), name).await.is_ok();
    let again = async || {
        let component = build(
            &declaration.bed,
            &declaration.storage,
            &DeclarationConfig::default(),
        )
        .await;
        declaration.bed.bind(component);
        for _ in 0..400 {
            if !is_there(&left.name).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("an import that nobody ended is still there");
    };
    again().await;
    assert!(is_there(&ended.name).await);
    declaration.bed.clock.advance(Duration::from_secs(23 * 86_400));
    again().await;
    for _ in 0..400 {
        if !is_there(&ended.name).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for table in ["fact_imports", "fact_import_rows", "fact_import_errors"] {
        assert_eq!(
            lutong_testing::rows(&declaration.storage, table).await,
            0,
            "{table}"
        );
    }
}

async fn the_kinds_of_facts_are_told_as_the_contract_says(bed: Bed) {
    let declaration = start(bed).await;
    let list = async |who: &Principal, page_size, page_token: &str| {
        let request = declaration.bed.call_as(who).request(wire::ListFactKindsRequest {
            page_size,
            page_token: page_token.to_owned(),
        });
        let answer = declaration.facts().list_fact_kinds(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| crate::fault(&status))
    };
    let whole = list(&cdc(), 0, "").await.unwrap();
    assert_eq!((whole.fact_kinds.len(), whole.next_page_token.as_str()), (11, ""));
    let contact = &whole.fact_kinds[1];
    assert_eq!(
        (contact.name.as_str(), contact.reportable),
        ("fact-kinds/close_contact", true)
    );
    assert_eq!(contact.authorities, ["cdc"]);
    let last = &contact.attributes[0];
    assert_eq!((last.field.as_str(), last.required), ("last_contact_at", true));
    let observation = &contact.attributes[1];
    assert_eq!(
        (observation.r#type(), observation.required),
        (wire::FactAttributeType::Enum, false)
    );
    assert_eq!(
        (
            observation.values[0].value.as_str(),
            observation.values[0].word.as_str()
        ),
        ("OBSERVATION_CENTRALISED", "centralised")
    );
    let designation = &whole.fact_kinds[8];
    assert!(!designation.reportable);
    let relief = &whole.fact_kinds[10];
    assert_eq!(
        (relief.fact_kind_id.as_str(), relief.reportable),
        ("relief", false)
    );
    assert_eq!(
        (
            designation.attributes[1].field.as_str(),
            designation.attributes[1].attribute.as_str()
        ),
        ("start_at", "from")
    );
    let temperature = &whole.fact_kinds[3].attributes[2];
    assert_eq!(
        (temperature.min, temperature.max, temperature.max_chars),
        (Some(30.0), Some(45.0), None)
    );
    for kind in &whole.fact_kinds {
        let titles = kind.attributes.iter().map(|one| &one.title);
        let values = kind
            .attributes
            .iter()
            .flat_map(|one| &one.values)
            .map(|one| &one.title);
        for title in titles.chain(values).chain([&kind.title]) {
            let title = title.as_ref().unwrap();
            assert!(!title.zh.is_empty() && !title.en.is_empty(), "{}", kind.name);
        }
    }
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page = list(&cdc(), 3, &token).await.unwrap();
        names.extend(page.fact_kinds.into_iter().map(|kind| kind.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(names.len(), 11);
    let officer = Principal {
        roles: Roles::of(&[Role::HealthOfficer]),
        feed: None,
        ..cdc()
    };
    assert!(list(&officer, 0, "").await.is_ok());
    assert_eq!(
        violations(&list(&cdc(), 3, "x").await.unwrap_err()),
        ["page_token PAGE_TOKEN_FOREIGN"]
    );
    let citizen = list(&lutong_testing::citizen("wx-1", None), 0, "")
        .await
        .unwrap_err();
    assert_eq!(&*citizen.reason, "NOT_PERMITTED");
}
