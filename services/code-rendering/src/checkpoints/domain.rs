//! A registered door: where it is, and whether it is silent.

use std::time::Duration;

use lutong_kernel::{CheckpointId, DivisionCode, Timestamp, Violation};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::fault::doors as fault;

/// A kind of place whose doors check codes. The text is that of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Kind {
    Community,
    Restaurant,
    Mall,
    Hospital,
    Hotel,
    Transport,
    CultureAndTourism,
    OfficeBuilding,
}

/// How a checkpoint stands, by the contract's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Active,
    Ended,
}

/// What can be done with a checkpoint that is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    End,
    CreateDevice,
}

/// A registered door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub id: CheckpointId,
    pub kind: Kind,
    /// A county or street.
    pub division: DivisionCode,
    pub place_name: String,
    pub created_at: Timestamp,
    /// When one of its devices was last heard of.
    pub heard_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl State {
    /// Whether it may be ended, and get devices.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }

    pub const fn actions(self) -> &'static [Action] {
        match self {
            Self::Active => &[Action::End, Action::CreateDevice],
            Self::Ended => &[],
        }
    }
}

impl Checkpoint {
    pub const fn state(&self) -> State {
        match self.ended_at {
            None => State::Active,
            Some(_) => State::Ended,
        }
    }

    /// Whether nothing was heard of it for a span.
    pub fn is_silent(&self, now: Timestamp, span: Duration) -> bool {
        self.state().is_active() && is_silent(self.heard_at, self.created_at, now, span)
    }
}

/// Whether something that was registered and last heard of at these instants was not heard of for a span.
pub fn is_silent(heard_at: Option<Timestamp>, created_at: Timestamp, now: Timestamp, span: Duration) -> bool {
    heard_at.unwrap_or(created_at).plus(span) <= now
}

/// The division of a door: its reports have one district only.
pub fn district(division: DivisionCode) -> Result<DivisionCode, Violation> {
    if division.is_above_county() {
        return Err(fault::division_above_county());
    }
    Ok(division)
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn checkpoint(heard_at: Option<i64>, ended_at: Option<i64>) -> Checkpoint {
        Checkpoint {
            id: CheckpointId::new(at(0), &SeededRandom::new(1)),
            kind: Kind::Mall,
            division: DivisionCode::parse("370202").unwrap(),
            place_name: "x".to_owned(),
            created_at: at(0),
            heard_at: heard_at.map(at),
            ended_at: ended_at.map(at),
        }
    }

    #[test]
    fn a_door_is_silent_once_nothing_was_heard_of_it_for_the_span() {
        let span = Duration::from_secs(10);
        for (heard, ended, now, silent) in [
            (None, None, 9, false),
            (None, None, 10, true),
            (Some(5), None, 14, false),
            (Some(5), None, 15, true),
            (Some(5), Some(6), 100, false),
        ] {
            let found = checkpoint(heard, ended).is_silent(at(now), span);
            assert_eq!(found, silent, "{heard:?} {ended:?} {now}");
        }
    }

    #[test]
    fn a_door_lies_in_a_county_or_a_street() {
        for (code, fits) in [
            ("370000", false),
            ("370200", false),
            ("370202", true),
            ("370202001", true),
        ] {
            let found = district(DivisionCode::parse(code).unwrap());
            assert_eq!(found.is_ok(), fits, "{code}");
        }
    }

    #[test]
    fn the_state_in_which_it_may_be_ended_is_that_of_the_contract() {
        let rpc = "lutong.code_rendering.v1.CheckpointService/EndCheckpoint";
        let stated = lutong_proto::transitions::of_rpc(lutong_proto::descriptor_pool(), rpc).unwrap();
        let possible: Vec<&str> = State::VARIANTS
            .iter()
            .filter(|state| state.is_active())
            .map(State::into_str)
            .collect();
        assert_eq!(possible, stated.from_states);
    }
}
