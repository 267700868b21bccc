//! Scenes of people: signing in through a channel, a child in a parent's care, an arrival from abroad.

use std::time::Duration;

use lutong_kernel::Colour;
use lutong_proto::declaration::v1::{ArrivalStep, DeclarationState};
use lutong_proto::identity::v1::BindingState;
use lutong_proto::time;
use lutong_proto::types::v1::fact::Kind;
use lutong_proto::types::v1::{Entry, Test, TestResult};

use super::calls::{self, Holder};
use super::{report_fact, row, stated};
use crate::demo_mesh::DemoMesh;
use crate::people;
use crate::report::{Report, TourStep};
use lutong_client::Failure;

/// How often something is looked for that follows by itself, and the pause between two looks.
pub const LOOKS: u32 = 200;
pub const PAUSE: Duration = Duration::from_millis(50);

/// Somebody whom 爱山东 has verified signs in over its pages, and applies without another proof.
pub async fn channel_sign_in(mesh: &DemoMesh, report: &mut Report) -> Result<(), Failure> {
    let session = mesh
        .sign_in_through("aishandong", people::VERIFIED_BY_CHANNEL)
        .await?;
    let who = people::of_stand_in(people::VERIFIED_BY_CHANNEL);
    let holder = Holder::with_session(mesh, who, &session)?;
    let got = match holder.apply(Vec::new()).await {
        Ok(()) => holder.colour().await?,
        Err(reason) => reason,
    };
    report.add(&TourStep {
        name: "channel",
        asked: format!("{} signs in at a stand-in of 爱山东 and applies", who.name),
        expected: Colour::Green.to_string(),
        got,
        shown: String::new(),
    });
    Ok(())
}

/// A parent binds the child of the household, who has no account, applies for the child and shows the child's code at a door.
pub async fn child_is_shown(mesh: &DemoMesh, report: &mut Report, parent: &Holder) -> Result<(), Failure> {
    let who = people::CHILD;
    let binding = parent.bind_child(who).await?;
    report.add(&TourStep {
        name: "binding",
        asked: format!("a parent binds {} of the same household", who.name),
        expected: BindingState::Active.as_str_name().to_owned(),
        got: binding.state().as_str_name().to_owned(),
        shown: String::new(),
    });
    let ward = binding.ward_subject_id.clone();
    let applied = parent.apply_for_ward(&binding.name).await?;
    report.add(&TourStep {
        name: "child's application",
        asked: format!("the parent applies for {}, who has no account", who.name),
        expected: DeclarationState::InForce.as_str_name().to_owned(),
        got: applied.as_str_name().to_owned(),
        shown: String::new(),
    });
    let mut shown = Err("CODE_NOT_FOUND".to_owned());
    for _ in 0..LOOKS {
        shown = parent.ward_token(&ward).await;
        if shown.is_ok() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    let (got, text) = match shown {
        Ok(token) => calls::verify(mesh, &token).await?,
        Err(reason) => (reason, String::new()),
    };
    report.add(&TourStep {
        name: "child's code",
        asked: "the parent shows the child's code at a checkpoint".to_owned(),
        expected: "VERIFICATION_OUTCOME_VALID".to_owned(),
        got,
        shown: text,
    });
    Ok(())
}

/// Somebody from abroad declares before anything is reported, and is admitted by itself once it is.
pub async fn waits_for_entry(mesh: &DemoMesh, report: &mut Report) -> Result<(), Failure> {
    let who = people::ARRIVES_FROM_ABROAD;
    let holder = Holder::sign_in(mesh, who).await?;
    let waits = holder.arrive_and_wait("DEU").await?;
    report.add(&TourStep {
        name: "arrival that waits",
        asked: format!("{} declares an arrival from abroad and waits", who.name),
        expected: format!(
            "{}, {}",
            DeclarationState::Pending.as_str_name(),
            ArrivalStep::Entry.as_str_name()
        ),
        got: format!(
            "{}, {}",
            waits.state().as_str_name(),
            waits.pending_step().as_str_name()
        ),
        shown: String::new(),
    });
    let before = |seconds| {
        Some(time::from_micros(
            mesh.now().minus(Duration::from_secs(seconds)).micros(),
        ))
    };
    let entry = Entry {
        entered_at: before(20 * 86_400),
        country: "DEU".to_owned(),
        quarantine_completed_at: before(6 * 86_400),
    };
    let entry = row("border-370000", "entry-2", who, stated(Kind::Entry(entry)));
    report_fact(mesh, "border-370000", entry).await?;
    let test = Test {
        sampled_at: before(86_400),
        result: TestResult::Negative.into(),
    };
    let test = row("laboratory-370000", "test-2", who, stated(Kind::Test(test)));
    report_fact(mesh, "laboratory-370000", test).await?;
    let mut state = DeclarationState::Pending;
    for _ in 0..LOOKS {
        // The arrival is looked at again after a while.
        mesh.clock.advance(Duration::from_secs(5));
        state = holder.arrival_state(&waits.name).await?;
        if state == DeclarationState::InForce {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    report.add(&TourStep {
        name: "admitted",
        asked: "the border reports the end of quarantine, a laboratory the negative test".to_owned(),
        expected: format!("{}, {}", DeclarationState::InForce.as_str_name(), Colour::Green),
        got: format!("{}, {}", state.as_str_name(), holder.colour().await?),
        shown: holder.explain().await?,
    });
    Ok(())
}
