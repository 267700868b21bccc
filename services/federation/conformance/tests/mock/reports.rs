//! Reports: known failures, signature, end, page, comparison.

use base64::Engine as _;
use lutong_conformance::comparison::{Change, compare};
use lutong_conformance::kept::hex;
use lutong_conformance::mock::faults::{FaultKind, FaultScript};
use lutong_conformance::report::signed::{JSON, Manifest, PAGE, ReportError};
use lutong_conformance::report::{Report, StaleReason, SystemVerdict, VALID_SECONDS};
use lutong_conformance::verdict::CaseResult;
use lutong_kernel::Clock as _;
use lutong_token::document::{self, Purpose};

use crate::bed::{Fixed, bare_declaration, key, keys, listen, report_at, report_of, whole_declaration};

fn known(case: &str, until: &str) -> String {
    format!("[[failure]]\ncase = \"{case}\"\nowner = \"张工\"\nuntil = \"{until}\"\ncomment = \"升级中\"\n")
}

fn result(report: &Report, id: &str) -> CaseResult {
    report.cases.iter().find(|case| case.id == id).unwrap().result
}

#[tokio::test]
async fn a_known_failure_does_not_fail_the_run_and_one_that_is_not_true_does() {
    let declaration = bare_declaration();
    let broken = listen(&declaration, FaultScript::of(FaultKind::AcceptsAhead, 0)).await;
    let whole = listen(&declaration, FaultScript::default()).await;
    let report = report_at(&broken, &declaration, &known("MSG-005", "2022-11-26")).await;
    assert_eq!(result(&report, "MSG-005"), CaseResult::ExpectedFail);
    assert_eq!(
        (report.verdict, report.is_clean()),
        (SystemVerdict::KnownFailures, true)
    );
    for (address, list, stale, verdict) in [
        // It passes.
        (
            &whole,
            known("MSG-005", "2022-12-31"),
            Some(("MSG-005", StaleReason::Passes)),
            SystemVerdict::Conformant,
        ),
        // Its last day is over.
        (
            &broken,
            known("MSG-005", "2022-11-25"),
            Some(("MSG-005", StaleReason::Ended)),
            SystemVerdict::NotConformant,
        ),
        (
            &whole,
            known("MSG-005", "2022-11-25"),
            Some(("MSG-005", StaleReason::Ended)),
            SystemVerdict::Conformant,
        ),
        // Its case is not run.
        (
            &whole,
            known("QRY-001", "2022-12-31"),
            Some(("QRY-001", StaleReason::Unused)),
            SystemVerdict::Conformant,
        ),
        // Another case fails.
        (
            &broken,
            known("ANS-003", "2022-11-25"),
            Some(("ANS-003", StaleReason::Ended)),
            SystemVerdict::NotConformant,
        ),
    ] {
        let report = report_at(address, &declaration, &list).await;
        let found = report
            .stale_expectations
            .first()
            .map(|entry| (&*entry.case, entry.reason));
        assert_eq!((found, report.verdict), (stale, verdict), "{list}");
        assert!(!report.is_clean(), "{list}");
    }
}

#[tokio::test]
async fn what_ought_to_be_kept_does_not_make_a_system_not_conformant() {
    let report = report_of(
        FaultScript::of(FaultKind::WrongContentType, 0),
        &bare_declaration(),
    )
    .await;
    assert_eq!(result(&report, "ANS-003"), CaseResult::Fail);
    assert_eq!(
        (report.verdict, report.is_clean()),
        (SystemVerdict::Conformant, true)
    );
}

#[tokio::test]
async fn a_signed_report_is_believed_until_it_ends_and_only_as_it_was_signed() {
    let report = report_of(FaultScript::default(), &bare_declaration()).await;
    let (json, page) = (report.json().unwrap(), report.page().unwrap());
    let signature = Manifest::of(&report, &json, &page).sign(&key(5)).unwrap();
    let now = Fixed.now();
    let open = |signature: &[u8], seed: u64, json: Option<&[u8]>, page: &str| {
        let read = |name: &str| match name {
            JSON => json.map(<[u8]>::to_vec),
            PAGE => Some(page.as_bytes().to_vec()),
            _ => None,
        };
        Manifest::open(signature, &keys(seed), now, read).map(|(manifest, _)| manifest)
    };
    let manifest = open(&signature, 5, Some(&json), &page).unwrap();
    assert_eq!(
        (manifest.verdict, &*manifest.province),
        (SystemVerdict::Conformant, "32")
    );
    assert_eq!(manifest.check_validity(now), Ok(()));
    assert_eq!(
        manifest.check_validity(now.plus_seconds(VALID_SECONDS - 1)),
        Ok(())
    );
    let late = manifest
        .check_validity(now.plus_seconds(VALID_SECONDS))
        .unwrap_err();
    assert!(late.to_string().starts_with("EXPIRED: "), "{late}");
    let early = manifest.check_validity(now.plus_seconds(-1)).unwrap_err();
    assert!(early.to_string().starts_with("FUTURE: "), "{early}");
    for place in [0, json.len() / 2, json.len() - 1] {
        let mut changed = json.clone();
        changed[place] ^= 1;
        let altered = ReportError::Altered(JSON.to_owned());
        assert_eq!(open(&signature, 5, Some(&changed), &page), Err(altered));
    }
    let nicer = page.replace("未测", "通过");
    assert_eq!(
        open(&signature, 5, Some(&json), &nicer),
        Err(ReportError::Altered(PAGE.to_owned()))
    );
    assert_eq!(
        open(&signature, 5, None, &page),
        Err(ReportError::Missing(JSON.to_owned()))
    );
    // Every byte of the signature counts, and so does whose it is.
    for place in 0..signature.len() {
        let mut changed = signature.clone();
        changed[place] ^= 1;
        assert!(open(&changed, 5, Some(&json), &page).is_err(), "byte {place}");
    }
    assert!(matches!(
        open(&signature, 6, Some(&json), &page),
        Err(ReportError::Signature(_))
    ));
    let message = document::sign(&key(5), Purpose::Message, b"{}").unwrap();
    assert!(matches!(
        open(&message, 5, Some(&json), &page),
        Err(ReportError::Signature(_))
    ));
    let other = document::sign(&key(5), Purpose::Conformance, b"{}").unwrap();
    assert!(matches!(
        open(&other, 5, Some(&json), &page),
        Err(ReportError::Form(_))
    ));
}

#[tokio::test]
async fn the_page_shows_what_a_system_answers_and_lets_none_of_it_be_a_page() {
    let declaration = bare_declaration().replace("江苏省", "<b>江苏省</b>");
    let report = report_of(FaultScript::of(FaultKind::Garbage, 0), &declaration).await;
    let page = report.page().unwrap();
    assert!(page.contains("答复不是约定的 JSON / NOT_JSON") && page.contains("未申报测试码 / no test code"));
    assert!(page.contains("正在维护") && page.contains("不符合 / not conformant"));
    for foreign in ["<script", "<b>", "src=", "href=", "http-equiv=\"refresh\""] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    // Chinese first.
    let title = page.find("内容 / case").unwrap();
    assert!(page[title..].find("报文得到").unwrap() < page[title..].find("a message is answered").unwrap());
}

#[tokio::test]
async fn no_private_key_is_in_a_report() {
    let report = report_of(FaultScript::default(), &whole_declaration()).await;
    let text = String::from_utf8(report.json().unwrap()).unwrap() + &report.page().unwrap();
    for seed in [32, 37] {
        let pem = key(seed).to_pkcs8_pem().unwrap();
        let inner: String = pem
            .expose()
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        let der = base64::engine::general_purpose::STANDARD.decode(&inner).unwrap();
        let raw = &der[der.len() - 32..];
        let hex = hex(raw);
        let encoded = base64::engine::general_purpose::STANDARD.encode(raw);
        for secret in [inner.as_str(), &hex, &encoded, "PRIVATE KEY"] {
            assert!(!text.contains(secret), "{seed}");
        }
    }
}

#[tokio::test]
async fn exchanges_are_kept_with_times_and_sizes_also_those_that_broke_off() {
    let report = report_of(FaultScript::of(FaultKind::Cut, 0), &bare_declaration()).await;
    let case = report.cases.iter().find(|case| case.id == "MSG-001").unwrap();
    let kept = &case.exchanges[0];
    assert_eq!(
        (&*kept.call, kept.status),
        ("POST /v1/exchanges:verify", Some(200))
    );
    assert!(
        kept.answer.bytes > 0 && kept.answer.text.starts_with('{'),
        "{kept:?}"
    );
    assert!(kept.failure.starts_with("after "), "{}", kept.failure);
    assert_eq!(kept.request.bytes, kept.request.text.len());
    let oversized = report.cases.iter().find(|case| case.id == "MSG-018").unwrap();
    let request = &oversized.exchanges[0].request;
    assert!(request.bytes > 130_000 && request.text.len() < 40_000 && request.sha256.len() == 64);
}

#[tokio::test]
async fn two_reports_are_compared_case_by_case() {
    let good = report_of(FaultScript::default(), &whole_declaration()).await;
    let bad = report_of(FaultScript::of(FaultKind::SaysGreen, 0), &bare_declaration()).await;
    let of = |id: &str, differences: &[lutong_conformance::comparison::Difference]| {
        differences.iter().find(|one| one.id == id).map(|one| one.change)
    };
    let worse = compare(&good, &bad);
    assert_eq!(of("VER-001", &worse), Some(Change::Worse));
    assert_eq!(
        of("QRY-001", &worse),
        Some(Change::Worse),
        "it is no longer declared"
    );
    assert_eq!(of("MSG-001", &worse), None);
    let better = compare(&bad, &good);
    assert_eq!(of("VER-001", &better), Some(Change::Better));
    assert_eq!(compare(&good, &good), []);
    let mut shorter = good.clone();
    shorter.cases.remove(0);
    assert_eq!(of("MSG-001", &compare(&good, &shorter)), Some(Change::Gone));
    assert_eq!(of("MSG-001", &compare(&shorter, &good)), Some(Change::New));
}

/// A port on which nobody listens any more.
#[tokio::test]
async fn where_nobody_listens_everything_is_an_error_and_nothing_a_failure() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let report = report_at(&address, &bare_declaration(), "").await;
    assert_eq!(report.verdict, SystemVerdict::Inconclusive);
    assert_eq!(
        (report.count(CaseResult::Pass), report.count(CaseResult::Fail)),
        (0, 0)
    );
}
