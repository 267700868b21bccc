//! Sign-ins on their way: kept sealed in the browser that began them, for ten minutes and one use.
//!
//! A replica that never saw the beginning finishes the sign-in, and one browser's attempt is of no use in another. An attempt
//! that was used is remembered by this process only; a provider takes each code once, over all replicas.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use lutong_channels::Attempt;
use lutong_kernel::{Channel, Clock, Fault, Random, Timestamp};
use lutong_storage::crypto::{Key, open_under, seal_under};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::return_path::ReturnPath;
use crate::sessions::cookie::Cookie;

/// How long somebody may take at the provider.
pub const LIFE: Duration = Duration::from_secs(600);
/// Attempts remembered as used.
const MOST: u64 = 200_000;
/// What a sealed attempt is bound to; another use of the key would name another.
const CONTEXT: &[u8] = b"lutong-gateway-attempt/1";

/// A sign-in that a browser has begun.
#[derive(Debug, Serialize, Deserialize)]
pub struct BegunSignIn {
    /// By its name, so that an attempt of a channel that is gone is none.
    channel: String,
    pub attempt: Attempt,
    return_to: String,
    ends_at_s: i64,
}

impl BegunSignIn {
    pub fn return_path(&self) -> ReturnPath {
        ReturnPath::or_sign_in(&self.return_to)
    }
}

/// Seals attempts, opens them again, and remembers which were used.
pub struct Attempts {
    key: Key,
    cookie: Cookie,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    used: Cache<[u8; 32], ()>,
}

impl Attempts {
    pub fn new(key: Key, cookie: Cookie, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        let used = Cache::builder().max_capacity(MOST).time_to_live(LIFE).build();
        Self {
            key,
            cookie,
            clock,
            random,
            used,
        }
    }

    /// A new attempt, and the cookie that keeps it. One that the browser had before is replaced.
    pub fn begin(
        &self,
        channel: Channel,
        redirect_uri: String,
        return_to: &ReturnPath,
    ) -> Result<(Attempt, HeaderValue), Fault> {
        let attempt = Attempt::begin(&*self.random, redirect_uri);
        let begun = BegunSignIn {
            channel: channel.to_string(),
            attempt: attempt.clone(),
            return_to: return_to.as_str().to_owned(),
            ends_at_s: self.clock.now().plus(LIFE).seconds(),
        };
        let plain = serde_json::to_vec(&begun).map_err(Fault::internal)?;
        let sealed = seal_under(&self.key, &*self.random, &plain, CONTEXT).map_err(Fault::from)?;
        let value = URL_SAFE_NO_PAD.encode(sealed);
        Ok((attempt, self.cookie.set(&value, LIFE.as_secs())?))
    }

    /// The attempt that the browser brings back, once. None: it has none of this channel, or it is too old, or was used.
    pub fn finish(&self, channel: Channel, headers: &HeaderMap) -> Option<BegunSignIn> {
        let value = self.cookie.read(headers).ok().flatten()?;
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let plain = open_under(&self.key, &sealed, CONTEXT).ok()?;
        let begun: BegunSignIn = serde_json::from_slice(&plain).ok()?;
        let is_current = self.clock.now() < Timestamp::from_seconds(begun.ends_at_s);
        let id = Sha256::digest(&begun.attempt.state).into();
        let is_first = self.used.entry(id).or_insert(()).is_fresh();
        (begun.channel == channel.to_string() && is_current && is_first).then_some(begun)
    }

    /// The cookie that takes the attempt out of the browser.
    pub fn clear(&self) -> HeaderValue {
        self.cookie.clear()
    }
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use lutong_kernel::ManualClock;
    use lutong_kernel::random::SeededRandom;

    use crate::config::GatewayConfig;

    use super::*;

    fn attempts(clock: &ManualClock) -> Attempts {
        let key = Key::new([7; 32]);
        let random = Arc::new(SeededRandom::new(3));
        Attempts::new(
            key,
            Cookie::attempt(&GatewayConfig::default()),
            Arc::new(clock.clone()),
            random,
        )
    }

    /// The headers of a browser that keeps the cookie.
    fn kept(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(pair).unwrap())])
    }

    fn begin(attempts: &Attempts) -> (Attempt, HeaderMap) {
        let path = ReturnPath::or_sign_in("/docs");
        let (attempt, cookie) = attempts
            .begin(Channel::WeChat, "https://h/c".to_owned(), &path)
            .unwrap();
        (attempt, kept(&cookie))
    }

    #[test]
    fn an_attempt_comes_back_whole_and_once() {
        let attempts = attempts(&ManualClock::at(Timestamp::from_seconds(0)));
        let (attempt, headers) = begin(&attempts);
        let begun = attempts.finish(Channel::WeChat, &headers).unwrap();
        assert_eq!(begun.attempt.state, attempt.state);
        assert_eq!(begun.return_path().as_str(), "/docs");
        assert!(attempts.finish(Channel::WeChat, &headers).is_none());
    }

    #[test]
    fn an_attempt_of_another_channel_an_older_one_and_a_changed_one_are_none() {
        let clock = ManualClock::at(Timestamp::from_seconds(0));
        let attempts = attempts(&clock);
        let (_, headers) = begin(&attempts);
        assert!(attempts.finish(Channel::Alipay, &headers).is_none());
        let (_, headers) = begin(&attempts);
        clock.advance(LIFE);
        assert!(attempts.finish(Channel::WeChat, &headers).is_none());
        let (_, headers) = begin(&attempts);
        let text = headers[COOKIE].to_str().unwrap();
        for changed in [
            &text[..text.len() - 1],
            "__Host-lutong-attempt=",
            "__Host-lutong-attempt=AAAA",
        ] {
            let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(changed).unwrap())]);
            assert!(
                attempts.finish(Channel::WeChat, &headers).is_none(),
                "{changed:.30}"
            );
        }
        assert!(attempts.finish(Channel::WeChat, &HeaderMap::new()).is_none());
    }

    #[test]
    fn what_the_browser_keeps_says_nothing() {
        let attempts = attempts(&ManualClock::at(Timestamp::from_seconds(0)));
        let (attempt, headers) = begin(&attempts);
        let text = headers[COOKIE].to_str().unwrap().to_owned();
        assert!(!text.contains(&attempt.state) && !text.contains("docs"));
    }
}
