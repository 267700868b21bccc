//! Injects network faults into calls between services: duplicates, delays, reordering, lost requests and lost answers.
//! Active once [`install`] was called, and only while the file named by `LUTONG_FAILPOINT_WIRE` says so: words with a
//! percentage each, `repeat 30 hold 30 refuse 10 mute 10`; `away code-rendering` refuses every call to or from that
//! service. A test rewrites the file to change the faults; an empty file means none.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Random, ServiceName};
use lutong_proto::policy::Caller;
use lutong_transport::client::{MeshChannel, wire};
use tonic::body::Body;

use lutong_operating::mesh_name::caller_of;

/// Idempotent calls between services: a duplicate has no further effect, and a failed call is retried.
const METHODS: [&str; 6] = [
    "/ApplyDecisions",
    "/AppendFacts",
    "/ListEvents",
    "/ResolveDocuments",
    "/GetNameMasks",
    "/RegisterPerson",
];

/// The longest delay of a call, in milliseconds.
const MAX_DELAY_MS: u64 = 400;
/// The longest delay of a duplicate: later than calls sent after it and already answered, even on a slow machine.
const MAX_REPEAT_DELAY_MS: u64 = 2_500;

/// Percentage of calls with each fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct NetworkFaults {
    /// Duplicated, the duplicate delayed.
    repeat: u64,
    /// Delayed.
    hold: u64,
    /// Lost.
    refuse: u64,
    /// Delivered, with the answer lost.
    mute: u64,
}

impl NetworkFaults {
    fn parse(text: &str) -> Self {
        let mut faults = Self::default();
        let words: Vec<&str> = text.split_whitespace().collect();
        for pair in words.chunks_exact(2) {
            let percent = pair[1].parse().unwrap_or_default();
            match pair[0] {
                "repeat" => faults.repeat = percent,
                "hold" => faults.hold = percent,
                "refuse" => faults.refuse = percent,
                "mute" => faults.mute = percent,
                _ => {}
            }
        }
        faults
    }

    /// `None` without faults, and for calls that must not be repeated.
    fn now(channel: &MeshChannel, path: &str) -> Option<Self> {
        static FILE: OnceLock<Option<String>> = OnceLock::new();
        let file = FILE.get_or_init(|| std::env::var("LUTONG_FAILPOINT_WIRE").ok());
        let exposed =
            channel.caller() != Caller::Gateway && METHODS.iter().any(|method| path.ends_with(method));
        let text = std::fs::read_to_string(file.as_ref().filter(|_| exposed)?).ok()?;
        let mut faults = Self::parse(&text);
        let cut_off = |service| text.contains(&format!("away {service}"));
        if cut_off(channel.part())
            || ServiceName::ALL
                .iter()
                .any(|one| cut_off(*one) && caller_of(*one) == channel.caller())
        {
            faults.refuse = 100;
        }
        Some(faults).filter(|faults| *faults != Self::default())
    }
}

fn random_below(below: u64) -> u64 {
    static SOURCE: OnceLock<Arc<dyn Random>> = OnceLock::new();
    let source = SOURCE.get_or_init(|| Arc::new(SeededRandom::new(u64::from(std::process::id()))));
    u64::from_le_bytes(source.bytes()) % below
}

fn happens(percent: u64) -> bool {
    random_below(100) < percent
}

async fn delay(at_most: u64) {
    tokio::time::sleep(Duration::from_millis(random_below(at_most))).await;
}

/// Applies the faults to every later call of this process.
pub fn install() {
    wire::install(|channel, request| Box::pin(send(channel, request)));
}

async fn send(channel: MeshChannel, request: Request<Body>) -> Response<Body> {
    let Some(faults) = NetworkFaults::now(&channel, request.uri().path()) else {
        return wire::carry(&channel, request).await;
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return wire::unreachable(&channel);
    };
    let body = body.to_bytes();
    let again = |body: Bytes| Request::from_parts(parts.clone(), Body::new(Full::new(body)));
    if happens(faults.refuse) {
        return wire::unreachable(&channel);
    }
    if happens(faults.repeat) {
        let (channel, repetition) = (channel.clone(), again(body.clone()));
        tokio::spawn(async move {
            delay(MAX_REPEAT_DELAY_MS).await;
            let answer = wire::carry(&channel, repetition).await;
            let _ = answer.into_body().collect().await;
        });
    }
    if happens(faults.hold) {
        delay(MAX_DELAY_MS).await;
    }
    let answer = wire::carry(&channel, again(body)).await;
    if happens(faults.mute) {
        let _ = answer.into_body().collect().await;
        return wire::unreachable(&channel);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_faults_are_read_from_words_and_percentages() {
        let faults = NetworkFaults::parse("repeat 30 hold 40\nrefuse 5 mute x other 7");
        let expected = NetworkFaults {
            repeat: 30,
            hold: 40,
            refuse: 5,
            mute: 0,
        };
        assert_eq!(faults, expected);
        assert_eq!(NetworkFaults::parse(""), NetworkFaults::default());
    }
}
