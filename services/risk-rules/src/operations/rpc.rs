//! The RPCs of operations, and the wire form of an effect.

use lutong_proto::types::v1 as types;

use super::service::effect::Effect;
use crate::wire::count;

lutong_chassis::operation_service!(risk_rules, crate::operations::service::end_work);

pub fn effect(effect: &Effect) -> types::Effect {
    let state = if effect.is_in_force() {
        types::EffectState::InForce
    } else {
        types::EffectState::Pending
    };
    types::Effect {
        redecided: count(effect.redecided),
        state: state.into(),
        operation: effect
            .operation
            .map(lutong_chassis::operations::name)
            .unwrap_or_default(),
    }
}
