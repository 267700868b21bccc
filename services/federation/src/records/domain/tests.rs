use proptest::prelude::*;
use strum::VariantArray as _;

use super::*;

#[test]
fn the_policies_of_the_build_hold_their_cases_and_each_has_one() {
    let policies = RecordPolicies::of_build().unwrap();
    let ids: Vec<_> = policies.iter().map(|policy| policy.id.as_str()).collect();
    assert_eq!(ids, ["newest", "own-first", "worst-of-14-days"]);
    assert!(policies.get("worst-of-14-days").is_some());
    assert!(policies.get("worst").is_none());
}

#[test]
fn a_policy_that_is_wrong_is_refused_by_name() {
    let case = "[[policy.case]]\nname = \"one\"\nnow = \"2022-11-26T10:00:00+08:00\"\nrecords = []\noutcome = \"NO_CODE\"\n";
    let head =
        |id: &str, steps: &str| format!("[[policy]]\nid = \"{id}\"\nsource = \"s\"\nsteps = {steps}\n");
    let good = head("a", "[\"NEWEST\"]") + case;
    RecordPolicies::parse(&good).unwrap();
    for (text, expected) in [
        (head("a", "[\"OLDEST\"]") + case, "OLDEST"),
        (head("a", "[]") + case, "a: has steps"),
        (head("a", "[\"RECENT\"]") + case, "a: RECENT goes with days"),
        (
            head("a", "[\"NEWEST\"]") + "days = 3\n" + case,
            "a: RECENT goes with days",
        ),
        (head("a", "[\"NEWEST\"]") + "case = []\n", "a: has steps"),
        (head("a", "[\"NEWEST\"]") + "weeks = 3\n" + case, "weeks"),
        (good.clone() + &good, "a: is there twice"),
        (good.replace("NO_CODE", "GREEN"), "a: one: it says"),
        (
            good.replace(
                "records = []",
                "records = [{ province = \"x\", value = \"RED\" }]",
            ),
            "an issuer is",
        ),
    ] {
        let error = RecordPolicies::parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn any_record() -> impl Strategy<Value = HealthRecord> {
    let value = prop::sample::select(RecognitionOutcome::VARIANTS);
    let updated = prop::option::of(-40_i64..40);
    (value, updated, prop::sample::select(vec!["31", "32", "33"])).prop_map(|(value, days, province)| {
        HealthRecord {
            province: Issuer::parse(province).unwrap(),
            city: String::new(),
            kind: String::new(),
            reason: String::new(),
            first_issued: None,
            updated: days.map(|days| now().plus_seconds(days * 86_400)),
            value,
        }
    })
}

fn now() -> Timestamp {
    Timestamp::parse("2022-11-26T10:00:00+08:00").unwrap()
}

proptest! {
    #[test]
    fn what_counts_is_what_a_record_says_and_the_order_of_the_records_means_nothing(
        records in prop::collection::vec(any_record(), 0..6),
        turn in 0_usize..6,
    ) {
        let policies = RecordPolicies::of_build().unwrap();
        let origin = Issuer::parse("32").ok();
        let mut turned = records.clone();
        turned.rotate_left(turn % records.len().max(1));
        for policy in policies.iter() {
            let found = policy.decide(&records, origin, now());
            match found.record {
                None => prop_assert!(records.is_empty() && found.outcome == RecognitionOutcome::NoCode),
                Some(place) => prop_assert_eq!(records[place].value, found.outcome),
            }
            prop_assert_eq!(policy.decide(&turned, origin, now()).outcome, found.outcome);
        }
    }

    #[test]
    fn under_the_worst_of_the_days_green_takes_that_every_recent_record_is_green(
        records in prop::collection::vec(any_record(), 1..6),
    ) {
        let policies = RecordPolicies::of_build().unwrap();
        let policy = policies.get("worst-of-14-days").unwrap();
        let found = policy.decide(&records, None, now());
        let first = now().local_day().plus_days(-14).start();
        let is_recent = |record: &&HealthRecord| record.updated.is_none_or(|at| first <= at);
        let mut recent: Vec<_> = records.iter().filter(is_recent).collect();
        if recent.is_empty() {
            recent = records.iter().collect();
        }
        let all_green = recent.iter().all(|record| record.value == RecognitionOutcome::Green);
        prop_assert_eq!(found.outcome == RecognitionOutcome::Green, all_green);
    }

    #[test]
    fn no_text_as_a_name_makes_it_panic(ours in ".{0,40}", theirs in ".{0,40}") {
        prop_assert_eq!(is_same_name(&ours, &theirs), is_same_name(&theirs, &ours));
    }
}

#[test]
fn a_name_is_the_same_however_a_system_writes_it() {
    for (ours, theirs) in [
        ("张三", "张三"),
        ("张三", " 张 三 "),
        ("张三", "张\u{3000}三"),
        ("张三", "*三"),
        ("张三", "张*"),
        ("欧阳小宝", "欧**宝"),
        ("张三", "张＊"),
        ("𬱖某", "\u{E812}某"),
        ("买买提·艾力", "买买提•艾力"),
        ("买买提·艾力", "买买提．艾力"),
        ("买买提·艾力", "买买提・艾力"),
        ("MARIA DE SOUZA", "de Souza Maria"),
        ("Maria de Souza", "ＭＡＲＩＡ ＤＥ ＳＯＵＺＡ"),
        ("O'NEIL ANN-MARIE", "Ann Marie O Neil"),
    ] {
        assert!(is_same_name(ours, theirs), "{ours} {theirs}");
    }
}

#[test]
fn another_name_is_another_name() {
    for (ours, theirs) in [
        ("张三", "李三"),
        ("张三", "张三三"),
        ("张三", "张"),
        ("张三", "**"),
        ("张三", ""),
        ("", ""),
        ("\u{E812}", "张"),
        ("买买提·艾力", "买买提·艾山"),
        ("MARIA SOUZA", "MARIA SOUZA LIMA"),
        ("MARIA SOUZA", "MARIO SOUZA"),
        ("ANN MARIE", "ANNM ARIE"),
    ] {
        assert!(!is_same_name(ours, theirs), "{ours} {theirs}");
    }
    assert!(
        !is_same_name(&"张".repeat(1_000), &"张".repeat(1_000)),
        "no name is so long"
    );
}
