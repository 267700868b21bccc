//! Permits to access a person's data, one type per scope of the contract. A handler gets the permit of its RPC's scope,
//! and store functions that touch a person's rows take one, so that a forgotten check does not compile.

use lutong_kernel::{DivisionCode, Fault, FaultCode, Jurisdiction, SubjectId, Violation};

use lutong_proto::requests::Target;

use super::grant::{AnyPermit, Grant, no_code};
use super::principal::FeedGrant;

/// A permit, made from the grant of a call and the target of its request.
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

/// WARD: the caller's own data and that of bound family members. Whoever else is named must be looked up among the bindings that the
/// service keeps a copy of: [`Self::reach`] is the only way to a subject.
#[derive(Debug, Clone)]
pub struct WardPermit {
    caller: SelfPermit,
    /// Another subject than the caller's.
    named: Option<SubjectId>,
}

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

/// DECLARANT: the person on whose behalf the caller declares, as named by declaration.
#[derive(Debug, Clone, Copy)]
pub struct DeclarantPermit(SubjectId);

/// BEARER: the person whose signed code the request carries.
#[derive(Debug, Clone, Copy)]
pub struct BearerPermit(());

/// A subject that a permit covers. Store functions that read a person's rows for a call take it: a bare subject id
/// proves no permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermittedSubject(SubjectId);

impl PermittedSubject {
    pub const fn id(self) -> SubjectId {
        self.0
    }
}

impl AnyPermit {
    /// Permits any subject.
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

    /// The account's person; a fault while there is none.
    pub fn subject(&self) -> Result<SubjectId, Fault> {
        self.subject.ok_or_else(no_code)
    }

    /// The account's person, for store functions that read their rows.
    pub fn reach(&self) -> Result<PermittedSubject, Fault> {
        self.subject().map(PermittedSubject)
    }
}

impl WardPermit {
    pub fn account(&self) -> &str {
        self.caller.account()
    }

    /// The person whose data may be reached: the caller, or the named subject when `is_bound(binder, ward)` finds an active binding.
    /// Anybody else is answered as not found, whether they exist or not.
    pub async fn reach(
        &self,
        is_bound: impl AsyncFnOnce(SubjectId, SubjectId) -> Result<bool, Fault>,
    ) -> Result<PermittedSubject, Fault> {
        let own = self.caller.subject()?;
        match self.named {
            None => Ok(PermittedSubject(own)),
            Some(ward) if is_bound(own, ward).await? => Ok(PermittedSubject(ward)),
            Some(_) => Err(no_code()),
        }
    }
}

impl DivisionPermit {
    pub const fn jurisdiction(&self) -> Jurisdiction {
        self.0
    }

    /// A person who lives in the division. Anybody else is answered as not found, whether they exist or not.
    pub fn reach(self, subject: SubjectId, home: Option<DivisionCode>) -> Result<PermittedSubject, Fault> {
        match home {
            Some(home) if self.0.covers(home) => Ok(PermittedSubject(subject)),
            _ => Err(no_code()),
        }
    }
}

impl CasePermit {
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The account's person, if there is one yet.
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
        // Another subject is answered as not found, whether it exists or not.
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
        let principal = grant.principal();
        let caller = SelfPermit {
            account: principal.account.clone(),
            subject: principal.subject,
        };
        let named = target.subject.filter(|subject| !subject.is_empty());
        // What is no subject is nobody's.
        let named = named
            .map(|named| named.parse().map_err(|_| no_code()))
            .transpose()?;
        Ok(Self {
            named: named.filter(|named| Some(*named) != caller.subject),
            caller,
        })
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

/// The target lies outside the caller's division.
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
