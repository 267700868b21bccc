//! Made-up people: numbers that check, sessions as the gateway makes them.

use lutong_kernel::Clock as _;
use lutong_kernel::document::check_character;
use lutong_operating::wall_clock::WallClock;
use lutong_proto::declaration::v1::{ApplicationForm, Commitment};
use lutong_proto::policy::Role;
use lutong_proto::types::v1::{Document, DocumentType, HomeAddress, PersonItems};
use lutong_transport::access::{Channel, FeedGrant, Principal, PrincipalKey, Roles, SessionClaims};
use tonic::metadata::{Ascii, MetadataValue};

/// Sessions by number, the last of them an authority's.
pub struct People(Vec<MetadataValue<Ascii>>);

/// What the authority is called, and reports.
pub const FEED: &str = "cdc-bench";
pub const REPORTED: &str = "close_contact";

impl People {
    pub fn new(session: &PrincipalKey, count: usize) -> Self {
        use base64::Engine as _;
        let expires = WallClock.now().plus_seconds(12 * 3_600);
        let bearer = |account: String, role: Role, feed: Option<FeedGrant>| {
            let principal = Principal {
                account,
                roles: Roles::of(&[role]),
                subject: None,
                division: None,
                feed,
            };
            let claims = SessionClaims {
                version: 0,
                channel: Channel::Development,
            };
            let sealed = session.seal_session(&principal, expires, claims);
            let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed);
            format!("Bearer {token}").parse().ok()
        };
        let grant = FeedGrant {
            source: FEED.to_owned(),
            kinds: vec![REPORTED.to_owned()],
            divisions: Vec::new(),
        };
        let citizens = (0..count).filter_map(|n| bearer(format!("bench-{n}"), Role::Citizen, None));
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
        // Callers count up to `len`.
        self.0[n % self.0.len()].clone()
    }
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

pub fn form(n: usize) -> ApplicationForm {
    ApplicationForm {
        person: Some(PersonItems {
            full_name: "王小明".to_owned(),
            document: Some(document(n)),
            mobile: "13800138000".to_owned(),
            nationality: "CHN".to_owned(),
            home_address: Some(HomeAddress {
                division: "370202".to_owned(),
                detail: "香港中路1号".to_owned(),
            }),
        }),
        contact_history: Vec::new(),
        commitment: Some(Commitment {
            accepted: true,
            text_version: "2020-02".to_owned(),
        }),
    }
}
