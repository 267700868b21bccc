//! The signature over a report: a COSE_Sign1 (external data `lutong conformance report 1`) over a manifest that names each file of the report with its
//! digest, and the end of its validity.

use std::collections::BTreeMap;

use lutong_kernel::Timestamp;
use lutong_token::document::{self, Purpose};
use lutong_token::{DocumentError, Kid, SignError, SigningKey, VerifyingKeys};
use serde::{Deserialize, Serialize};

use super::{Report, SystemVerdict};
use crate::kept::digest;

/// The files of a report.
pub const JSON: &str = "report.json";
pub const PAGE: &str = "report.html";
pub const SIGNATURE: &str = "report.cose";
/// The form of a manifest.
const FORM: &str = "lutong-conformance-report/1";

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub form: String,
    pub suite: String,
    pub suite_version: String,
    pub cases_sha256: String,
    pub province: String,
    pub name: String,
    pub tester: String,
    pub verdict: SystemVerdict,
    /// RFC 3339.
    pub end_time: String,
    pub expire_time: String,
    /// SHA-256 of each file, by its name.
    pub files: BTreeMap<String, String>,
}

/// Why a report is not relied on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    #[error("SIGNATURE: {0}")]
    Signature(#[from] DocumentError),
    #[error("FORM: it is no manifest of a report: {0}")]
    Form(String),
    #[error("EXPIRED: at {0}")]
    Expired(String),
    #[error("FUTURE: it ended at {0}, which is still to come")]
    Future(String),
    #[error("MISSING: {0} is not there")]
    Missing(String),
    #[error("ALTERED: {0} is not the file that was signed")]
    Altered(String),
}

impl Manifest {
    pub fn of(report: &Report, json: &[u8], page: &str) -> Self {
        let files = [(JSON, json), (PAGE, page.as_bytes())];
        Self {
            form: FORM.to_owned(),
            suite: report.suite.clone(),
            suite_version: report.suite_version.clone(),
            cases_sha256: report.cases_sha256.clone(),
            province: report.province.clone(),
            name: report.name.clone(),
            tester: report.tester.clone(),
            verdict: report.verdict,
            end_time: report.end_time.clone(),
            expire_time: report.expire_time.clone(),
            files: files.map(|(name, bytes)| (name.to_owned(), digest(bytes))).into(),
        }
    }

    /// The bytes of the signed manifest.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, SignError> {
        let payload = serde_json::to_vec(self).map_err(|_| SignError)?;
        document::sign(key, Purpose::Conformance, &payload)
    }

    /// A manifest that one of these keys signed, and whose files are as they were, read by name; expired or not.
    pub fn open(
        signature: &[u8],
        keys: &VerifyingKeys,
        now: Timestamp,
        read: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<(Self, Kid), ReportError> {
        let (payload, kid) = document::open_signed(signature, Purpose::Conformance, keys, now)?;
        let wrong = |error: &dyn std::fmt::Display| ReportError::Form(error.to_string());
        let manifest: Self = serde_json::from_slice(&payload).map_err(|error| wrong(&error))?;
        if manifest.form != FORM {
            return Err(wrong(&manifest.form));
        }
        for name in [JSON, PAGE] {
            if !manifest.files.contains_key(name) {
                return Err(wrong(&format_args!("it does not name {name}")));
            }
        }
        for (name, signed) in &manifest.files {
            let bytes = read(name).ok_or_else(|| ReportError::Missing(name.clone()))?;
            if digest(&bytes) != *signed {
                return Err(ReportError::Altered(name.clone()));
            }
        }
        Ok((manifest, kid))
    }

    /// Whether it is relied on now.
    pub fn check_validity(&self, now: Timestamp) -> Result<(), ReportError> {
        let time = |text: &str| Timestamp::parse(text).map_err(|error| ReportError::Form(error.to_string()));
        if now < time(&self.end_time)? {
            return Err(ReportError::Future(self.end_time.clone()));
        }
        if time(&self.expire_time)? <= now {
            return Err(ReportError::Expired(self.expire_time.clone()));
        }
        Ok(())
    }
}
