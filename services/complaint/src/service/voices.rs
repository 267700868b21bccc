//! What a new complaint about a place counts for: whose voice it is, and which place it states.

use lutong_kernel::{Fault, PlaceId, SubjectId, Timestamp};
use lutong_storage::crypto::keyed_hash;
use sea_orm::DatabaseTransaction;

use super::{Complaints, Filing};
use crate::domain::accountability::voices::Voice;
use crate::domain::content::Content;
use crate::domain::place::StatedName;
use crate::store::place_voices::{self, NewVoice};
use crate::store::{Complaint, Hash, places};

const DAY: i64 = 86_400;

/// Who files, as far as that is weighed: hashes, and whether they are new.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speaker {
    person: Option<Hash>,
    network: Option<Hash>,
    is_new: bool,
}

impl Complaints {
    pub(super) fn speaker(&self, filing: &Filing, now: Timestamp) -> Speaker {
        let hash = |what: &str, text: &str| keyed_hash(&self.key, format!("voice {what}\n{text}").as_bytes());
        let caller = filing.entry.caller.as_ref().filter(|_| !filing.entry.is_secret);
        let mobile = caller.and_then(|caller| caller.mobile.as_ref());
        let person = match (filing.subject, &filing.account, mobile) {
            (Some(subject), _, _) => Some(hash("subject", &subject.to_string())),
            (None, Some(account), _) => Some(hash("account", account)),
            (None, None, mobile) => mobile.map(|mobile| hash("mobile", mobile.expose())),
        };
        let since = now.plus_seconds(-self.rules.caps.new_days * DAY);
        Speaker {
            person,
            network: filing.network.as_ref().map(|network| hash("network", network)),
            is_new: match filing.subject {
                Some(subject) => since < registered_at(subject),
                None => filing.account.is_some(),
            },
        }
    }

    /// What places are found by.
    pub(super) fn name_hash(&self, normal: &str) -> Hash {
        place_name_hash(&self.key, normal)
    }

    /// Stores what a complaint that is about a place counts for, and binds it to the place that it states.
    pub(super) async fn speak(
        &self,
        transaction: &DatabaseTransaction,
        complaint: &Complaint,
        speaker: Speaker,
    ) -> Result<(), Fault> {
        let Content::Place(about) = &complaint.content else {
            return Ok(());
        };
        let stated = StatedName::of(about.place.expose());
        let place = places::stated(transaction, complaint.filed_for, &stated).await?;
        let voice = self.voice(complaint, speaker, &stated, place);
        let voices: Vec<_> = voice.into_iter().collect();
        Ok(place_voices::insert_all(transaction, &voices).await?)
    }

    /// What a complaint that is about a place counts for, and for which place.
    pub(super) fn voice(
        &self,
        complaint: &Complaint,
        speaker: Speaker,
        stated: &StatedName,
        place: Option<PlaceId>,
    ) -> Option<NewVoice> {
        let Content::Place(about) = &complaint.content else {
            return None;
        };
        Some(NewVoice {
            number: complaint.number.clone(),
            place,
            division: complaint.filed_for,
            issue: about.issue,
            name_hash: self.name_hash(&stated.whole),
            head_hash: self.name_hash(&stated.head),
            voice: Voice {
                filed_at: complaint.created_at,
                person: speaker.person,
                network: speaker.network,
                is_new: speaker.is_new,
                finding: None,
                is_dismissed: false,
            },
        })
    }
}

/// The keyed hash of a name, as names are compared.
pub(super) fn place_name_hash(key: &lutong_storage::crypto::Key, normal: &str) -> Hash {
    keyed_hash(key, format!("place name\n{normal}").as_bytes())
}

/// When a person got their id: its first bits are the time.
fn registered_at(subject: SubjectId) -> Timestamp {
    let time = subject.uuid().get_timestamp();
    let seconds = time.map_or(0, |time| time.to_unix().0);
    Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000_000))
}
