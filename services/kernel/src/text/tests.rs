use super::*;
use proptest::prelude::*;

fn line(text: &str) -> Result<String, TextError> {
    FreeText::parse(text, TextRule::line(20)).map(FreeText::into_string)
}

#[test]
fn a_text_is_stored_in_nfc_without_outer_blanks() {
    for (text, form) in [
        ("  奥帆中心小区 3号楼 ", "奥帆中心小区 3号楼"),
        ("e\u{301}cole", "école"),
        ("2022-11-26.1", "2022-11-26.1"),
        ("𠮷田𬸪", "𠮷田𬸪"),
        ("葛\u{e0100}城", "葛\u{e0100}城"),
        ("ئۇيغۇر", "ئۇيغۇر"),
        ("“码”不显示！", "“码”不显示！"),
        (
            "\u{9fff}\u{2a6e0}\u{2fffd}\u{3fffd}",
            "\u{9fff}\u{2a6e0}\u{2fffd}\u{3fffd}",
        ),
        ("ᠠ\u{180e}", "ᠠ\u{180e}"),
    ] {
        assert_eq!(line(text).as_deref(), Ok(form), "{text:?}");
    }
}

#[test]
fn line_breaks_and_tabs_are_accepted_only_where_several_lines_are() {
    let text = "一\r\n\t二";
    let parsed = FreeText::parse(text, TextRule::lines(20));
    assert_eq!(parsed.map(FreeText::into_string).as_deref(), Ok(text));
    for c in ["\n", "\r", "\t"] {
        assert_eq!(line(&format!("一{c}二")), Err(TextError::Control), "{c:?}");
    }
}

#[test]
fn an_optional_text_may_be_empty_and_breaks_no_other_rule() {
    let optional = |text: &str| FreeText::parse_optional(text, TextRule::line(1));
    assert_eq!(optional(" "), Ok(None));
    assert_eq!(optional("一"), Ok(FreeText::parse("一", TextRule::line(1)).ok()));
    assert_eq!(optional("一二"), Err(TextError::TooLong(1)));
}

#[test]
fn the_length_is_counted_in_characters_of_the_normal_form() {
    assert_eq!(line(&"𠮷".repeat(20)), Ok("𠮷".repeat(20)));
    assert_eq!(line(&"e\u{301}".repeat(20)), Ok("é".repeat(20)));
    assert_eq!(line(&"字".repeat(21)), Err(TextError::TooLong(20)));
}

#[test]
fn a_text_of_more_than_16_bytes_a_character_is_too_long_whatever_it_holds() {
    let padded = |length: usize| line(&format!("{}字", " ".repeat(length - 3)));
    assert_eq!(padded(320).as_deref(), Ok("字"));
    assert_eq!(padded(321), Err(TextError::TooLong(20)));
}

#[test]
fn each_rule_has_its_own_code_and_text() {
    for (error, reason, zh) in [
        (TextError::Empty, "MISSING", "必填"),
        (TextError::TooLong(7), "TEXT_LENGTH", "最多7个字符"),
        (TextError::Control, "TEXT_CONTROL", "不得含控制字符"),
        (TextError::Direction, "TEXT_BIDI", "不得含改变书写方向的字符"),
        (TextError::Invisible, "TEXT_INVISIBLE", "不得含不可见字符"),
        (TextError::Tag, "TEXT_TAG", "不得含标签字符"),
        (TextError::Unassigned, "TEXT_UNASSIGNED", "含未定义或私用字符"),
        (TextError::Mark, "TEXT_MARK", "不得以组合符号开头"),
    ] {
        let is_length = matches!(error, TextError::Empty | TextError::TooLong(_));
        assert_eq!(error.is_length(), is_length, "{error}");
        let violation = error.violation("reason");
        assert_eq!(
            (violation.field.as_str(), violation.reason.as_ref()),
            ("reason", reason)
        );
        assert_eq!((violation.zh.as_str(), violation.en), (zh, error.to_string()));
    }
}

#[test]
fn invisible_and_misleading_characters_are_refused_with_the_rule_they_break() {
    for (characters, error) in [
        ("\0\u{1b}\u{7f}\u{85}\n\u{2028}\u{2029}", TextError::Control),
        (
            "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}",
            TextError::Direction,
        ),
        (
            "\u{200b}\u{200c}\u{200d}\u{feff}\u{2060}\u{ad}\u{2062}\u{3164}\u{115f}\u{1160}\u{ffa0}",
            TextError::Invisible,
        ),
        (
            "\u{e0000}\u{e0001}\u{e0041}\u{e007f}\u{e00ff}\u{e01f0}\u{e0fff}",
            TextError::Tag,
        ),
        (
            "\u{fdd0}\u{fffe}\u{ffff}\u{2fffe}\u{2ffff}\u{3fffe}\u{10ffff}\u{e000}\u{f8ff}\u{f0000}\u{378}",
            TextError::Unassigned,
        ),
    ] {
        for c in characters.chars() {
            assert_eq!(line(&format!("a{c}b")), Err(error), "{c:?}");
        }
    }
    assert_eq!(line("\u{301}a"), Err(TextError::Mark));
    assert_eq!(line(" \u{3000} "), Err(TextError::Empty));
}

#[test]
fn only_the_length_of_a_text_is_printed() {
    let text = FreeText::parse("孙小鲁", TextRule::line(20)).unwrap();
    assert_eq!(format!("{text:?}"), "FreeText(3 characters)");
    assert_eq!(text.as_str(), "孙小鲁");
}

proptest! {
    #[test]
    fn an_accepted_text_is_in_normal_form_and_within_its_rule(text in any::<String>(), is_multiline in any::<bool>()) {
        let rule = TextRule { max_characters: 30, is_multiline };
        if let Ok(accepted) = FreeText::parse(&text, rule) {
            let form = accepted.as_str();
            prop_assert_eq!(FreeText::parse(form, rule), Ok(accepted.clone()));
            prop_assert!((1..=30).contains(&form.chars().count()));
            prop_assert_eq!(form.trim(), form);
            prop_assert!(form.nfc().eq(form.chars()));
            prop_assert!(!form.chars().any(|c| c.is_control() && !(is_multiline && matches!(c, '\n' | '\r' | '\t'))));
        }
    }

    #[test]
    fn one_refused_character_anywhere_makes_a_text_refused(
        before in "[a-z字]{1,9}", after in "[a-z字]{1,9}",
        bad in prop_oneof![
            Just('\u{202e}'), Just('\u{2066}'), Just('\u{200b}'), Just('\u{feff}'), Just('\u{e0020}'), Just('\u{0}'),
            Just('\u{ffff}'), prop::char::range('\u{e000}', '\u{f8ff}'), prop::char::range('\u{fdd0}', '\u{fdef}'),
        ],
    ) {
        let (good, refused) = (format!("{before}{after}"), format!("{before}{bad}{after}"));
        prop_assert!(line(&good).is_ok());
        prop_assert!(line(&refused).is_err());
    }
}
