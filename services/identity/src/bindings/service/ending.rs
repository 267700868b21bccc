//! Ends bindings. An end is stored first, and is over once code-rendering knows it: before that nobody is told so.

use futures::FutureExt as _;
use lutong_kernel::{Fault, Timestamp};
use lutong_storage::StorageError;
use lutong_storage::idempotency::RequestKey;
use lutong_transport::access::SelfPermit;
use lutong_transport::client::Call;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::activation::wrong_state;
use super::{Bindings, View, claim};
use crate::bindings::domain::{Action, Binding, EndReason, Side, State};
use crate::bindings::store::{self, StoredBinding, changes};
use crate::events::binding_changed;
use crate::fault::bindings as fault;

impl Bindings {
    /// Ends a binding from either side; `call` reaches code-rendering. After the answer the binder is shown no code of the ward.
    pub async fn end(
        &self,
        permit: &SelfPermit,
        key: RequestKey,
        (id, etag): (Uuid, String),
        call: &Call,
    ) -> Result<View, Fault> {
        let (stored, side) = self.own(permit, id).await?;
        let now = self.clock.now();
        self.fields.ready().await?;
        let this = self.clone();
        let people: Vec<_> = std::iter::once(stored.binding.binder)
            .chain(stored.binding.ward)
            .collect();
        let ended = self.database.write(move |transaction| {
            async move {
                let stored = this.locked(transaction, id, &people).await?;
                if claim(transaction, &key, id, now).await?.is_some() {
                    return Ok::<_, Fault>(());
                }
                let binding = &stored.binding;
                binding.etag().check(&etag, binding.state.into_str())?;
                this.end_in(transaction, binding, side, now).await
            }
            .boxed()
        });
        ended.await?;
        self.outbox.wake();
        lutong_failpoint::hit("identity.binding_ending");
        let stored = store::find(self.database.reader(), id).await?;
        let stored = stored.ok_or_else(fault::binding_not_found)?;
        let stored = self.finish(stored, call).await.map_err(|fault| {
            tracing::warn!(binding = %id, %fault, "the end of a binding is stored and is delivered later");
            fault::unbinding_under_way()
        })?;
        self.view(stored, side).await
    }

    async fn end_in(
        &self,
        transaction: &DatabaseTransaction,
        binding: &Binding,
        side: Side,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let is_binder = side == Side::Binder;
        match binding.state {
            State::PendingConsent => {
                let reason = if is_binder {
                    EndReason::UnboundByBinder
                } else {
                    EndReason::Rejected
                };
                changes::end_pending(transaction, binding.id, reason, now).await?;
                Ok(())
            }
            State::Active => {
                let reason = if is_binder {
                    EndReason::UnboundByBinder
                } else {
                    EndReason::UnboundByWard
                };
                self.begin_end_in(transaction, binding, reason, now).await
            }
            // Somebody has ended it, and code-rendering does not know it: this request learns when it does.
            State::Ending => Ok(()),
            State::Ended => Err(wrong_state(binding.state, Action::End)),
        }
    }

    /// Stores the end of an active binding, and the event that says it.
    pub(super) async fn begin_end_in(
        &self,
        transaction: &DatabaseTransaction,
        binding: &Binding,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let notice_due_at = (reason == EndReason::CameOfAge).then_some(now);
        if !changes::begin_end(transaction, binding.id, reason, notice_due_at).await? {
            return Ok(());
        }
        let ending = Binding {
            state: State::Ending,
            ..binding.clone()
        };
        let event = binding_changed(&ending, now).into_iter().collect();
        self.outbox.seal(now, event).await?.append(transaction).await?;
        Ok(())
    }

    /// Tells code-rendering that a binding is ending, and notes that it knows. A binding in another state is returned as it is.
    pub(super) async fn finish(&self, stored: StoredBinding, call: &Call) -> Result<StoredBinding, Fault> {
        if stored.binding.state != State::Ending {
            return Ok(stored);
        }
        let (id, now) = (stored.binding.id, self.clock.now());
        let applied = stored.binding.applied().into_iter().collect();
        self.code_rendering.apply(call, applied).await?;
        let finished = self.database.write(move |transaction| {
            async move {
                changes::finish_end(transaction, id, now).await?;
                store::find(transaction, id).await
            }
            .boxed()
        });
        let finished: Result<Option<StoredBinding>, StorageError> = finished.await;
        finished?.ok_or_else(fault::binding_not_found)
    }
}
