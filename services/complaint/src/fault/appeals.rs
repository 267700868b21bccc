//! Appeals, and what the sources of facts are asked.

use lutong_kernel::{FactId, Fault, FaultCode, Violation};

/// There is no such decision about the person who appeals.
pub fn decision_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "DECISION_NOT_FOUND",
        "未找到本人的该次赋码决定",
        "there is no such decision about you",
    )
}

/// Another decision has taken the place of the one that is appealed against.
pub fn decision_superseded(latest: u64) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "DECISION_SUPERSEDED",
        "该次赋码决定已被新的决定取代，请核对最新决定后再申诉",
        "another decision has taken its place: look at that one, then appeal",
    )
    .with("decision", format!("decisions/{latest}"))
}

/// A case that is no appeal.
pub fn not_an_appeal() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "NOT_AN_APPEAL",
        "该工单不是申诉",
        "this case is no appeal",
    )
}

/// An appeal is answered like feedback.
pub fn appeal_to_decide() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "APPEAL_TO_DECIDE",
        "申诉须作出支持或驳回的决定，不能仅作答复",
        "an appeal is upheld or refused with DecideAppeal, and not answered",
    )
}

/// A refused appeal has been before the next instance, or there is none.
pub fn no_next_instance() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "NO_NEXT_INSTANCE",
        "该申诉已由上级单位复核，或没有上级单位",
        "the division above has decided about it already, or there is none above",
    )
}

/// A fact is not one of those that the appealed decision rests on.
pub fn fact_not_cited(fact: FactId) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "FACT_NOT_CITED",
        "该记录不是所申诉决定的依据",
        "the appealed decision does not rest on this fact, or is not there",
    )
    .with("fact", fact.to_string())
}

/// What was in question was corrected or retracted.
pub fn fact_withdrawn() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "FACT_WITHDRAWN",
        "所依据的记录已被更正或撤回",
        "what it rests on was corrected or retracted",
    )
}

/// No authority reported a fact.
pub fn source_not_feed() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "SOURCE_NOT_FEED",
        "该记录并非由数据来源单位报送，须按其自身途径更正",
        "no authority reported this fact: it is corrected where it was stated",
    )
}

/// The source of a fact was asked before, and may still answer.
pub fn fact_review_open() -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "FACT_REVIEW_OPEN",
        "已就该记录发出核查请求，来源单位尚未答复",
        "its source was asked and has not answered",
    )
}

/// An appeal is decided before its sources have answered.
pub fn source_not_answered() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "SOURCE_NOT_ANSWERED",
        "来源单位尚未答复核查请求，或尚未核查",
        "a source has not answered, or none was asked",
    )
}

/// An appeal is upheld although a fact that it names stands.
pub fn fact_stands(fact: FactId) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "FACT_STANDS",
        "所指有误的记录尚未更正或撤回，不能支持申诉",
        "a fact that is named as wrong was neither corrected nor retracted",
    )
    .with("fact", fact.to_string())
}

/// Facts are named as wrong by a verdict that says that none is.
pub fn facts_unexpected() -> Violation {
    Violation::new(
        "fact_ids",
        "FACTS_UNEXPECTED",
        "驳回申诉时不填写有误的记录",
        "a refused appeal names no wrong fact",
    )
}

/// A fact is not named by its id.
pub fn fact_id_shape(index: usize) -> Violation {
    Violation::new(
        format!("fact_ids[{index}]"),
        "FACT_ID_SHAPE",
        "记录编号应为小写UUID",
        "is a UUID in lower-case hyphenated form",
    )
}

/// No question to the feed has this name.
pub fn fact_review_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "FACT_REVIEW_NOT_FOUND",
        "未找到发给本数据来源的该项核查请求",
        "there is no such question to this feed",
    )
}

/// A question was answered before.
pub fn fact_review_answered() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "FACT_REVIEW_ANSWERED",
        "该项核查请求已答复",
        "this question has been answered",
    )
}

/// The time of a question is over.
pub fn fact_review_ended() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "FACT_REVIEW_ENDED",
        "该项核查请求已超过答复期限",
        "the time for this answer is over",
    )
}
