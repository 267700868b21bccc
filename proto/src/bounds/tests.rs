use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};

use super::*;
use crate::lutong::complaint::v1 as complaint;
use crate::lutong::complaint::v1::create_complaint_request::Kind;

fn noted(check: impl FnOnce(&mut Violations)) -> Vec<String> {
    let mut wrong = Violations::new();
    check(&mut wrong);
    let violations = wrong
        .finish()
        .err()
        .map(|fault| fault.violations)
        .unwrap_or_default();
    violations
        .iter()
        .map(|one| format!("{} {}", one.field, one.reason))
        .collect()
}

#[test]
fn a_text_is_held_to_each_of_its_bounds_and_counted_in_characters() {
    let text = Text {
        required: true,
        min_chars: 2,
        max_chars: 4,
        max_bytes: 0,
        format: Format::Unspecified,
        collection: "",
    };
    for (written, reason) in [
        ("", "f MISSING"),
        (" \n", "f MISSING"),
        ("字", "f TOO_SHORT"),
        ("字字", ""),
        ("字字字字", ""),
        ("字字字字字", "f TOO_LONG"),
    ] {
        let found = noted(|wrong| text.note(written, At::Field(&At::Request, "f"), wrong));
        assert_eq!(found.join(","), reason, "{written:?}");
    }
    let optional = Text {
        required: false,
        ..text
    };
    assert!(noted(|wrong| optional.note("", At::Request, wrong)).is_empty());
    let short = Text {
        max_bytes: 3,
        max_chars: 0,
        min_chars: 0,
        ..text
    };
    assert_eq!(
        noted(|wrong| short.note("abcd", At::Field(&At::Request, "f"), wrong)),
        ["f TOO_LONG"]
    );
}

#[test]
fn a_format_refuses_what_is_nearly_right() {
    for (format, right, nearly) in [
        (
            Format::Uuid,
            "00000000-0000-7000-9000-000000000001",
            "00000000-0000-7000-9000-00000000000A",
        ),
        (Format::Division, "370202", "37020"),
        (Format::Date, "2022-02-28", "2022-02-29"),
        (Format::Country, "DEU", "DEX"),
        (Format::Identifier, "cdc-370200", "cdc--370200"),
        (Format::Identifier, "a", "-a"),
        (Format::Identifier, "a1", "1a"),
        (Format::Identifier, "ab", "aB"),
    ] {
        assert!(
            noted(|wrong| shape(format, right, At::Request, wrong)).is_empty(),
            "{right}"
        );
        assert_eq!(
            noted(|wrong| shape(format, nearly, At::Request, wrong)).len(),
            1,
            "{nearly}"
        );
    }
}

#[test]
fn numbers_lists_choices_and_instants_have_both_their_ends() {
    let at = At::Field(&At::Request, "f");
    for (value, reason) in [
        (0.9, "f OUT_OF_RANGE"),
        (1.0, ""),
        (2.0, ""),
        (2.1, "f OUT_OF_RANGE"),
        (f64::NAN, "f OUT_OF_RANGE"),
    ] {
        assert_eq!(
            noted(|wrong| number(value, Some(1.0), Some(2.0), at, wrong)).join(","),
            reason,
            "{value}"
        );
    }
    for (count, reason) in [(0, "f MISSING"), (1, ""), (3, ""), (4, "f TOO_MANY")] {
        assert_eq!(
            noted(|wrong| items(count, 1, 3, at, wrong)).join(","),
            reason,
            "{count}"
        );
    }
    assert_eq!(noted(|wrong| items(1, 2, 0, at, wrong)), ["f TOO_FEW"]);
    for (length, reason) in [(0, "f MISSING"), (2, ""), (3, "f TOO_LONG")] {
        assert_eq!(
            noted(|wrong| bytes(length, true, 2, at, wrong)).join(","),
            reason,
            "{length}"
        );
    }
    assert_eq!(
        noted(|wrong| choice(7, false, false, at, wrong)),
        ["f UNKNOWN_VALUE"]
    );
    assert_eq!(noted(|wrong| choice(0, true, true, at, wrong)), ["f MISSING"]);
    assert!(noted(|wrong| choice(0, true, false, at, wrong)).is_empty());
    for (seconds, nanos, is_right) in [
        (-62_135_596_801, 0, false),
        (-62_135_596_800, 0, true),
        (253_402_300_799, 999_999_999, true),
        (253_402_300_800, 0, false),
        (0, -1, false),
        (0, 1_000_000_000, false),
    ] {
        let time = prost_types::Timestamp { seconds, nanos };
        assert_eq!(
            noted(|wrong| instant(&time, at, wrong)).is_empty(),
            is_right,
            "{seconds} {nanos}"
        );
    }
}

#[test]
fn a_name_is_of_its_collection_and_has_one_id() {
    let at = At::Field(&At::Request, "name");
    for (written, is_right) in [
        ("complaints/1", true),
        ("complaints/", false),
        ("complaints", false),
        ("complaints/1/2", false),
        ("complaint/1", false),
        ("1", false),
    ] {
        assert_eq!(
            noted(|wrong| name("complaints", written, at, wrong)).is_empty(),
            is_right,
            "{written}"
        );
    }
}

#[test]
fn everything_that_is_wrong_is_named_where_it_lies() {
    let request = complaint::CreateComplaintRequest {
        request_id: "1".to_owned(),
        kind: Some(Kind::Feedback(complaint::Feedback {
            category: 99,
            text: "码\u{202e}".to_owned(),
        })),
        division: String::new(),
    };
    let fault = request.check().unwrap_err();
    let named: Vec<_> = fault
        .violations
        .iter()
        .map(|one| format!("{} {}", one.field, one.reason))
        .collect();
    assert_eq!(
        named,
        [
            "request_id UUID_SHAPE",
            "feedback.category UNKNOWN_VALUE",
            "feedback.text TEXT_BIDI"
        ]
    );
    let missing = complaint::CreateComplaintRequest {
        request_id: "00000000-0000-7000-9000-000000000001".to_owned(),
        kind: None,
        division: String::new(),
    };
    assert_eq!(missing.check().unwrap_err().violations[0].field, "kind");
}

/// The generated test of the contract: one more than each bound of each field, sent alone, is named by its field.
#[test]
fn one_too_many_of_everything_that_has_a_bound_is_refused_by_its_name() {
    let pool = crate::descriptor_pool();
    let option = pool.get_extension_by_name("lutong.policy.v1.field").unwrap();
    let mut checked = 0;
    for message in pool
        .all_messages()
        .filter(|message| message.full_name().starts_with("lutong."))
    {
        for field in message.fields() {
            let options = field.options();
            if !options.has_extension(&option) {
                continue;
            }
            let bounds = options.get_extension(&option);
            let bounds = bounds.as_message().unwrap();
            let count = |name: &str| bounds.get_field_by_name(name).unwrap().as_u32().unwrap() as usize;
            let (chars, items, bytes) = (count("max_chars"), count("max_items"), count("max_bytes"));
            let least = bounds.get_field_by_name("min").unwrap().as_f64();
            let least = bounds.has_field_by_name("min").then_some(least).flatten();
            let mut with = DynamicMessage::new(message.clone());
            let reason = if chars > 0 {
                with.set_field(&field, Value::String("a".repeat(chars + 1)));
                "TOO_LONG"
            } else if items > 0 {
                let item = Value::default_value(&field.kind());
                with.set_field(&field, Value::List(vec![item; items + 1]));
                "TOO_MANY"
            } else if bytes > 0 {
                let too_long = match field.kind() {
                    prost_reflect::Kind::Bytes => Value::Bytes(vec![0; bytes + 1].into()),
                    _ => Value::String("a".repeat(bytes + 1)),
                };
                with.set_field(&field, too_long);
                "TOO_LONG"
            } else if let Some(least) = least {
                #[allow(clippy::cast_possible_truncation)] // bounds are whole numbers
                let below = match field.kind() {
                    prost_reflect::Kind::Double => Value::F64(least - 0.1),
                    prost_reflect::Kind::Int32 => Value::I32(least as i32 - 1),
                    _ => Value::I64(least as i64 - 1),
                };
                with.set_field(&field, below);
                "OUT_OF_RANGE"
            } else {
                continue;
            };
            let bytes = with.encode_to_vec();
            let refused = check_encoded(message.full_name(), &bytes).unwrap().unwrap_err();
            let is_named = refused
                .violations
                .iter()
                .any(|one| one.field == field.name() && one.reason == reason);
            assert!(is_named, "{}: {refused:?}", field.full_name());
            checked += 1;
        }
    }
    assert!(checked >= 12, "{checked}");
}
