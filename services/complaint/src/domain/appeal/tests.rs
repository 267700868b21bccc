use lutong_kernel::Secret;
use uuid::Uuid;

use super::*;
use crate::domain::review::ColourEffect;
use crate::domain::tracking::TrackingNumber;

fn id(n: u32) -> FactId {
    format!("00000000-0000-7000-8000-{n:012}").parse().unwrap()
}

fn fact(n: u32, source: &str, stands: bool) -> CitedFact {
    CitedFact {
        id: id(n),
        subject: format!("00000000-0000-7000-8000-{n:012}").parse().unwrap(),
        kind: "stay".to_owned(),
        source: source.to_owned(),
        key: "k".to_owned(),
        recorded_at: Timestamp::from_seconds(0),
        superseded_at: (!stands).then(|| Timestamp::from_seconds(1)),
    }
}

fn review(n: u32, state: ReviewState) -> FactReview {
    let day = Timestamp::from_seconds(0).local_day();
    FactReview {
        id: Uuid::nil(),
        case: TrackingNumber::new(day, &lutong_kernel::random::SeededRandom::new(1)),
        source: "cdc-370200".to_owned(),
        fact: id(n),
        subject: fact(n, "cdc-370200", true).subject,
        kind: "stay".to_owned(),
        key: Secret::new("k".to_owned()),
        recorded_at: Timestamp::from_seconds(0),
        question: Secret::new("q".to_owned()),
        state,
        asked_at: Timestamp::from_seconds(0),
        due_at: Timestamp::from_seconds(10),
        answered_at: None,
        reason: None,
        effect: ColourEffect::none(),
        relief: None,
    }
}

const FEED: &str = "cdc-370200";
const STATES: [Option<ReviewState>; 5] = [
    None,
    Some(ReviewState::Requested),
    Some(ReviewState::Confirmed),
    Some(ReviewState::Corrected),
    Some(ReviewState::Expired),
];

/// Every combination of two facts, of a feed or of officers, standing or not, and of what was asked about each.
fn combinations() -> impl Iterator<Item = (Vec<CitedFact>, Vec<FactReview>)> {
    let facts = [
        (FEED, true),
        (FEED, false),
        ("officer-1", true),
        ("officer-1", false),
    ];
    let one = facts
        .into_iter()
        .flat_map(move |one| STATES.map(|state| (one, state)));
    let both = one
        .clone()
        .flat_map(move |first| one.clone().map(move |second| (first, second)));
    both.map(
        |(((source, stands), asked), ((other, other_stands), other_asked))| {
            let cited = vec![fact(1, source, stands), fact(2, other, other_stands)];
            let asked = [
                asked.map(|state| review(1, state)),
                other_asked.map(|state| review(2, state)),
            ];
            (cited, asked.into_iter().flatten().collect())
        },
    )
}

#[test]
fn no_appeal_is_upheld_whose_facts_stand_whatever_the_sources_say() {
    let mut upheld = 0;
    for (cited, asked) in combinations() {
        for named in [vec![id(1)], vec![id(2)], vec![id(1), id(2)]] {
            if check(Verdict::Upheld, &named, &cited, &asked).is_ok() {
                upheld += 1;
                let stands = |fact: &CitedFact| named.contains(&fact.id) && fact.stands();
                assert!(!cited.iter().any(stands), "{cited:?} {asked:?}");
            }
        }
    }
    assert!(upheld > 100, "{upheld}");
}

#[test]
fn nothing_is_decided_while_a_source_may_still_say_something_about_a_fact_that_stands() {
    for (cited, asked) in combinations() {
        let is_open = |review: &FactReview| {
            let stands = cited.iter().any(|fact| fact.id == review.fact && fact.stands());
            review.state == ReviewState::Requested && stands
        };
        if asked.iter().any(is_open) {
            for (verdict, named) in [(Verdict::Upheld, vec![id(1)]), (Verdict::Refused, Vec::new())] {
                let checked = check(verdict, &named, &cited, &asked);
                assert_eq!(checked, Err(Undecidable::SourceNotAnswered));
            }
        }
    }
}

#[test]
fn an_appeal_is_refused_on_a_fact_that_stands_and_was_confirmed_where_a_source_can_be_asked() {
    for (cited, asked) in combinations() {
        let checked = check(Verdict::Refused, &[], &cited, &asked);
        let confirmed = |fact: &CitedFact| {
            let mut of_fact = asked.iter().filter(|one| one.fact == fact.id);
            fact.stands() && fact.has_feed() && of_fact.any(|one| one.state == ReviewState::Confirmed)
        };
        let reported = cited.iter().any(|fact| fact.stands() && fact.has_feed());
        if checked.is_ok() {
            assert!(cited.iter().any(CitedFact::stands));
            assert!(!reported || cited.iter().any(confirmed), "{cited:?} {asked:?}");
        }
    }
    assert_eq!(
        check(Verdict::Refused, &[], &[], &[]),
        Ok(()),
        "there is no such decision"
    );
    let gone = [fact(1, FEED, false)];
    assert_eq!(
        check(Verdict::Refused, &[], &gone, &[]),
        Err(Undecidable::Withdrawn)
    );
}

#[test]
fn a_fact_of_another_decision_is_named_as_such() {
    let cited = [fact(1, FEED, false)];
    let checked = check(Verdict::Upheld, &[id(1), id(3)], &cited, &[]);
    assert_eq!(checked, Err(Undecidable::NotCited(id(3))));
    let standing = [fact(1, FEED, true)];
    let confirmed = [review(1, ReviewState::Confirmed)];
    let checked = check(Verdict::Upheld, &[id(1)], &standing, &confirmed);
    assert_eq!(checked, Err(Undecidable::Stands(id(1))));
    let checked = check(Verdict::Upheld, &[id(1)], &standing, &[]);
    assert_eq!(checked, Err(Undecidable::SourceNotAnswered));
}

#[test]
fn a_source_is_asked_about_what_it_reported_and_what_stands() {
    let cited = [
        fact(1, FEED, true),
        fact(2, FEED, false),
        fact(3, "officer-1", true),
        fact(4, "self", true),
    ];
    assert_eq!(askable(id(1), &cited), Ok(&cited[0]));
    assert_eq!(askable(id(2), &cited), Err(Unaskable::Withdrawn));
    assert_eq!(askable(id(3), &cited), Err(Unaskable::NoFeed));
    assert_eq!(askable(id(4), &cited), Err(Unaskable::NoFeed));
    assert_eq!(askable(id(5), &cited), Err(Unaskable::NotCited));
}
