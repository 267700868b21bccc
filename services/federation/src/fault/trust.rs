//! Trust lists and partners.

use lutong_kernel::{Fault, FaultCode, Violation};

use crate::trust_lists::domain::{Comparison, RefusedList};

/// No root key is configured, so that no list can be verified.
pub fn trust_root_missing() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TRUST_ROOT_MISSING",
        "未配置信任清单的根公钥（federation.trust_root）",
        "no root key of trust lists is configured here: federation.trust_root",
    )
}

/// A list is not relied on; the metadata says which check it failed.
pub fn trust_list_refused(reason: &RefusedList) -> Fault {
    let (zh, en) = match reason {
        RefusedList::Unreadable(_) => ("不是可识别的信任清单", "not a trust list that can be read"),
        RefusedList::WrongRoot => (
            "签名密钥不是本机认可的根密钥",
            "signed with a key that is no root key here",
        ),
        RefusedList::BadSignature => (
            "信任清单签名不符，可能系伪造或损坏",
            "the signature of the list does not match: forged or damaged",
        ),
        RefusedList::NotYetValid => (
            "信任清单尚未生效",
            "the list was signed in the future: check the clocks",
        ),
        RefusedList::Expired => ("信任清单已过期", "the list has expired: have it signed anew"),
        RefusedList::WrongAudience => ("该清单属于其他省份", "a list of another province's partners"),
        RefusedList::Older(_) => (
            "信任清单的序号不大于已有清单",
            "the sequence number of the list is not above those that were here before",
        ),
        RefusedList::WrongEntry(_) => ("信任清单内容有误", "an entry of the list is wrong"),
    };
    let fault = Fault::new(FaultCode::FailedPrecondition, "TRUST_LIST_REFUSED", zh, en)
        .with("outcome", reason.outcome());
    match reason {
        RefusedList::WrongEntry(wrong) => fault
            .with("entry", wrong.entry.clone())
            .with("detail", wrong.reason.clone()),
        _ => fault,
    }
}

/// No list has this sequence number.
pub fn trust_list_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "TRUST_LIST_NOT_FOUND",
        "未找到该信任清单",
        "there is no such trust list",
    )
}

/// A list removes or silences partners, and nobody has said that it is meant to.
pub fn trust_list_shrunken(comparison: &Comparison) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "TRUST_LIST_SHRUNKEN",
        "该清单为空，或将移除现有互认伙伴、使其失去有效密钥：须由另一名运维人员确认",
        "the list is empty, or partners would be removed or lose their last key: another operator says that it is meant",
    )
    .with("removed", comparison.removed_partners.join(","))
    .with("silenced", comparison.silenced_partners.join(","))
}

/// An operator activates a shrunken list that they staged themselves.
pub fn own_list() -> Fault {
    own("须由另一名运维人员启用该清单")
}

/// An operator approves what they proposed themselves.
pub fn own_proposal() -> Fault {
    own("须由另一名运维人员批准")
}

fn own(zh: &'static str) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "OWN_PROPOSAL",
        zh,
        "whoever proposed it does not approve it: a second operator does",
    )
}

/// No partner of this id is, or was, on a list.
pub fn partner_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "PARTNER_NOT_FOUND",
        "未找到该互认伙伴",
        "there is no such partner",
    )
}

/// Nobody proposes a state of the partner.
pub fn proposal_not_found() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "PROPOSAL_NOT_FOUND",
        "该互认伙伴没有待批准的状态变更",
        "nobody proposes another state of this partner",
    )
}

/// No partner is moved to DAMAGED.
pub fn state_not_proposable() -> Violation {
    Violation::new(
        "proposed_state",
        "STATE_NOT_PROPOSABLE",
        "不能变更为该状态",
        "nobody moves a partner to this state",
    )
}

/// A text is no partner.
pub fn partner_shape(field: &'static str) -> Violation {
    Violation::new(
        field,
        "PARTNER_SHAPE",
        "应为 partners/ 加两位省级代码（GB/T 2260），00 为国家平台",
        "is partners/ and two digits of GB/T 2260, or 00 for the national platform",
    )
}
