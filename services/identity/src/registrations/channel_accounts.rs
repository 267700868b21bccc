//! Accounts of channels: one for each person of a provider, and what the provider has verified about them.

use futures::FutureExt as _;
use lutong_kernel::document::{Document, DocumentType};
use lutong_kernel::name::PersonName;
use lutong_kernel::phone::Mobile;
use lutong_kernel::{Channel, Fault, Secret};
use lutong_storage::crypto::{Key, keyed_hash};

use super::service::Registrations;
use super::store::{self, AccountIdentity, name_context};
use crate::accounts::domain::{Account, AccountId};
use crate::accounts::service::Accounts;
use crate::accounts::store::{self as accounts, links};
use crate::messages::{Message, Notice};
use crate::people::store as people;

/// Opens accounts of channels; cheap to clone.
#[derive(Clone)]
pub struct ChannelAccounts {
    pub accounts: Accounts,
    pub registrations: Registrations,
    pub key: Key,
}

/// A name, a resident number and a mobile that a channel has verified, as it says them.
#[derive(Debug, Clone)]
pub struct VerifiedIdentity {
    pub full_name: Secret<String>,
    pub resident_id: Secret<String>,
    /// Empty: none.
    pub mobile: Secret<String>,
}

/// The same, checked.
struct CheckedIdentity {
    name: PersonName,
    document: Document,
    mobile: Option<Mobile>,
}

/// Whom an account was linked to, and who is told.
enum Linked {
    Nobody,
    Person(Option<Notice>),
}

impl ChannelAccounts {
    fn id(&self, channel: Channel, outside_id: &str) -> AccountId {
        let hash = keyed_hash(&self.key, format!("account\n{channel}\n{outside_id}").as_bytes());
        AccountId::of_channel(channel, &hash)
    }

    /// The account of somebody whom a channel has recognised. Whom it has verified and who is registered already holds their code at
    /// once; whoever held it before is told.
    pub async fn open(
        &self,
        channel: Channel,
        outside_id: &str,
        verified: Option<VerifiedIdentity>,
    ) -> Result<Account, Fault> {
        let id = self.id(channel, outside_id);
        let account = self.accounts.get(id.clone()).await?;
        let Some(identity) = verified.and_then(|verified| self.check(channel, &verified)) else {
            return Ok(account);
        };
        self.keep(&id, &identity).await?;
        if account.subject.is_none() && self.link(&id, &identity).await? {
            return self.accounts.get(id).await;
        }
        Ok(account)
    }

    /// What a channel says is checked as what a person says is. What cannot be is as good as not verified.
    fn check(&self, channel: Channel, verified: &VerifiedIdentity) -> Option<CheckedIdentity> {
        let today = self.registrations.clock.now().local_day();
        let name = PersonName::parse(verified.full_name.expose());
        let document = Document::try_new(
            DocumentType::ResidentId,
            verified.resident_id.expose(),
            None,
            today,
        );
        let (Ok(name), Ok((document, _))) = (name, document) else {
            tracing::warn!(%channel, "a channel has verified a name or number that cannot be");
            return None;
        };
        let mobile = Mobile::parse(verified.mobile.expose()).ok();
        Some(CheckedIdentity {
            name,
            document,
            mobile,
        })
    }

    async fn keep(&self, id: &AccountId, identity: &CheckedIdentity) -> Result<(), Fault> {
        let cipher = self.registrations.fields.ready().await?;
        let index = self.registrations.registry.index(&identity.document);
        let earlier = store::identity_of(self.registrations.database.reader(), id).await?;
        if let Some(earlier) = earlier.filter(|earlier| earlier.index == index)
            && cipher.decrypt_text(&earlier.sealed_name, &name_context(id))? == identity.name.expose()
        {
            return Ok(());
        }
        let new = AccountIdentity {
            index,
            sealed_name: cipher.encrypt(identity.name.expose().as_bytes(), &name_context(id))?,
            mobile_index: identity
                .mobile
                .as_ref()
                .map(|mobile| self.registrations.codes.mobile_index(mobile)),
        };
        let (id, now) = (id.clone(), self.registrations.clock.now());
        let saved = self.registrations.database.write(move |transaction| {
            async move { store::save_identity(transaction, &id, new, now).await }.boxed()
        });
        Ok(saved.await?)
    }

    /// Links the account to whoever is registered with this document and name. Returns whether somebody was.
    async fn link(&self, id: &AccountId, identity: &CheckedIdentity) -> Result<bool, Fault> {
        let cipher = self.registrations.fields.ready().await?;
        let index = self.registrations.registry.index(&identity.document);
        let (id, name, now) = (id.clone(), identity.name.clone(), self.registrations.clock.now());
        let linked = self.registrations.database.write(move |transaction| {
            async move {
                let Some(known) = people::find(transaction, &index).await? else {
                    return Ok::<_, Fault>(Linked::Nobody);
                };
                let (Some(sealed_name), Some(sealed_mobile)) = (&known.sealed_name, &known.sealed_mobile)
                else {
                    return Ok(Linked::Nobody);
                };
                let is_unlinked = !links::is_linked(transaction, known.subject).await?;
                if people::open_name(&cipher, known.subject, sealed_name)? != name.expose()
                    || !accounts::bind(transaction, &id, known.subject, now).await?
                {
                    return Ok(Linked::Nobody);
                }
                // A mobile that others stated is told nothing.
                if is_unlinked {
                    return Ok(Linked::Person(None));
                }
                let to = people::open_mobile(&cipher, known.subject, sealed_mobile)?;
                let message = Message::AccountLinked;
                Ok(Linked::Person(Some(Notice { to, message })))
            }
            .boxed()
        });
        match linked.await? {
            Linked::Nobody => Ok(false),
            Linked::Person(notice) => {
                self.registrations.tell(notice);
                Ok(true)
            }
        }
    }
}
