//! The register of places, and the ledger of complaints about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::etag::Etag;
use lutong_chassis::skin::Page;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, DivisionCode, Fault, PlaceId, Random, Timestamp};
use lutong_storage::Database;
use lutong_storage::crypto::Key;
use lutong_storage::idempotency::{self, Claim, RequestKey};
use lutong_transport::access::{DivisionPermit, outside};
use sea_orm::DatabaseTransaction;

use super::voices::place_name_hash;
use crate::domain::accountability::case::State;
use crate::domain::accountability::rules::Rules;
use crate::domain::divisions::Divisions;
use crate::domain::place::{MAX_NAMES, MergeRefusal, Place, PlaceKind, PlaceName};
use crate::domain::tracking::TrackingNumber;
use crate::fault::cases::case_not_found;
use crate::fault::places as fault;
use crate::store::place_voices::Entry;
use crate::store::place_voices::ledger::{self, Position};
use crate::store::places::Filter;
use crate::store::{accountability_cases, place_voices, places as store};

/// All places; cheap to clone.
#[derive(Clone)]
pub struct Places {
    database: Database,
    key: Key,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    divisions: Arc<Divisions>,
    rules: Arc<Rules>,
}

/// A place to register.
#[derive(Debug, Clone)]
pub struct Registration {
    pub division: DivisionCode,
    pub kind: PlaceKind,
    pub name: PlaceName,
    pub aliases: Vec<PlaceName>,
}

/// Somebody of staff who does something with a place.
#[derive(Debug, Clone)]
pub struct Step {
    pub permit: DivisionPermit,
    pub request: RequestKey,
    pub id: PlaceId,
    /// Of the state that they have seen; may be empty.
    pub etag: String,
}

/// What complaints say of a body in a division.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyLedger {
    pub division: DivisionCode,
    pub body: String,
    pub complaints: i64,
    pub confirmed: i64,
    pub not_confirmed: i64,
    pub places: i64,
    pub cases_under_way: i64,
    pub cases_published: i64,
}

/// The tag of a place.
pub fn etag(place: &Place) -> Etag {
    Etag::of(&place.id.to_string(), [place.version.to_be_bytes()])
}

impl Places {
    pub fn new(store: &Store, foundation: &Foundation, divisions: Arc<Divisions>, rules: Arc<Rules>) -> Self {
        Self {
            database: store.database.clone(),
            key: store.index_key.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            divisions,
            rules,
        }
    }

    pub fn divisions(&self) -> &Divisions {
        &self.divisions
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Registers a place. A repeated request gets it as it stands.
    pub async fn register(
        &self,
        permit: DivisionPermit,
        request: RequestKey,
        account: String,
        registration: Registration,
    ) -> Result<Place, Fault> {
        // A street was taken for its district, which the permit need not cover.
        if !permit.jurisdiction().covers(registration.division) {
            return Err(outside());
        }
        let now = self.clock.now();
        let place = Place {
            id: PlaceId::new(now, &*self.random),
            division: registration.division,
            kind: registration.kind,
            name: registration.name,
            aliases: registration.aliases,
            merged_into: None,
            created_by: account,
            created_at: now,
            version: 1,
        };
        let this = self.clone();
        self.database
            .write(move |transaction| {
                async move { this.register_in(transaction, permit, &request, place).await }.boxed()
            })
            .await
    }

    async fn register_in(
        &self,
        transaction: &DatabaseTransaction,
        permit: DivisionPermit,
        request: &RequestKey,
        place: Place,
    ) -> Result<Place, Fault> {
        let (id, now) = (place.id.uuid(), place.created_at);
        if let Claim::Replay(answer) = idempotency::claim(transaction, request, id.as_bytes(), now).await? {
            let id = PlaceId::from_uuid(idempotency::answered_id(&answer)?);
            return find(transaction, permit, id).await;
        }
        store::insert(transaction, &place).await?;
        for name in [&place.name].into_iter().chain(&place.aliases) {
            self.call(transaction, &place, name).await?;
        }
        find(transaction, permit, place.id).await
    }

    /// Gives a place a name, and the complaints that wait and state it.
    async fn call(
        &self,
        transaction: &DatabaseTransaction,
        place: &Place,
        name: &PlaceName,
    ) -> Result<(), Fault> {
        let of = (place.division, place.id);
        if let Some(known) = store::insert_name(transaction, of, name).await? {
            return Err(fault::place_name_taken(known));
        }
        let hash = place_name_hash(&self.key, &name.normal);
        place_voices::match_waiting(transaction, of, &hash).await?;
        Ok(())
    }

    /// Gives a place another name. A repeated request gets it as it stands.
    pub async fn add_alias(&self, step: Step, alias: PlaceName) -> Result<Place, Fault> {
        let (this, now) = (self.clone(), self.clock.now());
        self.database
            .write(move |transaction| {
                async move {
                    let Some(place) = locked(transaction, &step, now).await? else {
                        return find(transaction, step.permit, step.id).await;
                    };
                    if let Some(into) = place.merged_into {
                        return Err(fault::place_merged(into));
                    }
                    if place.aliases.len() + 1 >= MAX_NAMES {
                        return Err(fault::place_names_full(MAX_NAMES));
                    }
                    this.call(transaction, &place, &alias).await?;
                    store::touch(transaction, place.id).await?;
                    find(transaction, step.permit, step.id).await
                }
                .boxed()
            })
            .await
    }

    /// Makes a place one with another. A repeated request gets it as it stands.
    pub async fn merge(&self, step: Step, into: PlaceId) -> Result<Place, Fault> {
        let now = self.clock.now();
        self.database
            .write(move |transaction| async move { merge_in(transaction, step, into, now).await }.boxed())
            .await
    }

    pub async fn find(&self, permit: DivisionPermit, id: PlaceId) -> Result<Place, Fault> {
        let found = store::find(self.database.reader(), permit, id).await?;
        found.ok_or_else(fault::place_not_found)
    }

    /// Places of the division of the permit, the last registered first, and the token of the next page.
    pub async fn list(
        &self,
        permit: DivisionPermit,
        filter: &Filter,
        page: &Page,
    ) -> Result<(Vec<Place>, String), Fault> {
        let before = page.after_id()?;
        let found = store::list(self.database.reader(), permit, filter, before, page.limit()).await?;
        page.cut(found, |last| last.id.uuid().as_bytes().to_vec())
    }

    /// Binds a complaint to a place. A repeated request gets its entry as it stands.
    pub async fn bind(&self, step: Step, number: TrackingNumber) -> Result<Entry, Fault> {
        let now = self.clock.now();
        self.database
            .write(move |transaction| async move { bind_in(transaction, step, number, now).await }.boxed())
            .await
    }

    /// Complaints about places, the last filed first, and the token of the next page.
    pub async fn ledger(
        &self,
        permit: DivisionPermit,
        filter: ledger::Filter,
        page: &Page,
    ) -> Result<(Vec<Entry>, String), Fault> {
        if let Some(place) = filter.place {
            self.find(permit, place).await?;
        }
        let before = page.after(Position::read)?;
        let found = ledger::list(self.database.reader(), permit, filter, before, page.limit()).await?;
        page.cut(found, |last| Position::of(last).bytes())
    }

    /// What complaints say of the bodies that are responsible for places, by division and body, and the token of the next page.
    pub async fn bodies(
        &self,
        permit: DivisionPermit,
        division: Option<DivisionCode>,
        page: &Page,
    ) -> Result<(Vec<BodyLedger>, String), Fault> {
        let after = page.after(|bytes| String::from_utf8(bytes.to_vec()).ok())?;
        let reader = self.database.reader();
        let mut bodies = BTreeMap::new();
        for tally in ledger::tallies(reader, permit, division).await? {
            let body = entry(&mut bodies, tally.division, self.rules.body(tally.kind));
            body.complaints += tally.complaints;
            body.confirmed += tally.confirmed;
            body.not_confirmed += tally.not_confirmed;
            body.places += tally.places;
        }
        for tally in accountability_cases::tallies(reader, permit, division).await? {
            let body = entry(&mut bodies, tally.division, &tally.body);
            match tally.state {
                State::Queued | State::Open | State::Proposed => body.cases_under_way += tally.count,
                State::Published => body.cases_published += tally.count,
                State::Dismissed => {}
            }
        }
        let is_after = |key: &String| after.as_ref().is_none_or(|after| after < key);
        let found = bodies.into_iter().filter(|(key, _)| is_after(key));
        page.cut(found.map(|(_, body)| body).collect(), |last| {
            body_key(last.division, &last.body).into_bytes()
        })
    }
}

fn body_key(division: DivisionCode, body: &str) -> String {
    format!("{division} {body}")
}

fn entry<'b>(
    bodies: &'b mut BTreeMap<String, BodyLedger>,
    division: DivisionCode,
    body: &str,
) -> &'b mut BodyLedger {
    bodies
        .entry(body_key(division, body))
        .or_insert_with(|| BodyLedger {
            division,
            body: body.to_owned(),
            complaints: 0,
            confirmed: 0,
            not_confirmed: 0,
            places: 0,
            cases_under_way: 0,
            cases_published: 0,
        })
}

async fn find(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    id: PlaceId,
) -> Result<Place, Fault> {
    let found = store::find(transaction, permit, id).await?;
    found.ok_or_else(fault::place_not_found)
}

async fn lock(
    transaction: &DatabaseTransaction,
    permit: DivisionPermit,
    id: PlaceId,
) -> Result<Place, Fault> {
    let found = store::lock(transaction, permit, id).await?;
    found.ok_or_else(fault::place_not_found)
}

/// The place of a step, locked; `None` for a repeated request.
async fn locked(
    transaction: &DatabaseTransaction,
    step: &Step,
    now: Timestamp,
) -> Result<Option<Place>, Fault> {
    let place = lock(transaction, step.permit, step.id).await?;
    let own = step.id.uuid();
    if idempotency::claim(transaction, &step.request, own.as_bytes(), now).await? != Claim::Fresh {
        return Ok(None);
    }
    let state = if place.merged_into.is_some() {
        "MERGED"
    } else {
        "ACTIVE"
    };
    etag(&place).check(&step.etag, state)?;
    Ok(Some(place))
}

async fn merge_in(
    transaction: &DatabaseTransaction,
    step: Step,
    into: PlaceId,
    now: Timestamp,
) -> Result<Place, Fault> {
    // Both are locked in one order, so that two transactions never wait for each other.
    let other = if into < step.id {
        Some(lock(transaction, step.permit, into).await?)
    } else {
        None
    };
    let Some(place) = locked(transaction, &step, now).await? else {
        return find(transaction, step.permit, step.id).await;
    };
    let into = match other {
        Some(other) => other,
        None => lock(transaction, step.permit, into).await?,
    };
    place.check_merge(&into).map_err(|refusal| match refusal {
        MergeRefusal::Merged(other) => fault::place_merged(other),
        MergeRefusal::Unlike => fault::place_merge_refused(),
        MergeRefusal::TooManyNames => fault::place_names_full(MAX_NAMES),
    })?;
    if accountability_cases::lock_under_way(transaction, place.id)
        .await?
        .is_some()
    {
        return Err(fault::place_under_account());
    }
    store::merge(transaction, place.id, into.id).await?;
    place_voices::move_all(transaction, place.id, into.id).await?;
    find(transaction, step.permit, step.id).await
}

async fn bind_in(
    transaction: &DatabaseTransaction,
    step: Step,
    number: TrackingNumber,
    now: Timestamp,
) -> Result<Entry, Fault> {
    let entry = place_voices::lock(transaction, step.permit, &number).await?;
    let mut entry = entry.ok_or_else(case_not_found)?;
    let own = number.as_str().as_bytes();
    if idempotency::claim(transaction, &step.request, own, now).await? != Claim::Fresh {
        return Ok(entry);
    }
    let place = find(transaction, step.permit, step.id).await?;
    if let Some(into) = place.merged_into {
        return Err(fault::place_merged(into));
    }
    if entry.is_settled {
        return Err(fault::case_settled());
    }
    place_voices::bind(transaction, &number, place.id).await?;
    entry.place = Some(place.id);
    Ok(entry)
}
