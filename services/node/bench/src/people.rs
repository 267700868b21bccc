//! Generated people: document numbers with valid check digits, and sessions like those of the gateway.

use lutong_kernel::document::check_character;
use lutong_kernel::{Channel, Clock as _};
use lutong_operating::wall_clock::WallClock;
use lutong_proto::declaration::v1::{ApplicationForm, Commitment};
use lutong_proto::policy::Role;
use lutong_proto::types::v1::{Document, DocumentType, HomeAddress, OneTimeCodeProof, PersonItems};
use lutong_transport::access::{FeedGrant, Principal, PrincipalKey, Roles, SessionClaims};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};

/// Sessions by number; the last one is the authority's.
pub struct People(Vec<MetadataValue<Ascii>>);

/// The authority's feed and the kind of fact that it reports.
pub const FEED: &str = "cdc-bench";
pub const REPORTED: &str = "close_contact";

impl People {
    pub fn new(session: &PrincipalKey, count: usize) -> Self {
        Self::of_channel(session, count, Channel::Development)
    }

    /// Accounts of a channel.
    pub fn of_channel(session: &PrincipalKey, count: usize, channel: Channel) -> Self {
        let prefix = match channel {
            Channel::Development => String::new(),
            _ => channel.account_prefix(),
        };
        let bearer = |account: String, role: Role, feed: Option<FeedGrant>| {
            let principal = Principal {
                account,
                roles: Roles::of(&[role]),
                subject: None,
                division: None,
                feed,
                desks: Vec::new(),
            };
            bearer(session, &principal, channel)
        };
        let grant = FeedGrant {
            source: FEED.to_owned(),
            kinds: vec![REPORTED.to_owned()],
            divisions: Vec::new(),
        };
        let citizens = (0..count).filter_map(|n| bearer(format!("{prefix}bench-{n}"), Role::Citizen, None));
        let feed = bearer(FEED.to_owned(), Role::AuthorityFeed, Some(grant));
        Self(citizens.chain(feed).collect())
    }

    /// The authority's session.
    pub fn feed(&self) -> MetadataValue<Ascii> {
        self.bearer(self.len())
    }

    pub fn len(&self) -> usize {
        self.0.len() - 1
    }

    pub fn bearer(&self, n: usize) -> MetadataValue<Ascii> {
        // Never empty: it holds the authority's session.
        self.0[n % self.0.len()].clone()
    }
}

/// The header of somebody who is signed in.
pub fn bearer(
    session: &PrincipalKey,
    principal: &Principal,
    channel: Channel,
) -> Option<MetadataValue<Ascii>> {
    use base64::Engine as _;
    let expires = WallClock.now().plus_seconds(12 * 3_600);
    let claims = SessionClaims { version: 0, channel };
    let sealed = session.seal_session(principal, expires, claims);
    let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed);
    format!("Bearer {token}").parse().ok()
}

/// A request of somebody who is signed in.
pub fn signed_in<M>(message: M, bearer: MetadataValue<Ascii>) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", bearer);
    request
}

pub fn document(n: usize) -> Document {
    let (year, month, day, sequence) = (
        1950 + n / 336_000 % 50,
        1 + n / 28_000 % 12,
        1 + n / 1_000 % 28,
        n % 1_000,
    );
    let digits = format!("370202{year:04}{month:02}{day:02}{sequence:03}");
    let check = check_character(digits.as_bytes()).unwrap_or_default();
    Document {
        r#type: DocumentType::ResidentId.into(),
        number: format!("{digits}{check}"),
        issuing_country: String::new(),
    }
}

/// A mobile of their own.
pub fn mobile(n: usize) -> String {
    format!("138{n:08}")
}

/// The name of everybody here.
pub const NAME: &str = "王小明";

pub fn form(n: usize, proof: Option<OneTimeCodeProof>) -> ApplicationForm {
    ApplicationForm {
        person: Some(PersonItems {
            full_name: NAME.to_owned(),
            document: Some(document(n)),
            mobile: mobile(n),
            nationality: "CHN".to_owned(),
            home_address: Some(HomeAddress {
                division: "370202".to_owned(),
                detail: "香港中路1号".to_owned(),
            }),
        }),
        contact_history: Vec::new(),
        mobile_proof: proof,
        commitment: Some(Commitment {
            accepted: true,
            text_version: "2020-02".to_owned(),
        }),
    }
}
