use super::*;

fn violation(field: &str) -> Violation {
    Violation::new(field, "MISSING", "必填", "is required")
}

#[test]
fn a_violation_of_a_nested_message_carries_the_whole_path() {
    assert_eq!(violation("number").within("document").field, "document.number");
    assert_eq!(violation("").within("document").field, "document");
    assert_eq!(
        violation("day").within("stays[2]").within("arrival").field,
        "arrival.stays[2].day"
    );
}

#[test]
fn invalid_fields_are_all_named_in_both_languages() {
    let violations = vec![violation("number"), violation("")];
    let fault = Fault::invalid(violations.clone());
    assert_eq!(
        (fault.code, fault.reason.as_ref()),
        (FaultCode::InvalidArgument, "INVALID_FIELDS")
    );
    assert_eq!(fault.zh, "number：必填；必填");
    assert_eq!(fault.en, "number: is required; is required");
    assert_eq!(fault.violations, violations);
}

#[test]
fn an_unavailable_part_is_named_with_the_time_to_wait() {
    let fault = Fault::unavailable("identity");
    assert_eq!(
        (fault.code, fault.reason.as_ref()),
        (FaultCode::Unavailable, "PART_UNAVAILABLE")
    );
    assert_eq!(fault.metadata, [("part".into(), "identity".to_owned())]);
    assert_eq!(fault.retry_after, Some(Duration::from_secs(1)));
    assert!(fault.zh.contains("identity") && fault.en.contains("identity"));
}

#[test]
fn a_fault_is_logged_by_its_reason_and_its_english_text() {
    let fault = Fault::new(FaultCode::Aborted, "CHANGED", "已变更", "was changed");
    assert_eq!(fault.to_string(), "CHANGED: was changed");
}

#[test]
fn metadata_and_violations_are_kept_in_the_order_of_their_addition() {
    let fault = Fault::new(FaultCode::Aborted, "CHANGED", "已变更", "was changed")
        .with("first", "1")
        .with("second", "2")
        .violation(violation("a"))
        .violation(violation("b"));
    assert_eq!(
        fault.metadata,
        [
            ("first".into(), "1".to_owned()),
            ("second".into(), "2".to_owned())
        ]
    );
    assert_eq!(fault.violations, [violation("a"), violation("b")]);
}

#[test]
fn all_violations_of_a_request_are_collected() {
    let mut violations = Violations::new();
    assert!(violations.is_empty());
    assert_eq!(violations.take(Ok::<_, Violation>(7)), Some(7));
    assert!(violations.is_empty());
    assert_eq!(violations.take(Err::<u8, _>(violation("a"))), None);
    violations.push(violation("b"));
    assert!(!violations.is_empty());
    let fault = violations.finish().unwrap_err();
    assert_eq!(fault.violations, [violation("a"), violation("b")]);
    assert_eq!(Violations::new().finish(), Ok(()));
}

#[test]
fn a_log_shows_the_cause_and_the_texts_do_not() {
    let fault = Fault::internal("the row of 7 is damaged");
    assert!(fault.to_string().ends_with("(the row of 7 is damaged)"));
    assert_eq!(fault.cause(), Some("the row of 7 is damaged"));
    assert!(!fault.en.contains("damaged") && !fault.zh.contains("damaged"));
    assert!(fault.metadata.is_empty() && fault.violations.is_empty());
    assert_eq!(Fault::internal_of_peer().cause(), None);
}
