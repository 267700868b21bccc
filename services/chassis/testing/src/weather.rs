//! A wire that does to calls what networks do: brings them twice, late, after what was sent later, not at all, or loses
//! the answer. Once [`install`] was called, and only while the file that `LUTONG_FAILPOINT_WIRE` names says so:
//! words with a percentage each, `repeat 30 hold 30 refuse 10 mute 10`; `away code-rendering` refuses every call to or from
//! that service. A test writes the file anew to change the weather; an empty one is calm.

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

/// Calls between services, which are idempotent: a repetition has no further effect, and one that failed is tried again.
const METHODS: [&str; 6] = [
    "/ApplyDecisions",
    "/AppendFacts",
    "/ListEvents",
    "/ResolveDocuments",
    "/GetNameMasks",
    "/RegisterPerson",
];

/// How late a call comes at the most, in milliseconds.
const LATE: u64 = 400;
/// And its repetition: later than what was sent after it and answered, also on a slow machine.
const REPEATED: u64 = 2_500;

/// What happens, of a hundred calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Weather {
    /// Come again, later.
    repeat: u64,
    /// Come late.
    hold: u64,
    /// Do not come.
    refuse: u64,
    /// Come, and their answers are lost.
    mute: u64,
}

impl Weather {
    fn parse(text: &str) -> Self {
        let mut weather = Self::default();
        let words: Vec<&str> = text.split_whitespace().collect();
        for pair in words.chunks_exact(2) {
            let percent = pair[1].parse().unwrap_or_default();
            match pair[0] {
                "repeat" => weather.repeat = percent,
                "hold" => weather.hold = percent,
                "refuse" => weather.refuse = percent,
                "mute" => weather.mute = percent,
                _ => {}
            }
        }
        weather
    }

    /// `None` in calm, and for calls that a network may not repeat.
    fn now(channel: &MeshChannel, path: &str) -> Option<Self> {
        static FILE: OnceLock<Option<String>> = OnceLock::new();
        let file = FILE.get_or_init(|| std::env::var("LUTONG_FAILPOINT_WIRE").ok());
        let exposed =
            channel.caller() != Caller::Gateway && METHODS.iter().any(|method| path.ends_with(method));
        let text = std::fs::read_to_string(file.as_ref().filter(|_| exposed)?).ok()?;
        let mut weather = Self::parse(&text);
        let cut_off = |service| text.contains(&format!("away {service}"));
        if cut_off(channel.part())
            || ServiceName::ALL
                .into_iter()
                .any(|one| cut_off(one) && caller_of(one) == channel.caller())
        {
            weather.refuse = 100;
        }
        Some(weather).filter(|weather| *weather != Self::default())
    }
}

fn drawn(below: u64) -> u64 {
    static SOURCE: OnceLock<Arc<dyn Random>> = OnceLock::new();
    let source = SOURCE.get_or_init(|| Arc::new(SeededRandom::new(u64::from(std::process::id()))));
    u64::from_le_bytes(source.bytes()) % below
}

fn some(percent: u64) -> bool {
    drawn(100) < percent
}

async fn later(at_most: u64) {
    tokio::time::sleep(Duration::from_millis(drawn(at_most))).await;
}

/// Puts every later call of this process under the weather.
pub fn install() {
    wire::install(|channel, request| Box::pin(send(channel, request)));
}

async fn send(channel: MeshChannel, request: Request<Body>) -> Response<Body> {
    let Some(weather) = Weather::now(&channel, request.uri().path()) else {
        return wire::carry(&channel, request).await;
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return wire::unreachable(&channel);
    };
    let body = body.to_bytes();
    let again = |body: Bytes| Request::from_parts(parts.clone(), Body::new(Full::new(body)));
    if some(weather.refuse) {
        return wire::unreachable(&channel);
    }
    if some(weather.repeat) {
        let (channel, repetition) = (channel.clone(), again(body.clone()));
        tokio::spawn(async move {
            later(REPEATED).await;
            let answer = wire::carry(&channel, repetition).await;
            let _ = answer.into_body().collect().await;
        });
    }
    if some(weather.hold) {
        later(LATE).await;
    }
    let answer = wire::carry(&channel, again(body)).await;
    if some(weather.mute) {
        let _ = answer.into_body().collect().await;
        return wire::unreachable(&channel);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weather_is_read_from_words_and_percentages() {
        let weather = Weather::parse("repeat 30 hold 40\nrefuse 5 mute x other 7");
        let expected = Weather {
            repeat: 30,
            hold: 40,
            refuse: 5,
            mute: 0,
        };
        assert_eq!(weather, expected);
        assert_eq!(Weather::parse(""), Weather::default());
    }
}
