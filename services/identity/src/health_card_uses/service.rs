//! Notes uses of cards and passes them on to the card platform.

pub mod forwarding;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lutong_chassis::skin::{Mutation, Page};
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Fault, HealthCardUseId, MedicalInstitutionId, Random, Timestamp};
use lutong_storage::Database;
use lutong_storage::crypto::FieldCipher;
use lutong_storage::idempotency::{self, Claim};
use lutong_transport::access::{DivisionPermit, SelfPermit};
use tokio::sync::Notify;

use super::domain::{HealthCardUse, Report};
use super::store;
use crate::fault::health_cards as fault;
use crate::health_cards::service::HealthCards;
use crate::health_cards::store::reads::StoredRead;
use crate::medical_institutions::domain::MedicalInstitution;
use crate::medical_institutions::store as institutions;
use crate::medical_terminals::store as terminals;
use crate::peers::card_platform::CardPlatform;

/// All uses; cheap to clone.
#[derive(Clone)]
pub struct HealthCardUses {
    database: Database,
    fields: FieldCipher,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    cards: HealthCards,
    platform: CardPlatform,
    /// How long the platform is left alone after it did not answer.
    retry: Duration,
    /// Rung when there is something to pass on.
    bell: Arc<Notify>,
}

/// A use as the holder of the card sees it.
#[derive(Debug, Clone)]
pub struct View {
    pub used: HealthCardUse,
    pub institution_title: String,
}

impl HealthCardUses {
    pub fn new(
        store: &Store,
        foundation: &Foundation,
        cards: HealthCards,
        (platform, retry): (CardPlatform, Duration),
    ) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            cards,
            platform,
            retry,
            bell: Arc::default(),
        }
    }

    /// Notes a use.
    pub async fn create(
        &self,
        call: Mutation<DivisionPermit>,
        report: Report,
    ) -> Result<HealthCardUseId, Fault> {
        let now = self.clock.now();
        let account = &call.grant.principal().account;
        let read = self.cards.find_read(call.permit, account, report.read).await?;
        let at = instant(&report, now)?;
        let terminal = terminals::find(self.database.reader(), read.terminal).await?;
        if !terminal.is_some_and(|terminal| terminal.admits(report.content.step)) {
            return Err(fault::step_not_allowed());
        }
        let used = of_read(&read, report, HealthCardUseId::new(now, &*self.random), at);
        let due_at = self.platform.is_on().then_some(now);
        let (request, cipher) = (call.request, self.fields.ready().await?);
        let created = self.database.write(move |transaction| {
            async move {
                let id = used.id.uuid();
                match idempotency::claim(transaction, &request, id.as_bytes(), now).await? {
                    Claim::Replay(answer) => Ok::<_, Fault>(idempotency::answered_id(&answer)?),
                    Claim::Fresh => {
                        store::insert(transaction, &cipher, used, due_at).await?;
                        Ok(id)
                    }
                }
            }
            .boxed()
        });
        let id = HealthCardUseId::from_uuid(created.await?);
        self.bell.notify_one();
        Ok(id)
    }

    /// The uses of the caller's card, the newest first, and the token of the next page.
    pub async fn list(&self, permit: &SelfPermit, page: &Page) -> Result<(Vec<View>, String), Fault> {
        let reader = self.database.reader();
        let cipher = self.fields.ready().await?;
        let rows = store::list(reader, &cipher, permit.reach()?, page.after_id()?, page.limit()).await?;
        let (rows, next) = page.cut(rows, |last| last.id.uuid().as_bytes().to_vec())?;
        let known = institutions::find_all(reader, rows.iter().map(|used| used.institution)).await?;
        let title =
            |id: MedicalInstitutionId| known.get(&id).map(|one: &MedicalInstitution| one.title.clone());
        let views = rows.into_iter().map(|used| View {
            institution_title: title(used.institution).unwrap_or_default(),
            used,
        });
        Ok((views.collect(), next))
    }
}

/// When the card was used.
fn instant(report: &Report, now: Timestamp) -> Result<Timestamp, Fault> {
    match report.at {
        Some(at) if at > now => Err(Fault::invalid(vec![fault::use_in_future()])),
        Some(at) => Ok(at),
        None => Ok(now),
    }
}

fn of_read(read: &StoredRead, report: Report, id: HealthCardUseId, at: Timestamp) -> HealthCardUse {
    HealthCardUse {
        id,
        subject: read.subject,
        institution: read.institution,
        terminal: read.terminal,
        content: report.content,
        at,
        reported_at: None,
    }
}
