use super::*;

fn parse(text: &str) -> Result<String, NameError> {
    PersonName::parse(text).map(|name| name.expose().to_owned())
}

#[test]
fn a_mask_shows_the_last_character_of_a_han_name_and_the_first_of_any_other() {
    for (name, mask) in [
        ("王小明", "*明"),
        ("买买提·艾力", "*力"),
        ("𠮷田", "*田"),
        ("李𬸪", "*𬸪"),
        ("李〇", "*〇"),
        ("李㐀", "*㐀"),
        ("李\u{2F800}", "*丽"),
        ("Anne-Marie O'Neil", "A*"),
        ("O", "O*"),
        ("ئەركىن", "ئ*"),
    ] {
        assert_eq!(PersonName::parse(name).unwrap().mask(), mask, "{name}");
    }
}

#[test]
fn every_dot_of_input_methods_becomes_the_middle_dot_of_the_standard() {
    for dot in ['·', '•', '‧', '・', '．', '･'] {
        assert_eq!(
            parse(&format!("买买提{dot}艾力")).as_deref(),
            Ok("买买提·艾力"),
            "{dot}"
        );
    }
}

#[test]
fn a_name_is_stored_in_nfc_without_outer_blanks() {
    assert_eq!(parse(" Zoe\u{308} ").as_deref(), Ok("Zoë"));
}

#[test]
fn letters_are_joined_by_blanks_hyphens_apostrophes_stops_and_combining_marks() {
    for name in ["Jean-Luc", "O'Neil", "O’Neil", "J. Smith", "m\u{300}"] {
        assert_eq!(parse(name).as_deref(), Ok(name));
    }
}

#[test]
fn a_name_has_1_to_100_characters() {
    assert_eq!(parse(""), Err(NameError::Empty));
    assert_eq!(parse("  "), Err(NameError::Empty));
    assert_eq!(parse("王").as_deref(), Ok("王"));
    assert_eq!(parse(&"𠮷".repeat(100)), Ok("𠮷".repeat(100)));
    assert_eq!(parse(&"王".repeat(101)), Err(NameError::TooLong));
}

#[test]
fn a_text_of_more_than_1600_bytes_is_too_long_whatever_it_holds() {
    let padded = |length: usize| parse(&format!("{}王", " ".repeat(length - 3)));
    assert_eq!(padded(1_600).as_deref(), Ok("王"));
    assert_eq!(padded(1_601), Err(NameError::TooLong));
}

#[test]
fn characters_that_are_no_part_of_a_name_are_refused() {
    for bad in [
        "王<script>",
        "王1",
        "···",
        "-",
        "王\u{0}",
        "王\n小",
        "\u{301}王",
        "\u{5b0}王",
        "王\u{200b}小",
        "王\u{202e}小",
        "王\u{e0041}",
    ] {
        assert_eq!(parse(bad), Err(NameError::Characters), "{bad:?}");
    }
}

#[test]
fn each_rule_has_its_own_code_and_text() {
    for (error, reason, zh) in [
        (NameError::Empty, "NAME_MISSING", "请填写姓名"),
        (NameError::TooLong, "NAME_TOO_LONG", "姓名最多100个字符"),
        (
            NameError::Characters,
            "NAME_CHARACTERS",
            "姓名只能包含文字、间隔号“·”、空格、连字符和撇号",
        ),
    ] {
        assert_eq!((error.reason(), error.zh()), (reason, zh));
    }
}

#[test]
fn a_name_is_not_printed() {
    assert!(!format!("{:?}", PersonName::parse("王小明").unwrap()).contains('王'));
}
