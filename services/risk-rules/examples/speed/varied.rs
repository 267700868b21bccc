//! A population like that of a province: facts of all kinds, three for each subject on average, about 30 % of the subjects matching a
//! rule at [`now`], stays in places of the notice of 2022-11-26.

use lutong_kernel::Timestamp;
use lutong_risk_engine::attributes::Attributes;
use lutong_risk_engine::fact::FactKind;
use lutong_risk_engine::notice::{BUNDLED_2022_11_26_GZ, Notice};
use serde_json::{Value, json};

/// Noon of the day of the notice.
pub fn now() -> Timestamp {
    Timestamp::parse("2022-11-26T12:00:00+08:00").expect("an instant")
}

pub fn notice() -> Notice {
    let mut json = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::GzDecoder::new(BUNDLED_2022_11_26_GZ),
        &mut json,
    )
    .expect("gzip");
    Notice::parse(&json).expect("the bundled notice")
}

/// A reproducible sequence (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % below
    }

    fn days_ago(&mut self, from: u64, until: u64) -> Value {
        let seconds = (from + self.roll(until - from)) * 86_400 + self.roll(86_400);
        json!(
            now()
                .plus_seconds(-i64::try_from(seconds).expect("days"))
                .to_rfc3339()
        )
    }
}

const STAGES: [&str; 3] = ["confirmed", "suspected", "asymptomatic"];

pub struct Population {
    places: Vec<(String, String)>,
}

impl Population {
    pub fn new() -> Self {
        let shandong = notice()
            .listings
            .into_iter()
            .filter(|one| one.code.province() == 37);
        Self {
            places: shandong
                .map(|one| (one.code.to_string(), one.community))
                .collect(),
        }
    }

    /// Zero to six facts, three on average.
    pub fn person(&self, dice: &mut Dice) -> Vec<(FactKind, Value)> {
        let matching = dice.roll(100) < 30;
        let count = dice.roll(7);
        self.facts(dice, count, matching)
    }

    pub fn facts(&self, dice: &mut Dice, count: u64, matching: bool) -> Vec<(FactKind, Value)> {
        let mut facts: Vec<_> = (0..count).map(|_| self.fact(dice, false)).collect();
        if matching {
            facts.pop();
            facts.push(self.fact(dice, true));
        }
        facts
    }

    /// A fact that is in force now, or one that is over, as most facts are.
    fn fact(&self, dice: &mut Dice, in_force: bool) -> (FactKind, Value) {
        let (from, until) = if in_force { (0, 14) } else { (40, 400) };
        let at = dice.days_ago(from, until);
        let over = || json!(now().plus_seconds(-30 * 86_400).to_rfc3339());
        let end = if in_force { Value::Null } else { over() };
        let kinds: &[FactKind] = if in_force {
            &[
                FactKind::Stay,
                FactKind::Stay,
                FactKind::CloseContact,
                FactKind::FeverClinicVisit,
                FactKind::Symptoms,
                FactKind::Case,
                FactKind::Entry,
                FactKind::DatabaseAnomaly,
                FactKind::PartnerCode,
            ]
        } else {
            // Relief is rare, and no feed reports it.
            &FactKind::ALL[..FactKind::Relief as usize]
        };
        let kind = kinds[usize::try_from(dice.roll(kinds.len() as u64)).expect("a kind")];
        let mut given = match kind {
            FactKind::Case => {
                json!({"stage": STAGES[dice.roll(3) as usize],
                "diagnosed_at": at, "closed_at": end, "closure": if in_force { Value::Null } else { json!("discharged") }})
            }
            FactKind::CloseContact => json!({"last_contact_at": at}),
            FactKind::FeverClinicVisit => json!({"visited_at": at}),
            FactKind::Symptoms => {
                json!({"observed_at": at, "symptoms": ["fever", "fatigue"], "temperature_c": 38.1})
            }
            FactKind::DatabaseAnomaly => json!({"observed_at": at, "code": "A1"}),
            FactKind::Stay if in_force => {
                let (code, community) =
                    &self.places[usize::try_from(dice.roll(self.places.len() as u64)).expect("a place")];
                json!({"division": code, "community": community, "arrived_at": at})
            }
            FactKind::Stay => {
                json!({"division": "370202", "community": format!("小区{}", dice.roll(50_000)), "arrived_at": at, "left_at": end})
            }
            FactKind::Entry => json!({"entered_at": at, "country": "DEU", "quarantine_completed_at": end}),
            FactKind::Test => json!({"sampled_at": dice.days_ago(0, 100), "result": "negative"}),
            FactKind::Designation => {
                json!({"level": "medium", "from": at, "until": over(), "legal_basis": "b"})
            }
            FactKind::Relief => {
                json!({"contested_fact": "00000000-0000-0000-0000-000000000001", "from": at, "until": over(), "policy": "p"})
            }
            FactKind::PartnerCode => {
                json!({"province": "32", "colour": if in_force { "yellow" } else { "green" }, "issued_at": at})
            }
        };
        if let Some(given) = given.as_object_mut() {
            given.retain(|_, value| !value.is_null());
        }
        (kind, given)
    }
}

pub fn attributes(kind: FactKind, given: &Value) -> Attributes {
    Attributes::parse(kind, given.as_object().expect("an object")).expect("attributes of the kind")
}
