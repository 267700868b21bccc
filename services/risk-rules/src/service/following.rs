//! What direct calls missed: declaration's log, read on from where this service stands.

use std::time::Duration;

#[cfg(feature = "failpoints")]
use lutong_failpoint::Broken;
use lutong_kernel::{Fault, SubjectId};
use lutong_proto::declaration::v1::{Event, event};
use lutong_storage::outbox::{EventHandler, Position, StoredEvent};
use lutong_transport::client::Call;
use prost::Message as _;

use super::appending::Batch;
use super::deciding::Decider;
use super::statement::reader::StatementReader;

const WITHIN: Duration = Duration::from_secs(2);

/// Enrols whoever declared and stores what they stated.
pub struct Declared {
    decider: Decider,
    reader: StatementReader,
}

impl Declared {
    pub const fn new(decider: Decider, reader: StatementReader) -> Self {
        Self { decider, reader }
    }
}

#[async_trait::async_trait]
impl EventHandler for Declared {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut batch = Batch {
            position: Some(position),
            ..Batch::default()
        };
        for stored in events {
            let event =
                Event::decode(&*stored.payload).map_err(|error| unreadable(stored.sequence, &error))?;
            // Events of a later version of the contract that mean nothing here are passed over.
            let Some(event::Payload::DeclarationAccepted(accepted)) = event.payload else {
                continue;
            };
            let subject: Result<SubjectId, _> = event.subject_id.parse();
            batch
                .enrol
                .push(subject.map_err(|error| unreadable(stored.sequence, &error))?);
            batch
                .statements
                .extend(accepted.statements.into_iter().map(|one| self.reader.read(one)));
        }
        #[cfg(feature = "failpoints")]
        if lutong_failpoint::broken(Broken::DeclaredAlone) {
            (batch.enrol, batch.statements) = (Vec::new(), Vec::new());
        }
        let appended = self.decider.append(batch).await?;
        for wrong in appended.results.iter().filter_map(|result| result.as_ref().err()) {
            tracing::error!(field = wrong.field, reason = %wrong.reason, "a declared statement was not stored");
        }
        self.decider
            .bring_into_force(&Call::background(WITHIN), &appended.made)
            .await;
        Ok(())
    }
}

fn unreadable(sequence: i64, error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(sequence, %error, "an event of declaration cannot be read");
    Fault::internal()
}
