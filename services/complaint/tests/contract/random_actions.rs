//! Random sequences of actions against both engines: the service is what the reference model says, while its clocks fire beside it.

use std::time::Duration;

use futures::future::join_all;
use lutong_complaint::domain::content::Kind;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Fault, Random};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::types::v1::Clock;
use lutong_testing::{Bed, on_both_engines};
use wire::WaitingFor::{Authority, Filer};

use crate::appeals::{self, question, upheld};
use crate::fakes::fact;
use crate::reference::{Model, TRIES, Try};
use crate::{Act, Complaint, Own, all_roles, case_name, start};

on_both_engines!(random_actions_do_what_the_reference_model_says);

/// Cases that are worked on side by side, and how often.
const CASES: usize = 25;
const BATCHES: usize = 20;
const STEPS: usize = 8;

struct Worked {
    name: String,
    own: String,
    model: Model,
    /// Lines of its log by actions.
    done: usize,
}

async fn random_actions_do_what_the_reference_model_says(bed: Bed) {
    let complaint = start(bed).await;
    let seeded = SeededRandom::new(42);
    let random: &dyn Random = &seeded;
    let boss = all_roles("boss", "370000");
    let into = case_name(&complaint.file_place("wx-2", "370202").await);
    let mut refused = 0;
    for _ in 0..BATCHES {
        complaint
            .0
            .clock
            .set(lutong_kernel::Timestamp::parse("2022-11-21T08:00:00+08:00").unwrap());
        let mut worked = Vec::new();
        for _ in 0..CASES {
            let filed = complaint.file_place("wx-1", "370202").await;
            worked.push(Worked {
                name: case_name(&filed),
                own: filed.name,
                model: Model::filed(Kind::Place, complaint.0.foundation.now().seconds()),
                done: 1,
            });
        }
        for _ in 0..STEPS {
            let [hours] = random.bytes::<1>();
            complaint
                .0
                .clock
                .advance(Duration::from_secs(u64::from(hours % 36) * 3_600));
            let tries: Vec<Try> = worked
                .iter()
                .map(|_| TRIES[usize::from(random.bytes::<1>()[0]) % TRIES.len()])
                .collect();
            let steps = worked.iter_mut().zip(tries);
            let steps = steps.map(|(one, attempt)| step(&complaint, &boss, &into, one, attempt));
            refused += join_all(steps)
                .await
                .into_iter()
                .filter(|refused| *refused)
                .count();
        }
        for one in &worked {
            let log = complaint.events(&boss, &one.name).await.unwrap();
            assert!(
                log.iter()
                    .map(|line| line.sequence)
                    .eq(1..=i64::try_from(log.len()).unwrap())
            );
            let by_people = log.iter().filter(|line| line.actor != "clock").count();
            assert_eq!(by_people, one.done, "every action is logged once");
        }
    }
    assert!(refused > 100, "{refused} were refused");
}

/// Tries something and compares; returns whether it was refused.
async fn step(
    complaint: &Complaint,
    boss: &lutong_transport::access::Principal,
    into: &str,
    worked: &mut Worked,
    attempt: Try,
) -> bool {
    let now = complaint.0.foundation.now().seconds();
    let (name, filed) = (worked.name.clone(), worked.own.clone());
    let (name, filed) = (&name, &filed);
    let act = |act: Act| async {
        let case = complaint.act(boss, name, act).await?;
        let is_running = |clock: &&Clock| clock.kind == "answer" && clock.stop_time.is_none();
        let due = case
            .clocks
            .iter()
            .find(is_running)
            .and_then(|clock| clock.due_time);
        Ok((case.state(), due))
    };
    let follow = |own: Own| async move {
        let complaint = complaint.own("wx-1", filed, own).await?;
        Ok((complaint.state(), complaint.due_time))
    };
    let done: Result<_, Fault> = match attempt {
        Try::Assign => act(Act::Assign("370202", "")).await,
        Try::TakeUp => act(Act::TakeUp).await,
        Try::AskFiler => act(Act::Ask(Filer)).await,
        Try::AskAuthority => act(Act::Ask(Authority)).await,
        Try::Answer => act(Act::Answer).await,
        Try::Return => act(Act::Return).await,
        Try::Extend(days) => act(Act::Extend(i32::try_from(days).unwrap())).await,
        Try::Merge => act(Act::Merge(into.to_owned())).await,
        Try::Close => act(Act::Close).await,
        Try::Reply => follow(Own::Reply).await,
        Try::Reopen => follow(Own::Reopen).await,
        Try::Revisit(solved) => follow(Own::Rate(solved)).await,
        Try::AskSource => {
            let asked = complaint.ask(boss, question(name, fact("wx-1", 1))).await;
            asked.map(|asked| (asked.case.unwrap().state(), None))
        }
        Try::Decide(is_upheld) => {
            let verdict = if is_upheld {
                upheld(name, &[fact("wx-1", 1)])
            } else {
                appeals::refused(name)
            };
            let decided = complaint.decide(boss, verdict).await;
            decided.map(|decided| (decided.case.unwrap().state(), None))
        }
    };
    let expected = worked.model.attempt(attempt, now);
    match done {
        Ok((state, due)) => {
            assert_eq!(expected, Ok(()), "{attempt:?} {:?}", worked.model);
            let state = state.as_str_name().trim_start_matches("COMPLAINT_STATE_");
            assert_eq!(state, worked.model.state, "{attempt:?}");
            assert_eq!(due.map(|due| due.seconds), worked.model.due, "{attempt:?}");
            worked.done += 1;
            false
        }
        Err(fault) => {
            assert_eq!(expected, Err(&*fault.reason), "{attempt:?} {:?}", worked.model);
            true
        }
    }
}
