//! Replaces the document and the name of a person, who stays the same subject.

use futures::FutureExt as _;
use lutong_kernel::document::{Document, Normalisation};
use lutong_kernel::fault::AllValid as _;
use lutong_kernel::name::PersonName;
use lutong_kernel::{Fault, SubjectId};
use lutong_storage::StorageError;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::access::SelfPermit;
use sea_orm::DatabaseTransaction;

use super::{NamedSubject, Persons, View, account_of};
use crate::accounts::domain::AccountId;
use crate::fault;
use crate::merges::store::MergeAction;
use crate::one_time_codes::domain::Purpose;
use crate::one_time_codes::service::ShownCode;
use crate::people::domain::{Person, StatedDocument};
use crate::people::store::{self as people, DocumentIndex, documents};
use crate::person_changes::domain::check_replacement;
use crate::person_changes::store::ChangeAction;
use crate::registrations::domain::{RealName, Requirement};

/// The reason that a merge by the person themself is recorded with.
const MERGE_REASON: &str = "本人更换证件 / own document replaced";

/// A replacement as asked for.
pub struct Replacement<'a> {
    pub key: RequestKey,
    pub named: NamedSubject,
    pub full_name: &'a str,
    pub document: StatedDocument<'a>,
    pub shown: Option<ShownCode>,
}

impl Persons {
    /// Replaces document and name by those that the account proves. The old document keeps leading to the person, and what feeds have
    /// reported under the new one counts for them.
    pub async fn replace_document(
        &self,
        permit: &SelfPermit,
        replacement: Replacement<'_>,
    ) -> Result<(View, Vec<Normalisation>), Fault> {
        let Replacement {
            key,
            named,
            full_name,
            document,
            shown,
        } = replacement;
        let checked = (
            PersonName::parse(full_name).map_err(|error| fault::full_name(&error)),
            document
                .check(self.clock.now().local_day())
                .map_err(|wrong| wrong.within("document")),
        );
        let (name, (document, normalisations)) = checked.all_valid()?;
        // Proofs are of the moment: a repeated request is answered without them.
        if idempotency::stored_answer(self.database.reader(), &key)
            .await?
            .is_some()
        {
            return Ok((self.get(permit, named).await?, normalisations));
        }
        let account = account_of(permit)?;
        let before = self.get(permit, named).await?.person;
        check_replacement(&before.document, &document).map_err(|wrong| Fault::invalid(vec![wrong]))?;
        let after = Person {
            name: name.clone(),
            document: document.clone(),
            ..before
        };
        self.prove(&account, &after, shown).await?;
        self.store_replacement(key, account, named, name, document)
            .await?;
        Ok((self.get(permit, named).await?, normalisations))
    }

    /// Refuses an account that does not prove the new name and document, as a registration would. Whether anybody is registered with the
    /// document is looked at afterwards, so that nobody learns it without a proof.
    async fn prove(
        &self,
        account: &AccountId,
        after: &Person,
        shown: Option<ShownCode>,
    ) -> Result<(), Fault> {
        let index = self.registrations.registry.index(&after.document);
        if self
            .registrations
            .is_verified_by_channel(account, after, &index)
            .await?
        {
            return Ok(());
        }
        let requirement = self.registrations.requirement(account);
        let Some(shown) = shown else {
            return match requirement {
                Requirement::Stated => Ok(()),
                Requirement::RealNameAndMobile => Err(Fault::invalid(vec![fault::mobile_proof_missing()])),
            };
        };
        self.registrations
            .codes
            .check(account.as_str(), &after.mobile, Purpose::ReplaceDocument, shown)
            .await?;
        if requirement == Requirement::Stated {
            return Ok(());
        }
        match self.registrations.check.check(after).await {
            RealName::Verified => Ok(()),
            RealName::Mismatch => Err(fault::real_name_mismatch()),
            // A registration would wait; here the person has a valid one, which they may change while this one waits.
            RealName::Unavailable => Err(fault::person_changes::real_name_check_unavailable()),
        }
    }

    async fn store_replacement(
        &self,
        key: RequestKey,
        account: AccountId,
        named: NamedSubject,
        name: PersonName,
        document: Document,
    ) -> Result<(), Fault> {
        let action = ChangeAction {
            by: account,
            at: self.clock.now(),
        };
        let cipher = self.fields.ready().await?;
        let this = self.clone();
        let replaced = self.database.write(move |transaction| {
            async move {
                let (subject, before) = this.locked(transaction, &cipher, &action.by, named).await?;
                let answer = subject.uuid();
                if let Claim::Replay(_) =
                    idempotency::claim(transaction, &key, answer.as_bytes(), action.at).await?
                {
                    return Ok::<_, Fault>(());
                }
                // It may have been replaced since the proof.
                check_replacement(&before.document, &document)
                    .map_err(|wrong| Fault::invalid(vec![wrong]))?;
                this.take_document(transaction, subject, &document, &action)
                    .await?;
                let after = Person {
                    name,
                    document,
                    ..before.clone()
                };
                this.store_items(transaction, &cipher, subject, (&before, &after), &action)
                    .await
            }
            .boxed()
        });
        replaced.await?;
        self.outbox.wake();
        Ok(())
    }

    /// Lets the document lead to the person from now on. One that a feed has named is joined to them with its facts; one that is another
    /// person's is refused.
    async fn take_document(
        &self,
        transaction: &DatabaseTransaction,
        person: SubjectId,
        document: &Document,
        action: &ChangeAction,
    ) -> Result<(), Fault> {
        let index: DocumentIndex = self.registrations.registry.index(document);
        let new = SubjectId::new(action.at, &*self.random);
        // The row keeps everybody else from registering the document at the same time.
        people::insert_placeholders(transaction, vec![(index, new)]).await?;
        let holder = documents::holder(transaction, &index).await?;
        let holder = holder.ok_or(StorageError::Contended)?;
        if holder.subject == person {
            return Ok(());
        }
        let is_placeholder = holder.subject == holder.first
            && documents::registered_among(transaction, &[holder.first])
                .await?
                .is_empty();
        if !is_placeholder {
            return Err(fault::person_changes::document_needs_counter());
        }
        // Nobody knows the new subject: there is nothing to join.
        if holder.first != new {
            let merge = MergeAction {
                by: action.by.as_str().to_owned(),
                reason: MERGE_REASON.to_owned(),
                at: action.at,
            };
            let is_joined = self
                .merges
                .join_placeholder(transaction, &merge, holder.first, person)
                .await?;
            if !is_joined {
                return Err(fault::person_changes::document_needs_counter());
            }
        }
        documents::hold(transaction, holder.first, person).await?;
        Ok(())
    }
}
