use super::*;

fn today() -> LocalDay {
    LocalDay::from_ymd(2022, 11, 26).unwrap()
}

fn resident(number: &str) -> Result<(Document, Vec<Normalisation>), DocumentError> {
    Document::try_new(DocumentType::ResidentId, number, None, today())
}

#[test]
fn the_example_of_gb_11643_is_accepted() {
    let (document, notes) = resident("11010519491231002X").unwrap();
    assert_eq!(document.number(), "11010519491231002X");
    assert!(notes.is_empty());
    assert_eq!(document.birth_date().unwrap().to_string(), "1949-12-31");
}

#[test]
fn a_wrong_check_character_is_refused_with_its_own_reason() {
    assert_eq!(
        resident("110105194912310021").unwrap_err(),
        DocumentError::CheckCharacter
    );
}

#[test]
fn full_width_and_lower_case_are_normalised_and_said() {
    let (document, notes) = resident("１１０１０５１９４９１２３１００２ｘ").unwrap();
    assert_eq!(document.number(), "11010519491231002X");
    assert_eq!(notes, [Normalisation::HalfWidth, Normalisation::UpperCase]);
}

#[test]
fn an_old_fifteen_digit_number_becomes_the_same_person() {
    let (old, notes) = resident("110105491231002").unwrap();
    let (new, _) = resident("11010519491231002X").unwrap();
    assert_eq!(old.index_text(), new.index_text());
    assert_eq!(notes, [Normalisation::FifteenToEighteen]);
}

#[test]
fn a_birth_date_after_today_is_refused() {
    let mut number = "37020220221127001".to_owned();
    number.push(check_character(number.as_bytes()).unwrap());
    assert_eq!(resident(&number).unwrap_err(), DocumentError::FutureBirth);
}

#[test]
fn card_and_household_book_with_one_number_are_one_person_and_a_passport_needs_its_country() {
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

proptest::proptest! {
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
