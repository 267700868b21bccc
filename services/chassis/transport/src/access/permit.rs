//! Permits: leave to reach somebody's data, one type a scope of the contract. A handler gets the permit of its RPC's scope, and
//! store functions that touch a person's rows take one, so that a forgotten check does not compile.

use lutong_kernel::{DivisionCode, Fault, FaultCode, Jurisdiction, SubjectId, Violation};

use lutong_proto::requests::Target;

use super::grant::{AnyPermit, Grant, no_code};
use super::principal::FeedGrant;

/// A permit, made of what the guard has let in and of what the request concerns.
pub trait Permit: Sized {
    fn admit(grant: &Grant, target: &Target<'_>) -> Result<Self, Fault>;
}

/// NONE: nobody's data.
#[derive(Debug, Clone, Copy)]
pub struct NoPermit(());

/// SELF: what is the caller's own.
#[derive(Debug, Clone)]
pub struct SelfPermit {
    account: String,
    subject: Option<SubjectId>,
}

/// WARD: the caller's own, and that of family members who are bound to them. Nobody is bound yet.
#[derive(Debug, Clone)]
pub struct WardPermit(SelfPermit);

/// DIVISION: people and places of the caller's own division.
#[derive(Debug, Clone, Copy)]
pub struct DivisionPermit(Jurisdiction);

/// CASE: what the caller's account filed.
#[derive(Debug, Clone)]
pub struct CasePermit {
    account: String,
    subject: Option<SubjectId>,
}

/// FEED: whom a registered feed reports about.
#[derive(Debug, Clone)]
pub struct FeedPermit(FeedGrant);

/// DECLARANT: the person for whom the caller declares, as declaration says.
#[derive(Debug, Clone, Copy)]
pub struct DeclarantPermit(SubjectId);

/// BEARER: the person whose signed code the request carries.
#[derive(Debug, Clone, Copy)]
pub struct BearerPermit(());

/// A subject whom a permit reaches. Store functions that read a person's rows for a call take it: a subject id alone is no leave,
/// anybody can have made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermittedSubject(SubjectId);

impl PermittedSubject {
    pub const fn id(self) -> SubjectId {
        self.0
    }
}

impl AnyPermit {
    /// Anybody.
    pub const fn reach(self, subject: SubjectId) -> PermittedSubject {
        PermittedSubject(subject)
    }
}

impl FeedPermit {
    /// What the feed may report.
    pub const fn feed(&self) -> &FeedGrant {
        &self.0
    }
}

impl DeclarantPermit {
    pub const fn subject(self) -> SubjectId {
        self.0
    }
}

impl SelfPermit {
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The person behind the account; a fault while there is none.
    pub fn subject(&self) -> Result<SubjectId, Fault> {
        self.subject.ok_or_else(no_code)
    }

    /// The same, for what reads their rows.
    pub fn reach(&self) -> Result<PermittedSubject, Fault> {
        self.subject().map(PermittedSubject)
    }
}

impl WardPermit {
    pub fn account(&self) -> &str {
        self.0.account()
    }

    /// The person whose data may be reached.
    pub fn subject(&self) -> Result<SubjectId, Fault> {
        self.0.subject()
    }
}

impl DivisionPermit {
    pub const fn jurisdiction(&self) -> Jurisdiction {
        self.0
    }
}

impl CasePermit {
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The person behind the account, once there is one.
    pub const fn subject(&self) -> Option<SubjectId> {
        self.subject
    }
}

impl Permit for NoPermit {
    fn admit(_: &Grant, _: &Target<'_>) -> Result<Self, Fault> {
        Ok(Self(()))
    }
}

impl Permit for BearerPermit {
    fn admit(_: &Grant, _: &Target<'_>) -> Result<Self, Fault> {
        Ok(Self(()))
    }
}

impl Permit for AnyPermit {
    fn admit(grant: &Grant, _: &Target<'_>) -> Result<Self, Fault> {
        grant.any()
    }
}

impl Permit for SelfPermit {
    fn admit(grant: &Grant, target: &Target<'_>) -> Result<Self, Fault> {
        let principal = grant.principal();
        let named = target.subject.filter(|subject| !subject.is_empty());
        // Somebody else is not there, whether there is such a person or not.
        if named.is_some_and(|named| principal.subject.is_none_or(|own| own.to_string() != named)) {
            return Err(no_code());
        }
        Ok(Self {
            account: principal.account.clone(),
            subject: principal.subject,
        })
    }
}

impl Permit for WardPermit {
    fn admit(grant: &Grant, target: &Target<'_>) -> Result<Self, Fault> {
        SelfPermit::admit(grant, target).map(Self)
    }
}

impl Permit for CasePermit {
    fn admit(grant: &Grant, _: &Target<'_>) -> Result<Self, Fault> {
        let principal = grant.principal();
        Ok(Self {
            account: principal.account.clone(),
            subject: principal.subject,
        })
    }
}

impl Permit for FeedPermit {
    fn admit(grant: &Grant, _: &Target<'_>) -> Result<Self, Fault> {
        let feed = grant.principal().feed.clone();
        feed.map(Self).ok_or_else(|| {
            Fault::new(
                FaultCode::PermissionDenied,
                "FEED_NOT_REGISTERED",
                "该账号尚未登记为数据来源，请联系系统管理员",
                "this account is no registered feed: the operator grants it one",
            )
        })
    }
}

impl Permit for DeclarantPermit {
    fn admit(_: &Grant, target: &Target<'_>) -> Result<Self, Fault> {
        let named = target.subject.unwrap_or_default();
        named.parse().map(Self).map_err(|_| {
            Fault::invalid(vec![Violation::new(
                "subject_id",
                "UUID_SHAPE",
                "应为小写UUID",
                "is a UUID in lower-case hyphenated form",
            )])
        })
    }
}

impl Permit for DivisionPermit {
    fn admit(grant: &Grant, target: &Target<'_>) -> Result<Self, Fault> {
        let own = grant.principal().jurisdiction()?;
        let named = target.division.filter(|division| !division.is_empty());
        let place = named.map(DivisionCode::parse).transpose().map_err(|error| {
            Fault::invalid(vec![Violation::new(
                "division",
                "DIVISION_SHAPE",
                "应为行政区划代码",
                error.to_string(),
            )])
        })?;
        if place.is_some_and(|place| !own.covers(place)) {
            return Err(outside());
        }
        Ok(Self(own))
    }
}

/// What concerns another division than the caller's own.
pub fn outside() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "OUTSIDE_DIVISION",
        "不在本账号的辖区内",
        "is not within this account's division",
    )
}

#[cfg(test)]
mod tests;
