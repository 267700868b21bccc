//! What two operators did, as the contract has it.

use lutong_proto::time::instant;
use lutong_proto::types::v1 as types;

use crate::partners::domain::Signature;

/// How somebody's proposal was decided.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    pub by: &'a Signature,
    pub was_approved: bool,
}

/// A proposal, and its end if it has one.
pub fn approval(proposed: &Signature, decided: Option<Decided<'_>>) -> types::Approval {
    let mut approval = types::Approval {
        proposer: proposed.account.clone(),
        propose_time: Some(instant(proposed.at)),
        ..types::Approval::default()
    };
    if let Some(Decided { by, was_approved }) = decided {
        let (account, at) = (by.account.clone(), Some(instant(by.at)));
        if was_approved {
            (approval.approver, approval.approve_time) = (account, at);
        } else {
            (approval.closer, approval.close_time) = (account, at);
        }
    }
    approval
}
