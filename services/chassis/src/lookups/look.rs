//! One call that reads other people's data.

use futures::{StreamExt as _, TryStreamExt as _};
use lutong_kernel::{Fault, LookupId, Timestamp};
use lutong_proto::answers::Concerning;
use lutong_proto::identity::v1::{InspectedLookup, Lookup};
use lutong_proto::requests::Addressed;
use lutong_proto::time;
use lutong_proto::types::v1::Purpose;
use lutong_transport::access::Grant;
use uuid::Uuid;

use super::log::LookupLog;
use crate::skin::Answers;

/// Who looks, as what and what for: whatever is answered passes through it.
#[derive(Debug, Clone)]
pub struct Look {
    log: LookupLog,
    /// Without name, subject and time.
    form: InspectedLookup,
}

impl LookupLog {
    /// Who looks with this call, as what and what for.
    pub fn look(&self, grant: &Grant, request: &impl Addressed) -> Look {
        Look::new(self.clone(), grant, request.target().purpose.cloned())
    }
}

impl Look {
    fn new(log: LookupLog, grant: &Grant, purpose: Option<Purpose>) -> Self {
        let (rpc, principal) = (grant.rpc(), grant.principal());
        let form = InspectedLookup {
            lookup: Some(Lookup {
                role: rpc.acting_role(principal).into(),
                division: principal
                    .division
                    .map(|division| division.to_string())
                    .unwrap_or_default(),
                purpose,
                classes: rpc.classes.iter().map(|class| (*class).into()).collect(),
                ..Lookup::default()
            }),
            account: principal.account.clone(),
            rpc: rpc.name.to_owned(),
            ..InspectedLookup::default()
        };
        Self { log, form }
    }

    /// Passes an answer on, once it is written down whom it is about.
    pub async fn disclose<M: Concerning>(&self, answer: M) -> Result<M, Fault> {
        let mut subjects = Vec::new();
        answer.add_subjects(&mut subjects);
        subjects.retain(|subject| !subject.is_empty());
        subjects.sort_unstable();
        subjects.dedup();
        if !subjects.is_empty() {
            let now = self.log.clock.now();
            let lookups = subjects.into_iter().map(|subject| self.lookup(subject, now));
            self.log.write(lookups.collect()).await?;
        }
        Ok(answer)
    }

    /// Passes a stream on, answer by answer.
    pub fn disclose_each<M: Concerning + Send + 'static>(self, answers: Answers<M>) -> Answers<M> {
        let disclosed = move |answer| {
            let look = self.clone();
            async move { look.disclose(answer).await }
        };
        answers.and_then(disclosed).boxed()
    }

    fn lookup(&self, subject: &str, now: Timestamp) -> (Uuid, InspectedLookup) {
        let id = LookupId::new(now, &*self.log.random);
        let mut lookup = self.form.clone();
        subject.clone_into(&mut lookup.subject_id);
        if let Some(shown) = &mut lookup.lookup {
            shown.name = format!("subjects/{subject}/lookups/{id}");
            shown.lookup_id = id.to_string();
            shown.look_time = Some(time::from_micros(now.micros()));
        }
        (id.uuid(), lookup)
    }
}
