//! Follows the event log of declaration, which contains declarations whose direct call to this service failed.

use std::time::Duration;

use lutong_failpoint::Broken;
use lutong_kernel::{Fault, ServiceName, SubjectId};
use lutong_proto::declaration::v1::{Event, event};
use lutong_storage::outbox::{EventHandler, Position, StoredEvent};
use lutong_transport::client::Call;
use prost::Message as _;

use super::appending::{Batch, FactAppender};
use super::reader::StatementReader;
use crate::decisions::service::delivery::Delivery;

/// Deadline of a call to code-rendering.
const DEADLINE: Duration = Duration::from_secs(2);

/// Enrols declarants and appends what they stated.
pub struct DeclarationFollower {
    appender: FactAppender,
    reader: StatementReader,
    delivery: Delivery,
}

impl DeclarationFollower {
    pub const fn new(appender: FactAppender, reader: StatementReader, delivery: Delivery) -> Self {
        Self {
            appender,
            reader,
            delivery,
        }
    }
}

#[async_trait::async_trait]
impl EventHandler for DeclarationFollower {
    async fn handle(&self, events: Vec<StoredEvent>, position: Position) -> Result<(), Fault> {
        let mut batch = Batch {
            position: Some(position),
            ..Batch::default()
        };
        for stored in events {
            let unreadable =
                |error: &dyn std::fmt::Display| stored.unreadable(ServiceName::Declaration, error);
            let event = Event::decode(&*stored.payload).map_err(|error| unreadable(&error))?;
            // Events of a later version of the contract that have no meaning here are skipped.
            let Some(event::Payload::DeclarationAccepted(accepted)) = event.payload else {
                continue;
            };
            let subject: Result<SubjectId, _> = event.subject_id.parse();
            batch.enrol.push(subject.map_err(|error| unreadable(&error))?);
            batch
                .statements
                .extend(accepted.statements.into_iter().map(|one| self.reader.read(one)));
        }
        if lutong_failpoint::broken(Broken::DeclaredAlone) {
            (batch.enrol, batch.statements) = (Vec::new(), Vec::new());
        }
        let appended = self.appender.append(batch).await?;
        for wrong in appended
            .outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().err())
        {
            tracing::error!(field = wrong.field, reason = %wrong.reason, "a declared statement was not stored");
        }
        self.delivery
            .bring_into_force(&Call::background(DEADLINE), &appended.made)
            .await;
        Ok(())
    }
}
