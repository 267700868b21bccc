//! Signing in and out through pages, and attacks on that.

use http::{Method, StatusCode};
use lutong_gateway::GatewayConfig;
use lutong_proto::policy::Role;
use serde_json::json;

use crate::browser::{Browser, CROSS_SITE, HERE, SAME_ORIGIN};
use crate::mesh::{Mesh, SUBJECT, dev};

const FORM: &str = "account_id=citizen&return_to=%2Fsign-in";

#[tokio::test]
async fn a_browser_signs_in_sees_who_it_is_and_signs_out() {
    let mesh = Mesh::new();
    mesh.account("citizen", SUBJECT, &[Role::Citizen]);
    let mut browser = Browser::new(&mesh);
    let page = browser.get("/sign-in?return_to=/docs").await;
    assert!(
        page.text.contains(r#"name="return_to" value="/docs""#),
        "{}",
        page.text
    );

    let answered = browser.sign_in("citizen", "/docs").await;
    assert_eq!(
        (answered.status, answered.location()),
        (StatusCode::SEE_OTHER, "/docs")
    );
    let cookie = answered.headers["set-cookie"].to_str().unwrap();
    let (session, attributes) = cookie.split_once(';').unwrap();
    assert!(session.starts_with("lutong-dev=") && session.len() > 100);
    assert_eq!(
        attributes,
        format!(" Path=/; Max-Age={}; HttpOnly; SameSite=Lax", dev().session_ttl_s)
    );

    let page = browser.get("/sign-in").await;
    assert!(page.text.contains("<strong>citizen</strong>"), "{}", page.text);
    let form = format!("csrf_token={}", page.csrf_token());
    let answered = browser.post_form("/sign-out", &form, &SAME_ORIGIN).await;
    assert_eq!(
        (answered.status, answered.location()),
        (StatusCode::SEE_OTHER, "/sign-in")
    );
    assert_eq!(
        answered.headers["set-cookie"],
        "lutong-dev=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    );
    // A copy of the cookie is worthless, as cookie and as bearer token.
    let refused = browser.get("/v1/code").await;
    assert_eq!(refused.reason(), "SESSION_ENDED");
    let session = session.strip_prefix("lutong-dev=").unwrap();
    let refused = mesh.get("/v1/code", Some(session)).await;
    assert_eq!(refused.body["reason"], "SESSION_ENDED");
    // The same person signs in again at once, in the same second.
    browser.sign_in("citizen", "/sign-in").await;
    assert_eq!(browser.get("/v1/code").await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_without_a_session_clears_what_the_browser_has() {
    let mesh = Mesh::new();
    let mut browser = Browser::new(&mesh);
    for cookie in [None, Some("lutong-dev=AAAA".to_owned())] {
        browser.cookie = cookie;
        let answered = browser.post_form("/sign-out", "", &SAME_ORIGIN).await;
        assert_eq!(answered.status, StatusCode::SEE_OTHER);
        assert_eq!(answered.cookie().as_deref(), Some("lutong-dev="));
    }
}

#[tokio::test]
async fn a_session_that_was_there_before_signing_in_is_not_kept() {
    let mesh = Mesh::new();
    mesh.account("citizen", SUBJECT, &[Role::Citizen]);
    // Session fixation: an attacker's own session, planted in another person's browser.
    let attacker = Browser::signed_in_as(&mesh, "attacker").await;
    let planted = attacker.cookie.clone().unwrap();
    let mut victim = Browser::new(&mesh);
    victim.cookie = Some(planted.clone());
    let token = victim.csrf_token().await;
    let form = format!("{FORM}&csrf_token={token}");
    let answered = victim.post_form("/sign-in/dev", &form, &SAME_ORIGIN).await;
    let own = answered.cookie().unwrap();
    assert_ne!(own, planted);
    victim.cookie = Some(own);
    assert_eq!(victim.get("/v1/code").await.json()["name_mask"], "citizen");
    assert_eq!(attacker.get("/v1/code").await.reason(), "SESSION_ENDED");

    // Also for the same account: the earlier session ends.
    let before = victim.cookie.clone();
    let form = format!("{FORM}&csrf_token={}", victim.csrf_token().await);
    let answered = victim.post_form("/sign-in/dev", &form, &SAME_ORIGIN).await;
    assert_eq!(victim.get("/v1/code").await.reason(), "SESSION_ENDED");
    victim.cookie = answered.cookie();
    assert_ne!(victim.cookie, before);
    assert_eq!(victim.get("/v1/code").await.status, StatusCode::OK);

    // A value chosen by an attacker is not adopted.
    victim.cookie = Some("lutong-dev=fixed".to_owned());
    let answered = victim.sign_in("citizen", "/sign-in").await;
    assert_ne!(answered.cookie().as_deref(), Some("lutong-dev=fixed"));
}

#[tokio::test]
async fn a_form_of_another_site_signs_nobody_in_or_out() {
    let mesh = Mesh::new();
    let browser = Browser::signed_in(&mesh).await;
    let token = browser.csrf_token().await;
    let signing_in = format!("{FORM}&csrf_token={token}");
    let signing_out = format!("csrf_token={token}");
    let nobody = Browser::new(&mesh);
    for site in [
        &CROSS_SITE[..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", &format!("https://{HERE}.evil.example"))],
        &[("origin", "null")],
    ] {
        for refused in [
            browser.post_form("/sign-in/dev", &signing_in, site).await,
            browser.post_form("/sign-out", &signing_out, site).await,
            // Login CSRF: signing a stranger in with the attacker's account.
            nobody.post_form("/sign-in/dev", FORM, site).await,
        ] {
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{site:?}");
            assert_eq!(refused.reason(), "CROSS_SITE");
            assert_eq!(refused.cookie(), None);
        }
    }
    assert_eq!(
        browser.get("/v1/code").await.status,
        StatusCode::OK,
        "still signed in"
    );
}

#[tokio::test]
async fn a_form_without_the_token_of_its_session_changes_nothing() {
    let mesh = Mesh::new();
    let browser = Browser::signed_in(&mesh).await;
    let others = Browser::signed_in_as(&mesh, "other").await.csrf_token().await;
    let own = browser.csrf_token().await;
    for (token, status, reason) in [
        (String::new(), 403, "CSRF_TOKEN_MISSING"),
        ("&csrf_token=".to_owned(), 403, "CSRF_TOKEN_MISSING"),
        ("&csrf_token=x".to_owned(), 403, "CSRF_TOKEN_WRONG"),
        (format!("&csrf_token={others}"), 403, "CSRF_TOKEN_WRONG"),
        (
            format!("&csrf_token={own}&csrf_token={own}"),
            400,
            "INVALID_FIELDS",
        ),
    ] {
        for path in ["/sign-in/dev", "/sign-out"] {
            let refused = browser
                .post_form(path, &format!("{FORM}{token}"), &SAME_ORIGIN)
                .await;
            assert_eq!(
                (refused.status.as_u16(), &*refused.reason()),
                (status, reason),
                "{path}"
            );
            assert_eq!(refused.cookie(), None);
        }
    }
    // A form's token is read from its body only, not from a header or the URL.
    let header = [SAME_ORIGIN[0], ("x-csrf-token", &*own)];
    let refused = browser.post_form("/sign-out", "", &header).await;
    assert_eq!(refused.reason(), "CSRF_TOKEN_MISSING");
    let path = format!("/sign-out?csrf_token={own}");
    let refused = browser.post_form(&path, "", &SAME_ORIGIN).await;
    assert_eq!(refused.reason(), "CSRF_TOKEN_MISSING");
    assert_eq!(
        browser.get("/v1/code").await.status,
        StatusCode::OK,
        "still signed in"
    );
}

#[tokio::test]
async fn signing_in_leads_to_no_other_host() {
    let mesh = Mesh::new();
    for elsewhere in [
        "//evil.example",
        r"\\evil.example",
        r"/\evil.example",
        "///evil.example/a",
        "https://evil.example/",
        "HTTPS:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\r\nset-cookie: a=b",
        "/\u{0}",
        " /docs",
        "docs",
        "",
    ] {
        mesh.account("citizen", SUBJECT, &[Role::Citizen]);
        let mut browser = Browser::new(&mesh);
        let answered = browser.sign_in("citizen", elsewhere).await;
        assert_eq!(answered.status, StatusCode::SEE_OTHER, "{elsewhere:?}");
        assert_eq!(answered.location(), "/sign-in", "{elsewhere:?}");
        assert_eq!(answered.headers.get_all("set-cookie").iter().count(), 1);
        let query: String = form_urlencoded::byte_serialize(elsewhere.as_bytes()).collect();
        let page = Browser::new(&mesh)
            .get(&format!("/sign-in?return_to={query}"))
            .await;
        assert!(
            page.text.contains(r#"name="return_to" value="/sign-in""#),
            "{}",
            page.text
        );
    }
    let mut browser = Browser::new(&mesh);
    let answered = browser
        .sign_in("citizen", "/v1/code?image_format=IMAGE_FORMAT_PNG")
        .await;
    assert_eq!(answered.location(), "/v1/code?image_format=IMAGE_FORMAT_PNG");
}

#[tokio::test]
async fn what_is_no_form_signs_nobody_in() {
    let mesh = Mesh::new();
    mesh.account("citizen", SUBJECT, &[Role::Citizen]);
    let browser = Browser::new(&mesh);
    let json = json!({"account_id": "citizen"});
    let refused = browser.post_json("/sign-in/dev", &json, &SAME_ORIGIN).await;
    assert_eq!(
        (refused.status.as_u16(), &*refused.reason()),
        (415, "CONTENT_TYPE")
    );
    let charset = [
        SAME_ORIGIN[0],
        ("content-type", "application/x-www-form-urlencoded; charset=gbk"),
    ];
    let refused = browser.send(Method::POST, "/sign-in/dev", &charset, FORM).await;
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = format!("account_id={}", "a".repeat(32 * 1_024));
    let refused = browser.post_form("/sign-in/dev", &large, &SAME_ORIGIN).await;
    assert_eq!(
        (refused.status.as_u16(), &*refused.reason()),
        (413, "BODY_TOO_LARGE")
    );
    for form in ["", "account_id=nobody", "return_to=/docs"] {
        let refused = browser.post_form("/sign-in/dev", form, &SAME_ORIGIN).await;
        assert_eq!(refused.reason(), "ACCOUNT_DISABLED", "{form}");
        assert_eq!(refused.cookie(), None);
    }
}

#[tokio::test]
async fn an_account_with_more_than_a_cookie_holds_is_told_so() {
    let mesh = Mesh::new();
    mesh.account("feed", "", &[Role::AuthorityFeed]);
    mesh.world.accounts.lock().unwrap().get_mut("feed").unwrap().feed =
        Some(lutong_proto::identity::v1::FeedGrant {
            source: "feed".to_owned(),
            kinds: (0..500).map(|n| format!("kind-{n}")).collect(),
            divisions: Vec::new(),
        });
    let refused = Browser::new(&mesh).sign_in("feed", "/sign-in").await;
    assert_eq!(
        (refused.status.as_u16(), &*refused.reason()),
        (400, "SESSION_TOO_LARGE")
    );
    assert_eq!(refused.cookie(), None);
}

#[tokio::test]
async fn signing_in_over_and_over_is_slowed_as_over_the_api() {
    let mesh = Mesh::with(GatewayConfig {
        rate_sign_in: 1,
        ..dev()
    })
    .unwrap();
    mesh.account("citizen", SUBJECT, &[Role::Citizen]);
    let browser = Browser::new(&mesh);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let answered = browser.post_form("/sign-in/dev", FORM, &SAME_ORIGIN).await;
        statuses.push(answered.status.as_u16());
    }
    assert_eq!((statuses[0], statuses[5]), (303, 429));
}

#[tokio::test]
async fn nobody_signs_in_over_pages_outside_development() {
    let mesh = Mesh::with(GatewayConfig::default()).unwrap();
    let browser = Browser::new(&mesh);
    assert_eq!(browser.get("/sign-in").await.reason(), "ROUTE_NOT_FOUND");
    for path in ["/sign-in/dev", "/sign-out", "/v1/dev/sessions"] {
        let refused = browser.post_form(path, FORM, &SAME_ORIGIN).await;
        assert_eq!(
            (refused.status.as_u16(), &*refused.reason()),
            (404, "ROUTE_NOT_FOUND"),
            "{path}"
        );
    }
}
