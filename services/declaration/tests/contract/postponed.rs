//! Arrivals that wait for a step after their acknowledgement.

use std::time::Duration;

use lutong_declaration::DeclarationConfig;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::risk_rules::v1::MissingEntryStep::{BorderRecord, NegativeTest, QuarantineEnd};
use lutong_proto::types::v1::MissingProof;
use lutong_testing::on_both_engines;
use lutong_testing::{Bed, citizen};
use wire::ArrivalStep;
use wire::DeclarationState::{InForce, Pending, Refused};
use wire::arrival_form::Origin;
use wire::event::Payload;

use crate::arrivals::{abroad, arrival, code};
use crate::{Declaration, NUMBER, alone, build, fault, form, start, stay};

on_both_engines!(
    a_code_is_converted_as_of_its_declaration_once_federation_is_there,
    a_code_that_turns_out_bad_is_refused_with_its_outcome,
    a_waiting_code_replaces_the_one_before,
    from_abroad_what_is_missing_is_waited_for_and_then_accepted,
    from_abroad_without_risk_rules_the_entry_is_checked_later,
    an_entry_that_is_never_reported_is_refused_in_the_end,
    an_entry_of_nobody_known_is_checked_after_the_proof,
    a_proof_that_fails_ends_the_wait,
    a_request_that_waits_is_answered_alike,
    several_workers_accept_an_arrival_once,
    a_token_that_waits_is_stored_encrypted,
);

const DAY: u64 = 86_400;

/// The arrival as soon as it is as wanted. The clock goes on meanwhile, so that its step becomes due.
pub async fn becomes(
    declaration: &Declaration,
    name: &str,
    wanted: impl Fn(&wire::Arrival) -> bool,
) -> wire::Arrival {
    for _ in 0..400 {
        let found = arrival(declaration, "wx-1", name).await.unwrap();
        if wanted(&found) {
            return found;
        }
        declaration.bed.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{name} did not change in 10 s");
}

/// The kinds of the events in the log, once there are so many.
async fn log(declaration: &Declaration, count: usize) -> Vec<&'static str> {
    for _ in 0..400 {
        let (events, _) = declaration.events("", 0).await.unwrap();
        if events.len() >= count {
            let kinds = events.iter().map(|event| match event.payload.as_ref().unwrap() {
                Payload::DeclarationAccepted(_) => "accepted",
                Payload::ArrivalPostponed(_) => "postponed",
            });
            return kinds.collect();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("there were not {count} events in 10 s");
}

/// Everything but federation.
async fn without_federation(bed: Bed) -> Declaration {
    let declaration = alone(bed).await;
    declaration.bind_identity();
    declaration.bind_risk_rules();
    declaration
}

/// Whether the step of the only declaration is still stored.
async fn step_is_kept(declaration: &Declaration) -> bool {
    let kept = "CASE WHEN pending_step IS NULL THEN 'erased' ELSE 'kept' END";
    let stored = lutong_testing::texts(&declaration.storage, "declarations", kept, "declaration_id").await;
    stored == ["kept"]
}

async fn a_code_is_converted_as_of_its_declaration_once_federation_is_there(bed: Bed) {
    let declaration = without_federation(bed).await;
    let mut history = form();
    history.contact_history = vec![stay("2022-11-26")];
    let waiting = declaration.arrive(1, code("red"), history).await.unwrap();
    assert_eq!(
        (waiting.state(), waiting.pending_step()),
        (Pending, ArrivalStep::Conversion)
    );
    assert!(waiting.provenance.is_none() && waiting.missing.is_empty() && waiting.refusal.is_empty());
    assert_eq!(declaration.risk_rules.calls(), 0, "never green by default");
    assert_eq!(log(&declaration, 1).await, ["postponed"]);
    declaration.bed.clock.advance(Duration::from_secs(2 * 3_600));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let unchanged = arrival(&declaration, "wx-1", &waiting.name).await.unwrap();
    assert_eq!(unchanged, waiting);
    declaration.bind_federation();
    let done = becomes(&declaration, &waiting.name, |one| one.state() == InForce).await;
    assert_eq!(done.pending_step(), ArrivalStep::Unspecified);
    assert_eq!(done.provenance.unwrap().province, "32");
    assert_eq!(
        declaration.federation.asked_as_of(),
        [waiting.create_time],
        "the code has expired by now, and was valid then"
    );
    let stated = declaration.risk_rules.stored();
    let kinds: Vec<_> = stated
        .iter()
        .map(|one| (one.source.as_str(), crate::kind_of(one)))
        .collect();
    assert_eq!(kinds, [("federation", "partner_code"), ("self", "stay")]);
    assert_eq!(log(&declaration, 2).await, ["postponed", "accepted"]);
    assert!(!step_is_kept(&declaration).await, "the code is erased");
}

async fn a_code_that_turns_out_bad_is_refused_with_its_outcome(bed: Bed) {
    let declaration = without_federation(bed).await;
    let waiting = declaration.arrive(1, code("old"), form()).await.unwrap();
    declaration.bind_federation();
    let refused = becomes(&declaration, &waiting.name, |one| one.state() != Pending).await;
    assert_eq!((refused.state(), refused.refusal.as_str()), (Refused, "EXPIRED"));
    assert_eq!(refused.pending_step(), ArrivalStep::Unspecified);
    assert!(refused.destination.is_none(), "what it stated is erased");
    assert!(!step_is_kept(&declaration).await, "the code is erased");
    assert_eq!(declaration.risk_rules.calls(), 0);
    assert_eq!(log(&declaration, 1).await, ["postponed"]);
}

async fn a_waiting_code_replaces_the_one_before(bed: Bed) {
    let declaration = start(bed).await;
    let first = declaration.arrive(1, code("red"), form()).await.unwrap();
    assert_eq!(first.state(), InForce);
    declaration.federation.is_away(true);
    let waiting = declaration.arrive(2, code("green"), form()).await.unwrap();
    assert_eq!(waiting.pending_step(), ArrivalStep::Conversion);
    declaration.federation.is_away(false);
    becomes(&declaration, &waiting.name, |one| one.state() == InForce).await;
    let key = |arrival: &wire::Arrival| format!("{}/partner", arrival.arrival_id);
    let stored = declaration.risk_rules.stored();
    let later = stored.iter().find(|one| one.key == key(&waiting)).unwrap();
    assert_eq!(crate::replaces(later), key(&first));
}

async fn from_abroad_what_is_missing_is_waited_for_and_then_accepted(bed: Bed) {
    let declaration = start(bed).await;
    declaration
        .risk_rules
        .entry_lacks(&[BorderRecord, QuarantineEnd, NegativeTest]);
    let waiting = declaration
        .arrive_and(1, abroad("DEU"), form(), true)
        .await
        .unwrap();
    assert_eq!(
        (waiting.state(), waiting.pending_step()),
        (Pending, ArrivalStep::Entry)
    );
    let missing: Vec<_> = waiting.missing().collect();
    assert_eq!(missing, [BorderRecord, QuarantineEnd, NegativeTest]);
    declaration.risk_rules.entry_lacks(&[NegativeTest]);
    let lacks_test = |one: &wire::Arrival| one.missing().eq([NegativeTest]);
    let told = becomes(&declaration, &waiting.name, lacks_test).await;
    assert_eq!(told.state(), Pending);
    assert_eq!(declaration.risk_rules.calls(), 0, "nobody is enrolled");
    declaration.risk_rules.entry_lacks(&[]);
    let done = becomes(&declaration, &waiting.name, |one| one.state() == InForce).await;
    assert_eq!(done.pending_step(), ArrivalStep::Unspecified);
    assert!(done.missing.is_empty());
    assert_eq!(declaration.risk_rules.enrolled(), [done.subject_id]);
    assert_eq!(log(&declaration, 2).await, ["postponed", "accepted"]);
}

async fn from_abroad_without_risk_rules_the_entry_is_checked_later(bed: Bed) {
    let declaration = alone(bed).await;
    declaration.bind_identity();
    let waiting = declaration
        .arrive_and(1, abroad("DEU"), form(), true)
        .await
        .unwrap();
    assert_eq!(waiting.pending_step(), ArrivalStep::Entry);
    assert!(waiting.missing.is_empty(), "nobody has checked it yet");
    declaration.risk_rules.entry_lacks(&[QuarantineEnd]);
    declaration.bind_risk_rules();
    let lacks_end = |one: &wire::Arrival| one.missing().eq([QuarantineEnd]);
    becomes(&declaration, &waiting.name, lacks_end).await;
    declaration.risk_rules.entry_lacks(&[]);
    becomes(&declaration, &waiting.name, |one| one.state() == InForce).await;
}

/// An arrival that was just made waits for so many days, and is refused then.
pub async fn is_refused_after(declaration: &Declaration, name: &str, days: u64, reason: &str) {
    let clock = &declaration.bed.clock;
    clock.advance(Duration::from_secs(days * DAY - 3_600));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let late = arrival(declaration, "wx-1", name).await.unwrap();
    assert_eq!(late.state(), Pending);
    clock.advance(Duration::from_secs(2 * 3_600));
    let refused = becomes(declaration, name, |one| one.state() != Pending).await;
    assert_eq!((refused.state(), refused.refusal.as_str()), (Refused, reason));
}

async fn an_entry_that_is_never_reported_is_refused_in_the_end(bed: Bed) {
    let declaration = start(bed).await;
    declaration.risk_rules.entry_lacks(&[NegativeTest]);
    let waiting = declaration
        .arrive_and(1, abroad("DEU"), form(), true)
        .await
        .unwrap();
    is_refused_after(&declaration, &waiting.name, 60, "ENTRY_NOT_REPORTED").await;
    assert_eq!(declaration.risk_rules.calls(), 0);
}

/// An arrival whose account has not proved to be the person.
async fn unproved(declaration: &Declaration, origin: Origin) -> wire::Arrival {
    declaration.identity.waits_for(Some(MissingProof::RealNameCheck));
    let waiting = declaration.arrive(1, origin, form()).await.unwrap();
    assert_eq!(waiting.waiting_for(), MissingProof::RealNameCheck);
    waiting
}

async fn an_entry_of_nobody_known_is_checked_after_the_proof(bed: Bed) {
    let declaration = start(bed).await;
    declaration.risk_rules.entry_lacks(&[NegativeTest]);
    // Whether the entry is waited for was not asked: it cannot be refused before it can be checked.
    let waiting = unproved(&declaration, abroad("DEU")).await;
    assert_eq!(waiting.pending_step(), ArrivalStep::Entry);
    assert_eq!(declaration.stored().await, [1, 1, 0]);
    let subject = declaration.identity.subject(NUMBER);
    declaration.identity.decides(&subject, None);
    let lacks_test = |one: &wire::Arrival| one.missing().eq([NegativeTest]);
    let proved = becomes(&declaration, &waiting.name, lacks_test).await;
    assert_eq!((proved.state(), &proved.subject_id), (Pending, &subject));
    assert_eq!(
        declaration.risk_rules.calls(),
        0,
        "a proof alone admits nobody from abroad"
    );
    assert_eq!(log(&declaration, 1).await, ["postponed"]);
    declaration.risk_rules.entry_lacks(&[]);
    becomes(&declaration, &waiting.name, |one| one.state() == InForce).await;
}

async fn a_proof_that_fails_ends_the_wait(bed: Bed) {
    let declaration = without_federation(bed).await;
    let waiting = unproved(&declaration, code("green")).await;
    assert_eq!(waiting.pending_step(), ArrivalStep::Conversion);
    declaration.identity.decides("", None);
    let refused = becomes(&declaration, &waiting.name, |one| one.state() == Refused).await;
    assert_eq!(refused.pending_step(), ArrivalStep::Unspecified);
    assert!(refused.refusal.is_empty());
    assert!(!step_is_kept(&declaration).await, "the code is erased");
    declaration.bind_federation();
    declaration.bed.clock.advance(Duration::from_secs(DAY));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(declaration.federation.asked_as_of().is_empty());
}

async fn a_request_that_waits_is_answered_alike(bed: Bed) {
    let declaration = without_federation(bed).await;
    let waiting = declaration.arrive(1, code("green"), form()).await.unwrap();
    let again = declaration.arrive(1, code("green"), form()).await.unwrap();
    assert_eq!(again, waiting);
    declaration.bind_federation();
    let done = becomes(&declaration, &waiting.name, |one| one.state() == InForce).await;
    let again = declaration.arrive(1, code("green"), form()).await.unwrap();
    assert_eq!(again, done);
    assert_eq!(declaration.stored().await, [1, 1, 2]);
}

/// Asks for each of the arrivals, which pushes it.
async fn are_in_force(declaration: &Declaration, names: &[String]) -> bool {
    let mut pending = 0;
    for name in names {
        let found = arrival(declaration, "wx-1", name).await.unwrap();
        pending += usize::from(found.state() != InForce);
    }
    pending == 0
}

async fn several_workers_accept_an_arrival_once(bed: Bed) {
    let declaration = without_federation(bed).await;
    let config = DeclarationConfig::default();
    for _ in 0..2 {
        let component = build(&declaration.bed, &declaration.storage, &config).await;
        declaration.bed.bind(component);
    }
    let mut names = Vec::new();
    for n in 1..=12 {
        names.push(declaration.arrive(n, code("green"), form()).await.unwrap().name);
    }
    declaration.bind_federation();
    let all_in_force = async {
        // Each corrects the one that was accepted before it, and what is pushed before the one that it corrects stays pending.
        while !are_in_force(&declaration, &names).await {
            declaration.bed.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), all_in_force);
    waited.await.unwrap();
    let told = log(&declaration, 24).await;
    assert_eq!(told.len(), 24);
    assert_eq!(told.iter().filter(|kind| **kind == "accepted").count(), 12);
    assert_eq!(declaration.risk_rules.stored().len(), 12);
}

async fn a_token_that_waits_is_stored_encrypted(bed: Bed) {
    let declaration = without_federation(bed).await;
    let token = "LT1:THE-SIGNED-CODE";
    declaration.arrive(1, code(token), form()).await.unwrap();
    let stored = lutong_testing::bytes(&declaration.storage, "declarations", "pending_step").await;
    assert!(!stored.is_empty());
    assert!(!stored.windows(token.len()).any(|part| part == token.as_bytes()));
    let stranger = citizen("wx-2", None);
    let request = declaration
        .bed
        .call_as(&stranger)
        .request(wire::ListArrivalsRequest::default());
    let listed = declaration.arrivals().list_arrivals(request).await;
    let listed = listed.map_err(|status| fault(&status)).unwrap().into_inner();
    assert!(listed.arrivals.is_empty());
}
