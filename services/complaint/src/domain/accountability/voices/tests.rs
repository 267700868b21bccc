use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600;

fn rules() -> Rules {
    Rules::of_province().unwrap()
}

/// Three persons within ten days, with small caps: what the property tests draw often enough.
fn small() -> Rules {
    let text = include_str!("../../../../data/accountability.csv");
    let text = text
        .replace("rule,three-confirmed,confirmed,3,30", "rule,c,confirmed,2,10")
        .replace("rule,twenty-persons,persons,20,10", "rule,p,persons,4,10")
        .replace("burst,60,5", "burst,60,2")
        .replace("network,3", "network,2")
        .replace("new,7,5", "new,7,1")
        .replace("period,30", "period,5");
    Rules::parse(&text).unwrap()
}

fn hash(n: u32) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&n.to_be_bytes());
    hash
}

/// Of a person with a network of their own.
fn voice(person: u32, at: i64) -> Voice {
    Voice {
        filed_at: Timestamp::from_seconds(at),
        person: Some(hash(person)),
        network: Some(hash(person)),
        is_new: false,
        finding: None,
        is_dismissed: false,
    }
}

fn confirmed(person: u32, at: i64) -> Voice {
    Voice {
        finding: Some(Finding::Confirmed),
        ..voice(person, at)
    }
}

fn opened(voices: &[Voice]) -> Option<(bool, String)> {
    let rules = rules();
    let found = assess(&rules, voices);
    found.map(|found| (found.opens, found.threshold.id.clone()))
}

#[test]
fn a_campaign_of_forty_accounts_within_an_hour_opens_nothing_by_itself() {
    let filings: Vec<Voice> = (0..2_000)
        .map(|n| voice(n % 40, i64::from(n) * 18 / 10))
        .collect();
    let rules = rules();
    let found = assess(&rules, &filings).unwrap();
    assert!(!found.opens, "{found:?}");
    assert_eq!(found.signals, BTreeSet::from([Signal::Burst]));
}

#[test]
fn thirty_people_in_ten_days_open_a_case() {
    let wave: Vec<Voice> = (0..30).map(|n| voice(n, i64::from(n) * 8 * HOUR)).collect();
    assert_eq!(opened(&wave), Some((true, "twenty-persons".to_owned())));
    assert_eq!(opened(&wave[..19]), None, "nineteen do not");
    // Neither do thirty over sixty days.
    let slow: Vec<Voice> = (0..30).map(|n| voice(n, i64::from(n) * 48 * HOUR)).collect();
    assert_eq!(opened(&slow), None);
}

#[test]
fn three_confirmed_voices_open_a_case_and_three_of_one_person_do_not() {
    let three: Vec<Voice> = (0..3).map(|n| confirmed(n, i64::from(n) * HOUR)).collect();
    assert_eq!(opened(&three), Some((true, "three-confirmed".to_owned())));
    let one_person: Vec<Voice> = (0..3).map(|n| confirmed(1, n * HOUR)).collect();
    assert_eq!(opened(&one_person), None);
    let unnamed = |n: i64| Voice {
        person: None,
        network: Some(hash(7)),
        ..confirmed(0, n * HOUR)
    };
    assert_eq!(
        opened(&[0, 1, 2].map(unnamed)),
        None,
        "one network without a name is one voice"
    );
    // Thirty days after the first, the third no longer lies within thirty days.
    let late = [confirmed(0, 0), confirmed(1, HOUR), confirmed(2, 30 * DAY)];
    assert_eq!(opened(&late), None);
    let just = [confirmed(0, 0), confirmed(1, HOUR), confirmed(2, 30 * DAY - 1)];
    assert!(opened(&just).is_some());
}

#[test]
fn each_sign_of_a_campaign_leaves_a_wave_to_a_human() {
    let wave = |change: &dyn Fn(&mut Voice)| {
        let mut wave: Vec<Voice> = (0..30).map(|n| voice(n, i64::from(n) * 8 * HOUR)).collect();
        wave.iter_mut().for_each(change);
        wave
    };
    let rules = rules();
    for (sign, voices) in [
        (Signal::OneNetwork, wave(&|one| one.network = Some(hash(1)))),
        (Signal::NewPersons, wave(&|one| one.is_new = true)),
        (Signal::Unnamed, wave(&|one| one.person = None)),
        (
            Signal::Burst,
            wave(&|one| one.filed_at = Timestamp::from_seconds(one.filed_at.seconds() / 240)),
        ),
    ] {
        let found = assess(&rules, &voices).unwrap();
        assert!(
            !found.opens && found.signals.contains(&sign),
            "{sign:?}: {found:?}"
        );
    }
}

#[test]
fn what_was_dismissed_is_not_queued_again_and_still_counts() {
    let dismissed = |n: u32| Voice {
        is_dismissed: true,
        ..voice(n, i64::from(n) * 60)
    };
    let campaign: Vec<Voice> = (0..40).map(dismissed).collect();
    assert_eq!(opened(&campaign), None);
    // Fifteen honest persons beside the five of the campaign that count.
    let honest = (0..15).map(|n| voice(100 + n, HOUR * 2 + i64::from(n) * 8 * HOUR));
    let both: Vec<Voice> = campaign.into_iter().chain(honest).collect();
    assert_eq!(opened(&both), Some((true, "twenty-persons".to_owned())));
}

#[test]
fn what_was_found_untrue_counts_for_nothing() {
    let untrue = |n: u32| Voice {
        finding: Some(Finding::NotConfirmed),
        ..voice(n, i64::from(n) * 8 * HOUR)
    };
    let wave: Vec<Voice> = (0..30).map(untrue).collect();
    assert_eq!(opened(&wave), None);
}

fn any_voice() -> impl Strategy<Value = Voice> {
    let finding = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Finding::Confirmed)),
        1 => Just(Some(Finding::NotConfirmed)),
    ];
    let person = prop::option::weighted(0.9, 0..12_u32);
    let network = prop::option::weighted(0.8, 0..8_u32);
    (
        0..40 * 24_i64,
        person,
        network,
        any::<bool>(),
        finding,
        any::<bool>(),
    )
        .prop_map(|(hours, person, network, is_new, finding, is_dismissed)| Voice {
            filed_at: Timestamp::from_seconds(hours * HOUR / 2),
            person: person.map(hash),
            network: network.map(hash),
            is_new,
            finding,
            is_dismissed,
        })
}

fn shown(found: Option<&Assessment<'_>>) -> Option<(bool, String, usize, Vec<Signal>)> {
    found.map(|found| {
        let signals = found.signals.iter().copied().collect();
        (found.opens, found.threshold.id.clone(), found.counted, signals)
    })
}

/// Whether a case is opened, from the words of the rules alone: every window is looked at anew.
fn reference_opens(rules: &Rules, voices: &[Voice]) -> bool {
    let mut voices = voices.to_vec();
    voices.sort();
    let hours = |one: &Voice, other: &Voice| (other.filed_at.seconds() - one.filed_at.seconds()) / HOUR;
    let who = |one: &Voice| match (one.person, one.network) {
        (Some(person), _) => Some((1, person)),
        (None, Some(network)) => Some((2, network)),
        (None, None) => None,
    };
    for threshold in &rules.thresholds {
        let of_rule: Vec<&Voice> = voices
            .iter()
            .filter(|one| match threshold.counts {
                Counts::Confirmed => one.finding == Some(Finding::Confirmed),
                Counts::Persons => one.finding != Some(Finding::NotConfirmed),
            })
            .collect();
        let mut first_of_each: Vec<&Voice> = Vec::new();
        for one in of_rule {
            let same = |other: &&&Voice| who(one).is_some() && who(other) == who(one);
            let last = first_of_each.iter().rev().find(same);
            if last.is_none_or(|last| hours(last, one) >= rules.period_days * 24) {
                first_of_each.push(one);
            }
        }
        let mut counted: Vec<&Voice> = Vec::new();
        for one in first_of_each {
            let beside: Vec<&&Voice> = counted
                .iter()
                .filter(|other| hours(other, one) < threshold.days * 24)
                .collect();
            let at_once = beside
                .iter()
                .filter(|other| {
                    (one.filed_at.seconds() - other.filed_at.seconds()) < rules.caps.burst_minutes * 60
                })
                .count();
            let neighbours = beside
                .iter()
                .filter(|other| one.network.is_some() && other.network == one.network);
            let new = beside.iter().filter(|other| other.is_new).count();
            let counts = one.finding == Some(Finding::Confirmed)
                || (one.person.is_some()
                    && at_once < rules.caps.burst
                    && neighbours.count() < rules.caps.network
                    && (!one.is_new || new < rules.caps.new));
            if counts {
                if beside.len() + 1 >= threshold.count {
                    return true;
                }
                counted.push(one);
            }
        }
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_order_in_which_complaints_are_read_changes_nothing(
        (one, other) in prop::collection::vec(any_voice(), 0..40)
            .prop_flat_map(|voices| (Just(voices.clone()), Just(voices).prop_shuffle())),
    ) {
        let rules = small();
        prop_assert_eq!(shown(assess(&rules, &one).as_ref()), shown(assess(&rules, &other).as_ref()));
    }

    #[test]
    fn a_case_is_opened_exactly_when_the_words_of_the_rules_say_so(
        voices in prop::collection::vec(any_voice(), 0..40),
    ) {
        let rules = small();
        let opens = assess(&rules, &voices).is_some_and(|found| found.opens);
        prop_assert_eq!(opens, reference_opens(&rules, &voices));
    }

    /// Saying it again within the period adds nothing, however often.
    #[test]
    fn who_complains_again_has_no_second_voice(
        persons in prop::collection::vec((0..100_u32, 0..48_i64), 1..15),
        repeats in 1..30_usize,
    ) {
        let rules = rules();
        let once: Vec<Voice> = persons.iter().map(|(person, hours)| voice(*person, hours * HOUR)).collect();
        let again = |n: usize| once.iter().map(move |one| Voice {
            filed_at: one.filed_at.plus_seconds(i64::try_from(n).unwrap() * HOUR),
            ..*one
        });
        let many: Vec<Voice> = once.iter().copied().chain((1..repeats).flat_map(again)).collect();
        prop_assert_eq!(shown(assess(&rules, &once).as_ref()), shown(assess(&rules, &many).as_ref()));
    }

    /// Whoever they are and wherever they come from: unlooked at, what comes within an hour opens nothing.
    #[test]
    fn nothing_that_is_filed_within_an_hour_opens_a_case_unlooked_at(
        persons in prop::collection::vec((0..1_000_u32, 0..HOUR, any::<bool>()), 0..400),
    ) {
        let rules = rules();
        let one = |(person, at, is_new): &(u32, i64, bool)| Voice { is_new: *is_new, ..voice(*person, *at) };
        let voices: Vec<Voice> = persons.iter().map(one).collect();
        prop_assert!(assess(&rules, &voices).is_none_or(|found| !found.opens));
    }
}
