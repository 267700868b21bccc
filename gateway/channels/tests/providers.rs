//! Each channel against a provider that speaks its protocol, faults included.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use lutong_channels::{Attempt, Callback, ChannelsConfig, Provider, Recognised, SignInFailure};
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Channel, Clock, ManualClock, Random, Timestamp};
use lutong_stand_ins::{Fault, PEOPLE, StandIns};
use tempfile::TempDir;

const WANG: usize = 0;
const MAIMAITI: usize = 2;

/// Channels that are configured for stand-ins.
struct World {
    stand_ins: StandIns,
    clock: ManualClock,
    random: Arc<dyn Random>,
    config: ChannelsConfig,
    secrets_folder: TempDir,
}

impl World {
    async fn start() -> Self {
        let clock = ManualClock::at(Timestamp::parse("2022-11-26T09:00:00+08:00").unwrap());
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(1));
        let stand_ins = StandIns::start(0, Arc::new(clock.clone()), Arc::clone(&random))
            .await
            .unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let channels = stand_ins.channels("https://jkm.example", secrets.path()).unwrap();
        let config = ChannelsConfig {
            timeout_ms: 1_000,
            ..serde_json::from_value(channels).unwrap()
        };
        Self {
            stand_ins,
            clock,
            random,
            config,
            secrets_folder: secrets,
        }
    }

    fn channel(&self, name: Channel) -> Provider {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let channels = Provider::configured(&self.config, &clock).unwrap();
        channels
            .into_iter()
            .find(|channel| channel.channel == name)
            .unwrap()
    }

    fn attempt(&self, channel: &Provider) -> Attempt {
        Attempt::begin(
            &*self.random,
            format!("https://jkm.example/sign-in/{}/callback", channel.channel),
        )
    }

    /// The whole way of a browser.
    async fn sign_in(&self, channel: &Provider, person: Option<usize>) -> Result<Recognised, SignInFailure> {
        let attempt = self.attempt(channel);
        let callback = self.callback(channel, &attempt, person).await?;
        channel.recognise(&attempt, &callback).await
    }

    async fn callback(
        &self,
        channel: &Provider,
        attempt: &Attempt,
        person: Option<usize>,
    ) -> Result<Callback, SignInFailure> {
        let url = channel.authorization_url(attempt).await?;
        let back = self
            .stand_ins
            .agree(&url, person.map(|n| &PEOPLE[n]))
            .await
            .unwrap();
        let (callback, query) = back.split_once('?').unwrap();
        assert_eq!(
            callback,
            format!("https://jkm.example/sign-in/{}/callback", channel.channel)
        );
        Ok(Callback::parse(query))
    }
}

const PAGES: [Channel; 3] = [Channel::WeChat, Channel::Alipay, Channel::AiShandong];

#[tokio::test]
async fn every_channel_recognises_somebody_with_one_exchange() {
    let world = World::start().await;
    for (name, part, id) in [
        (Channel::WeChat, "wechat", "o6_wang"),
        (Channel::Alipay, "alipay", "user:2088-wang"),
        (Channel::AiShandong, "oidc-token", "sub-wang"),
    ] {
        let channel = world.channel(name);
        let recognised = world.sign_in(&channel, Some(WANG)).await.unwrap();
        assert_eq!(recognised.outside_id.expose(), id);
        assert_eq!(world.stand_ins.faults.counts()[part], 1, "{name}");
    }
    let mini = world.channel(Channel::WeChatMini);
    let code = world.stand_ins.login_code(&PEOPLE[WANG]);
    assert_eq!(
        mini.recognise_code(&code).await.unwrap().outside_id.expose(),
        "o6_wang"
    );
}

#[tokio::test]
async fn a_name_is_verified_by_aishandong_at_the_levels_of_the_configuration_alone() {
    let world = World::start().await;
    let channel = world.channel(Channel::AiShandong);
    let verified = world
        .sign_in(&channel, Some(WANG))
        .await
        .unwrap()
        .verified
        .unwrap();
    assert_eq!(verified.full_name.expose(), PEOPLE[WANG].full_name);
    assert_eq!(verified.resident_id.expose(), PEOPLE[WANG].resident_id);
    assert_eq!(verified.mobile.unwrap().expose(), PEOPLE[WANG].mobile);
    assert_eq!(
        world.sign_in(&channel, Some(MAIMAITI)).await.unwrap().verified,
        None
    );
    for name in [Channel::WeChat, Channel::Alipay] {
        assert_eq!(
            world
                .sign_in(&world.channel(name), Some(WANG))
                .await
                .unwrap()
                .verified,
            None
        );
    }
}

#[tokio::test]
async fn whoever_declines_is_not_recognised() {
    let world = World::start().await;
    for name in PAGES {
        let declined = world.sign_in(&world.channel(name), None).await;
        assert_eq!(declined, Err(SignInFailure::Declined), "{name}");
    }
}

#[tokio::test]
async fn a_code_counts_once_and_for_five_minutes() {
    let world = World::start().await;
    for name in PAGES {
        let channel = world.channel(name);
        let attempt = world.attempt(&channel);
        let callback = world.callback(&channel, &attempt, Some(WANG)).await.unwrap();
        assert!(channel.recognise(&attempt, &callback).await.is_ok());
        let again = channel.recognise(&attempt, &callback).await;
        assert_eq!(again, Err(SignInFailure::Expired), "{name}");
        let late = world.callback(&channel, &attempt, Some(WANG)).await.unwrap();
        world.clock.advance(Duration::from_secs(300));
        assert_eq!(
            channel.recognise(&attempt, &late).await,
            Err(SignInFailure::Expired),
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_answer_to_another_attempt_is_refused_before_the_provider_is_asked() {
    let world = World::start().await;
    for name in PAGES {
        let channel = world.channel(name);
        let (own, foreign) = (world.attempt(&channel), world.attempt(&channel));
        let callback = world.callback(&channel, &foreign, Some(WANG)).await.unwrap();
        let refused = channel.recognise(&own, &callback).await;
        assert_eq!(refused, Err(SignInFailure::Incomplete("state")), "{name}");
        assert!(
            channel.recognise(&foreign, &callback).await.is_ok(),
            "the code was not used up"
        );
    }
}

#[tokio::test]
async fn a_provider_that_is_away_slow_or_confused_is_told_apart() {
    let mut world = World::start().await;
    world.config.timeout_ms = 200;
    for name in PAGES {
        for (fault, failure) in [
            (Fault::Away, SignInFailure::Away),
            (Fault::Slow, SignInFailure::Away),
        ] {
            // A channel of its own each time: after a silence its breaker rests.
            let channel = world.channel(name);
            let attempt = world.attempt(&channel);
            let callback = world.callback(&channel, &attempt, Some(WANG)).await.unwrap();
            world.stand_ins.faults.turn_on(fault);
            let refused = channel.recognise(&attempt, &callback).await;
            world.stand_ins.faults.turn_off(fault);
            assert_eq!(refused, Err(failure), "{name} {fault:?}");
        }
        let channel = world.channel(name);
        let attempt = world.attempt(&channel);
        let callback = world.callback(&channel, &attempt, Some(WANG)).await.unwrap();
        world.stand_ins.faults.turn_on(Fault::Garbage);
        let refused = channel.recognise(&attempt, &callback).await;
        world.stand_ins.faults.turn_off(Fault::Garbage);
        assert_eq!(refused, Err(SignInFailure::Unreadable), "{name}");
    }
}

#[tokio::test]
async fn no_answer_is_believed_that_the_provider_did_not_sign_for_us() {
    let world = World::start().await;
    for (name, fault, failure) in [
        (
            Channel::WeChat,
            Fault::WeChatSnapshot,
            SignInFailure::SnapshotUser,
        ),
        (Channel::WeChat, Fault::WeChatBlocked, SignInFailure::Blocked),
        (Channel::WeChat, Fault::WeChatBusy, SignInFailure::Away),
        (
            Channel::Alipay,
            Fault::AlipayUnsigned,
            SignInFailure::Forged("sign"),
        ),
        (
            Channel::Alipay,
            Fault::AlipayWrongKey,
            SignInFailure::Forged("sign"),
        ),
        (
            Channel::Alipay,
            Fault::AlipayReordered,
            SignInFailure::Forged("sign"),
        ),
        (
            Channel::AiShandong,
            Fault::OidcAlgNone,
            SignInFailure::Forged("alg"),
        ),
        (
            Channel::AiShandong,
            Fault::OidcOtherKey,
            SignInFailure::Forged("signature"),
        ),
        (
            Channel::AiShandong,
            Fault::OidcWrongAudience,
            SignInFailure::Forged("aud"),
        ),
        (
            Channel::AiShandong,
            Fault::OidcWrongIssuer,
            SignInFailure::Forged("iss"),
        ),
        (Channel::AiShandong, Fault::OidcExpired, SignInFailure::Expired),
        (
            Channel::AiShandong,
            Fault::OidcClockAhead,
            SignInFailure::Forged("iat"),
        ),
        (
            Channel::AiShandong,
            Fault::OidcNoNonce,
            SignInFailure::Forged("nonce"),
        ),
        (
            Channel::AiShandong,
            Fault::OidcWrongNonce,
            SignInFailure::Forged("nonce"),
        ),
    ] {
        let channel = world.channel(name);
        world.stand_ins.faults.turn_on(fault);
        assert_eq!(
            world.sign_in(&channel, Some(WANG)).await,
            Err(failure),
            "{fault:?}"
        );
        world.stand_ins.faults.turn_off(fault);
        assert!(
            world.sign_in(&channel, Some(WANG)).await.is_ok(),
            "after {fault:?}"
        );
    }
}

#[tokio::test]
async fn an_application_with_open_ids_makes_other_accounts_than_one_with_user_ids() {
    let world = World::start().await;
    world.stand_ins.faults.turn_on(Fault::AlipayOpenId);
    let recognised = world
        .sign_in(&world.channel(Channel::Alipay), Some(WANG))
        .await
        .unwrap();
    assert_eq!(recognised.outside_id.expose(), "open:open-wang");
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_found_once_a_minute_at_most() {
    let world = World::start().await;
    let channel = world.channel(Channel::AiShandong);
    assert!(world.sign_in(&channel, Some(WANG)).await.is_ok());
    world.clock.advance(Duration::from_secs(61));
    world.stand_ins.rotate_key("key-2");
    assert!(
        world.sign_in(&channel, Some(WANG)).await.is_ok(),
        "read again for the new key"
    );
    assert_eq!(world.stand_ins.faults.counts()["oidc-keys"], 2);
    world.stand_ins.rotate_key("key-3");
    assert_eq!(
        world.sign_in(&channel, Some(WANG)).await,
        Err(SignInFailure::Forged("kid"))
    );
    assert_eq!(
        world.stand_ins.faults.counts()["oidc-keys"],
        2,
        "not within the minute"
    );
    world.clock.advance(Duration::from_secs(61));
    assert!(world.sign_in(&channel, Some(WANG)).await.is_ok());
}

#[tokio::test]
async fn the_answer_of_another_issuer_is_not_exchanged() {
    let world = World::start().await;
    let channel = world.channel(Channel::AiShandong);
    let attempt = world.attempt(&channel);
    for query in [
        "code=1&state=S",
        "code=1&state=S&iss=https%3A%2F%2Fanother.example",
    ] {
        let callback = Callback::parse(&query.replace("state=S", &format!("state={}", attempt.state)));
        let refused = channel.recognise(&attempt, &callback).await;
        assert_eq!(refused, Err(SignInFailure::Forged("iss")), "{query}");
    }
    assert!(!world.stand_ins.faults.counts().contains_key("oidc-token"));
}

#[tokio::test]
async fn a_check_says_which_setting_is_wrong() {
    let mut world = World::start().await;
    for name in Channel::OF_PEOPLE {
        assert_eq!(world.channel(name).check().await, Ok(()), "{name}");
    }
    let wrong = |text: &str| {
        let file = world.secrets_folder.path().join("wrong");
        std::fs::write(&file, text).unwrap();
        file
    };
    world.config.wechat.secret_file = wrong("another");
    world.config.aishandong.secret_file = Some(wrong("another"));
    world.config.alipay.app_id = "1".to_owned();
    for (name, what) in [
        (Channel::WeChat, "secret"),
        (Channel::Alipay, "application"),
        (Channel::AiShandong, "secret"),
    ] {
        let failure = world.channel(name).check().await.unwrap_err().to_string();
        assert!(
            failure.contains("configuration") && failure.contains(what),
            "{name}: {failure}"
        );
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let mut world = World::start().await;
    let channel = {
        let behind: Arc<dyn Clock> = Arc::new(ManualClock::at(
            Timestamp::parse("2022-11-26T08:49:59+08:00").unwrap(),
        ));
        let channels = Provider::configured(&world.config, &behind).unwrap();
        channels
            .into_iter()
            .find(|channel| channel.channel == Channel::Alipay)
            .unwrap()
    };
    let failure = channel.check().await.unwrap_err().to_string();
    assert!(failure.contains("clock"), "{failure}");
    world.config.wechat_mini.app_id.clear();
    assert_eq!(
        world.channel(Channel::WeChat).recognise_code("").await,
        Err(SignInFailure::Expired)
    );
}
