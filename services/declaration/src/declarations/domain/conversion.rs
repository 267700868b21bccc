//! What the origin of a converted code says of it after the arrival. Pure.

use lutong_kernel::{Colour, ConversionChangeId, Timestamp};
use serde_json::json;

use super::Declaration;
use super::statement::{FEDERATION, Statement, key};

/// The kind of the statement made of a converted code.
const PARTNER_CODE: &str = "partner_code";

/// What a converted code means from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// As federation numbers it.
    pub id: ConversionChangeId,
    pub colour: Colour,
    pub at: Timestamp,
}

impl Declaration {
    /// The key of the statement that its converted code makes now; `None` when it makes none.
    pub fn stated_code(&self) -> Option<&str> {
        let key = self.provenance.as_ref().map(|from| from.statement_key.as_str())?;
        let is_stated = self.statements.iter().any(|one| one.key == key);
        is_stated.then_some(key)
    }

    /// States what its converted code means now, in place of what it meant. Returns whether that was not stated before.
    pub fn revise(&mut self, change: &Change) -> bool {
        let revised = key(self.id, format_args!("partner-{}", change.id));
        let was_delivered = self.in_force_at.is_some();
        let Some(provenance) = &mut self.provenance else {
            return false;
        };
        let current = self
            .statements
            .iter()
            .find(|one| one.key == provenance.statement_key);
        let Some(current) = current.filter(|current| current.key != revised) else {
            return false;
        };
        let mut attributes = current.attributes.clone();
        attributes.insert("colour".to_owned(), json!(change.colour.as_str()));
        attributes.insert("issued_at".to_owned(), json!(change.at.to_rfc3339()));
        // It holds until its origin says otherwise.
        attributes.remove("expires_at");
        let statement = Statement {
            source: FEDERATION.to_owned(),
            key: revised.clone(),
            kind: PARTNER_CODE.to_owned(),
            attributes,
            replaces: Some(current.key.clone()),
            retracts: None,
        };
        let replaced = std::mem::replace(&mut provenance.statement_key, revised);
        if was_delivered {
            // What risk-rules has need not be sent again, however often the code changes.
            self.statements
                .retain(|one| one.kind != PARTNER_CODE || one.key == replaced);
        }
        self.statements.push(statement);
        self.in_force_at = None;
        true
    }
}
