//! Imports of applications: rows wait encrypted, are registered by a worker, and are erased; an organisation sees its own imports and
//! what is wrong with its rows, and nothing about a person.

use std::time::Duration;

use lutong_declaration::DeclarationConfig;
use lutong_kernel::{DivisionCode, Fault, ServiceName};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::declaration::v1::application_import_service_client::ApplicationImportServiceClient;
use lutong_proto::policy::{Caller, Role};
use lutong_proto::types::v1 as types;
use lutong_testing::{Bed, on_both_engines, violations};
use lutong_transport::access::{Principal, Roles};
use wire::{ApplicationImportRowState as RowState, ApplicationImportState as State};

use crate::fakes::BAD_NUMBER;
use crate::{Declaration, alone, build, form, request_id, start};

on_both_engines!(
    each_row_is_registered_or_has_its_reasons,
    a_row_waits_encrypted_and_is_erased_once_it_is_registered,
    a_piece_of_applications_whose_answer_was_lost_is_sent_again,
    another_accounts_import_of_applications_is_not_there,
    an_import_is_finished_or_cancelled_once,
    an_import_of_applications_has_its_limits,
    rows_wait_for_identity_and_no_longer_than_seven_days,
    an_account_without_a_division_imports_nobody,
    a_home_lies_in_the_division_of_the_import,
);

fn school() -> Principal {
    organisation("school-1", Some("370200"))
}

fn organisation(account: &str, division: Option<&str>) -> Principal {
    Principal {
        account: account.to_owned(),
        roles: Roles::of(&[Role::Organisation]),
        subject: None,
        division: division.map(|code| DivisionCode::parse(code).unwrap()),
        feed: None,
        desks: Vec::new(),
    }
}

fn person(number: &str) -> types::PersonItems {
    let mut person = form().person.unwrap();
    number.clone_into(&mut person.document.as_mut().unwrap().number);
    person
}

fn named(name: &str) -> types::PersonItems {
    types::PersonItems {
        full_name: name.to_owned(),
        ..person("1")
    }
}

fn living(division: &str) -> types::PersonItems {
    let mut person = person("1");
    division.clone_into(&mut person.home_address.as_mut().unwrap().division);
    person
}

type CallResult<T> = Result<T, Fault>;

impl Declaration {
    fn application_imports(&self) -> ApplicationImportServiceClient<lutong_transport::client::MeshChannel> {
        ApplicationImportServiceClient::new(self.bed.channel(ServiceName::Declaration, Caller::Gateway))
    }

    async fn create_import(
        &self,
        who: &Principal,
        n: u32,
        division: &str,
    ) -> CallResult<wire::ApplicationImport> {
        let request = self
            .bed
            .call_as(who)
            .request(wire::CreateApplicationImportRequest {
                request_id: request_id(n),
                organisation: "青岛一中".to_owned(),
                division: division.to_owned(),
            });
        let answer = self
            .application_imports()
            .create_application_import(request)
            .await;
        answer
            .map(|answer| answer.into_inner().application_import.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    /// `(next row, refused)`.
    async fn append_people(
        &self,
        who: &Principal,
        name: &str,
        first_row: i64,
        rows: Vec<types::PersonItems>,
    ) -> CallResult<(i64, i64)> {
        let request = self
            .bed
            .call_as(who)
            .request(wire::AppendApplicationImportRowsRequest {
                name: name.to_owned(),
                first_row,
                rows,
            });
        let answer = self
            .application_imports()
            .append_application_import_rows(request)
            .await;
        let answer = answer.map_err(|status| crate::fault(&status))?.into_inner();
        Ok((answer.next_row, answer.refused))
    }

    async fn finish_import(
        &self,
        who: &Principal,
        name: &str,
        n: u32,
    ) -> CallResult<wire::ApplicationImport> {
        let request = self
            .bed
            .call_as(who)
            .request(wire::FinishApplicationImportRequest {
                request_id: request_id(n),
                name: name.to_owned(),
            });
        let answer = self
            .application_imports()
            .finish_application_import(request)
            .await;
        answer
            .map(|answer| answer.into_inner().application_import.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    async fn cancel_import(
        &self,
        who: &Principal,
        name: &str,
        n: u32,
    ) -> CallResult<wire::ApplicationImport> {
        let request = self
            .bed
            .call_as(who)
            .request(wire::CancelApplicationImportRequest {
                request_id: request_id(n),
                name: name.to_owned(),
            });
        let answer = self
            .application_imports()
            .cancel_application_import(request)
            .await;
        answer
            .map(|answer| answer.into_inner().application_import.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    async fn get_import(&self, who: &Principal, name: &str) -> CallResult<wire::ApplicationImport> {
        let request = self.bed.call_as(who).request(wire::GetApplicationImportRequest {
            name: name.to_owned(),
        });
        let answer = self.application_imports().get_application_import(request).await;
        answer
            .map(|answer| answer.into_inner().application_import.unwrap())
            .map_err(|status| crate::fault(&status))
    }

    async fn list_imports(
        &self,
        who: &Principal,
        state: State,
        page_size: i32,
        page_token: &str,
    ) -> CallResult<wire::ListApplicationImportsResponse> {
        let request = self
            .bed
            .call_as(who)
            .request(wire::ListApplicationImportsRequest {
                state: state.into(),
                page_size,
                page_token: page_token.to_owned(),
            });
        let answer = self.application_imports().list_application_imports(request).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| crate::fault(&status))
    }

    async fn row_page(
        &self,
        who: &Principal,
        name: &str,
        state: RowState,
        page_size: i32,
        page_token: &str,
    ) -> CallResult<wire::ListApplicationImportRowsResponse> {
        let request = self
            .bed
            .call_as(who)
            .request(wire::ListApplicationImportRowsRequest {
                name: name.to_owned(),
                state: state.into(),
                page_size,
                page_token: page_token.to_owned(),
            });
        let answer = self
            .application_imports()
            .list_application_import_rows(request)
            .await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| crate::fault(&status))
    }

    /// `row STATE field REASON …` of every row, read in pages of two.
    async fn import_rows(&self, who: &Principal, name: &str, state: RowState) -> Vec<String> {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = self.row_page(who, name, state, 2, &token).await.unwrap();
            found.extend(page.rows.iter().map(|row| {
                let mut text = format!("{} {:?}", row.row, row.state());
                for error in &row.errors {
                    assert!(!error.message.as_ref().unwrap().zh.is_empty());
                    text.push_str(&format!(" {} {}", error.field, error.reason));
                }
                text
            }));
            token = page.next_page_token;
            if token.is_empty() {
                return found;
            }
        }
    }

    /// The import once it is in this state.
    async fn import_becomes(&self, who: &Principal, name: &str, state: State) -> wire::ApplicationImport {
        for _ in 0..1_000 {
            let import = self.get_import(who, name).await.unwrap();
            if import.state() == state {
                return import;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{name} does not become {state:?}");
    }

    /// The items that wait in the database.
    async fn waiting_items(&self) -> Vec<String> {
        let column = if self.bed.engine() == lutong_storage::Engine::Sqlite {
            "hex(person)"
        } else {
            "encode(person, 'hex')"
        };
        lutong_testing::texts(&self.storage, "application_import_rows", column, "row").await
    }
}

fn counts(import: &wire::ApplicationImport) -> (i64, i64, i64) {
    (import.next_row, import.registered, import.refused)
}

async fn each_row_is_registered_or_has_its_reasons(bed: Bed) {
    let declaration = start(bed).await;
    let created = declaration.create_import(&school(), 1, "370202").await.unwrap();
    assert_eq!((created.state(), created.next_row), (State::Open, 1));
    assert_eq!(
        created.name,
        format!("application-imports/{}", created.application_import_id)
    );
    assert_eq!(
        (created.organisation.as_str(), created.division.as_str()),
        ("青岛一中", "370202")
    );
    let name = &created.name;
    let mut unmarked = person("9");
    unmarked.mobile = String::new();
    "XXX".clone_into(&mut unmarked.nationality);
    let first = vec![
        person("1"),
        person(BAD_NUMBER),
        named("王\u{202e}小明"),
        named("王\u{200b}小明"),
        named("王\u{7}小明"),
        unmarked,
    ];
    assert_eq!(
        declaration.append_people(&school(), name, 1, first).await,
        Ok((7, 4))
    );
    let second = vec![person("1"), person("2")];
    assert_eq!(
        declaration.append_people(&school(), name, 7, second).await,
        Ok((9, 4))
    );
    let finished = declaration.finish_import(&school(), name, 2).await.unwrap();
    assert!([State::Running, State::Succeeded].contains(&finished.state()));
    let ended = declaration
        .import_becomes(&school(), name, State::Succeeded)
        .await;
    assert_eq!(counts(&ended), (9, 3, 5));
    assert!(ended.finish_time.is_some());
    assert_eq!(
        declaration
            .import_rows(&school(), name, RowState::Unspecified)
            .await,
        [
            "1 Registered",
            "2 Refused document.number RESIDENT_ID_CHECK_CHARACTER",
            "3 Refused full_name TEXT_BIDI",
            "4 Refused full_name TEXT_INVISIBLE",
            "5 Refused full_name TEXT_CONTROL",
            "6 Refused mobile MISSING nationality COUNTRY_UNKNOWN",
            "7 Registered",
            "8 Registered",
        ]
    );
    let registered = declaration
        .import_rows(&school(), name, RowState::Registered)
        .await;
    assert_eq!(registered, ["1 Registered", "7 Registered", "8 Registered"]);
    // Risk-rules and identity learn of each declaration by the log.
    let accepted = declaration.published_events(3).await;
    assert!(accepted.iter().all(|one| one.statements.is_empty()));
    assert_eq!(
        lutong_testing::rows(&declaration.storage, "declarations").await,
        3
    );
    assert_eq!(declaration.identity.organisations(), ["school-1"]);
    let open = declaration.list_imports(&school(), State::Open, 0, "").await;
    assert!(open.unwrap().application_imports.is_empty());
    let refused = declaration.list_imports(&school(), State::Open, 0, "x").await;
    assert_eq!(refused.unwrap_err().reason, "INVALID_FIELDS");
    let refused = declaration
        .row_page(&school(), name, RowState::Refused, 0, "x")
        .await;
    assert_eq!(refused.unwrap_err().reason, "INVALID_FIELDS");
}

async fn a_row_waits_encrypted_and_is_erased_once_it_is_registered(bed: Bed) {
    let declaration = start(bed).await;
    let created = declaration.create_import(&school(), 1, "").await.unwrap();
    assert_eq!(created.division, "370200", "that of the account");
    let name = &created.name;
    declaration
        .append_people(&school(), name, 1, vec![person("1"), named("")])
        .await
        .unwrap();
    assert_eq!(
        declaration
            .import_rows(&school(), name, RowState::Unspecified)
            .await,
        ["1 Waiting", "2 Refused full_name MISSING"]
    );
    let waiting = declaration.waiting_items().await;
    let name_in_clear = hex("王小明");
    assert!(
        waiting[0].len() > 40 && !waiting[0].to_lowercase().contains(&name_in_clear),
        "{waiting:?}"
    );
    assert_eq!(waiting[1], "", "what is refused is not stored");
    declaration.finish_import(&school(), name, 2).await.unwrap();
    declaration
        .import_becomes(&school(), name, State::Succeeded)
        .await;
    assert_eq!(declaration.waiting_items().await, ["", ""]);
}

fn hex(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

async fn a_piece_of_applications_whose_answer_was_lost_is_sent_again(bed: Bed) {
    let declaration = start(bed).await;
    let created = declaration.create_import(&school(), 1, "370202").await.unwrap();
    let replayed = declaration.create_import(&school(), 1, "370202").await.unwrap();
    assert_eq!(created.name, replayed.name);
    let reused = declaration.create_import(&school(), 1, "370203").await;
    assert_eq!(reused.unwrap_err().reason, "REQUEST_ID_REUSED");
    let name = &created.name;
    let append = async |first_row, numbers: &[&str]| {
        let rows = numbers.iter().map(|number| person(number)).collect();
        declaration
            .append_people(&school(), name, first_row, rows)
            .await
            .map(|(next_row, _)| next_row)
    };
    assert_eq!(append(1, &["1", "2"]).await, Ok(3));
    assert_eq!(append(1, &["1", "2"]).await, Ok(3));
    assert_eq!(append(2, &["2", "3", "4"]).await, Ok(5));
    let gap = append(6, &["6"]).await.unwrap_err();
    assert_eq!(gap.reason, "ROWS_MISSING");
    assert!(gap.metadata.contains(&("next_row".into(), "5".to_owned())));
    let (one, two) = tokio::join!(append(5, &["5"]), append(5, &["5"]));
    assert_eq!((one, two), (Ok(6), Ok(6)));
    declaration.finish_import(&school(), name, 2).await.unwrap();
    let ended = declaration
        .import_becomes(&school(), name, State::Succeeded)
        .await;
    assert_eq!(counts(&ended), (6, 5, 0));
}

async fn another_accounts_import_of_applications_is_not_there(bed: Bed) {
    let declaration = start(bed).await;
    let other = organisation("school-2", Some("370200"));
    let mut names = Vec::new();
    for n in 1..=3 {
        names.push(declaration.create_import(&school(), n, "").await.unwrap().name);
        declaration.bed.clock.advance(Duration::from_secs(1));
    }
    let name = &names[0];
    let refused = [
        declaration.get_import(&other, name).await.unwrap_err(),
        declaration.finish_import(&other, name, 10).await.unwrap_err(),
        declaration.cancel_import(&other, name, 11).await.unwrap_err(),
        declaration
            .append_people(&other, name, 1, vec![person("1")])
            .await
            .unwrap_err(),
        declaration
            .row_page(&other, name, RowState::Unspecified, 0, "")
            .await
            .unwrap_err(),
    ];
    for fault in refused {
        assert_eq!(fault.reason, "APPLICATION_IMPORT_NOT_FOUND");
    }
    let none = declaration.list_imports(&other, State::Unspecified, 0, "").await;
    assert!(none.unwrap().application_imports.is_empty());
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let page = declaration
            .list_imports(&school(), State::Open, 2, &token)
            .await
            .unwrap();
        listed.extend(page.application_imports.into_iter().map(|one| one.name));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    names.reverse();
    assert_eq!(listed, names);
}

async fn an_import_is_finished_or_cancelled_once(bed: Bed) {
    let declaration = start(bed).await;
    let created = declaration.create_import(&school(), 1, "").await.unwrap();
    let name = &created.name;
    declaration
        .append_people(&school(), name, 1, vec![person("1"), named("")])
        .await
        .unwrap();
    let cancelled = declaration.cancel_import(&school(), name, 2).await.unwrap();
    assert_eq!(
        (cancelled.state(), counts(&cancelled)),
        (State::Cancelled, (3, 0, 2))
    );
    let again = declaration.cancel_import(&school(), name, 2).await.unwrap();
    assert_eq!(again, cancelled);
    assert_eq!(
        declaration
            .import_rows(&school(), name, RowState::Unspecified)
            .await,
        ["1 Refused  IMPORT_CANCELLED", "2 Refused full_name MISSING"]
    );
    assert_eq!(declaration.waiting_items().await, ["", ""]);
    let refused = [
        declaration.cancel_import(&school(), name, 3).await.unwrap_err(),
        declaration.finish_import(&school(), name, 4).await.unwrap_err(),
        declaration
            .append_people(&school(), name, 3, vec![person("2")])
            .await
            .unwrap_err(),
    ];
    for fault in refused {
        assert_eq!(fault.reason, "WRONG_STATE");
        assert!(fault.metadata.contains(&("state".into(), "CANCELLED".to_owned())));
    }
    let other = declaration.create_import(&school(), 5, "").await.unwrap();
    let reused = [
        declaration
            .cancel_import(&school(), &other.name, 2)
            .await
            .unwrap_err(),
        {
            let finished = declaration.finish_import(&school(), &other.name, 6).await;
            finished.unwrap();
            let third = declaration.create_import(&school(), 7, "").await.unwrap();
            declaration
                .finish_import(&school(), &third.name, 6)
                .await
                .unwrap_err()
        },
    ];
    for fault in reused {
        assert_eq!(fault.reason, "REQUEST_ID_REUSED");
    }
    let empty = declaration
        .import_becomes(&school(), &other.name, State::Succeeded)
        .await;
    assert_eq!(counts(&empty), (1, 0, 0));
}

async fn an_import_of_applications_has_its_limits(bed: Bed) {
    let declaration = start(bed).await;
    let created = declaration.create_import(&school(), 1, "").await.unwrap();
    let name = &created.name;
    let many = declaration
        .append_people(&school(), name, 1, vec![person("1"); 1_001])
        .await
        .unwrap_err();
    assert_eq!(violations(&many), ["rows TOO_MANY"]);
    let none = declaration.append_people(&school(), name, 0, Vec::new()).await;
    assert_eq!(
        violations(&none.unwrap_err()),
        ["first_row OUT_OF_RANGE", "rows MISSING"]
    );
    lutong_testing::tamper(
        &declaration.storage,
        "UPDATE application_imports SET next_row = 200000",
    )
    .await;
    let full = declaration
        .append_people(&school(), name, 200_000, vec![person("1"), person("2")])
        .await;
    assert_eq!(full.unwrap_err().reason, "TOO_MANY_ROWS");
    for bad in ["fact-imports/1", "application-imports/x"] {
        let refused = [
            declaration.get_import(&school(), bad).await.unwrap_err(),
            declaration.finish_import(&school(), bad, 2).await.unwrap_err(),
            declaration.cancel_import(&school(), bad, 3).await.unwrap_err(),
        ];
        for fault in refused {
            assert_eq!(violations(&fault), ["name NAME_SHAPE"]);
        }
    }
    let bad = declaration.create_import(&school(), 4, "37").await.unwrap_err();
    assert_eq!(violations(&bad), ["division DIVISION_SHAPE"]);
}

async fn rows_wait_for_identity_and_no_longer_than_seven_days(bed: Bed) {
    let declaration = alone(bed).await;
    let created = declaration.create_import(&school(), 1, "").await.unwrap();
    let name = &created.name;
    declaration
        .append_people(&school(), name, 1, vec![person("1")])
        .await
        .unwrap();
    declaration.finish_import(&school(), name, 2).await.unwrap();
    let late = declaration.create_import(&school(), 3, "").await.unwrap();
    declaration
        .append_people(&school(), &late.name, 1, vec![person("2")])
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let waiting = declaration.get_import(&school(), name).await.unwrap();
    assert_eq!((waiting.state(), counts(&waiting)), (State::Running, (2, 0, 0)));
    declaration.bind_identity();
    declaration.bed.clock.advance(Duration::from_secs(61));
    declaration
        .import_becomes(&school(), name, State::Succeeded)
        .await;
    declaration.bed.clock.advance(Duration::from_secs(7 * 86_400));
    let again = async || {
        let config = DeclarationConfig::default();
        let component = build(&declaration.bed, &declaration.storage, &config).await;
        declaration.bed.bind(component);
    };
    again().await;
    let failed = declaration
        .import_becomes(&school(), &late.name, State::Failed)
        .await;
    assert_eq!(counts(&failed), (2, 0, 1));
    assert_eq!(
        declaration
            .import_rows(&school(), &late.name, RowState::Unspecified)
            .await,
        ["1 Refused  IMPORT_EXPIRED"]
    );
    assert!(declaration.waiting_items().await.iter().all(String::is_empty));
    declaration.bed.clock.advance(Duration::from_secs(31 * 86_400));
    again().await;
    for _ in 0..400 {
        if lutong_testing::rows(&declaration.storage, "application_imports").await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for table in ["application_imports", "application_import_rows"] {
        assert_eq!(
            lutong_testing::rows(&declaration.storage, table).await,
            0,
            "{table}"
        );
    }
}

async fn an_account_without_a_division_imports_nobody(bed: Bed) {
    let declaration = start(bed).await;
    let nowhere = organisation("school-3", None);
    let name = "application-imports/00000000-0000-7000-8000-000000000001";
    let refused = [
        declaration.create_import(&nowhere, 1, "").await.unwrap_err(),
        declaration
            .append_people(&nowhere, name, 1, vec![person("1")])
            .await
            .unwrap_err(),
        declaration.finish_import(&nowhere, name, 2).await.unwrap_err(),
        declaration.cancel_import(&nowhere, name, 3).await.unwrap_err(),
        declaration.get_import(&nowhere, name).await.unwrap_err(),
        declaration
            .list_imports(&nowhere, State::Unspecified, 0, "")
            .await
            .unwrap_err(),
        declaration
            .row_page(&nowhere, name, RowState::Unspecified, 0, "")
            .await
            .unwrap_err(),
    ];
    for fault in refused {
        assert_eq!(fault.reason, "DIVISION_MISSING");
    }
}

async fn a_home_lies_in_the_division_of_the_import(bed: Bed) {
    let declaration = start(bed).await;
    for outside in ["370000", "370300", "110101"] {
        let refused = declaration.create_import(&school(), 1, outside).await;
        assert_eq!(refused.unwrap_err().reason, "OUTSIDE_DIVISION", "{outside}");
    }
    let created = declaration.create_import(&school(), 2, "370202").await.unwrap();
    let rows = ["370202", "370202001", "370203", "110101", "37020"].map(living);
    let appended = declaration
        .append_people(&school(), &created.name, 1, rows.to_vec())
        .await;
    assert_eq!(appended, Ok((6, 3)));
    // An account that was moved since takes nobody where it may not act any more.
    let moved = organisation("school-1", Some("370203"));
    let appended = declaration
        .append_people(&moved, &created.name, 6, vec![living("370202")])
        .await;
    assert_eq!(appended, Ok((7, 4)));
    assert_eq!(
        declaration
            .import_rows(&school(), &created.name, RowState::Unspecified)
            .await,
        [
            "1 Waiting",
            "2 Waiting",
            "3 Refused home_address.division DIVISION_NOT_GRANTED",
            "4 Refused home_address.division DIVISION_NOT_GRANTED",
            "5 Refused home_address.division DIVISION_SHAPE",
            "6 Refused home_address.division DIVISION_NOT_GRANTED",
        ]
    );
}
