//! A statement on its way into the store, and what can be made of it before its transaction begins: whoever writes waits
//! for no cipher.

pub mod reader;

use lutong_kernel::{FactId, Fault, SubjectId, Timestamp, Violation};
use lutong_storage::crypto::ReadyCipher;

use super::deciding::Decider;
use super::sorting::Accepted;
use crate::domain::attributes::{Attributes, Value};
use crate::domain::fact::FactKind;
use crate::domain::packed::{PackedFact, community_key};
use crate::store::statements::{self, Name, NewStatement};
use crate::store::stay_places::BlindPlace;

/// One statement, checked in itself.
#[derive(Debug, Clone)]
pub struct Statement {
    pub source: String,
    pub key: String,
    pub subject: SubjectId,
    pub content: Content,
    /// Keyed hash of the content.
    pub fingerprint: [u8; 32],
}

#[derive(Debug, Clone)]
pub enum Content {
    Fact {
        attributes: Attributes,
        /// In their one form.
        canonical: String,
        /// The key that it corrects.
        replaces: Option<String>,
    },
    Retraction {
        key: String,
        reason: String,
    },
}

impl Content {
    pub fn fact(attributes: Attributes, replaces: Option<String>) -> Self {
        Self::Fact {
            canonical: attributes.canonical(),
            attributes,
            replaces,
        }
    }
}

impl Statement {
    /// The key of the statement that it corrects or retracts.
    pub fn target(&self) -> Option<&str> {
        match &self.content {
            Content::Fact { replaces, .. } => replaces.as_deref(),
            Content::Retraction { key, .. } => Some(key),
        }
    }

    /// Where a request says what is stated: `fact.case`, `correction.fact.case`.
    pub fn fact_field(&self) -> String {
        match &self.content {
            Content::Fact {
                attributes,
                replaces: Some(_),
                ..
            } => format!("correction.fact.{}", attributes.kind()),
            Content::Fact { attributes, .. } => format!("fact.{}", attributes.kind()),
            Content::Retraction { .. } => "retraction".to_owned(),
        }
    }

    /// `None` for a retraction.
    pub fn kind(&self) -> Option<FactKind> {
        match &self.content {
            Content::Fact { attributes, .. } => Some(attributes.kind()),
            Content::Retraction { .. } => None,
        }
    }
}

/// A statement with what it will be stored as, should it be new.
#[derive(Debug)]
pub struct Prepared {
    pub statement: Statement,
    pub id: FactId,
    pub name: Name,
    /// Of what it corrects or retracts.
    pub target: Option<Name>,
    sealed: Option<Vec<u8>>,
    fact: Option<PackedFact>,
    places: Vec<BlindPlace>,
}

impl Prepared {
    pub fn accepted(self, target: Option<FactId>, recorded_at: Timestamp) -> Accepted {
        let kind = self.statement.kind();
        let Statement {
            source, key, subject, ..
        } = self.statement;
        let reason = match self.statement.content {
            Content::Fact { .. } => None,
            Content::Retraction { reason, .. } => Some(reason),
        };
        Accepted {
            row: NewStatement {
                id: self.id,
                subject,
                source,
                key,
                name: self.name,
                kind,
                attributes: self.sealed,
                target,
                reason,
                recorded_at,
                fingerprint: self.statement.fingerprint,
            },
            fact: self.fact,
            places: self.places,
        }
    }
}

impl Decider {
    pub(super) fn prepare(
        &self,
        cipher: &ReadyCipher,
        statements: Vec<Result<Statement, Violation>>,
    ) -> Result<Vec<Result<Prepared, Violation>>, Fault> {
        let prepare = |statement: Result<Statement, Violation>| match statement {
            Ok(statement) => self.prepared(cipher, statement).map(Ok),
            Err(wrong) => Ok(Err(wrong)),
        };
        statements.into_iter().map(prepare).collect()
    }

    fn prepared(&self, cipher: &ReadyCipher, statement: Statement) -> Result<Prepared, Fault> {
        let id = FactId::new(self.clock.now(), &*self.random);
        let (mut sealed, mut fact, mut places) = (None, None, Vec::new());
        if let Content::Fact {
            attributes,
            canonical,
            ..
        } = &statement.content
        {
            sealed = Some(statements::seal(cipher, id, canonical)?);
            fact = Some(PackedFact::new(id, attributes));
            places = self.places_of(attributes);
        }
        let named = |key| Name::of(&statement.source, key);
        Ok(Prepared {
            id,
            name: named(&statement.key),
            target: statement.target().map(named),
            sealed,
            fact,
            places,
            statement,
        })
    }

    /// Under which places a stay is found.
    fn places_of(&self, attributes: &Attributes) -> Vec<BlindPlace> {
        if attributes.kind() != FactKind::Stay {
            return Vec::new();
        }
        let Some(Value::Division(place)) = attributes.get("division") else {
            return Vec::new();
        };
        let community = match attributes.get("community") {
            Some(Value::Text(name)) => Some(community_key(name)),
            _ => None,
        };
        self.places.of_stay(*place, community)
    }
}
