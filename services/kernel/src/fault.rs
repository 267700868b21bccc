//! What went wrong, said once for people and for programs. The chassis maps a [`Fault`] to
//! `google.rpc.Status`; nothing of its cause leaves the process.

mod all_valid;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

pub use all_valid::AllValid;

/// The few codes the mesh answers with (a subset of gRPC's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultCode {
    /// A field of the request is wrong, whatever the state of the system.
    InvalidArgument,
    /// What was named does not exist, or is not the caller's to know of.
    NotFound,
    AlreadyExists,
    /// The request is well formed but the state refuses it; trying again alone does not help.
    FailedPrecondition,
    /// A concurrent change won; trying again may help.
    Aborted,
    PermissionDenied,
    Unauthenticated,
    ResourceExhausted,
    /// A part that is needed is away; nothing was stored; try again later.
    Unavailable,
    DeadlineExceeded,
    /// The client ended the call; nobody waits for the answer.
    Cancelled,
    /// Who was asked does not serve this call: another version runs there.
    Unimplemented,
    Internal,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path in the request, proto names: `contact_history[2].day`.
    pub field: String,
    /// Stable, `UPPER_SNAKE`.
    pub reason: Cow<'static, str>,
    pub zh: String,
    pub en: String,
}

impl Violation {
    pub fn new(
        field: impl Into<String>,
        reason: impl Into<Cow<'static, str>>,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
            zh: zh.into(),
            en: en.into(),
        }
    }

    /// The same violation inside an outer message: `document` + `number` = `document.number`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.field = if self.field.is_empty() {
            outer.to_owned()
        } else {
            format!("{outer}.{}", self.field)
        };
        self
    }
}

/// An error as the caller sees it. Texts name fields and reasons, never a person's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: FaultCode,
    /// Stable, `UPPER_SNAKE`; `google.rpc.ErrorInfo.reason`.
    pub reason: Cow<'static, str>,
    pub zh: String,
    pub en: String,
    pub violations: Vec<Violation>,
    /// `google.rpc.ErrorInfo.metadata`: ids and names only.
    pub metadata: Vec<(Cow<'static, str>, String)>,
    pub retry_after: Option<Duration>,
    /// Why an internal error arose. Logged in the process where it arose, in no answer.
    cause: Option<String>,
}

impl Fault {
    pub fn new(
        code: FaultCode,
        reason: impl Into<Cow<'static, str>>,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        Self {
            code,
            reason: reason.into(),
            zh: zh.into(),
            en: en.into(),
            violations: Vec::new(),
            metadata: Vec::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// Fields are wrong; at least one violation.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let zh = violations
            .iter()
            .map(|v| told(&v.field, "：", &v.zh))
            .collect::<Vec<_>>()
            .join("；");
        let en = violations
            .iter()
            .map(|v| told(&v.field, ": ", &v.en))
            .collect::<Vec<_>>()
            .join("; ");
        let mut fault = Self::new(FaultCode::InvalidArgument, "INVALID_FIELDS", zh, en);
        fault.violations = violations;
        fault
    }

    /// The part named is away. Nothing was stored.
    pub fn unavailable(part: &str) -> Self {
        Self::new(
            FaultCode::Unavailable,
            "PART_UNAVAILABLE",
            format!("服务{part}暂时不可用，请稍后重试"),
            format!("{part} is not available for the moment; try again"),
        )
        .with("part", part)
        .retry_after(Duration::from_secs(1))
    }

    /// Something of ours broke. The cause is logged where the fault becomes an answer, and is not part of the answer. It names
    /// ids and errors, never a person's data.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::internal_of_peer()
        }
    }

    /// Something broke in another process, which has logged the cause.
    pub fn internal_of_peer() -> Self {
        Self::new(
            FaultCode::Internal,
            "INTERNAL",
            "系统内部错误，已记录，请稍后重试",
            "an internal error was recorded; try again later",
        )
    }

    /// Why an internal error arose, for the log of this process.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    #[must_use]
    pub fn violation(mut self, violation: Violation) -> Self {
        self.violations.push(violation);
        self
    }
}

/// A violation in one line; one of the whole request names no field.
fn told(field: &str, colon: &str, text: &str) -> String {
    if field.is_empty() {
        text.to_owned()
    } else {
        format!("{field}{colon}{text}")
    }
}

/// For logs: with the cause, which no answer has. An answer has the two texts.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.en)?;
        match &self.cause {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

/// Collects violations field by field, so that a caller learns all of them at once.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, violation: Violation) {
        self.0.push(violation);
    }

    /// Keeps the value, or notes the violation.
    pub fn take<T>(&mut self, result: Result<T, Violation>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(violation) => {
                self.0.push(violation);
                None
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Ok` when nothing was noted.
    pub fn finish(self) -> Result<(), Fault> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Fault::invalid(self.0))
        }
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}

impl From<Vec<Violation>> for Violations {
    fn from(violations: Vec<Violation>) -> Self {
        Self(violations)
    }
}

#[cfg(test)]
mod tests;
