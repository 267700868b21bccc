use strum::VariantArray as _;

use super::*;

fn document(kind: DocumentType, number: &str) -> Document {
    let today = LocalDay::parse("2022-11-26").unwrap();
    Document::try_new(kind, number, None, today).unwrap().0
}

/// A resident number born on this day, with its check character.
fn born(day: &str) -> Document {
    let digits = format!("370202{day}001");
    let check = lutong_kernel::document::check_character(digits.as_bytes()).unwrap();
    document(DocumentType::ResidentId, &format!("{digits}{check}"))
}

#[test]
fn a_minor_comes_of_age_with_the_start_of_the_eighteenth_birthday_in_shandong() {
    let of_age = |day| of_age_day(&born(day), 18).unwrap();
    assert_eq!(of_age("20041127"), LocalDay::parse("2022-11-27").unwrap());
    assert_eq!(
        of_age("20041127").start(),
        Timestamp::parse("2022-11-27T00:00:00+08:00").unwrap()
    );
    assert_eq!(of_age("20040229"), LocalDay::parse("2022-03-01").unwrap());
    let permit = document(DocumentType::HkmoHomeReturn, "H12345678");
    assert_eq!(of_age_day(&permit, 18), None);
}

#[test]
fn a_consent_counts_from_the_known_mobile_and_a_household_where_identity_knows_it() {
    let (known, other) = ([1; 32], [2; 32]);
    let registered = |is_household| KnownWard::Registered {
        mobile: Some(known),
        is_household,
    };
    assert_eq!(
        decide(Evidence::Mobile(known), registered(false), false),
        Outcome::Activate
    );
    assert_eq!(
        decide(Evidence::Household, registered(true), false),
        Outcome::Activate
    );
    for (evidence, ward) in [
        (Evidence::Mobile(other), registered(true)),
        (Evidence::Mobile(known), KnownWard::OtherName),
        (Evidence::Mobile(known), KnownWard::Nobody),
        (Evidence::Household, registered(false)),
        (Evidence::Household, KnownWard::OtherName),
        (Evidence::None, registered(true)),
    ] {
        for is_believed in [false, true] {
            assert_eq!(
                decide(evidence, ward, is_believed),
                Outcome::Wait,
                "{evidence:?} {ward:?}"
            );
        }
    }
}

/// Anybody can state a name, a number and a household.
#[test]
fn a_child_whom_nobody_registered_needs_a_counter_outside_development() {
    assert_eq!(
        decide(Evidence::Household, KnownWard::Nobody, false),
        Outcome::Wait
    );
    assert_eq!(
        decide(Evidence::Household, KnownWard::Nobody, true),
        Outcome::RegisterAndActivate
    );
}

#[test]
fn an_action_is_possible_where_the_contract_says() {
    let pool = lutong_proto::descriptor_pool();
    for (action, rpc) in [
        (Action::Consent, "ConsentBinding"),
        (Action::Confirm, "ConfirmBinding"),
        (Action::End, "EndBinding"),
    ] {
        let rpc = format!("lutong.identity.v1.BindingService/{rpc}");
        let stated = lutong_proto::transitions::of_rpc(pool, &rpc).expect(&rpc);
        let possible: Vec<&str> = State::VARIANTS
            .iter()
            .filter(|state| action.is_possible(**state))
            .map(State::into_str)
            .collect();
        assert_eq!(possible, stated.from_states, "{rpc}");
    }
}
