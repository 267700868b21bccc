//! Complaints: what is filed, what staff do with it as a case, what its clocks do, how appeals are decided, and how places are held to
//! account.

pub mod accountability_cases;
pub mod appeals;
pub mod attachments;
mod deadlines;
mod escalating;
mod filing;
mod follow_ups;
mod following;
pub mod handling;
pub mod hotline_orders;
pub mod places;
pub mod public_numbers;
pub mod recognition_refusals;
mod reliefs;
pub mod reviews;
mod steps;
mod voices;
mod weighing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lutong_chassis::{Foundation, Store};
use lutong_kernel::{Clock, Random};
use lutong_storage::Database;
use lutong_storage::crypto::{FieldCipher, Key, keyed_hash};

use crate::domain::accountability::rules::Rules;
use crate::domain::calendar::Calendar;
use crate::domain::case::Case;
use crate::domain::handling::Handling;
use crate::peers::Peers;
use crate::store::Hash;

pub use self::filing::Filing;
pub use self::following::View;
pub use self::steps::{Attached, Step};

/// All complaints; cheap to clone.
#[derive(Clone)]
pub struct Complaints {
    database: Database,
    fields: FieldCipher,
    key: Key,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    handling: Arc<Handling>,
    rules: Arc<Rules>,
    peers: Peers,
    /// Whether this process has said that the calendar does not reach far enough.
    has_warned: Arc<AtomicBool>,
}

impl Complaints {
    pub fn new(
        store: &Store,
        foundation: &Foundation,
        handling: Handling,
        rules: Arc<Rules>,
        peers: Peers,
    ) -> Self {
        Self {
            database: store.database.clone(),
            fields: store.fields.clone(),
            key: store.index_key.clone(),
            clock: Arc::clone(&foundation.clock),
            random: Arc::clone(&foundation.random),
            handling: Arc::new(handling),
            rules,
            peers,
            has_warned: Arc::default(),
        }
    }

    pub fn calendar(&self) -> &Calendar {
        &self.handling.calendar
    }

    pub fn handling(&self) -> &Handling {
        &self.handling
    }

    fn account_hash(&self, account: &str) -> Hash {
        keyed_hash(&self.key, account.as_bytes())
    }

    /// Says once where working days are counted without knowing the holidays.
    fn note_calendar(&self, case: &Case) {
        if case.is_beyond(self.calendar()) && !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a deadline lies in a year whose holidays are not in the calendar: only weekends are left out"
            );
        }
    }
}
