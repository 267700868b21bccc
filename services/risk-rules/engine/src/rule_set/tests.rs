use super::*;

#[test]
fn each_bundled_rule_set_has_every_rule_of_the_order() {
    for set in RuleSet::bundled() {
        let ids: Vec<_> = set.rules().iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids, RULES, "{}", set.id);
    }
}

const RULES: [&str; 17] = [
    "red.key-area",
    "red.high-risk-area",
    "red.confirmed",
    "red.suspected",
    "red.asymptomatic-isolated",
    "red.close-contact",
    "red.designated",
    "red.partner-code",
    "yellow.fever-clinic",
    "yellow.symptoms",
    "yellow.database-anomaly",
    "yellow.discharged-observation",
    "yellow.asymptomatic-released",
    "yellow.entry-quarantine",
    "yellow.medium-risk-area",
    "yellow.designated",
    "yellow.partner-code",
];

#[test]
fn every_rule_says_why_in_both_languages_and_on_what_basis() {
    for rule in RuleSet::bundled().into_iter().flat_map(RuleSet::rules) {
        assert!(rule.id.starts_with(rule.colour.as_str()), "{}", rule.id);
        for text in [&rule.reason.zh, &rule.reason.en, &rule.legal_basis] {
            assert!(!text.is_empty(), "{}", rule.id);
        }
    }
}

#[test]
fn the_revision_counts_seven_days_for_areas_clinics_and_anomalies_and_the_rest_as_before() {
    let (before, after) = (RuleSet::sd_2020(), RuleSet::sd_2022());
    assert!(after.effective_from > before.effective_from);
    let changed = before.rules().iter().zip(after.rules());
    let changed: Vec<_> = changed
        .filter(|(before, after)| before.window != after.window)
        .map(|(_, after)| (after.id.as_str(), after.legal_basis.contains("〔2022〕101号")))
        .collect();
    let expected = [
        "red.key-area",
        "red.high-risk-area",
        "yellow.fever-clinic",
        "yellow.database-anomaly",
        "yellow.medium-risk-area",
    ];
    assert_eq!(changed, expected.map(|rule| (rule, true)));
}

fn with_rule(rule: &str) -> Result<RuleSet, RuleSetError> {
    let words = |colour| format!("[guidance.{colour}]\nzh = \"一\"\nen = \"a\"\n");
    let head =
        "id = \"x\"\nversion = \"1\"\neffective_from = \"2020-01-01T00:00:00+08:00\"\nlegal_basis = \"b\"\n";
    let rule = format!("[[rule]]\nreason = {{ zh = \"一\", en = \"a\" }}\nlegal_basis = \"b\"\n{rule}");
    RuleSet::parse(&format!(
        "{head}{}{}{}{rule}",
        words("green"),
        words("yellow"),
        words("red")
    ))
}

#[test]
fn a_rule_that_names_what_is_not_there_is_refused_with_its_id() {
    let good = "id = \"r\"\ncolour = \"red\"\nfact = \"case\"\nwindow = { from = [\"diagnosed_at\"] }";
    assert!(with_rule(good).is_ok());
    for (bad, why) in [
        (good.replace("red", "green"), "green"),
        (good.replace("\"case\"", "\"cases\""), "fact"),
        (good.replace("diagnosed_at", "diagnosed"), "diagnosed"),
        (good.replace("diagnosed_at", "stage"), "no instant"),
        (
            format!("{good}\nall = [{{ attribute = \"stage\", is = \"ill\" }}]"),
            "ill",
        ),
        (
            good.replace(
                "from = [\"diagnosed_at\"]",
                "area = \"high\", days = 14, look_back_days = 14",
            ),
            "stay",
        ),
        (
            good.replace("[\"diagnosed_at\"]", "[\"diagnosed_at\"], days = 14"),
            "anchor",
        ),
    ] {
        let error = with_rule(&bad).unwrap_err();
        assert!(
            matches!(&error, RuleSetError::Rule { rule, reason } if rule == "r" && reason.contains(why)),
            "{bad}: {error}"
        );
    }
}

#[test]
fn an_unknown_word_in_the_file_is_refused() {
    let error = with_rule("id = \"r\"\ncolour = \"red\"\nfact = \"case\"\nwhen = 1\nwindow = { from = [] }")
        .unwrap_err();
    assert!(matches!(error, RuleSetError::Unreadable { reason: why, .. } if why.contains("when")));
}
