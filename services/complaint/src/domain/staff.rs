//! What a member of staff reaches, and may do.

use lutong_kernel::{DivisionCode, Jurisdiction};

use super::case::{Case, WaitingFor};
use super::content::Kind;
use super::machine::{Action, State};

/// A role that works on cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub enum Role {
    HealthOfficer,
    Supervisor,
    HotlineAgent,
    CounterStaff,
}

/// A member of staff.
#[derive(Debug, Clone)]
pub struct Staff {
    pub account: String,
    pub jurisdiction: Jurisdiction,
    pub roles: Vec<Role>,
    /// The kinds of cases of the jurisdiction that are reached; empty: all.
    pub desks: Vec<Kind>,
}

/// By what a case is reached.
#[derive(Debug, Clone, Copy)]
pub struct Reach<'a> {
    pub kind: Kind,
    /// Which must answer.
    pub division: DivisionCode,
    pub assignee: Option<&'a str>,
    pub entered_by: Option<&'a str>,
}

impl Staff {
    /// Whether the cases of the jurisdiction are reached. A hotline agent and counter staff reach what they entered or were given.
    pub fn is_officer(&self) -> bool {
        let officers = [Role::HealthOfficer, Role::Supervisor];
        self.roles.iter().any(|role| officers.contains(role))
    }

    pub fn reaches(&self, case: &Reach<'_>) -> bool {
        let is_own = |account: Option<&str>| account.is_some_and(|account| account == self.account);
        is_own(case.assignee)
            || is_own(case.entered_by)
            || (self.is_officer() && self.has_desk(case.kind) && self.jurisdiction.covers(case.division))
    }

    /// Whether cases of a kind are theirs to read in their jurisdiction.
    pub fn has_desk(&self, kind: Kind) -> bool {
        self.desks.is_empty() || self.desks.contains(&kind)
    }

    /// What they may do with a case of a kind in a state.
    pub fn actions(&self, kind: Kind, state: State) -> Vec<Action> {
        use strum::VariantArray as _;
        let actions = Action::VARIANTS.iter().copied();
        actions
            .filter(|action| action.is_of(kind) && action.is_possible(state) && self.may(*action))
            .collect()
    }

    fn may(&self, action: Action) -> bool {
        self.roles.iter().any(|role| roles_of(action).contains(role))
    }
}

/// The roles that may take an action; the contract's policy says the same.
pub const fn roles_of(action: Action) -> &'static [Role] {
    match action {
        Action::Assign => &[Role::HealthOfficer, Role::Supervisor, Role::HotlineAgent],
        Action::TakeUp
        | Action::Ask
        | Action::Answer
        | Action::Return
        | Action::Extend
        | Action::Merge
        | Action::Close
        | Action::AskSource
        | Action::Decide => &[Role::HealthOfficer, Role::Supervisor],
        Action::Reopen | Action::Revisit => &[Role::Supervisor, Role::HotlineAgent],
        // The filer's.
        Action::Reply => &[],
    }
}

/// What the filer may do with a case.
pub fn actions_of_filer(case: &Case) -> Vec<Action> {
    let own = [Action::Reply, Action::Reopen, Action::Revisit].into_iter();
    let is_asked = case.waiting_for == Some(WaitingFor::Filer);
    // A refused appeal is taken to the next instance, if there is one.
    let may_reopen = !case.is_refused() || case.next_instance().is_some();
    own.filter(|action| match action {
        Action::Reply => is_asked,
        Action::Reopen => may_reopen,
        _ => true,
    })
    .filter(|action| action.is_possible(case.state))
    .collect()
}
