use super::*;

fn now() -> Timestamp {
    Timestamp::parse("2022-11-26T12:00:00+08:00").unwrap()
}

fn id(n: u128) -> ApplicationId {
    ApplicationId::from_uuid(uuid::Uuid::from_u128(n))
}

fn stated(date: &str) -> StatedReport<'_> {
    StatedReport {
        date,
        symptoms: Vec::new(),
        temperature_c: None,
        cleared: false,
    }
}

fn check(stated: StatedReport<'_>) -> Result<DailyReport, Vec<String>> {
    let named = |fault: Fault| {
        let names = fault.violations.into_iter();
        names.map(|one| format!("{} {}", one.field, one.reason)).collect()
    };
    stated.check(now().local_day()).map_err(named)
}

#[test]
fn a_report_is_of_today_or_yesterday() {
    for date in ["2022-11-26", "2022-11-25"] {
        assert!(check(stated(date)).is_ok(), "{date}");
    }
    for date in ["2022-11-27", "2022-11-24"] {
        let wrong = check(stated(date)).unwrap_err();
        assert_eq!(wrong, ["report_date REPORT_DATE_OUTSIDE"], "{date}");
    }
}

#[test]
fn a_temperature_has_one_decimal_at_the_most() {
    for celsius in [34.0, 36.6, 37.3, 40.1, 42.9, 43.0] {
        let report = check(StatedReport {
            temperature_c: Some(celsius),
            ..stated("2022-11-26")
        });
        assert_eq!(report.unwrap().temperature_c(), Some(celsius));
    }
    for celsius in [36.65, 37.001, f64::NAN] {
        let wrong = check(StatedReport {
            temperature_c: Some(celsius),
            ..stated("2022-11-26")
        });
        assert_eq!(wrong.unwrap_err(), ["temperature_c TEMPERATURE_DECIMALS"]);
    }
}

#[test]
fn only_symptoms_and_fever_are_stated() {
    let statement = |symptoms: &[&str], temperature_c| {
        let report = check(StatedReport {
            symptoms: symptoms.iter().map(|one| Some((*one).to_owned())).collect(),
            temperature_c,
            ..stated("2022-11-26")
        });
        report.unwrap().statement(id(1), now())
    };
    assert_eq!(statement(&[], None), None);
    assert_eq!(statement(&[], Some(37.2)), None);
    let fever = statement(&[], Some(37.3)).unwrap();
    assert_eq!(fever.attributes["temperature_c"], json!(37.3));
    let cough = statement(&["fatigue", "dry_cough", "fatigue"], Some(36.5)).unwrap();
    assert_eq!(cough.attributes["symptoms"], json!(["dry_cough", "fatigue"]));
    assert_eq!(
        (cough.source.as_str(), cough.kind.as_str(), cough.replaces),
        ("self", "symptoms", None)
    );
}

#[test]
fn a_report_of_yesterday_is_of_that_day_from_its_start() {
    let report = check(StatedReport {
        symptoms: vec![Some("fever".to_owned())],
        ..stated("2022-11-25")
    });
    let statement = report.unwrap().statement(id(1), now()).unwrap();
    assert_eq!(
        statement.attributes["observed_at"],
        json!("2022-11-25T00:00:00+08:00")
    );
}

#[test]
fn recovery_ends_what_was_observed_before_it_and_nothing_later() {
    let unwell = |date: &str, n| {
        let report = check(StatedReport {
            symptoms: vec![Some("fever".to_owned())],
            ..stated(date)
        });
        report.unwrap().statement(id(n), now()).unwrap()
    };
    let open = || vec![unwell("2022-11-25", 1), unwell("2022-11-26", 2)];
    let cleared = |date: &str| {
        let report = check(StatedReport {
            cleared: true,
            ..stated(date)
        });
        report.unwrap().corrections(id(3), now(), open())
    };
    let today = cleared("2022-11-26");
    let replaced: Vec<_> = today.iter().filter_map(|one| one.replaces.clone()).collect();
    assert_eq!(replaced, [key(id(1), "symptoms"), key(id(2), "symptoms")]);
    assert_eq!(today[0].attributes["cleared_at"], json!(now()));
    assert_ne!(today[0].key, today[1].key);
    let yesterday = cleared("2022-11-25");
    assert_eq!(yesterday.len(), 1, "today's symptoms are later than yesterday");
    assert_eq!(
        yesterday[0].attributes["cleared_at"],
        json!("2022-11-26T00:00:00+08:00")
    );
    let none = check(stated("2022-11-26"))
        .unwrap()
        .corrections(id(3), now(), open());
    assert!(none.is_empty(), "only recovery ends symptoms");
}

#[test]
fn nobody_recovers_with_symptoms_or_fever() {
    for (symptoms, temperature_c) in [(vec![Some("fatigue".to_owned())], None), (Vec::new(), Some(37.3))] {
        let wrong = check(StatedReport {
            symptoms,
            temperature_c,
            cleared: true,
            ..stated("2022-11-26")
        });
        assert_eq!(wrong.unwrap_err(), ["cleared CLEARED_WITH_SYMPTOMS"]);
    }
}
