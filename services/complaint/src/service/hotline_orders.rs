//! Orders of the hotline in bulk: cases are made of them, and their status is sent back.

use std::collections::HashMap;

use futures::FutureExt as _;
use lutong_chassis::skin::Page;
use lutong_kernel::{Fault, LocalDay, Violation};
use lutong_storage::StorageError;
use lutong_storage::crypto::ReadyCipher;
use sea_orm::DatabaseTransaction;

use super::Complaints;
use super::filing::{Filing, Numbered, first_entry};
use super::voices::Speaker;
use crate::domain::content::Content;
use crate::domain::log::Actor;
use crate::domain::place::StatedName;
use crate::domain::staff::Staff;
use crate::domain::tracking::TrackingNumber;
use crate::store::hotline_orders::{self as store, Filter, KnownOrder, OrderStatus};
use crate::store::place_voices::NewVoice;
use crate::store::{Complaint, clocks, events, insert_all, place_voices, places};

/// What became of an order.
#[derive(Debug, Clone)]
pub enum Outcome {
    Imported(TrackingNumber),
    /// The same order is there; with its case if this account has entered it.
    Known(Option<TrackingNumber>),
    /// Another order has its number.
    Conflict,
    Refused(Vec<Violation>),
}

/// An order that is to be stored, in its place.
#[derive(Clone)]
struct NewOrder {
    place: usize,
    complaint: Complaint,
    speaker: Speaker,
}

impl Numbered for NewOrder {
    fn number_anew(&mut self, number: &impl Fn(LocalDay) -> TrackingNumber) {
        self.complaint.number_anew(number);
    }
}

impl Complaints {
    /// Makes cases of orders, each by itself. The answers have the order of what was given.
    pub async fn import(
        &self,
        staff: &Staff,
        orders: Vec<Result<Filing, Vec<Violation>>>,
    ) -> Result<Vec<Outcome>, Fault> {
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(orders.len());
        let mut new = Vec::with_capacity(orders.len());
        for (place, order) in orders.into_iter().enumerate() {
            match order {
                Ok(filing) => {
                    let speaker = self.speaker(&filing, self.clock.now());
                    let complaint = self.new_complaint(filing);
                    self.note_calendar(&complaint.case);
                    new.push(NewOrder {
                        place,
                        complaint,
                        speaker,
                    });
                    outcomes.push(None);
                }
                Err(wrong) => outcomes.push(Some(Outcome::Refused(wrong))),
            }
        }
        for (place, outcome) in self.import_new(staff, new).await? {
            outcomes[place] = Some(outcome);
        }
        // Every order that was not refused above has its outcome from the import.
        Ok(outcomes.into_iter().flatten().collect())
    }

    async fn import_new(&self, staff: &Staff, new: Vec<NewOrder>) -> Result<Vec<(usize, Outcome)>, Fault> {
        let cipher = self.fields.ready().await?;
        // An order may also have been entered by another import at the same time.
        self.store_numbered(new, |new| {
            let (this, cipher, account) = (self.clone(), cipher.clone(), staff.account.clone());
            self.database.write(move |transaction| {
                async move { this.import_in(transaction, &cipher, new, &account).await }.boxed()
            })
        })
        .await
    }

    async fn import_in(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        new: Vec<NewOrder>,
        account: &str,
    ) -> Result<Vec<(usize, Outcome)>, Fault> {
        let numbers = new
            .iter()
            .filter_map(|one| one.complaint.entry.hotline_number.clone());
        let mut known = store::known(transaction, numbers.collect()).await?;
        let mut outcomes = Vec::with_capacity(new.len());
        let (mut filed, mut speakers) = (Vec::new(), Vec::new());
        for NewOrder {
            place,
            complaint,
            speaker,
        } in new
        {
            let number = complaint.entry.hotline_number.clone().unwrap_or_default();
            let outcome = judge(&known, &number, &complaint, account);
            if matches!(outcome, Outcome::Imported(_)) {
                // The next order of this number is a second one.
                known.insert(number, KnownOrder::of(&complaint));
                filed.push(complaint);
                speakers.push(speaker);
            }
            outcomes.push((place, outcome));
        }
        self.store_orders(transaction, cipher, &filed, &speakers).await?;
        Ok(outcomes)
    }

    async fn store_orders(
        &self,
        transaction: &DatabaseTransaction,
        cipher: &ReadyCipher,
        filed: &[Complaint],
        speakers: &[Speaker],
    ) -> Result<(), Fault> {
        if !insert_all(transaction, cipher, filed).await? {
            return Err(StorageError::Contended.into());
        }
        let of_each = filed.iter().map(|one| (&one.number, &one.case.clocks[..]));
        clocks::insert_all(transaction, of_each).await?;
        let first = |one: &Complaint| {
            let actor = one.entry.entered_by.clone().map_or(Actor::Filer, Actor::Staff);
            (one.number.clone(), first_entry(&one.case, one.created_at, actor))
        };
        let first: Vec<_> = filed.iter().map(first).collect();
        events::append_first(transaction, cipher, &first).await?;
        let voices = self.voices_of(transaction, filed, speakers).await?;
        place_voices::insert_all(transaction, &voices).await?;
        Ok(())
    }

    /// What those that are about places count for, bound to the places that they state.
    async fn voices_of(
        &self,
        transaction: &DatabaseTransaction,
        filed: &[Complaint],
        speakers: &[Speaker],
    ) -> Result<Vec<NewVoice>, Fault> {
        let about_places: Vec<_> = filed
            .iter()
            .zip(speakers)
            .filter_map(|(complaint, speaker)| match &complaint.content {
                Content::Place(about) => Some((complaint, *speaker, StatedName::of(about.place.expose()))),
                _ => None,
            })
            .collect();
        let stated = about_places
            .iter()
            .map(|(complaint, _, stated)| (complaint.filed_for, stated));
        let places: HashMap<_, _> = places::stated_all(transaction, stated).await?;
        let found = |complaint: &Complaint, stated: &StatedName| {
            let by = |name: &String| places.get(&(complaint.filed_for, name.clone())).copied();
            by(&stated.whole).or_else(|| by(&stated.head))
        };
        Ok(about_places
            .iter()
            .filter_map(|(complaint, speaker, stated)| {
                self.voice(complaint, *speaker, stated, found(complaint, stated))
            })
            .collect())
    }

    /// How orders stand that a member of staff reaches, by the hotline's numbers, and the token of the next page.
    pub async fn orders(
        &self,
        staff: &Staff,
        filter: Filter,
        page: &Page,
    ) -> Result<(Vec<OrderStatus>, String), Fault> {
        let after = page.after(|bytes| String::from_utf8(bytes.to_vec()).ok())?;
        let cipher = self.fields.ready().await?;
        let reader = self.database.reader();
        let found = store::list(reader, &cipher, staff, filter, after, page.limit()).await?;
        page.cut(found, |last| last.hotline_number().as_bytes().to_vec())
    }
}

fn judge(known: &HashMap<String, KnownOrder>, number: &str, complaint: &Complaint, account: &str) -> Outcome {
    match known.get(number) {
        None => Outcome::Imported(complaint.number.clone()),
        Some(known) if known.content != complaint.content_hash => Outcome::Conflict,
        Some(known) => {
            let is_own = known.entered_by.as_deref() == Some(account);
            Outcome::Known(is_own.then(|| known.number.clone()))
        }
    }
}
