use super::*;

const GOOD: &str = r#"
id = "t"
version = "1"
effective_from = "2022-12-01T00:00:00+08:00"
legal_basis = "b"
[guidance.green]
zh = "一"
en = "a"
[guidance.yellow]
zh = "一"
en = "a"
[guidance.red]
zh = "一"
en = "a"
"#;

fn rule(id: &str, fact: &str, conditions: &str, window: &str) -> String {
    let colour = id.split('.').next().unwrap_or_default();
    format!(
        "[[rule]]\nid = \"{id}\"\ncolour = \"{colour}\"\nfact = \"{fact}\"\nreason = {{ zh = \"一\", en = \"a\" }}\nlegal_basis = \"b\"\n{conditions}\nwindow = {{ {window} }}\n"
    )
}

const CASE: &str = "from = [\"diagnosed_at\"], until = [\"closed_at\"]";
const CONFIRMED: &str = "all = [{ attribute = \"stage\", is = \"confirmed\" }]";

/// (reason, rule, path) of each finding.
fn said(rules: &[String]) -> Vec<(&'static str, Option<String>, String)> {
    of(&format!("{GOOD}{}", rules.concat()))
}

fn of(text: &str) -> Vec<(&'static str, Option<String>, String)> {
    let linted = lint(text);
    let errors = linted.findings.iter().any(|one| one.severity == Severity::Error);
    assert_eq!(linted.set.is_none(), errors);
    for one in &linted.findings {
        assert!(!one.zh.is_empty() && !one.en.is_empty(), "{one:?}");
    }
    let three = |one: Finding| (one.reason, one.rule, one.path);
    linted.findings.into_iter().map(three).collect()
}

fn one(reason: &'static str, rule: &str, path: &str) -> Vec<(&'static str, Option<String>, String)> {
    let rule = Some(rule.to_owned()).filter(|rule| !rule.is_empty());
    vec![(reason, rule, path.to_owned())]
}

#[test]
fn the_bundled_rule_set_is_clean() {
    assert_eq!(of(RuleSet::SD_2020), []);
}

#[test]
fn a_rule_that_another_always_covers_is_unreachable() {
    let all = rule("red.all", "case", "", CASE);
    let some = rule("yellow.some", "case", CONFIRMED, CASE);
    let found = one("RULE_UNREACHABLE", "yellow.some", "rule[1]");
    assert_eq!(said(&[all, some.clone()]), found);
    // Of two that are alike the second; a worse colour is not covered by a better one.
    let again = rule("yellow.again", "case", CONFIRMED, CASE);
    assert_eq!(
        said(&[some.clone(), again]),
        one("RULE_UNREACHABLE", "yellow.again", "rule[1]")
    );
    let yellow = rule("yellow.all", "case", "", CASE);
    assert_eq!(said(&[yellow, rule("red.some", "case", CONFIRMED, CASE)]), []);
    // Every stage there is, named one by one.
    let stages = ["confirmed", "suspected", "asymptomatic"]
        .map(|stage| format!("{{ attribute = \"stage\", is = \"{stage}\" }}"));
    let every = rule(
        "red.every",
        "case",
        &format!("any = [{}]", stages.join(", ")),
        CASE,
    );
    assert_eq!(
        said(&[every, some]),
        one("RULE_UNREACHABLE", "yellow.some", "rule[1]")
    );
}

#[test]
fn a_window_covers_what_begins_no_earlier_and_ends_no_later() {
    let visit = |id: &str, days: u8, count: &str| {
        let window =
            format!("from = [\"visited_at\"], anchor = \"visited_at\", days = {days}, count = \"{count}\"");
        rule(id, "fever_clinic_visit", "", &window)
    };
    for (wide, narrow, covered) in [
        ((14, "calendar"), (14, "elapsed"), true),
        ((14, "elapsed"), (14, "calendar"), false),
        ((15, "elapsed"), (14, "calendar"), true),
        ((13, "calendar"), (14, "calendar"), false),
    ] {
        let found = said(&[
            visit("red.wide", wide.0, wide.1),
            visit("yellow.narrow", narrow.0, narrow.1),
        ]);
        assert_eq!(!found.is_empty(), covered, "{wide:?} {narrow:?}");
    }
    // From the diagnosis for ever covers what begins with the closing.
    let ever = rule("red.ever", "case", "", "from = [\"diagnosed_at\"]");
    let after = rule(
        "yellow.after",
        "case",
        "",
        "from = [\"closed_at\"], anchor = \"closed_at\", days = 14",
    );
    let found = said(&[ever, after]);
    assert_eq!(
        found.iter().map(|one| one.0).collect::<Vec<_>>(),
        ["WINDOW_ENDLESS", "RULE_UNREACHABLE"]
    );
    let area = |id: &str, days: u8| {
        let window = format!("area = \"high\", look_back_days = {days}, days = 14");
        rule(id, "stay", "", &window)
    };
    assert_eq!(said(&[area("red.a", 7), area("yellow.a", 14)]), []);
    assert_eq!(
        said(&[area("red.a", 14), area("yellow.a", 7)]),
        one("RULE_UNREACHABLE", "yellow.a", "rule[1]")
    );
}

#[test]
fn conditions_that_can_never_hold_together_are_found() {
    let two = "all = [{ attribute = \"stage\", is = \"confirmed\" }, { attribute = \"stage\", is = \"suspected\" }]";
    assert_eq!(
        said(&[rule("red.two", "case", two, CASE)]),
        one("CONDITIONS_CONTRADICT", "red.two", "rule[0].all")
    );
    let any = format!("{CONFIRMED}\nany = [{{ attribute = \"stage\", is = \"suspected\" }}]");
    assert_eq!(
        said(&[rule("red.any", "case", &any, CASE)]),
        one("CONDITIONS_CONTRADICT", "red.any", "rule[0].any")
    );
    let symptoms = "from = [\"observed_at\"], until = [\"cleared_at\"]";
    for never in [
        "all = [{ attribute = \"symptoms\", contains = [] }]",
        "all = [{ attribute = \"temperature_c\", at_least = 46 }]",
    ] {
        let found = said(&[rule("red.never", "symptoms", never, symptoms)]);
        assert_eq!(found, one("CONDITIONS_CONTRADICT", "red.never", "rule[0].all"));
    }
}

#[test]
fn texts_and_legal_bases_that_are_missing_are_named_one_by_one() {
    let blank = rule("red.a", "case", "", CASE).replace("zh = \"一\"", "zh = \"　 \"");
    assert_eq!(said(&[blank]), one("TEXT_MISSING", "red.a", "rule[0].reason.zh"));
    let missing = rule("red.a", "case", "", CASE).replace(", en = \"a\"", "");
    assert_eq!(
        said(&[missing]),
        one("TEXT_MISSING", "red.a", "rule[0].reason.en")
    );
    let baseless = rule("red.a", "case", "", CASE).replace("legal_basis = \"b\"\n", "");
    assert_eq!(
        said(&[baseless]),
        one("LEGAL_BASIS_MISSING", "red.a", "rule[0].legal_basis")
    );
    let good = format!("{GOOD}{}", rule("red.a", "case", "", CASE));
    assert_eq!(
        of(&good.replacen("legal_basis = \"b\"", "", 1)),
        one("LEGAL_BASIS_MISSING", "", "legal_basis")
    );
    assert_eq!(
        of(&good.replacen("zh = \"一\"", "zh = \"\"", 1)),
        one("TEXT_MISSING", "", "guidance.green.zh")
    );
    assert_eq!(
        of(&good.replace("+08:00", "")),
        one("INSTANT_SHAPE", "", "effective_from")
    );
}

#[test]
fn ids_are_unique_and_begin_with_their_colour() {
    let a = rule("red.a", "case", CONFIRMED, CASE);
    let other = rule(
        "red.a",
        "entry",
        "",
        "from = [\"entered_at\"], until = [\"quarantine_completed_at\"]",
    );
    assert_eq!(
        said(&[a.clone(), other]),
        one("RULE_ID_DUPLICATE", "red.a", "rule[1].id")
    );
    for id in ["yellow.a", "red", "red.", "a"] {
        let renamed = a.replace("id = \"red.a\"", &format!("id = \"{id}\""));
        assert_eq!(said(&[renamed]), one("RULE_ID_COLOUR", id, "rule[0].id"));
    }
}

#[test]
fn a_rule_names_no_place() {
    let stay = "area = \"high\", look_back_days = 14, days = 14";
    for (condition, path) in [
        (
            "all = [{ attribute = \"division\", is = \"370202\" }]",
            "rule[0].all[0]",
        ),
        (
            "any = [{ attribute = \"community\", is = \"甲\" }]",
            "rule[0].any[0]",
        ),
    ] {
        let found = said(&[rule("red.here", "stay", condition, stay)]);
        assert_eq!(found, one("LOCALITY_NAMED", "red.here", path));
    }
    let code = "all = [{ attribute = \"stage\", is = \"370202\" }]";
    let found = said(&[rule("red.here", "case", code, CASE)]);
    assert_eq!(found, one("LOCALITY_NAMED", "red.here", "rule[0].all[0]"));
    let word = rule("red.here", "case", "division = \"370202\"", CASE);
    let found = said(&[word]);
    assert_eq!(found[..1], one("LOCALITY_NAMED", "red.here", "rule[0].division"));
    assert_eq!(found[1].0, "RULE_SET_UNREADABLE");
}

#[test]
fn windows_begin_end_and_hold_something() {
    for (window, reason, path) in [
        (
            "from = [\"closed_at\"], days = 14",
            "WINDOW_ANCHOR_MISSING",
            ".anchor",
        ),
        (
            "from = [\"closed_at\"], anchor = \"closed_at\"",
            "WINDOW_DAYS_MISSING",
            ".days",
        ),
        ("until = [\"closed_at\"]", "WINDOW_START_MISSING", ".from"),
        (
            "from = [\"closed_at\"], until = [\"diagnosed_at\"]",
            "WINDOW_EMPTY",
            "",
        ),
        (
            "from = [\"closed_at\"], until = [\"closed_at\"]",
            "WINDOW_EMPTY",
            "",
        ),
        (
            "from = [\"diagnosed_at\"], until = [\"closed_at\"], look_back_days = 3",
            "WINDOW_PARTS_IGNORED",
            "",
        ),
        (
            "from = [\"diagnosed_at\"], until = [\"closed_at\"], until_all = [{ attribute = \"closed_at\" }]",
            "WINDOW_PARTS_IGNORED",
            "",
        ),
    ] {
        let found = said(&[rule("red.a", "case", "", window)]);
        let there = found.contains(&one(reason, "red.a", &format!("rule[0].window{path}"))[0]);
        assert!(there, "{window}: {found:?}");
    }
    let endless = lint(&format!(
        "{GOOD}{}",
        rule("red.a", "case", "", "from = [\"diagnosed_at\"]")
    ));
    let found: Vec<_> = endless
        .findings
        .iter()
        .map(|one| (one.reason, one.severity))
        .collect();
    assert_eq!(found, [("WINDOW_ENDLESS", Severity::Warning)]);
    assert!(endless.set.is_some());
}

#[test]
fn what_cannot_be_compiled_is_said_with_its_rule() {
    let unknown = rule(
        "red.a",
        "case",
        "",
        "from = [\"diagnosed\"], until = [\"closed_at\"]",
    );
    assert_eq!(said(&[unknown]), one("RULE_REFUSED", "red.a", "rule[0]"));
    assert_eq!(
        of("id = \"x\"\n  version = [").first().map(|one| one.0),
        Some("RULE_SET_UNREADABLE")
    );
    let guidance = format!(
        "{GOOD}[guidance.blue]\nzh = \"一\"\nen = \"a\"\n{}",
        rule("red.a", "case", "", CASE)
    );
    assert_eq!(of(&guidance), one("RULE_SET_REFUSED", "", ""));
}

/// On a small stack: what recurses without a bound ends the process.
#[test]
fn what_is_huge_or_deep_is_refused_without_reading_on() {
    let deep = [
        format!("id = {}", "[".repeat(100_000)),
        format!("id = {}", "{a=".repeat(80_000)),
        format!("{} = 1", vec!["a"; 100_000].join(".")),
        format!("[{}]\nb = 1", vec!["a"; 100_000].join(".")),
        format!("id = {}1{}", "[".repeat(90), "]".repeat(90)),
    ];
    let small = std::thread::Builder::new().stack_size(512 * 1024);
    let ran = small.spawn(move || {
        for text in deep {
            let found = of(&text);
            assert_eq!(
                found.last().map(|one| one.0),
                Some("RULE_SET_UNREADABLE"),
                "{text:.20}"
            );
        }
        for size in [super::super::MAX_DOCUMENT + 1, 10 * 1024 * 1024] {
            let error = RuleSet::parse(&"#".repeat(size)).unwrap_err();
            assert_eq!(error, RuleSetError::TooLarge { bytes: size });
            assert_eq!(of(&"[".repeat(size)), one("RULE_SET_TOO_LARGE", "", ""));
        }
    });
    assert!(ran.is_ok_and(|thread| thread.join().is_ok()));
}
