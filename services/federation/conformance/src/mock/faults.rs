//! How the mock breaks the contract: a script in TOML that says what, at which exchange, from which call on, and how often.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use serde::Deserialize;

use crate::exchange::Exchange;
use crate::wrong::WrongFile;

/// A way of breaking the contract.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, strum::IntoStaticStr, strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum FaultKind {
    // How it is reached.
    /// Answers after `milliseconds`.
    Slow,
    /// Closes the connection without an answer.
    Away,
    /// Closes it on a message of 64 KiB or more, which is no fault.
    HangsUp,
    /// Breaks off in the middle of its answer.
    Cut,
    /// Answers with a page.
    Garbage,
    /// Answers with more than anybody reads.
    Oversized,
    WrongContentType,
    /// Fails with HTTP 500.
    Fails,
    /// Says HTTP 429.
    Throttles,
    Redirects,
    // How it answers.
    /// Answers with an earlier answer.
    Replay,
    /// Its clock is off by `seconds`.
    WrongClock,
    /// Signs with a key that is on no list.
    WrongKey,
    OtherSender,
    OtherAudience,
    OtherMethod,
    /// Its answer is not what it signed.
    AlteredAnswer,
    /// Answers a message that nobody sent.
    OtherReply,
    SameNonce,
    UnreadableAnswer,
    // What it accepts.
    AcceptsReplays,
    AcceptsOld,
    AcceptsAhead,
    RefusesDelayed,
    AcceptsAnyAudience,
    AcceptsAnyMethod,
    AcceptsAlteredBodies,
    /// Looks at no signature.
    AcceptsForgeries,
    AcceptsAnySender,
    AcceptsReplies,
    AcceptsAnyPurpose,
    AcceptsLongBodies,
    AcceptsUnreadableBodies,
    /// Fails with HTTP 500 on what is no message.
    FailsOnNonsense,
    StatesNoReason,
    /// Fails with HTTP 500 where it ought to refuse.
    FailsToRefuse,
    // What it says.
    /// What is no code is green.
    SaysGreen,
    /// Says another colour of what it knows.
    OtherColour,
    IgnoresConsent,
    TakesShortSalts,
    IgnoresNames,
    ShowsAnyReference,
    TakesAnything,
    NamesNoFields,
    /// The same declaration is a new one each time.
    ForgetsDeclarations,
    CorrectsAnything,
    ForgedTokens,
    /// Its made codes live for a day.
    LongTokens,
    NoProvenance,
    NoReferences,
    NeverGone,
    ForgedBatches,
    OtherChain,
    FollowsAnything,
    ComparesAnyNumber,
    AcceptsAnyTag,
    ServesUndeclared,
    OtherPublishedKey,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: FaultKind,
    exchange: Option<Exchange>,
    from: Option<u64>,
    count: Option<u64>,
    milliseconds: Option<u64>,
    seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    fault: Vec<Entry>,
}

/// Faults with how many calls each of them has seen.
#[derive(Debug, Default)]
pub struct FaultScript {
    entries: Vec<Entry>,
    seen: Mutex<BTreeMap<usize, u64>>,
}

/// The faults of one call, with their numbers.
#[derive(Debug, Default)]
pub struct Active(BTreeMap<FaultKind, i64>);

impl FaultScript {
    pub fn parse(text: &str) -> Result<Self, WrongFile> {
        let file: File = toml::from_str(text).map_err(|error| WrongFile::of_shape(&error))?;
        let mut wrong = WrongFile::default();
        for (place, entry) in file.fault.iter().enumerate() {
            let field = |name: &str| format!("fault[{place}].{name}");
            if entry.from == Some(0) {
                wrong.note(field("from"), "is 1 for the first call");
            }
            if entry.count == Some(0) {
                wrong.note(field("count"), "is 1 or more; absent for always");
            }
            for (name, is_given, kind) in [
                ("milliseconds", entry.milliseconds.is_some(), FaultKind::Slow),
                ("seconds", entry.seconds.is_some(), FaultKind::WrongClock),
            ] {
                let only: &str = kind.into_str();
                match (is_given, entry.kind == kind) {
                    (true, false) => wrong.note(field(name), format!("is of {only} alone")),
                    (false, true) => wrong.note(field(name), format!("{only} needs it")),
                    _ => {}
                }
            }
        }
        wrong.unless(Self {
            entries: file.fault,
            seen: Mutex::default(),
        })
    }

    /// One fault, always.
    pub fn of(kind: FaultKind, number: i64) -> Self {
        let entry = Entry {
            kind,
            exchange: None,
            from: None,
            count: None,
            milliseconds: u64::try_from(number).ok(),
            seconds: Some(number),
        };
        Self {
            entries: vec![entry],
            seen: Mutex::default(),
        }
    }

    /// The faults of the next call of an exchange; `None`: the published keys are read.
    pub fn next(&self, exchange: Option<Exchange>) -> Active {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut active = Active::default();
        for (place, entry) in self.entries.iter().enumerate() {
            if entry.exchange.is_some() && entry.exchange != exchange {
                continue;
            }
            let calls = seen.entry(place).or_default();
            *calls += 1;
            let first = entry.from.unwrap_or(1);
            let is_over = entry
                .count
                .is_some_and(|count| *calls >= first.saturating_add(count));
            if *calls < first || is_over {
                continue;
            }
            let number = match entry.kind {
                FaultKind::Slow => entry.milliseconds.and_then(|number| i64::try_from(number).ok()),
                _ => entry.seconds,
            };
            active.0.insert(entry.kind, number.unwrap_or_default());
        }
        active
    }
}

impl Active {
    pub fn has(&self, kind: FaultKind) -> bool {
        self.0.contains_key(&kind)
    }

    /// The number of a fault; 0 without it.
    pub fn number(&self, kind: FaultKind) -> i64 {
        self.0.get(&kind).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_befalls_the_calls_that_the_script_names() {
        let script = "[[fault]]\nkind = \"cut\"\nexchange = \"PULL_CHANGES\"\nfrom = 2\ncount = 2\n\
                      [[fault]]\nkind = \"slow\"\nmilliseconds = 5\n";
        let script = FaultScript::parse(script).unwrap();
        let calls: Vec<bool> = (0..5)
            .map(|_| script.next(Some(Exchange::PullChanges)).has(FaultKind::Cut))
            .collect();
        assert_eq!(calls, [false, true, true, false, false]);
        let other = script.next(Some(Exchange::CompareCodes));
        assert_eq!(
            (other.has(FaultKind::Cut), other.number(FaultKind::Slow)),
            (false, 5)
        );
        assert!(script.next(None).has(FaultKind::Slow));
    }

    #[test]
    fn a_wrong_script_is_named_by_field_and_reason() {
        for (script, field) in [
            ("[[fault]]\nkind = \"slow\"\n", "fault[0].milliseconds"),
            ("[[fault]]\nkind = \"wrong-clock\"\n", "fault[0].seconds"),
            ("[[fault]]\nkind = \"cut\"\nseconds = 1\n", "fault[0].seconds"),
            ("[[fault]]\nkind = \"cut\"\nfrom = 0\n", "fault[0].from"),
            ("[[fault]]\nkind = \"cut\"\ncount = 0\n", "fault[0].count"),
            ("[[fault]]\nkind = \"burns\"\n", "burns"),
            ("[[fault]]\nkind = \"cut\"\nexchange = \"TEA\"\n", "TEA"),
            ("[[faults]]\n", "faults"),
        ] {
            let wrong = FaultScript::parse(script).unwrap_err().to_string();
            assert!(wrong.contains(field), "{script}: {wrong}");
        }
    }
}
