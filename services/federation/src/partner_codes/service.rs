//! Verifies codes of other provinces.

use std::sync::Arc;

use futures::FutureExt as _;
use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Colour, ConversionId, Fault, Timestamp};
use lutong_storage::Database;
use lutong_token::{
    CLOCK_TOLERANCE_SECONDS, Claims, Issuer, Kid, Kind, MESSAGE_LIFE_SECONDS, Outcome, UnverifiedToken,
};
use sha2::{Digest as _, Sha256};

use super::domain::{RefusedCode, judge, judge_at_origin, read_colour};
use super::store::{self, Verification};
use crate::colour_maps::domain::ColourMaps;
use crate::conversions::domain::{Conversion, ConversionState};
use crate::conversions::service::Conversions;
use crate::exchanges::domain::owner;
use crate::exchanges::service::Exchanges;
use crate::fault;
use crate::partner_qualities::domain::Happened;
use crate::partner_qualities::service::PartnerQualities;
use crate::partners::domain::{PartnerId, PartnerState};
use crate::trust_lists::domain::{Direction, Mode};
use crate::trust_lists::service::current::{CurrentTrust, Trust};

/// How old what an origin says about a code can be: as old as its message.
const MAX_AGE_SECONDS: i64 = MESSAGE_LIFE_SECONDS + CLOCK_TOLERANCE_SECONDS;

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
    /// Under which its origin's changes are said in the log.
    pub conversion: ConversionId,
}

/// Codes of the partners of the trust list; cheap to clone.
#[derive(Clone)]
pub struct PartnerCodes {
    database: Database,
    clock: Arc<dyn Clock>,
    current: CurrentTrust,
    maps: Arc<ColourMaps>,
    qualities: PartnerQualities,
    exchanges: Exchanges,
    conversions: Conversions,
}

/// A code that is accepted.
struct Accepted {
    claims: Claims,
    colour: Colour,
    /// Under what its origin tells its changes, and when it said so.
    followed: Option<(String, Timestamp)>,
}

impl PartnerCodes {
    pub fn new(
        (store, foundation): (&Store, &Foundation),
        current: CurrentTrust,
        (maps, qualities): (Arc<ColourMaps>, PartnerQualities),
        exchanges: Exchanges,
        conversions: Conversions,
    ) -> Self {
        Self {
            database: store.database.clone(),
            clock: Arc::clone(&foundation.clock),
            current,
            maps,
            qualities,
            exchanges,
            conversions,
        }
    }

    /// A code as its origin has it now; where the origin says nothing that can be used, its signature stands.
    async fn at_origin(
        &self,
        trust: &Trust,
        accepted: Accepted,
        token: &str,
    ) -> Result<Result<Accepted, RefusedCode>, Fault> {
        let partner = PartnerId::Province(accepted.claims.issuer());
        let said = self.exchanges.ask_about_code(trust, partner, token).await?;
        let colour = judge_at_origin(accepted.colour, said.outcome, &said.refusal);
        Ok(colour.map(|colour| Accepted {
            colour,
            followed: said.followed,
            ..accepted
        }))
    }

    /// Keeps where a converted code came from.
    async fn convert(
        &self,
        trust: &Trust,
        accepted: &Accepted,
        (token, key_id): (&str, &str),
        now: Timestamp,
    ) -> Result<ConversionId, Fault> {
        let origin = PartnerId::Province(accepted.claims.issuer());
        let agreed = trust.agreement(origin);
        let said_at = accepted.followed.as_ref().map(|(_, at)| *at);
        let id = self.conversions.new_id(now);
        let conversion = Conversion {
            id,
            origin,
            reference: accepted.followed.as_ref().map(|(reference, _)| reference.clone()),
            token_digest: Sha256::digest(token.as_bytes()).into(),
            key_id: key_id.to_owned(),
            issued_at: accepted.claims.not_before(),
            converted_at: now,
            interface: agreed.map(|agreed| agreed.interface.clone()).unwrap_or_default(),
            trust_list_version: trust.list.version.clone(),
            state: ConversionState::Standing,
            outcome: accepted.colour.into(),
            // By a clock that cannot be far from ours: its message was accepted.
            changed_at: said_at.map_or(now, |at| at.clamp(now.plus_seconds(-MAX_AGE_SECONDS), now)),
        };
        self.conversions.insert(conversion).await?;
        Ok(id)
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
            Ok(Accepted {
                claims,
                colour,
                followed: None,
            })
        });
        let verified = match verified {
            // Of a code that was declared earlier its origin says only that it has expired.
            Ok(accepted) if as_of.is_none() => self.at_origin(&trust, accepted, token).await?,
            judged => judged,
        };
        let (province, outcome) = match &verified {
            Ok(accepted) => (
                Some(accepted.claims.issuer().to_string()),
                Outcome::Valid.into_str(),
            ),
            Err(refused) => (None, refused.outcome()),
        };
        let kid = UnverifiedToken::parse(token).ok().map(|token| token.kid());
        if let Some(signer) = verified
            .as_ref()
            .err()
            .and_then(|refused| signer(&trust, *refused, kid))
        {
            self.qualities.note(signer, Happened::RefusedCode);
        }
        let key_id = kid.map(|kid| kid.to_string());
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
        let accepted = verified.map_err(fault::partner_code_refused)?;
        let key_id = key_id.unwrap_or_default();
        let conversion = self.convert(&trust, &accepted, (token, &key_id), now).await?;
        let Accepted { claims, colour, .. } = accepted;
        Ok(PartnerCode {
            province: claims.issuer(),
            colour,
            issued_at: claims.not_before(),
            expires_at: (claims.kind() == Kind::Paper).then(|| claims.expires_at()),
            key_id,
            trust_list_version: trust.list.version.clone(),
            verified_at: now,
            conversion,
        })
    }
}

/// Whose key signed a code that is refused; `None` where nobody has proven it.
fn signer(trust: &Trust, refused: RefusedCode, kid: Option<Kid>) -> Option<PartnerId> {
    let is_unproven = matches!(
        refused,
        RefusedCode::Token(Outcome::Unreadable | Outcome::WrongKey | Outcome::BadSignature)
    );
    kid.filter(|_| !is_unproven)
        .and_then(|kid| owner(&trust.list, kid))
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
