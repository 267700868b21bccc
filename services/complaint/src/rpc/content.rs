//! What complaints are about, and words of cases, on the wire.

use lutong_kernel::{Colour, Fault, Violation};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_transport::reply;

use crate::domain::accountability::voices::Finding;
use crate::domain::appeal::{Basis, Verdict};
use crate::domain::case::{Case, Revisit, WaitingFor};
use crate::domain::content::{Appeal, FollowUp, Kind, PlaceComplaint, PlaceIssue};
use crate::domain::feedback::{Category, Feedback};
use crate::domain::machine::{Action, State};
use crate::domain::place::PlaceKind;
use crate::domain::review::ColourEffect;

/// `door-reports/{door_report}`, of code-rendering.
pub const DOOR_REPORTS: &str = "door-reports";

pub fn read_feedback(message: &wire::Feedback) -> Result<Feedback, Vec<Violation>> {
    let category = match message.category() {
        wire::FeedbackCategory::Unspecified => {
            return Err(vec![reply::missing("feedback.category")]);
        }
        wire::FeedbackCategory::WrongRegistration => Category::WrongRegistration,
        wire::FeedbackCategory::HealthData => Category::HealthData,
        wire::FeedbackCategory::Technical => Category::Technical,
        wire::FeedbackCategory::Other => Category::Other,
    };
    Feedback::new(category, &message.text).map_err(|wrong| vec![wrong])
}

pub fn read_appeal(message: &wire::Appeal) -> Result<Appeal, Vec<Violation>> {
    let colour = match message.colour() {
        types::Colour::Unspecified => return Err(vec![reply::missing("appeal.colour")]),
        types::Colour::Green => Colour::Green,
        types::Colour::Yellow => Colour::Yellow,
        types::Colour::Red => Colour::Red,
    };
    let other_province = message.concerns_other_province;
    Appeal::new(&message.decision, colour, other_province, &message.text)
}

pub fn read_place(message: &wire::PlaceComplaint, field: &str) -> Result<PlaceComplaint, Vec<Violation>> {
    let issue = match message.issue() {
        wire::PlaceIssue::Unspecified => {
            return Err(vec![reply::missing(&format!("{field}.issue"))]);
        }
        wire::PlaceIssue::NotChecking => PlaceIssue::NotChecking,
        wire::PlaceIssue::ScanningPeople => PlaceIssue::ScanningPeople,
        wire::PlaceIssue::RecordingPeople => PlaceIssue::RecordingPeople,
        wire::PlaceIssue::RefusingGreen => PlaceIssue::RefusingGreen,
        wire::PlaceIssue::ExtraConditions => PlaceIssue::ExtraConditions,
    };
    PlaceComplaint::new(issue, &message.place, &message.text, field)
}

pub fn read_revisit(message: Option<wire::Revisit>) -> Result<Revisit, Fault> {
    let wire::Revisit {
        contacted,
        solved,
        satisfied,
    } = reply::required(message, "revisit").map_err(reply::wrong)?;
    Ok(Revisit {
        contacted,
        solved,
        satisfied,
    })
}

pub fn feedback(feedback: Feedback) -> wire::Feedback {
    let category = match feedback.category {
        Category::WrongRegistration => wire::FeedbackCategory::WrongRegistration,
        Category::HealthData => wire::FeedbackCategory::HealthData,
        Category::Technical => wire::FeedbackCategory::Technical,
        Category::Other => wire::FeedbackCategory::Other,
    };
    wire::Feedback {
        category: category.into(),
        text: feedback.text.into_inner(),
    }
}

pub fn appeal(appeal: Appeal) -> wire::Appeal {
    let colour = match appeal.colour {
        Colour::Green => types::Colour::Green,
        Colour::Yellow => types::Colour::Yellow,
        Colour::Red => types::Colour::Red,
    };
    wire::Appeal {
        decision: format!("decisions/{}", appeal.decision),
        colour: colour.into(),
        concerns_other_province: appeal.concerns_other_province,
        text: appeal.text.into_inner(),
    }
}

pub fn place(place: PlaceComplaint) -> wire::PlaceComplaint {
    wire::PlaceComplaint {
        issue: place_issue(place.issue).into(),
        place: place.place.into_inner(),
        text: place.text.into_inner(),
    }
}

pub fn follow_up(follow_up: FollowUp) -> wire::DoorReportFollowUp {
    wire::DoorReportFollowUp {
        door_report: format!("{DOOR_REPORTS}/{}", follow_up.report),
        text: follow_up.text.into_inner(),
    }
}

pub const fn place_issue(issue: PlaceIssue) -> wire::PlaceIssue {
    match issue {
        PlaceIssue::NotChecking => wire::PlaceIssue::NotChecking,
        PlaceIssue::ScanningPeople => wire::PlaceIssue::ScanningPeople,
        PlaceIssue::RecordingPeople => wire::PlaceIssue::RecordingPeople,
        PlaceIssue::RefusingGreen => wire::PlaceIssue::RefusingGreen,
        PlaceIssue::ExtraConditions => wire::PlaceIssue::ExtraConditions,
    }
}

pub const fn finding(finding: Finding) -> wire::PlaceFinding {
    match finding {
        Finding::Confirmed => wire::PlaceFinding::Confirmed,
        Finding::NotConfirmed => wire::PlaceFinding::NotConfirmed,
    }
}

pub const fn read_finding(finding: wire::PlaceFinding) -> Option<Finding> {
    match finding {
        wire::PlaceFinding::Unspecified => None,
        wire::PlaceFinding::Confirmed => Some(Finding::Confirmed),
        wire::PlaceFinding::NotConfirmed => Some(Finding::NotConfirmed),
    }
}

pub const fn place_kind(kind: PlaceKind) -> wire::PlaceKind {
    match kind {
        PlaceKind::Community => wire::PlaceKind::Community,
        PlaceKind::Restaurant => wire::PlaceKind::Restaurant,
        PlaceKind::Mall => wire::PlaceKind::Mall,
        PlaceKind::Hospital => wire::PlaceKind::Hospital,
        PlaceKind::Hotel => wire::PlaceKind::Hotel,
        PlaceKind::Transport => wire::PlaceKind::Transport,
        PlaceKind::CultureAndTourism => wire::PlaceKind::CultureAndTourism,
        PlaceKind::OfficeBuilding => wire::PlaceKind::OfficeBuilding,
    }
}

pub const fn read_place_kind(kind: wire::PlaceKind) -> Option<PlaceKind> {
    match kind {
        wire::PlaceKind::Unspecified => None,
        wire::PlaceKind::Community => Some(PlaceKind::Community),
        wire::PlaceKind::Restaurant => Some(PlaceKind::Restaurant),
        wire::PlaceKind::Mall => Some(PlaceKind::Mall),
        wire::PlaceKind::Hospital => Some(PlaceKind::Hospital),
        wire::PlaceKind::Hotel => Some(PlaceKind::Hotel),
        wire::PlaceKind::Transport => Some(PlaceKind::Transport),
        wire::PlaceKind::CultureAndTourism => Some(PlaceKind::CultureAndTourism),
        wire::PlaceKind::OfficeBuilding => Some(PlaceKind::OfficeBuilding),
    }
}

pub const fn revisit(revisit: Revisit) -> wire::Revisit {
    let Revisit {
        contacted,
        solved,
        satisfied,
    } = revisit;
    wire::Revisit {
        contacted,
        solved,
        satisfied,
    }
}

pub const fn kind(kind: Kind) -> wire::CaseKind {
    match kind {
        Kind::Feedback => wire::CaseKind::Feedback,
        Kind::Appeal => wire::CaseKind::Appeal,
        Kind::Place => wire::CaseKind::Place,
        Kind::DoorReport => wire::CaseKind::DoorReport,
    }
}

pub const fn read_kind(kind: wire::CaseKind) -> Option<Kind> {
    match kind {
        wire::CaseKind::Unspecified => None,
        wire::CaseKind::Feedback => Some(Kind::Feedback),
        wire::CaseKind::Appeal => Some(Kind::Appeal),
        wire::CaseKind::Place => Some(Kind::Place),
        wire::CaseKind::DoorReport => Some(Kind::DoorReport),
    }
}

pub const fn state(state: State) -> wire::ComplaintState {
    match state {
        State::Filed => wire::ComplaintState::Filed,
        State::Assigned => wire::ComplaintState::Assigned,
        State::TakenUp => wire::ComplaintState::TakenUp,
        State::Waiting => wire::ComplaintState::Waiting,
        State::Answered => wire::ComplaintState::Answered,
        State::Returned => wire::ComplaintState::Returned,
        State::Reopened => wire::ComplaintState::Reopened,
        State::Merged => wire::ComplaintState::Merged,
        State::Closed => wire::ComplaintState::Closed,
    }
}

pub const fn read_state(state: wire::ComplaintState) -> Option<State> {
    match state {
        wire::ComplaintState::Unspecified => None,
        wire::ComplaintState::Filed => Some(State::Filed),
        wire::ComplaintState::Assigned => Some(State::Assigned),
        wire::ComplaintState::TakenUp => Some(State::TakenUp),
        wire::ComplaintState::Waiting => Some(State::Waiting),
        wire::ComplaintState::Answered => Some(State::Answered),
        wire::ComplaintState::Returned => Some(State::Returned),
        wire::ComplaintState::Reopened => Some(State::Reopened),
        wire::ComplaintState::Merged => Some(State::Merged),
        wire::ComplaintState::Closed => Some(State::Closed),
    }
}

pub const fn action(action: Action) -> wire::CaseAction {
    match action {
        Action::Assign => wire::CaseAction::Assign,
        Action::TakeUp => wire::CaseAction::TakeUp,
        Action::Ask => wire::CaseAction::Ask,
        Action::Reply => wire::CaseAction::Reply,
        Action::Answer => wire::CaseAction::Answer,
        Action::Return => wire::CaseAction::Return,
        Action::Extend => wire::CaseAction::Extend,
        Action::Reopen => wire::CaseAction::Reopen,
        Action::Merge => wire::CaseAction::Merge,
        Action::Revisit => wire::CaseAction::Revisit,
        Action::Close => wire::CaseAction::Close,
        Action::AskSource => wire::CaseAction::AskSource,
        Action::Decide => wire::CaseAction::Decide,
    }
}

pub const fn waiting_for(waiting_for: WaitingFor) -> wire::WaitingFor {
    match waiting_for {
        WaitingFor::Filer => wire::WaitingFor::Filer,
        WaitingFor::Authority => wire::WaitingFor::Authority,
        WaitingFor::OtherProvince => wire::WaitingFor::OtherProvince,
    }
}

pub fn read_waiting_for(waiting_for: wire::WaitingFor) -> Result<WaitingFor, Fault> {
    match waiting_for {
        wire::WaitingFor::Unspecified => Err(reply::wrong(reply::missing("waiting_for"))),
        wire::WaitingFor::Filer => Ok(WaitingFor::Filer),
        wire::WaitingFor::Authority => Ok(WaitingFor::Authority),
        wire::WaitingFor::OtherProvince => Ok(WaitingFor::OtherProvince),
    }
}

pub fn read_verdict(verdict: wire::AppealVerdict) -> Result<Verdict, Violation> {
    match verdict {
        wire::AppealVerdict::Unspecified => Err(reply::missing("verdict")),
        wire::AppealVerdict::Upheld => Ok(Verdict::Upheld),
        wire::AppealVerdict::Refused => Ok(Verdict::Refused),
    }
}

pub fn read_basis(basis: wire::AppealBasis) -> Result<Basis, Violation> {
    match basis {
        wire::AppealBasis::Unspecified => Err(reply::missing("basis")),
        wire::AppealBasis::DataCorrection => Ok(Basis::DataCorrection),
        wire::AppealBasis::AutomatedDecision => Ok(Basis::AutomatedDecision),
        wire::AppealBasis::DiseaseControl => Ok(Basis::DiseaseControl),
        wire::AppealBasis::RuleSet => Ok(Basis::RuleSet),
    }
}

pub fn effect(effect: &ColourEffect) -> types::Effect {
    let state = if effect.is_in_force {
        types::EffectState::InForce
    } else {
        types::EffectState::Pending
    };
    types::Effect {
        redecided: effect.redecided,
        state: state.into(),
        operation: effect.operation.clone(),
    }
}

/// How an appeal was decided, and where it may be taken.
pub fn outcome(case: &Case) -> Option<wire::AppealOutcome> {
    let outcome = case.outcome.as_ref()?;
    let verdict = match outcome.verdict {
        Verdict::Upheld => wire::AppealVerdict::Upheld,
        Verdict::Refused => wire::AppealVerdict::Refused,
    };
    let basis = match outcome.basis {
        Basis::DataCorrection => wire::AppealBasis::DataCorrection,
        Basis::AutomatedDecision => wire::AppealBasis::AutomatedDecision,
        Basis::DiseaseControl => wire::AppealBasis::DiseaseControl,
        Basis::RuleSet => wire::AppealBasis::RuleSet,
    };
    Some(wire::AppealOutcome {
        verdict: verdict.into(),
        decide_time: Some(time::from_micros(outcome.decided_at.micros())),
        basis: basis.into(),
        next_division: case
            .next_instance()
            .map(|one| one.to_string())
            .unwrap_or_default(),
        effect: (outcome.verdict == Verdict::Upheld).then(|| effect(&outcome.effect)),
        fact_ids: outcome.facts.iter().map(ToString::to_string).collect(),
    })
}
