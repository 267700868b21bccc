//! Asks the national platform for a person's code.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::document::Document;
use lutong_kernel::name::PersonName;
use lutong_kernel::{Clock, Fault, LocalDay, Timestamp};
use lutong_storage::{Database, StorageError};
use lutong_token::Issuer;

use super::domain::{NationalCode, counts, counts_by_way, trusted};
use crate::colour_maps::domain::{ColourMap, ColourMaps, RecognitionOutcome};
use crate::fault;
use crate::partner_codes::store::{self as verifications, Verification};
use crate::partners::domain::PartnerId;
use crate::peers::national::{NationalConfig, NationalPlatform};
use crate::records::domain::{HealthRecord, RecordPolicies, RecordPolicy};
use crate::trust_lists::service::current::{CurrentTrust, Trust};

/// The platform, and how its answers are read.
#[derive(Clone)]
pub struct Parts {
    platform: Option<NationalPlatform>,
    map: Arc<ColourMap>,
    policy: Arc<RecordPolicy>,
}

impl Parts {
    /// What a configuration says; the error begins with the name of the setting.
    pub fn new(
        config: &NationalConfig,
        foundation: &Foundation,
        maps: &ColourMaps,
        policies: &RecordPolicies,
    ) -> Result<Self, String> {
        let map = maps.get(&config.interface);
        let map = map.ok_or_else(|| format!("interface: there is no colour map {:?}", config.interface))?;
        let policy = policies.get(&config.record_policy);
        let policy =
            policy.ok_or_else(|| format!("record_policy: there is no policy {:?}", config.record_policy))?;
        let platform = if config.gateway.url.is_empty() {
            None
        } else {
            let (clock, random) = (Arc::clone(&foundation.clock), Arc::clone(&foundation.random));
            let platform = NationalPlatform::new(config, clock, random);
            Some(platform.map_err(|reason| format!("gateway.{reason}"))?)
        };
        Ok(Self {
            platform,
            map: Arc::new(map.clone()),
            policy: Arc::new(policy.clone()),
        })
    }
}

/// Codes by way of the national platform; cheap to clone.
#[derive(Clone)]
pub struct NationalCodes {
    database: Database,
    clock: Arc<dyn Clock>,
    current: CurrentTrust,
    parts: Parts,
}

/// An answer, and what it rests on.
#[derive(Debug, Clone)]
pub struct Queried {
    pub code: NationalCode,
    pub at: Timestamp,
    pub interface: String,
    pub record_policy: String,
    pub trust_list_version: String,
}

impl NationalCodes {
    pub fn new(store: &Store, foundation: &Foundation, current: CurrentTrust, parts: Parts) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            current,
            parts,
        }
    }

    pub fn today(&self) -> LocalDay {
        self.clock.now().local_day()
    }

    /// Asks for a person's code. The outcome is recorded before it is returned, without the person.
    pub async fn query(
        &self,
        name: &PersonName,
        document: &Document,
        origin: Option<Issuer>,
    ) -> Result<Queried, Fault> {
        let trust = self.current.get();
        if trust.has_expired(self.clock.now()) {
            return Err(fault::trust_list_expired());
        }
        let platform = self
            .parts
            .platform
            .as_ref()
            .ok_or_else(fault::national_platform_off)?;
        let state = trust.state(PartnerId::National);
        if !counts(trust.agreement(PartnerId::National), state) {
            return Err(fault::national_platform_not_recognised(state));
        }
        let asked = platform.ask(name, document, &self.parts.map).await;
        let at = self.clock.now();
        let code = match asked {
            Ok(records) => self.decide(&trust, records, origin, at),
            Err(outcome) => NationalCode {
                outcome,
                province: None,
                records: Vec::new(),
                untrusted: 0,
            },
        };
        let verification = Verification {
            verified_at: at,
            province: Some(PartnerId::National.to_string()),
            key_id: None,
            trust_list_version: trust.list.version.clone(),
            outcome: code.outcome.into_str(),
        };
        let recorded: Result<(), StorageError> = self
            .database
            .write(move |transaction| verifications::append(transaction, verification).boxed())
            .await;
        recorded.map_err(Fault::from)?;
        Ok(Queried {
            code,
            at,
            interface: self.parts.map.interface.clone(),
            record_policy: self.parts.policy.id.clone(),
            trust_list_version: trust.list.version.clone(),
        })
    }

    fn decide(
        &self,
        trust: &Trust,
        records: Vec<HealthRecord>,
        origin: Option<Issuer>,
        now: Timestamp,
    ) -> NationalCode {
        let is_trusted = |province| {
            let id = PartnerId::Province(province);
            counts_by_way(trust.agreement(id), trust.state(id))
        };
        let (records, untrusted) = trusted(records, self.current.own(), is_trusted);
        let verdict = self.parts.policy.decide(&records, origin, now);
        // That nobody who is trusted holds a code does not mean that there is none.
        let outcome = if records.is_empty() && untrusted > 0 {
            RecognitionOutcome::UnknownValue
        } else {
            verdict.outcome
        };
        let decided = verdict.record.and_then(|place| records.get(place));
        NationalCode {
            outcome,
            province: decided.map(|record| record.province),
            records,
            untrusted,
        }
    }
}
