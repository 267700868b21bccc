//! A report of a yellow or red code at a door: its states, its clock, and the scans that it counts.

use std::time::Duration;

use lutong_kernel::{
    CheckpointId, Colour, DivisionCode, DoorReportId, LocalDay, SubjectId, Timestamp, Violation,
};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::fault::doors as fault;

/// How far a device's clock may be ahead of this one.
const CLOCK_TOLERANCE_SECONDS: i64 = 30;

/// How a report stands, by the contract's names. The text is that of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Open,
    Acknowledged,
    Closed,
}

/// What an officer does with a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Action {
    Acknowledge,
    Close,
}

/// What came of a report. The text is that of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Outcome {
    Transferred,
    Mistaken,
    NotFound,
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub account: String,
    pub at: Timestamp,
}

/// A report. Nothing of a person is in it but the subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorReport {
    pub id: DoorReportId,
    /// Of its last change.
    pub sequence: i64,
    pub subject: SubjectId,
    /// None where the person reported themself.
    pub checkpoint: Option<CheckpointId>,
    pub division: DivisionCode,
    /// In force when the last scan was received.
    pub colour: Colour,
    /// Of the first scan.
    pub scanned_at: Timestamp,
    pub last_scanned_at: Timestamp,
    pub scan_count: i64,
    pub created_at: Timestamp,
    /// When it must have been acknowledged.
    pub due_at: Timestamp,
    pub acknowledged: Option<Step>,
    pub closed: Option<(Step, Outcome)>,
    /// The account of whoever was signed in at the device at the last scan.
    pub staff: Option<String>,
}

/// How the clock of a report stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    Running,
    Met,
    Overdue,
}

impl State {
    /// What can be done in this state.
    pub fn actions(self) -> impl Iterator<Item = Action> {
        let all = Action::VARIANTS.iter().copied();
        all.filter(move |action| action.from() == self)
    }
}

impl Action {
    /// The state in which it is possible.
    pub const fn from(self) -> State {
        match self {
            Self::Acknowledge => State::Open,
            Self::Close => State::Acknowledged,
        }
    }
}

impl DoorReport {
    pub const fn state(&self) -> State {
        match (&self.acknowledged, &self.closed) {
            (_, Some(_)) => State::Closed,
            (Some(_), None) => State::Acknowledged,
            (None, None) => State::Open,
        }
    }

    /// The local day whose scans it counts.
    pub const fn scan_day(&self) -> LocalDay {
        self.scanned_at.local_day()
    }

    /// Counts another scan of the same person at the same door and day; scans of a door without a connection come in any order.
    pub fn add_scan(&mut self, scanned_at: Timestamp, colour: Colour, staff: Option<String>) {
        if scanned_at >= self.last_scanned_at {
            self.staff = staff;
        }
        self.scanned_at = self.scanned_at.min(scanned_at);
        self.last_scanned_at = self.last_scanned_at.max(scanned_at);
        self.scan_count += 1;
        self.colour = colour;
    }

    pub fn clock_state(&self, now: Timestamp) -> ClockState {
        match &self.acknowledged {
            Some(_) => ClockState::Met,
            None if self.due_at <= now => ClockState::Overdue,
            None => ClockState::Running,
        }
    }

    /// By how much it was acknowledged late; zero if it was not.
    pub fn late(&self) -> Duration {
        let acknowledged = self.acknowledged.as_ref();
        acknowledged.map_or(Duration::ZERO, |step| step.at.since(self.due_at))
    }
}

/// The instant of a scan: as the device says, within the bounds of what is believed, and now where it says nothing.
pub fn scan_instant(
    stated: Option<Timestamp>,
    now: Timestamp,
    within: Duration,
) -> Result<Timestamp, Violation> {
    let Some(stated) = stated else { return Ok(now) };
    if now.plus_seconds(CLOCK_TOLERANCE_SECONDS) < stated {
        return Err(fault::scan_time_ahead(now));
    }
    let earliest = now.minus(within);
    if stated < earliest {
        return Err(fault::scan_time_too_old(earliest));
    }
    Ok(stated)
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn report() -> DoorReport {
        let random = SeededRandom::new(1);
        DoorReport {
            id: DoorReportId::new(at(0), &random),
            sequence: 1,
            subject: SubjectId::new(at(0), &random),
            checkpoint: Some(CheckpointId::new(at(0), &random)),
            division: DivisionCode::parse("370202").unwrap(),
            colour: Colour::Yellow,
            scanned_at: at(100),
            last_scanned_at: at(100),
            scan_count: 1,
            created_at: at(100),
            due_at: at(1_900),
            acknowledged: None,
            closed: None,
            staff: None,
        }
    }

    #[test]
    fn scans_count_in_whatever_order_they_come_and_the_colour_is_the_last_received() {
        let mut report = report();
        report.add_scan(at(300), Colour::Red, Some("a".to_owned()));
        report.add_scan(at(50), Colour::Red, None);
        assert_eq!(report.staff.as_deref(), Some("a"), "of the last scan");
        assert_eq!(
            (report.scanned_at, report.last_scanned_at, report.scan_count),
            (at(50), at(300), 3)
        );
        assert_eq!(report.colour, Colour::Red);
    }

    #[test]
    fn a_clock_runs_until_it_is_met_and_is_overdue_from_its_instant() {
        let mut report = report();
        assert_eq!(report.clock_state(at(1_899)), ClockState::Running);
        assert_eq!(report.clock_state(at(1_900)), ClockState::Overdue);
        assert_eq!(report.late(), Duration::ZERO);
        report.acknowledged = Some(Step {
            account: "officer".to_owned(),
            at: at(2_000),
        });
        assert_eq!(report.clock_state(at(9_000)), ClockState::Met);
        assert_eq!(report.late(), Duration::from_secs(100));
    }

    #[test]
    fn a_scan_is_believed_within_its_bounds() {
        let within = Duration::from_secs(1_000);
        let now = at(10_000);
        for (stated, expected) in [
            (None, Ok(now)),
            (Some(at(9_000)), Ok(at(9_000))),
            (Some(at(8_999)), Err("SCAN_TIME_TOO_OLD")),
            (Some(at(10_030)), Ok(at(10_030))),
            (Some(at(10_031)), Err("SCAN_TIME_AHEAD")),
            (Some(Timestamp::MAX), Err("SCAN_TIME_AHEAD")),
            (Some(Timestamp::from_micros(i64::MIN)), Err("SCAN_TIME_TOO_OLD")),
        ] {
            let found = scan_instant(stated, now, within);
            let found = found.map_err(|wrong| wrong.reason.into_owned());
            assert_eq!(found, expected.map_err(str::to_owned), "{stated:?}");
        }
    }

    #[test]
    fn the_states_of_the_actions_are_those_of_the_contract() {
        for (action, rpc) in [
            (Action::Acknowledge, "AcknowledgeDoorReport"),
            (Action::Close, "CloseDoorReport"),
        ] {
            let rpc = format!("lutong.code_rendering.v1.DoorReportService/{rpc}");
            let stated = lutong_proto::transitions::of_rpc(lutong_proto::descriptor_pool(), &rpc).unwrap();
            let possible = State::VARIANTS
                .iter()
                .filter(|state| state.actions().any(|one| one == action));
            let possible: Vec<&str> = possible.map(State::into_str).collect();
            assert_eq!(possible, stated.from_states, "{rpc}");
        }
    }
}
