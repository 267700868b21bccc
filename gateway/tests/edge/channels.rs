//! Signing in through the channels, as browsers and mini-programs do, and what an attacker would do there.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::SET_COOKIE;
use lutong_gateway::GatewayConfig;
use lutong_kernel::random::SeededRandom;
use lutong_kernel::{Channel, ManualClock, Timestamp};
use lutong_proto::types::v1 as types;
use lutong_stand_ins::{Fault, PEOPLE, StandInPerson, StandIns};
use serde_json::json;
use tempfile::TempDir;

use crate::browser::{Browser, Page};
use crate::mesh::{Mesh, dev};

const PUBLIC_URL: &str = "https://jkm.example";
const PAGES: [Channel; 3] = [Channel::WeChat, Channel::Alipay, Channel::AiShandong];
const WANG: &StandInPerson = &PEOPLE[0];

struct World {
    mesh: Mesh,
    stand_ins: StandIns,
    /// The providers' clock.
    clock: ManualClock,
    _secrets: TempDir,
}

impl World {
    async fn start() -> Self {
        Self::with(GatewayConfig::default()).await
    }

    async fn with(config: GatewayConfig) -> Self {
        let clock = ManualClock::at(Timestamp::parse("2022-11-26T10:00:00+08:00").unwrap());
        let random = Arc::new(SeededRandom::new(5));
        let stand_ins = StandIns::start(0, Arc::new(clock.clone()), random).await.unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let channels = stand_ins.channels(PUBLIC_URL, secrets.path()).unwrap();
        let config = GatewayConfig {
            channels: serde_json::from_value(channels).unwrap(),
            ..config
        };
        Self {
            mesh: Mesh::with(config).unwrap(),
            stand_ins,
            clock,
            _secrets: secrets,
        }
    }

    /// A browser that has begun a sign-in and is back from the provider: where it was sent, with the attempt as its cookie.
    async fn begun(&self, channel: Channel, person: Option<&StandInPerson>) -> (Browser<'_>, String) {
        let mut browser = Browser::new(&self.mesh);
        let sent = browser.get(&format!("/sign-in/{channel}?return_to=/docs")).await;
        assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
        browser.cookie = sent.cookie();
        let back = self.stand_ins.agree(sent.location(), person).await.unwrap();
        let path = back.strip_prefix(PUBLIC_URL).unwrap().to_owned();
        (browser, path)
    }
}

/// The values of the cookies that a page sets, by name.
fn cookie<'a>(page: &'a Page, name: &str) -> Option<&'a str> {
    let headers = page.headers.get_all(SET_COOKIE).iter();
    let mut pairs = headers.filter_map(|header| header.to_str().unwrap().split(';').next()?.split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

#[tokio::test]
async fn a_browser_signs_in_through_each_channel_and_comes_back_where_it_was() {
    let world = World::start().await;
    for (channel, id) in [
        (Channel::WeChat, "o6_wang"),
        (Channel::Alipay, "user:2088-wang"),
        (Channel::AiShandong, "sub-wang"),
    ] {
        let (mut browser, path) = world.begun(channel, Some(WANG)).await;
        let back = browser.get(&path).await;
        assert_eq!(
            (back.status, back.location()),
            (StatusCode::SEE_OTHER, "/docs"),
            "{channel}"
        );
        assert_eq!(cookie(&back, "__Host-lutong-attempt"), Some(""));
        let opened = world.mesh.world.opened.lock().unwrap().pop().unwrap();
        assert_eq!(opened.outside_id, id);
        assert_eq!(opened.verified.is_some(), channel == Channel::AiShandong);
        browser.cookie = Some(format!(
            "__Host-lutong={}",
            cookie(&back, "__Host-lutong").unwrap()
        ));
        let page = browser.get("/sign-in").await;
        assert!(page.text.contains(&opened.outside_id), "signed in: {}", page.text);
    }
}

#[tokio::test]
async fn the_sign_in_page_lists_the_channels_that_are_configured_and_no_development_sign_in() {
    let world = World::start().await;
    let page = Browser::new(&world.mesh).get("/sign-in?return_to=/docs").await;
    for channel in PAGES {
        assert!(
            page.text
                .contains(&format!("/sign-in/{channel}?return_to=%2Fdocs")),
            "{}",
            page.text
        );
    }
    assert!(
        !page.text.contains("wechat-mini") && !page.text.contains("/sign-in/dev"),
        "{}",
        page.text
    );
    let refused = Browser::new(&world.mesh).get("/sign-in/dev").await;
    assert_eq!(refused.reason(), "CHANNEL_NOT_FOUND");
    let none = Mesh::with(GatewayConfig::default()).unwrap();
    assert_eq!(
        Browser::new(&none).get("/sign-in").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_mini_program_gets_a_bearer_for_its_code_once() {
    let world = World::start().await;
    let browser = Browser::new(&world.mesh);
    let code = world.stand_ins.login_code(WANG);
    let answered = browser
        .post_json("/v1/wechat-mini/sessions", &json!({"code": code}), &[])
        .await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
    let opened = world.mesh.world.opened.lock().unwrap().pop().unwrap();
    assert_eq!(opened.channel(), types::Channel::WechatMini);
    let token = answered.json()["token"].as_str().unwrap().to_owned();
    let page = world.mesh.get("/v1/fact-kinds", Some(&token)).await;
    assert_ne!(page.status, StatusCode::UNAUTHORIZED);
    let again = browser
        .post_json("/v1/wechat-mini/sessions", &json!({"code": code}), &[])
        .await;
    assert_eq!(
        (again.status, &*again.reason()),
        (StatusCode::UNAUTHORIZED, "SIGN_IN_EXPIRED")
    );
    for wrong in [
        json!({}),
        json!({"code": ""}),
        json!({"code": "a".repeat(513)}),
        json!({"code": "1", "x": 1}),
    ] {
        let refused = browser.post_json("/v1/wechat-mini/sessions", &wrong, &[]).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn a_callback_counts_once_in_the_browser_that_began_and_for_ten_minutes() {
    let world = World::start().await;
    for channel in PAGES {
        let (browser, path) = world.begun(channel, Some(WANG)).await;
        // Somebody who got hold of the address and has no attempt, or one of their own.
        let foreign = Browser::new(&world.mesh).get(&path).await;
        assert_eq!(foreign.reason(), "SIGN_IN_EXPIRED", "{channel}");
        let (other, _) = world.begun(channel, None).await;
        assert_eq!(other.get(&path).await.reason(), "SIGN_IN_EXPIRED", "{channel}");
        assert_eq!(
            browser.get(&path).await.status,
            StatusCode::SEE_OTHER,
            "{channel}"
        );
        assert_eq!(browser.get(&path).await.reason(), "SIGN_IN_EXPIRED", "{channel}");
        let (browser, path) = world.begun(channel, Some(WANG)).await;
        // A code of the provider that is still good: the attempt is what has ended.
        world.mesh.clock.advance(Duration::from_secs(600));
        assert_eq!(browser.get(&path).await.reason(), "SIGN_IN_EXPIRED", "{channel}");
        world.clock.advance(Duration::from_secs(600));
    }
    assert_eq!(world.mesh.world.opened.lock().unwrap().len(), PAGES.len());
}

#[tokio::test]
async fn an_attempt_of_one_channel_finishes_no_other() {
    let world = World::start().await;
    let (browser, path) = world.begun(Channel::WeChat, Some(WANG)).await;
    let elsewhere = path.replace("/sign-in/wechat/", "/sign-in/alipay/");
    assert_eq!(browser.get(&elsewhere).await.reason(), "SIGN_IN_EXPIRED");
}

#[tokio::test]
async fn whoever_is_not_recognised_is_told_why_and_gets_no_session() {
    let world = World::start().await;
    for channel in PAGES {
        let (browser, path) = world.begun(channel, None).await;
        let declined = browser.get(&path).await;
        assert_eq!(declined.reason(), "SIGN_IN_DECLINED", "{channel}");
        assert_eq!(cookie(&declined, "__Host-lutong"), None);
    }
    for (channel, fault, status, reason) in [
        (Channel::WeChat, Fault::WeChatSnapshot, 401, "SIGN_IN_PREVIEW"),
        (Channel::WeChat, Fault::WeChatBlocked, 403, "SIGN_IN_BLOCKED"),
        (
            Channel::Alipay,
            Fault::AlipayUnsigned,
            401,
            "SIGN_IN_NOT_VERIFIED",
        ),
        (
            Channel::AiShandong,
            Fault::OidcAlgNone,
            401,
            "SIGN_IN_NOT_VERIFIED",
        ),
        (
            Channel::AiShandong,
            Fault::OidcNoNonce,
            401,
            "SIGN_IN_NOT_VERIFIED",
        ),
        (Channel::WeChat, Fault::Away, 503, "CHANNEL_UNAVAILABLE"),
    ] {
        let (browser, path) = world.begun(channel, Some(WANG)).await;
        world.stand_ins.faults.turn_on(fault);
        let refused = browser.get(&path).await;
        world.stand_ins.faults.turn_off(fault);
        assert_eq!(
            (refused.status.as_u16(), &*refused.reason()),
            (status, reason),
            "{fault:?}"
        );
        assert_eq!(cookie(&refused, "__Host-lutong"), None);
    }
    assert!(world.mesh.world.opened.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_accounts_of_channels_are_not_for_the_development_sign_in() {
    let world = World::with(dev()).await;
    let mut browser = Browser::new(&world.mesh);
    let refused = browser.sign_in("wechat:0123", "/sign-in").await;
    assert!(refused.text.contains("INVALID_FIELDS"), "{}", refused.text);
    let refused = browser
        .post_json("/v1/dev/sessions", &json!({"account_id": "wechat:0123"}), &[])
        .await;
    assert_eq!(refused.json()["errors"][0]["reason"], "ACCOUNT_ID_RESERVED");
}

#[tokio::test]
async fn while_identity_is_away_nobody_signs_in_and_the_page_says_what_is_away() {
    let world = World::start().await;
    let (browser, path) = world.begun(Channel::WeChat, Some(WANG)).await;
    world
        .mesh
        .world
        .identity_away
        .store(true, std::sync::atomic::Ordering::SeqCst);
    let refused = browser.get(&path).await;
    assert_eq!(
        (refused.status, &*refused.reason()),
        (StatusCode::SERVICE_UNAVAILABLE, "PART_UNAVAILABLE")
    );
}

#[tokio::test]
async fn a_channel_that_cannot_be_opened_refuses_the_start() {
    let config = GatewayConfig {
        channels: serde_json::from_value(json!({"wechat": {"app_id": "wx1", "secret_file": "/nowhere"}}))
            .unwrap(),
        ..GatewayConfig::default()
    };
    let refused = Mesh::with(config).err().unwrap().to_string();
    assert!(
        refused.contains("gateway.channels.wechat.secret_file"),
        "{refused}"
    );
}
