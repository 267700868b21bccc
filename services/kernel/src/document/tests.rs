use super::*;

fn today() -> LocalDay {
    LocalDay::from_ymd(2022, 11, 26).unwrap()
}

fn resident(number: &str) -> Result<(Document, Vec<Normalisation>), DocumentError> {
    Document::try_new(DocumentType::ResidentId, number, None, today())
}

/// A resident ID number with a correct check character.
fn with_check(digits: &str) -> String {
    format!("{digits}{}", check_character(digits.as_bytes()).unwrap())
}

/// The examples of GB 11643-1999, annex.
#[test]
fn the_examples_of_gb_11643_are_accepted_as_they_are() {
    for number in ["11010519491231002X", "440524188001010014"] {
        let (document, notes) = resident(number).unwrap();
        assert_eq!((document.number(), notes.as_slice()), (number, [].as_slice()));
        assert_eq!(document.kind(), DocumentType::ResidentId);
    }
}

#[test]
fn types_have_the_names_of_the_contract() {
    let names = [
        "RESIDENT_ID",
        "TEMP_RESIDENT_ID",
        "HOUSEHOLD_BOOK",
        "MILITARY_OFFICER",
        "ARMED_POLICE_OFFICER",
        "BIRTH_CERT",
        "PASSPORT_ORDINARY",
        "PASSPORT_DIPLOMATIC",
        "PASSPORT_SERVICE",
        "TRAVEL_DOC",
        "TW_TRAVEL_PERMIT",
        "TW_TRAVEL_PERMIT_ONCE",
        "HKMO_HOME_RETURN",
        "FOREIGN_PERMANENT_RESIDENT",
        "FOREIGN_RESIDENCE",
        "OTHER",
    ];
    let kinds = names.map(|name| name.parse::<DocumentType>().unwrap());
    assert_eq!(kinds, DocumentType::ALL);
    assert!(kinds.iter().map(DocumentType::into_str).eq(names));
    assert!("resident_id".parse::<DocumentType>().is_err());
}

/// Stored blind indexes were computed over these texts.
#[test]
fn the_index_text_of_each_type_never_changes() {
    let texts = DocumentType::ALL.iter().map(|kind| {
        let number = match kind {
            DocumentType::MilitaryOfficer | DocumentType::ArmedPoliceOfficer => "武12345678",
            DocumentType::BirthCert => "A123456789",
            DocumentType::TwTravelPermit => "12345678",
            DocumentType::HkmoHomeReturn => "H12345678",
            DocumentType::ForeignPermanentResident => "FRA123456789012",
            _ => "11010519491231002X",
        };
        let france = Some(Country::parse("FRA").unwrap());
        let (document, _) = Document::try_new(*kind, number, france, today()).unwrap();
        assert_eq!(document.issuing_country(), france);
        document.index_text().replace(number, "n")
    });
    assert_eq!(
        texts.collect::<Vec<_>>(),
        [
            "CN-ID||n",
            "CN-ID||n",
            "CN-ID||n",
            "CN-MILITARY||n",
            "CN-ARMED-POLICE||n",
            "CN-BIRTH||n",
            "PASSPORT|FRA|n",
            "PASSPORT|FRA|n",
            "PASSPORT|FRA|n",
            "CN-TRAVEL||n",
            "CN-TW-PERMIT||n",
            "CN-TW-PERMIT||n",
            "CN-HKMO-PERMIT||n",
            "CN-FPR||n",
            "CN-FR||n",
            "OTHER|FRA|n",
        ]
    );
}

#[test]
fn a_resident_number_has_17_digits_and_a_check_character_or_15_digits() {
    for bad in [
        "1",
        "1101054912310",
        "11010549123100",
        "11010549123100X",
        "1101054912310021",
        "1101051949123100",
        "11010519491231002",
        "X1010519491231002X",
        "1101051949123100XX",
        "11010519491231002X1",
    ] {
        assert_eq!(resident(bad).unwrap_err(), DocumentError::ResidentShape, "{bad}");
    }
}

#[test]
fn the_first_two_digits_are_a_province_of_gb_t_2260() {
    let accepted = |province: &u8| resident(&with_check(&format!("{province}010519491231002"))).is_ok();
    let provinces: Vec<u8> = (10..=99).filter(accepted).collect();
    assert_eq!(
        provinces,
        [
            11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
            53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91
        ]
    );
    let unknown = with_check("38010519491231002");
    assert_eq!(resident(&unknown).unwrap_err(), DocumentError::Province);
}

#[test]
fn the_birth_date_is_a_day_of_the_calendar_and_not_after_today() {
    let born = |date: &str| resident(&with_check(&format!("370202{date}001"))).map(|_| ());
    assert_eq!(born("20221126"), Ok(()), "today");
    assert_eq!(born("20221127"), Err(DocumentError::FutureBirth), "tomorrow");
    assert_eq!(born("20000229"), Ok(()));
    for date in ["19000229", "20010229", "20001301", "20000100", "20000432"] {
        assert_eq!(born(date), Err(DocumentError::BirthDate), "{date}");
    }
}

#[test]
fn a_number_has_1_to_32_letters_and_digits() {
    let other = |number: &str| {
        Document::try_new(DocumentType::TravelDoc, number, None, today())
            .map(|(document, _)| document.number().to_owned())
    };
    for empty in ["", " ", "- -", "\u{3000}"] {
        assert_eq!(other(empty), Err(DocumentError::Empty), "{empty:?}");
    }
    assert_eq!(other("A"), Ok("A".to_owned()));
    assert_eq!(other(&"A".repeat(32)), Ok("A".repeat(32)));
    assert_eq!(other(&"A".repeat(33)), Err(DocumentError::TooLong));
    for bad in ["军字第1号", "A.1", "A_1", "é", "A\t1", "１．"] {
        assert_eq!(other(bad), Err(DocumentError::Characters), "{bad:?}");
    }
}

#[test]
fn a_text_of_more_than_200_bytes_is_too_long_whatever_it_holds() {
    let spaced = |blanks: usize| {
        let number = format!("A{}B", " ".repeat(blanks));
        Document::try_new(DocumentType::TravelDoc, &number, None, today()).map(|(_, notes)| notes)
    };
    assert_eq!(spaced(198), Ok(vec![Normalisation::SeparatorsRemoved]));
    assert_eq!(spaced(199), Err(DocumentError::TooLong));
}

#[test]
fn every_full_width_character_is_read_as_its_half_width_form() {
    let number = |text: String| {
        Document::try_new(DocumentType::TravelDoc, &text, None, today())
            .map(|(document, _)| document.number().to_owned())
    };
    for half in '!'..='~' {
        let full = char::from_u32(u32::from(half) + 0xFEE0).unwrap();
        assert_eq!(number(format!("A{full}")), number(format!("A{half}")), "{half}");
    }
}

#[test]
fn each_normalisation_is_reported_once() {
    let (document, notes) = resident(" 110105-１９４９ 12-31 ００２ｘ ").unwrap();
    assert_eq!(document.number(), "11010519491231002X");
    assert_eq!(
        notes,
        [
            Normalisation::SeparatorsRemoved,
            Normalisation::HalfWidth,
            Normalisation::UpperCase
        ]
    );
}

#[test]
fn only_numbers_of_resident_cards_are_checked_and_converted_as_such() {
    let (document, notes) =
        Document::try_new(DocumentType::TravelDoc, "110105491231002", None, today()).unwrap();
    assert_eq!((document.number(), notes.len()), ("110105491231002", 0));
}

#[test]
fn each_rule_has_its_own_code_its_own_text_and_the_field_that_breaks_it() {
    let errors = [
        (DocumentError::Empty, "DOCUMENT_NUMBER_MISSING", "请填写证件号码"),
        (
            DocumentError::TooLong,
            "DOCUMENT_NUMBER_TOO_LONG",
            "证件号码最多32个字符",
        ),
        (
            DocumentError::Characters,
            "DOCUMENT_NUMBER_CHARACTERS",
            "证件号码只能包含字母和数字",
        ),
        (
            DocumentError::ResidentShape,
            "RESIDENT_ID_SHAPE",
            "居民身份证号码应为18位（17位数字加校验码），旧证为15位数字",
        ),
        (
            DocumentError::CheckCharacter,
            "RESIDENT_ID_CHECK_CHARACTER",
            "居民身份证号码校验码不正确，请核对",
        ),
        (
            DocumentError::BirthDate,
            "RESIDENT_ID_BIRTH_DATE",
            "居民身份证号码中的出生日期不存在",
        ),
        (
            DocumentError::FutureBirth,
            "RESIDENT_ID_FUTURE_BIRTH_DATE",
            "居民身份证号码中的出生日期晚于今天",
        ),
        (
            DocumentError::Province,
            "RESIDENT_ID_PROVINCE",
            "居民身份证号码的行政区划代码不正确",
        ),
        (
            DocumentError::Shape(DocumentType::BirthCert),
            "DOCUMENT_NUMBER_SHAPE",
            "该证件号码应为1位字母加9位数字",
        ),
        (
            DocumentError::IssuingCountryMissing,
            "ISSUING_COUNTRY_MISSING",
            "该证件类型须填写签发国家或地区",
        ),
    ];
    for (error, reason, zh) in errors {
        assert_eq!((error.reason(), &*error.zh()), (reason, zh));
        let is_country = error == DocumentError::IssuingCountryMissing;
        assert_eq!(
            error.field(),
            if is_country { "issuing_country" } else { "number" }
        );
    }
}

#[test]
fn a_document_number_is_not_printed() {
    let (document, _) = resident("11010519491231002X").unwrap();
    assert!(!format!("{document:?}").contains("1101"));
}

#[test]
fn a_wrong_check_character_is_refused_with_its_own_reason() {
    assert_eq!(
        resident("110105194912310021").unwrap_err(),
        DocumentError::CheckCharacter
    );
}

#[test]
fn full_width_and_lower_case_characters_are_normalised_and_reported() {
    let (document, notes) = resident("１１０１０５１９４９１２３１００２ｘ").unwrap();
    assert_eq!(document.number(), "11010519491231002X");
    assert_eq!(notes, [Normalisation::HalfWidth, Normalisation::UpperCase]);
}

#[test]
fn a_15_digit_number_of_an_old_card_has_the_index_text_of_its_18_character_form() {
    let (old, notes) = resident("110105491231002").unwrap();
    let (new, _) = resident("11010519491231002X").unwrap();
    assert_eq!(old.index_text(), new.index_text());
    assert_eq!(notes, [Normalisation::FifteenToEighteen]);
}

#[test]
fn card_and_household_book_with_one_number_are_one_person_and_a_passport_needs_its_issuing_country() {
    let number = "11010519491231002X";
    let (card, _) = resident(number).unwrap();
    let (book, _) = Document::try_new(DocumentType::HouseholdBook, number, None, today()).unwrap();
    assert_eq!(card.index_text(), book.index_text());
    let passport = |country: Option<&str>| {
        let country = country.map(|c| Country::parse(c).unwrap());
        Document::try_new(DocumentType::PassportOrdinary, "E12345678", country, today())
    };
    assert_eq!(passport(None).unwrap_err(), DocumentError::IssuingCountryMissing);
    assert_ne!(
        passport(Some("FRA")).unwrap().0.index_text(),
        passport(Some("DEU")).unwrap().0.index_text()
    );
}

#[test]
fn a_check_character_needs_exactly_17_digits() {
    for bad in [
        "",
        "1101051949123100",
        "110105194912310021",
        "1101051949123100a",
        "1101051949123100X",
    ] {
        assert_eq!(check_character(bad.as_bytes()), None, "{bad}");
    }
}

proptest::proptest! {
    /// GB 11643-1999, 5.3: the weights 2^(i-1) mod 11 and the table of check characters.
    #[test]
    fn the_check_character_is_the_weighted_sum_of_gb_11643(digits in "[0-9]{17}") {
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let sum: u32 = digits.chars().filter_map(|c| c.to_digit(10)).zip(weights).map(|(digit, weight)| digit * weight).sum();
        proptest::prop_assert_eq!(check_character(digits.as_bytes()), "10X98765432".chars().nth(sum as usize % 11));
    }

    #[test]
    fn changing_any_one_digit_breaks_the_check_character(position in 0_usize..17, by in 1_u8..10) {
        let good = b"11010519491231002X";
        let mut bad = *good;
        bad[position] = b'0' + (bad[position] - b'0' + by) % 10;
        proptest::prop_assert_ne!(check_character(&bad[..17]), Some('X'));
    }

    #[test]
    fn any_text_is_answered_without_a_panic(text in ".{0,40}") {
        let _ = resident(&text);
    }
}

#[test]
fn a_number_of_another_shape_is_refused_with_what_is_expected() {
    for kind in DocumentType::ALL {
        let Some((zh, en)) = shape::description(*kind) else {
            continue;
        };
        let error = Document::try_new(*kind, "1", None, today()).unwrap_err();
        assert_eq!(error, DocumentError::Shape(*kind));
        assert!(
            error.zh().contains(zh) && error.to_string().contains(en),
            "{error}"
        );
    }
}

#[test]
fn a_military_number_is_read_with_and_without_the_words_around_it() {
    let read = |number: &str| {
        Document::try_new(DocumentType::MilitaryOfficer, number, None, today())
            .map(|(document, notes)| (document.number().to_owned(), notes))
    };
    let removed = vec![Normalisation::SeparatorsRemoved];
    assert_eq!(read("军字第12345678号"), Ok(("军12345678".to_owned(), removed)));
    assert_eq!(read("12345678"), Ok(("12345678".to_owned(), Vec::new())));
    let resident = Document::try_new(DocumentType::ResidentId, "军12345678", None, today());
    assert_eq!(resident.unwrap_err(), DocumentError::Characters);
}

#[test]
fn a_renewed_home_return_permit_is_the_same_persons() {
    let text = |number: &str| {
        let (document, _) = Document::try_new(DocumentType::HkmoHomeReturn, number, None, today()).unwrap();
        document.index_text()
    };
    assert_eq!(text("H1234567801"), text("H12345678"));
    assert_eq!(text("H1234567801"), text("h12345678-02"));
    assert_ne!(text("H12345678"), text("M12345678"));
}

#[test]
fn a_document_takes_the_place_of_one_of_its_kind_and_a_resident_id_that_of_any() {
    use DocumentType::{
        HkmoHomeReturn, HouseholdBook, MilitaryOfficer, PassportDiplomatic, PassportOrdinary, ResidentId,
    };
    for (new, old, may) in [
        (PassportDiplomatic, PassportOrdinary, true),
        (ResidentId, HouseholdBook, true),
        (ResidentId, PassportOrdinary, true),
        (ResidentId, MilitaryOfficer, true),
        (PassportOrdinary, ResidentId, false),
        (PassportOrdinary, HkmoHomeReturn, false),
        (MilitaryOfficer, PassportOrdinary, false),
    ] {
        assert_eq!(new.may_replace(old), may, "{new:?} in place of {old:?}");
    }
}
