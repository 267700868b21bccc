#![doc = include_str!("../README.md")]

pub mod alipay; // signed requests and answers
mod authority; // the real-name check
mod browser; // what a browser does at a provider
mod card; // the platform of electronic health cards
mod codes; // authorization codes: whose, for whom, used or not
mod consent; // the page on which a person agrees
mod faults; // what goes wrong, and how often each part was asked
mod messages; // the gateway of text messages
mod national; // gateways where a person's health code is asked, each with its own signature
pub mod oidc; // an OpenID provider
mod people; // who can sign in
mod settings; // how the product finds the stand-ins
mod wechat; // service account and mini-program

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use lutong_kernel::{Clock, Random};
use tokio::net::TcpListener;

use self::authority::{Register, Registered};
use self::card::CardBook;
pub use self::card::{CARD_APP_ID, CARD_ORGANISATION, CARD_REFUSED, CARD_SECRET, CardHolder};
use self::codes::Codes;
pub use self::faults::{Counts, Fault, Faults};
pub use self::messages::SentMessage;
use self::national::NationalBook;
pub use self::national::{NATIONAL_REQUESTER, NATIONAL_SECRET, NATIONAL_SERVICE};
use self::oidc::Signer;
pub use self::people::{PEOPLE, StandInPerson};

/// The application's id and secret at WeChat and at the OpenID provider.
pub const APP_ID: &str = "wx0123456789abcdef";
pub const SECRET: &str = "stand-in-secret";
/// The application's id at Alipay.
pub const ALIPAY_APP_ID: &str = "2021000000000001";
/// The client's id at the OpenID provider.
pub const CLIENT_ID: &str = "lutong";

/// What the stand-ins share; cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared {
    base: String,
    clock: Arc<dyn Clock>,
    codes: Arc<Codes>,
    faults: Faults,
    signer: Arc<Mutex<Arc<Signer>>>,
    messages: Arc<Mutex<Vec<SentMessage>>>,
    registered: Arc<Mutex<Register>>,
    card_book: Arc<Mutex<CardBook>>,
    national_book: Arc<Mutex<NationalBook>>,
}

impl Shared {
    fn messages(&self) -> MutexGuard<'_, Vec<SentMessage>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn card_book(&self) -> MutexGuard<'_, CardBook> {
        self.card_book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn national_book(&self) -> MutexGuard<'_, NationalBook> {
        self.national_book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn registered(&self) -> MutexGuard<'_, Register> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.signer.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Running stand-ins; they end with the task that serves them.
#[derive(Clone)]
pub struct StandIns {
    /// `http://127.0.0.1:{port}`.
    pub base: String,
    pub faults: Faults,
    shared: Shared,
}

impl StandIns {
    /// Listens on a free port of this machine, or on the one given, and serves in a task of the runtime.
    pub async fn start(port: u16, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let faults = Faults::default();
        let shared = Shared {
            base: base.clone(),
            codes: Arc::new(Codes::new(Arc::clone(&clock), random)),
            clock,
            faults: faults.clone(),
            signer: Arc::new(Mutex::new(Arc::new(Signer::es256("key-1")))),
            messages: Arc::default(),
            registered: Arc::new(Mutex::new(authority::register())),
            card_book: Arc::default(),
            national_book: Arc::default(),
        };
        let router = Router::new()
            .nest("/wechat", wechat::routes())
            .nest("/alipay", alipay::routes())
            .nest("/oidc", oidc::routes())
            .nest("/authority", authority::routes())
            .nest("/card", card::routes())
            .nest("/national", national::routes())
            .nest("/messages", messages::routes())
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { base, faults, shared })
    }

    /// The OpenID provider signs with a new key from now on, and publishes it alone.
    pub fn rotate_key(&self, kid: &str) {
        *self.shared.signer.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Signer::es256(kid));
    }

    /// The authority knows another person from now on, by the number of a resident card and a mobile of 11 digits.
    pub fn add_person(&self, full_name: &str, number: String, mobile: &str) {
        let person = Registered::new(full_name, mobile);
        self.shared.registered().insert(number, person);
    }

    /// A login code, as a mini-program or an app gets it from its own platform.
    pub fn login_code(&self, person: &StandInPerson) -> String {
        self.shared.codes.issue(person.id, "", "")
    }
}
