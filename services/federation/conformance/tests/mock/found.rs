//! Each way of breaking the contract is found by the cases that are about it, and by no other.

use lutong_conformance::mock::faults::{FaultKind, FaultScript};
use lutong_conformance::report::{Report, SystemVerdict};
use lutong_conformance::verdict::CaseResult;
use strum::VariantArray as _;

use crate::bed::{bare_declaration, findings, report_of, whole_declaration};

#[tokio::test]
async fn a_system_that_keeps_the_contract_passes_every_case_with_every_exchange_kept() {
    let report = report_of(FaultScript::default(), &whole_declaration()).await;
    assert_eq!(findings(&report), Vec::<String>::new());
    let skipped: Vec<_> = report
        .cases
        .iter()
        .filter(|case| case.result == CaseResult::Skip)
        .collect();
    assert!(skipped.is_empty(), "{skipped:?}");
    assert_eq!(report.verdict, SystemVerdict::Conformant);
    for case in &report.cases {
        // Everything is declared: nothing is asked for that is not.
        assert_eq!(case.exchanges.is_empty(), case.id == "PLN-001", "{}", case.id);
    }
}

#[tokio::test]
async fn what_is_not_declared_is_skipped_and_what_everybody_keeps_is_tested() {
    let report = report_of(FaultScript::default(), &bare_declaration()).await;
    let ran = report.cases.iter().filter(|case| case.result == CaseResult::Pass);
    let groups: std::collections::BTreeSet<_> = ran.map(|case| case.id[..3].to_owned()).collect();
    assert_eq!(
        groups.into_iter().collect::<Vec<_>>(),
        ["ANS", "KEY", "MSG", "PLN", "VER"]
    );
    assert_eq!(report.verdict, SystemVerdict::Conformant);
    assert!(report.count(CaseResult::Skip) > 20);
    // A mode is nothing without its exchanges.
    let mode = format!("modes = [\"CONVERSION\"]\n{}", bare_declaration());
    let report = report_of(FaultScript::default(), &mode).await;
    let result = |id: &str| report.cases.iter().find(|case| case.id == id).unwrap().result;
    assert_eq!(
        (result("MAK-001"), result("QRY-001")),
        (CaseResult::Pass, CaseResult::Skip)
    );
}

#[tokio::test]
async fn an_undeclared_exchange_that_is_served_is_found() {
    let script = FaultScript::of(FaultKind::ServesUndeclared, 0);
    let report = report_of(script, &bare_declaration()).await;
    assert_eq!(findings(&report), ["PLN-001 UNDECLARED"]);
    // It ought not to be so, and breaks nothing.
    assert_eq!(report.verdict, SystemVerdict::Conformant);
}

/// The cases that hear an answer, and nothing else.
const ANSWERED: &[&str] = &[
    "MSG-001", "MSG-006", "ANS-001", "ANS-002", "ANS-003", "ANS-004", "ANS-005", "VER-001", "VER-002",
    "VER-003", "VER-004", "DEC-001", "DEC-002", "DEC-003", "DEC-004", "ITI-001", "ITI-002", "ITI-003",
    "QRY-001", "QRY-002", "QRY-003", "QRY-004", "MAK-001", "MAK-002", "MAK-003", "MAK-004", "MAK-005",
    "CAL-001", "CAL-002", "CAL-003", "COR-001", "COR-002", "COR-003", "CHG-001", "CHG-002", "CHG-004",
    "CHG-006", "CHG-008",
];
/// The cases that hear a refusal as well, or nothing else.
const REFUSED: &[&str] = &[
    "MSG-002", "MSG-003", "MSG-004", "MSG-005", "MSG-007", "MSG-008", "MSG-009", "MSG-010", "MSG-011",
    "MSG-012", "MSG-013", "MSG-014", "MSG-015", "MSG-016", "MSG-017", "MSG-018", "MSG-019", "MSG-020",
    "MSG-021", "CHG-003", "CHG-005", "CHG-007",
];

fn each(ids: &[&str], finding: &str) -> Vec<String> {
    ids.iter().map(|id| format!("{id} {finding}")).collect()
}

/// Every case but the one that asks nothing.
fn all(finding: &str) -> Vec<String> {
    [
        each(ANSWERED, finding),
        each(REFUSED, finding),
        each(&["KEY-001"], finding),
    ]
    .concat()
}

/// What the kit must find of a fault that befalls every call.
#[allow(clippy::too_many_lines)] // a table
fn expected(fault: FaultKind) -> Vec<String> {
    use FaultKind as F;
    let named: &[&str] = match fault {
        // Told apart by time, see below; everything is declared, see above; no fault.
        F::Slow | F::ServesUndeclared | F::HangsUp => &[],
        // The rest is not asked.
        F::Away => return [all("UNREACHABLE"), each(&["PLN-001"], "UNREACHABLE")].concat(),
        F::Cut => return all("TRUNCATED"),
        F::Garbage => return all("NOT_JSON"),
        F::Oversized => return all("TOO_LARGE"),
        F::Fails => return all("FAILED"),
        F::Throttles => return all("THROTTLED"),
        F::Redirects => {
            return [
                each(ANSWERED, "REDIRECTED"),
                each(REFUSED, "REDIRECTED"),
                each(&["KEY-001"], "FAILED"),
            ]
            .concat();
        }
        // The first answer is still its own; the last of these asks about a code first.
        F::Replay => {
            let (same, other): (Vec<&str>, Vec<&str>) = ANSWERED[1..]
                .iter()
                .partition(|id| ["MSG", "ANS", "VER"].contains(&&id[..3]) || **id == "CHG-006");
            return [each(&same, "ANSWER_REPLY"), each(&other, "ANSWER_METHOD")].concat();
        }
        // Its refusals are right, for its clock.
        F::WrongClock => {
            return [
                each(ANSWERED, "REFUSED"),
                each(&["MSG-002", "MSG-003"], "REFUSED"),
            ]
            .concat();
        }
        F::WrongKey => return each(ANSWERED, "ANSWER_SIGNATURE"),
        F::OtherSender => return each(ANSWERED, "ANSWER_SENDER"),
        F::OtherAudience => return each(ANSWERED, "ANSWER_AUDIENCE"),
        F::OtherMethod => return each(ANSWERED, "ANSWER_METHOD"),
        F::AlteredAnswer => return each(ANSWERED, "ANSWER_BODY"),
        F::OtherReply => return each(ANSWERED, "ANSWER_REPLY"),
        F::UnreadableAnswer => {
            // Of these the body is not read.
            let unread = [
                "MSG-001", "MSG-006", "ANS-001", "ANS-002", "ANS-003", "ANS-004", "ANS-005",
            ];
            let read: Vec<&str> = ANSWERED
                .iter()
                .copied()
                .filter(|id| !unread.contains(id))
                .collect();
            return each(&read, "ANSWER_UNREADABLE");
        }
        F::FailsToRefuse => return each(REFUSED, "FAILED"),
        F::SameNonce => &["ANS-001 ANSWER_NONCE"],
        F::WrongContentType => &["ANS-003 CONTENT_TYPE"],
        F::AcceptsReplays => &["MSG-002 ACCEPTED", "MSG-003 ACCEPTED"],
        F::AcceptsOld => &["MSG-004 ACCEPTED", "MSG-021 ACCEPTED"],
        F::AcceptsAhead => &["MSG-005 ACCEPTED"],
        F::RefusesDelayed => &["MSG-006 REFUSED"],
        F::AcceptsAnyAudience => &["MSG-007 ACCEPTED", "MSG-021 ACCEPTED"],
        F::AcceptsAnyMethod => &["MSG-008 ACCEPTED"],
        F::AcceptsAlteredBodies => &["MSG-009 ACCEPTED"],
        F::AcceptsForgeries => &[
            "MSG-010 ACCEPTED",
            "MSG-013 ACCEPTED",
            "MSG-015 ACCEPTED",
            "MSG-021 ACCEPTED",
        ],
        F::AcceptsAnySender => &["MSG-012 ACCEPTED"],
        F::AcceptsReplies => &["MSG-016 ACCEPTED"],
        F::AcceptsAnyPurpose => &["MSG-015 ACCEPTED"],
        F::AcceptsLongBodies => &["MSG-017 ACCEPTED", "MSG-018 ACCEPTED"],
        F::AcceptsUnreadableBodies => &["MSG-019 ACCEPTED"],
        F::FailsOnNonsense => &[
            "MSG-014 FAILED",
            "MSG-017 FAILED",
            "MSG-018 FAILED",
            "MSG-020 FAILED",
        ],
        F::StatesNoReason => &["MSG-021 NO_REASON"],
        F::OtherPublishedKey => &["KEY-001 OTHER_KEY"],
        F::SaysGreen => &["VER-001 OUTCOME", "VER-002 OUTCOME", "VER-004 OUTCOME"],
        F::OtherColour => &[
            "VER-003 OUTCOME",
            "QRY-003 OUTCOME",
            "MAK-003 OUTCOME",
            "MAK-004 OUTCOME",
            "CAL-002 OUTCOME",
            "CAL-003 OUTCOME",
            "CHG-006 OUTCOME",
        ],
        F::IgnoresConsent => &["QRY-001 DISCLOSED", "MAK-001 DISCLOSED"],
        F::TakesShortSalts => &[
            "DEC-002 RETURN_CODE",
            "QRY-002 RETURN_CODE",
            "MAK-002 RETURN_CODE",
        ],
        F::IgnoresNames => &["DEC-004 RETURN_CODE", "QRY-004 DISCLOSED", "MAK-005 OUTCOME"],
        F::ShowsAnyReference => &["CAL-001 DISCLOSED", "CAL-002 DISCLOSED"],
        F::TakesAnything => &[
            "DEC-001 RETURN_CODE",
            "DEC-002 RETURN_CODE",
            "ITI-001 RETURN_CODE",
            "ITI-002 RETURN_CODE",
            "COR-001 RETURN_CODE",
            "COR-002 RETURN_CODE",
        ],
        F::NamesNoFields => &[
            "DEC-001 NO_FIELDS",
            "DEC-002 NO_FIELDS",
            "ITI-001 NO_FIELDS",
            "ITI-002 NO_FIELDS",
            "QRY-002 NO_FIELDS",
            "MAK-002 NO_FIELDS",
            "COR-001 NO_FIELDS",
            "COR-002 NO_FIELDS",
        ],
        F::ForgetsDeclarations => &["DEC-003 RETURN_CODE", "ITI-003 RETURN_CODE"],
        F::CorrectsAnything => &["COR-002 RETURN_CODE"],
        F::ForgedTokens => &["MAK-004 TOKEN"],
        F::LongTokens => &["MAK-003 TOKEN"],
        F::NoProvenance => &["QRY-003 PROVENANCE"],
        F::NoReferences => &[
            "VER-003 REFERENCE",
            "MAK-003 REFERENCE",
            "CAL-003 RETURN_CODE",
            "CHG-006 OUTCOME",
        ],
        F::NeverGone => &["CHG-002 BATCH"],
        F::ForgedBatches | F::OtherChain => &["CHG-001 BATCH"],
        F::FollowsAnything => &["CHG-004 OUTCOME"],
        F::ComparesAnyNumber => &["CHG-005 ACCEPTED"],
        F::AcceptsAnyTag => &["CHG-003 ACCEPTED", "CHG-007 ACCEPTED"],
    };
    named.iter().map(|one| (*one).to_owned()).collect()
}

fn sorted(mut findings: Vec<String>) -> Vec<String> {
    findings.sort();
    findings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_found_by_the_cases_that_are_about_it_and_by_no_other() {
    let declaration = whole_declaration();
    let mut wrong = Vec::new();
    for fault in FaultKind::VARIANTS.iter().copied() {
        let number = if fault == FaultKind::WrongClock { 300 } else { 0 };
        let report = report_of(FaultScript::of(fault, number), &declaration).await;
        let (found, expected) = (sorted(findings(&report)), sorted(expected(fault)));
        if found != expected {
            let only = |one: &[String], other: &[String]| -> Vec<String> {
                one.iter().filter(|id| !other.contains(id)).cloned().collect()
            };
            wrong.push(format!(
                "{fault:?}: too much {:?}, missing {:?}",
                only(&found, &expected),
                only(&expected, &found)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_clock_that_is_a_little_wrong_is_found_by_the_case_about_clocks() {
    for seconds in [20, -20] {
        let script = FaultScript::of(FaultKind::WrongClock, seconds);
        let report = report_of(script, &whole_declaration()).await;
        assert_eq!(findings(&report), ["ANS-005 CLOCK"], "{seconds}");
    }
}

/// The number of the first call of code verification that a case makes.
fn first_call(report: &Report, id: &str) -> usize {
    let calls = |exchanges: &[lutong_conformance::kept::KeptExchange]| {
        exchanges
            .iter()
            .filter(|one| one.call.ends_with(":verify"))
            .count()
    };
    let before = report.cases.iter().take_while(|case| case.id != id);
    before.map(|case| calls(&case.exchanges)).sum::<usize>() + 1
}

#[tokio::test]
async fn a_fault_that_happens_once_is_found_where_it_happens() {
    let declaration = whole_declaration();
    let clean = report_of(FaultScript::default(), &declaration).await;
    for (id, kind, found) in [
        ("ANS-004", "slow\"\nmilliseconds = 2100\n#\"", "ANS-004 SLOW"),
        ("MSG-013", "slow\"\nmilliseconds = 3500\n#\"", "MSG-013 TIMED_OUT"),
        ("VER-002", "cut", "VER-002 TRUNCATED"),
        ("MSG-004", "garbage", "MSG-004 NOT_JSON"),
        ("VER-001", "wrong-key", "VER-001 ANSWER_SIGNATURE"),
        ("MSG-007", "accepts-any-audience", "MSG-007 ACCEPTED"),
        ("ANS-003", "away", "ANS-003 UNREACHABLE"),
    ] {
        let from = first_call(&clean, id);
        let script = format!(
            "[[fault]]\nexchange = \"VERIFY_HEALTH_CODE\"\nfrom = {from}\ncount = 1\nkind = \"{kind}\"\n"
        );
        let report = report_of(FaultScript::parse(&script).unwrap(), &declaration).await;
        assert_eq!(findings(&report), [found], "{script}");
    }
}

#[tokio::test]
async fn a_fault_of_one_exchange_is_found_by_the_cases_of_it() {
    let script = "[[fault]]\nexchange = \"QUERY_HEALTH_RECORDS\"\nkind = \"altered-answer\"\n";
    let report = report_of(FaultScript::parse(script).unwrap(), &whole_declaration()).await;
    assert_eq!(
        findings(&report),
        each(&["QRY-001", "QRY-002", "QRY-003", "QRY-004"], "ANSWER_BODY")
    );
    assert_eq!(report.verdict, SystemVerdict::NotConformant);
}

#[tokio::test]
async fn a_system_that_is_away_is_neither_conformant_nor_not() {
    let report = report_of(FaultScript::of(FaultKind::Away, 0), &bare_declaration()).await;
    assert_eq!(
        (report.verdict, report.count(CaseResult::Fail)),
        (SystemVerdict::Inconclusive, 0)
    );
    assert!(!report.is_clean());
}

#[tokio::test]
async fn the_kit_sends_no_more_than_is_declared() {
    let declaration = bare_declaration().replace("requests_per_minute = 60000", "requests_per_minute = 3000");
    let started = std::time::Instant::now();
    let report = report_of(FaultScript::default(), &declaration).await;
    let sent: usize = report.cases.iter().map(|case| case.exchanges.len()).sum();
    let least = std::time::Duration::from_millis(20) * u32::try_from(sent).unwrap();
    assert!(
        sent > 50 && started.elapsed() >= least,
        "{sent} in {:?}",
        started.elapsed()
    );
}
