//! Who is signed in at a device, from when and until when.

use std::time::Duration;

use lutong_kernel::{CheckpointDeviceId, CheckpointId, StaffSignInId, Timestamp};
use strum::{IntoStaticStr, VariantArray};

/// How long a code is good: the time to take out a telephone.
pub const CODE_LASTS: Duration = Duration::from_secs(120);

/// What the names begin with.
pub const COLLECTION: &str = "staff-sign-ins";

/// The name of a sign-in.
pub fn name(id: StaffSignInId) -> String {
    format!("{COLLECTION}/{id}")
}

/// A keyed hash of a code.
pub type CodeHash = [u8; 32];

/// A member of staff at a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffSignIn {
    pub id: StaffSignInId,
    pub device: CheckpointDeviceId,
    /// Of the device.
    pub checkpoint: CheckpointId,
    pub account: String,
    pub started_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// How a sign-in stands, by the contract's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum State {
    Active,
    Ended,
}

impl State {
    /// Whether it may be ended.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }
}

impl StaffSignIn {
    pub fn state(&self, now: Timestamp) -> State {
        if self.ended_at.is_none() && now < self.expires_at {
            State::Active
        } else {
            State::Ended
        }
    }
}

#[cfg(test)]
mod tests {
    use lutong_kernel::random::SeededRandom;

    use super::*;

    #[test]
    fn a_sign_in_lasts_until_its_end_or_its_time() {
        let (at, random) = (Timestamp::from_seconds(1_000), SeededRandom::new(1));
        let mut sign_in = StaffSignIn {
            id: StaffSignInId::new(at, &random),
            device: CheckpointDeviceId::new(at, &random),
            checkpoint: CheckpointId::new(at, &random),
            account: "door-1".to_owned(),
            started_at: at,
            expires_at: at.plus_seconds(60),
            ended_at: None,
        };
        assert_eq!(sign_in.state(at.plus_seconds(59)), State::Active);
        assert_eq!(sign_in.state(at.plus_seconds(60)), State::Ended);
        sign_in.ended_at = Some(at.plus_seconds(5));
        assert_eq!(sign_in.state(at.plus_seconds(5)), State::Ended);
    }

    #[test]
    fn the_state_in_which_it_may_be_ended_is_that_of_the_contract() {
        let rpc = "lutong.code_rendering.v1.StaffSignInService/EndStaffSignIn";
        let stated = lutong_proto::transitions::of_rpc(lutong_proto::descriptor_pool(), rpc).unwrap();
        let possible: Vec<&str> = State::VARIANTS
            .iter()
            .filter(|state| state.is_active())
            .map(State::into_str)
            .collect();
        assert_eq!(possible, stated.from_states);
    }
}
