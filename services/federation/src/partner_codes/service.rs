//! Verifies codes of other provinces.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Colour, Fault, Timestamp};
use lutong_storage::Database;
use lutong_token::{Claims, Issuer, Kind, Outcome, UnverifiedToken};

use super::domain::{RefusedCode, judge, judge_at_origin, read_colour};
use super::store::{self, Verification};
use crate::colour_maps::domain::ColourMaps;
use crate::exchanges::service::Exchanges;
use crate::fault;
use crate::partners::domain::{PartnerId, PartnerState};
use crate::trust_lists::domain::{Direction, Mode};
use crate::trust_lists::service::current::{CurrentTrust, Trust};

/// A verified code.
#[derive(Debug)]
pub struct PartnerCode {
    pub province: Issuer,
    pub colour: Colour,
    pub issued_at: Timestamp,
    /// Present for paper codes. A dynamic code does not say how long its colour holds.
    pub expires_at: Option<Timestamp>,
    pub key_id: String,
    pub trust_list_version: String,
    pub verified_at: Timestamp,
}

/// Codes of the partners of the trust list; cheap to clone.
#[derive(Clone)]
pub struct PartnerCodes {
    database: Database,
    clock: Arc<dyn Clock>,
    current: CurrentTrust,
    maps: Arc<ColourMaps>,
    exchanges: Exchanges,
}

impl PartnerCodes {
    pub fn new(
        store: &Store,
        foundation: &Foundation,
        current: CurrentTrust,
        maps: Arc<ColourMaps>,
        exchanges: Exchanges,
    ) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            current,
            maps,
            exchanges,
        }
    }

    /// The colour of a code as its origin has it now; where the origin says nothing that can be used, its signature stands.
    async fn at_origin(
        &self,
        trust: &Trust,
        claims: &Claims,
        colour: Colour,
        token: &str,
    ) -> Result<Result<Colour, RefusedCode>, Fault> {
        let partner = PartnerId::Province(claims.issuer());
        let said = self.exchanges.ask_about_code(trust, partner, token).await?;
        Ok(judge_at_origin(colour, said.outcome, &said.refusal))
    }

    /// The colour of a code, as the interface of its partner means it.
    fn colour(&self, trust: &Trust, claims: &Claims) -> Result<Colour, RefusedCode> {
        let agreed = trust.agreement(PartnerId::Province(claims.issuer()));
        let map = agreed.and_then(|agreed| self.maps.get(&agreed.interface));
        read_colour(map, claims.colour())
    }

    /// Verifies a code as of an earlier instant, or as of now. The outcome is recorded before it is returned.
    pub async fn verify(&self, token: &str, as_of: Option<Timestamp>) -> Result<PartnerCode, Fault> {
        let now = self.clock.now();
        let trust = self.current.get();
        if trust.has_expired(now) {
            return Err(fault::trust_list_expired());
        }
        let judged = judge(&trust.list, token, as_of.map_or(now, |at| at.min(now)), now);
        let verified = judged.map_err(RefusedCode::Token).and_then(|claims| {
            let refused = unrecognised(&trust, &claims).map(RefusedCode::NotRecognised);
            let colour = refused.map_or_else(|| self.colour(&trust, &claims), Err)?;
            Ok((claims, colour))
        });
        let verified = match verified {
            // Of a code that was declared earlier its origin says only that it has expired.
            Ok((claims, colour)) if as_of.is_none() => {
                let at_origin = self.at_origin(&trust, &claims, colour, token).await?;
                at_origin.map(|colour| (claims, colour))
            }
            judged => judged,
        };
        let (province, outcome) = match &verified {
            Ok((claims, _)) => (Some(claims.issuer().to_string()), Outcome::Valid.into_str()),
            Err(refused) => (None, refused.outcome()),
        };
        let key_id = UnverifiedToken::parse(token)
            .ok()
            .map(|token| token.kid().to_string());
        let verification = Verification {
            verified_at: now,
            province,
            key_id: key_id.clone(),
            trust_list_version: trust.list.version.clone(),
            outcome,
        };
        let recorded = self
            .database
            .write(move |transaction| store::append(transaction, verification).boxed());
        recorded
            .await
            .map_err(|error: lutong_storage::StorageError| Fault::from(error))?;
        let (claims, colour) = verified.map_err(fault::partner_code_refused)?;
        Ok(PartnerCode {
            province: claims.issuer(),
            colour,
            issued_at: claims.not_before(),
            expires_at: (claims.kind() == Kind::Paper).then(|| claims.expires_at()),
            key_id: key_id.unwrap_or_default(),
            trust_list_version: trust.list.version.clone(),
            verified_at: now,
        })
    }
}

/// The state of the code's partner if what it says does not count here now.
fn unrecognised(trust: &Trust, claims: &Claims) -> Option<PartnerState> {
    let id = PartnerId::Province(claims.issuer());
    let state = trust.state(id);
    let is_agreed = trust.agreement(id).is_some_and(|agreed| {
        agreed.directions.contains(&Direction::Inbound) && agreed.modes.contains(&Mode::Conversion)
    });
    (!state.counts() || !is_agreed).then_some(state)
}
