//! `lutong keys`: changes of keys that a local command makes, each of them in the audit log before it is answered.

use std::sync::Arc;

use lutong_chassis::audit::AuditLog;
use lutong_kernel::{Clock, Fault, Timestamp};
use lutong_proto::policy::{Caller, Role};
use lutong_token::KeyUse;
use lutong_transport::access::Roles;
use lutong_transport::record::objects::Object;
use lutong_transport::record::{AuditSink as _, CallRecord};
use lutong_transport::status;

use super::Keys;
use crate::keys::domain::{KeyStatus, use_text};

/// Who works on the database itself: whoever has its key files. No account stands behind a local command.
const ACCOUNT: &str = "local";

/// The keys, for an operator with the key files.
pub struct OperatorKeys {
    keys: Keys,
    audit: AuditLog,
    clock: Arc<dyn Clock>,
}

impl OperatorKeys {
    pub(crate) fn new(keys: Keys, audit: AuditLog, clock: Arc<dyn Clock>) -> Self {
        Self { keys, audit, clock }
    }

    /// Every key, newest first. What is public is not recorded.
    pub async fn statuses(&self) -> Result<Vec<KeyStatus>, Fault> {
        self.keys.statuses().await
    }

    /// Announces a key beside the present ones. It signs from its activation on: `at`, or as soon as every door knows it.
    pub async fn create(&self, signs: KeyUse, at: Option<Timestamp>) -> Result<KeyStatus, Fault> {
        let done = self.keys.create(signs, at).await;
        self.record("lutong keys create", Some(signs), None, done).await
    }

    /// Announces a key, and ends the present ones of its use when what they signed is over.
    pub async fn rotate(&self, signs: KeyUse, at: Option<Timestamp>) -> Result<KeyStatus, Fault> {
        let done = self.keys.rotate(signs, at).await;
        self.record("lutong keys rotate", Some(signs), None, done).await
    }

    /// Revokes a key.
    pub async fn revoke(&self, kid: &str) -> Result<KeyStatus, Fault> {
        let done = self.keys.revoke(kid).await;
        self.record("lutong keys revoke", None, Some(kid), done).await
    }

    /// Records what was done, or was refused. What cannot be recorded is not answered, as with a call of the mesh.
    async fn record(
        &self,
        command: &'static str,
        signs: Option<KeyUse>,
        kid: Option<&str>,
        done: Result<KeyStatus, Fault>,
    ) -> Result<KeyStatus, Fault> {
        let outcome = match &done {
            Ok(_) => tonic::Code::Ok,
            Err(fault) => status::from_fault(fault.clone()).code(),
        };
        let key = match &done {
            Ok(status) => Some(status.key.kid().to_string()),
            // A text that is no key id names nothing.
            Err(_) => kid.filter(|kid| kid.len() == 16).map(str::to_owned),
        };
        let object = |name: &str, value: String| Object(name.to_owned(), value);
        let key = key.map(|key| object("key", key));
        let signs = signs.map(|signs| object("signs", use_text(signs).to_owned()));
        let record = CallRecord {
            at: self.clock.now(),
            rpc: command,
            caller: Some(Caller::Operator),
            account: ACCOUNT.to_owned(),
            roles: Roles::of(&[Role::Operator]),
            division: None,
            purpose: None,
            outcome,
            reason: done
                .as_ref()
                .err()
                .map_or_else(String::new, |fault| fault.reason.to_string()),
            objects: key.into_iter().chain(signs).collect(),
            unrecorded: 0,
        };
        self.audit.record(record).await?;
        done
    }
}
