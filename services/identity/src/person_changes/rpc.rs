//! `PersonService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{Channel, Fault, SubjectId};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1 as types;
use lutong_skin::identity::v1::PersonHandler;
use lutong_storage::StorageError;
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;
use wire::person_item::Item as WireItem;

use super::domain::StatedUpdate;
use super::service::{NamedSubject, Persons, Replacement, Update, View};
use super::store::RecordedChange;
use crate::accounts::store::links::AccountLink;
use crate::fault;
use crate::one_time_codes::rpc::shown;
use crate::one_time_codes::service::ShownCode;
use crate::people::domain::item::{Item, ItemValue};
use crate::people::rpc::{document_type_named, normalisation, stated_document};

pub struct PersonRpc(pub Persons);

impl PersonHandler for PersonRpc {
    async fn get_person(
        &self,
        call: Query<SelfPermit>,
        message: wire::GetPersonRequest,
    ) -> Result<wire::GetPersonResponse, Fault> {
        let named = named(&message.name, "person")?;
        let view = self.0.get(&call.permit, named).await?;
        Ok(wire::GetPersonResponse {
            person: Some(person(view)?),
        })
    }

    async fn update_person(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::UpdatePersonRequest,
    ) -> Result<wire::UpdatePersonResponse, Fault> {
        let new = reply::required(message.person.as_ref(), "person").map_err(reply::wrong)?;
        let home = new.home_address.as_ref();
        let update = Update {
            key: call.request,
            named: named(&message.name, "person")?,
            stated: StatedUpdate {
                mobile: &new.mobile,
                nationality: &new.nationality,
                home: home.map(|home| (home.division.as_str(), home.detail.as_str())),
            },
            mask: message.update_mask.map(|mask| mask.paths).unwrap_or_default(),
            shown: proof(message.mobile_proof.as_ref())?,
            etag: message.etag,
        };
        let view = self.0.update(&call.permit, update).await?;
        Ok(wire::UpdatePersonResponse {
            person: Some(person(view)?),
        })
    }

    async fn replace_document(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::ReplaceDocumentRequest,
    ) -> Result<wire::ReplaceDocumentResponse, Fault> {
        let document = reply::required(message.document.as_ref(), "document").map_err(reply::wrong)?;
        let replacement = Replacement {
            key: call.request,
            named: named(&message.name, "document")?,
            full_name: &message.full_name,
            document: stated_document(document),
            shown: proof(message.mobile_proof.as_ref())?,
        };
        let (view, notes) = self.0.replace_document(&call.permit, replacement).await?;
        let notes = notes.into_iter();
        Ok(wire::ReplaceDocumentResponse {
            person: Some(person(view)?),
            normalisations: notes.map(|note| normalisation(note).into()).collect(),
        })
    }

    async fn list_person_changes(
        &self,
        call: Listing<SelfPermit>,
        message: wire::ListPersonChangesRequest,
    ) -> Result<wire::ListPersonChangesResponse, Fault> {
        let named = named(&message.name, "person")?;
        let (changes, next_page_token) = self.0.changes(&call.permit, named, &call.page).await?;
        Ok(wire::ListPersonChangesResponse {
            changes: changes.iter().map(change).collect::<Result<_, _>>()?,
            next_page_token,
        })
    }
}

/// Whom `subjects/{subject}/{noun}` names; the caller for `me` and for an empty name.
fn named(name: &str, noun: &str) -> Result<NamedSubject, Fault> {
    if name.is_empty() {
        return Ok(None);
    }
    let wrong = || reply::wrong(fault::person_changes::person_name_shape(noun));
    let subject = name
        .strip_prefix("subjects/")
        .and_then(|rest| rest.split_once('/'));
    match subject {
        Some(("me", last)) if last == noun => Ok(None),
        Some((subject, last)) if last == noun => {
            let subject: SubjectId = subject.parse().map_err(|_| wrong())?;
            Ok(Some(subject))
        }
        _ => Err(wrong()),
    }
}

fn proof(stated: Option<&types::OneTimeCodeProof>) -> Result<Option<ShownCode>, Fault> {
    let shown = stated.map(shown).transpose();
    shown.map_err(|wrong| reply::wrong(wrong.within("mobile_proof")))
}

fn person(view: View) -> Result<wire::Person, Fault> {
    let mut message = wire::Person {
        name: format!("subjects/{}/person", view.subject),
        subject_id: view.subject.to_string(),
        account_links: view.links.into_iter().map(link).collect(),
        etag: view.etag.into(),
        ..wire::Person::default()
    };
    for item in Item::ALL {
        match item_of(*item, view.person.text_of(*item).expose())? {
            WireItem::FullName(name) => message.full_name = name,
            WireItem::Document(document) => message.document = Some(document),
            WireItem::Mobile(mobile) => message.mobile = mobile,
            WireItem::Nationality(country) => message.nationality = country,
            WireItem::HomeAddress(home) => message.home_address = Some(home),
        }
    }
    Ok(message)
}

fn item_of(item: Item, text: &str) -> Result<WireItem, Fault> {
    let damaged = || Fault::from(StorageError::Damaged("an item of a person".to_owned()));
    Ok(match item.value_of(text).ok_or_else(damaged)? {
        ItemValue::FullName(name) => WireItem::FullName(name.into_inner()),
        ItemValue::Document {
            kind,
            issuing_country,
            number,
        } => WireItem::Document(types::Document {
            r#type: document_type_named(&kind).ok_or_else(damaged)?.into(),
            number: number.into_inner(),
            issuing_country,
        }),
        ItemValue::Mobile(mobile) => WireItem::Mobile(mobile.into_inner()),
        ItemValue::Nationality(country) => WireItem::Nationality(country),
        ItemValue::Home { division, detail } => WireItem::HomeAddress(types::HomeAddress {
            division,
            detail: detail.into_inner(),
        }),
    })
}

fn change(recorded: &RecordedChange) -> Result<wire::PersonChange, Fault> {
    let item = |text: &str| {
        let item = item_of(recorded.change.item, text)?;
        Ok::<_, Fault>(Some(wire::PersonItem { item: Some(item) }))
    };
    Ok(wire::PersonChange {
        change_time: Some(time::from_micros(recorded.changed_at.micros())),
        old: item(recorded.change.old.expose())?,
        new: item(recorded.change.new.expose())?,
        channel: channel(recorded.channel).into(),
    })
}

fn link(link: AccountLink) -> wire::AccountLink {
    wire::AccountLink {
        channel: channel(link.channel).into(),
        link_time: link.linked_at.map(|at| time::from_micros(at.micros())),
    }
}

const fn channel(channel: Option<Channel>) -> types::Channel {
    match channel {
        None | Some(Channel::Development | Channel::Device) => types::Channel::Unspecified,
        Some(Channel::WeChat) => types::Channel::Wechat,
        Some(Channel::WeChatMini) => types::Channel::WechatMini,
        Some(Channel::Alipay) => types::Channel::Alipay,
        Some(Channel::AiShandong) => types::Channel::Aishandong,
    }
}
