//! Statements on their way into the store. They are encrypted and packed before the transaction begins, so that the writer does not
//! wait for encryption.

use std::sync::Arc;

use lutong_kernel::{Clock, FactId, Fault, Random, SubjectId, Timestamp, Violation};
use lutong_storage::crypto::ReadyCipher;

use crate::facts::store::statements::{self, Name, NewStatement};
use crate::facts::store::stay_places::{BlindPlace, PlaceIndex};
use lutong_risk_engine::attributes::{Attributes, Value};
use lutong_risk_engine::fact::FactKind;
use lutong_risk_engine::packed::{PackedFact, community_key};

/// A valid statement. Its relation to stored statements is not checked yet.
#[derive(Debug, Clone)]
pub struct Statement {
    pub source: String,
    pub key: String,
    pub subject: SubjectId,
    pub content: Content,
    /// A keyed hash of the content.
    pub fingerprint: [u8; 32],
}

/// What a statement says.
#[derive(Debug, Clone)]
pub enum Content {
    Fact {
        attributes: Attributes,
        /// The canonical form of the attributes.
        canonical: String,
        /// The key of the statement that it corrects.
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
    /// The key of the statement that is corrected or retracted.
    pub fn target(&self) -> Option<&str> {
        match &self.content {
            Content::Fact { replaces, .. } => replaces.as_deref(),
            Content::Retraction { key, .. } => Some(key),
        }
    }

    /// The field of the request that contains the fact: `fact.case`, `correction.fact.case`.
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

    /// The kind of the fact; `None` for a retraction.
    pub fn kind(&self) -> Option<FactKind> {
        match &self.content {
            Content::Fact { attributes, .. } => Some(attributes.kind()),
            Content::Retraction { .. } => None,
        }
    }
}

/// A statement with its encrypted and packed form, which is stored if the statement is new.
#[derive(Debug)]
pub struct PreparedStatement {
    pub statement: Statement,
    pub id: FactId,
    pub name: Name,
    /// The name of the statement that it corrects or retracts.
    pub target: Option<Name>,
    sealed: Option<Vec<u8>>,
    fact: Option<PackedFact>,
    places: Vec<BlindPlace>,
}

impl PreparedStatement {
    /// The row to store.
    pub fn accept(self, target: Option<FactId>, recorded_at: Timestamp) -> AcceptedStatement {
        let kind = self.statement.kind();
        let Statement {
            source, key, subject, ..
        } = self.statement;
        let reason = match self.statement.content {
            Content::Fact { .. } => None,
            Content::Retraction { reason, .. } => Some(reason),
        };
        AcceptedStatement {
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

/// A new statement, to be stored.
#[derive(Debug)]
pub struct AcceptedStatement {
    pub row: NewStatement,
    /// The packed fact; `None` for a retraction.
    pub fact: Option<PackedFact>,
    /// The places under which a stay is indexed.
    pub places: Vec<BlindPlace>,
}

/// Encrypts and packs statements before their transaction begins. Cheap to clone.
#[derive(Clone)]
pub struct StatementPreparer {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    places: PlaceIndex,
}

impl StatementPreparer {
    pub const fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>, places: PlaceIndex) -> Self {
        Self {
            clock,
            random,
            places,
        }
    }

    /// Prepares the valid statements of a batch; violations are passed on.
    pub fn prepare(
        &self,
        cipher: &ReadyCipher,
        statements: Vec<Result<Statement, Violation>>,
    ) -> Result<Vec<Result<PreparedStatement, Violation>>, Fault> {
        let prepare = |statement: Result<Statement, Violation>| match statement {
            Ok(statement) => self.prepare_one(cipher, statement).map(Ok),
            Err(wrong) => Ok(Err(wrong)),
        };
        statements.into_iter().map(prepare).collect()
    }

    fn prepare_one(&self, cipher: &ReadyCipher, statement: Statement) -> Result<PreparedStatement, Fault> {
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
        Ok(PreparedStatement {
            id,
            name: named(&statement.key),
            target: statement.target().map(named),
            sealed,
            fact,
            places,
            statement,
        })
    }

    /// The places under which a stay is indexed; none for other kinds.
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
