//! What all pages and HTTP routes have in common.

use http::{Method, StatusCode};

use crate::browser::{Browser, SAME_ORIGIN};
use crate::mesh::Mesh;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[tokio::test]
async fn a_page_is_stored_by_nobody_framed_by_nobody_and_runs_no_script() {
    let mesh = Mesh::new();
    let signed_in = Browser::signed_in(&mesh).await;
    let anybody = Browser::new(&mesh);
    for page in [
        anybody.get("/sign-in").await,
        signed_in.get("/sign-in").await,
        anybody.send(Method::GET, "/nothing", &[HTML], "").await,
    ] {
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        // With `no-referrer` the origin of this site's own forms would be `null`.
        assert_eq!(page.headers["referrer-policy"], "same-origin");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for directive in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(directive), "{policy}");
        }
        assert!(
            !policy.contains("script-src") && !policy.contains("unsafe"),
            "{policy}"
        );
        for inline in ["<script", "style=", "onclick", "http://", "https://"] {
            assert!(!page.text.contains(inline), "{inline} in {}", page.text);
        }
        // Chinese first, English second, readable on a phone.
        assert!(page.text.contains(r#"<html lang="zh-CN">"#) && page.text.contains(r#"lang="en""#));
        assert!(
            page.text
                .contains(r#"content="width=device-width, initial-scale=1""#)
        );
    }
    let answered = signed_in.post_form("/sign-out", "", &SAME_ORIGIN).await;
    assert_eq!(answered.headers["cache-control"], "no-store");
    let css = anybody.get("/assets/pages.css").await;
    assert_eq!(css.headers["content-type"], "text/css; charset=utf-8");
    assert!(css.text.contains("font: 17px"));
}

#[tokio::test]
async fn somebody_who_looks_gets_a_page_and_a_client_a_document() {
    let mesh = Mesh::new();
    let browser = Browser::new(&mesh);
    let trace = (
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    );
    let page = browser.send(Method::GET, "/nothing", &[HTML, trace], "").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text.contains("未找到") && page.text.contains("0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(page.reason(), "ROUTE_NOT_FOUND");
    let document = browser.send(Method::GET, "/nothing", &[trace], "").await;
    assert_eq!(document.headers["content-type"], "application/problem+json");
    assert_eq!(document.json()["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    // A path of the contract answers browsers and clients alike.
    let document = browser.send(Method::GET, "/v1/code", &[HTML], "").await;
    assert_eq!(document.headers["content-type"], "application/problem+json");
    assert_eq!(document.json()["reason"], "NOT_SIGNED_IN");
    // The headers of a problem are the same on a page.
    let page = browser.send(Method::DELETE, "/docs", &[HTML], "").await;
    assert_eq!(
        (page.status.as_u16(), &page.headers["allow"]),
        (405, &"GET".parse().unwrap())
    );
}

#[tokio::test]
async fn every_route_has_one_method_and_names_it_to_the_others() {
    let mesh = Mesh::new();
    let browser = Browser::new(&mesh);
    for (path, allow) in [
        ("/", "GET"),
        ("/openapi.json", "GET"),
        ("/docs", "GET"),
        ("/docs/", "GET"),
        ("/docs/page.css", "GET"),
        ("/docs/page.js", "GET"),
        ("/assets/pages.css", "GET"),
        ("/sign-in", "GET"),
        ("/sign-in/dev", "POST"),
        ("/sign-out", "POST"),
        ("/v1/dev/sessions", "POST"),
        ("/v1/code", "GET"),
    ] {
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::HEAD,
            Method::OPTIONS,
            Method::TRACE,
        ] {
            if method.as_str() == allow {
                continue;
            }
            let refused = browser.send(method.clone(), path, &[], "").await;
            assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(
                refused.headers.get_all("allow").iter().count(),
                1,
                "{method} {path}"
            );
            assert_eq!(refused.headers["allow"], allow, "{method} {path}");
            if method != Method::HEAD {
                assert_eq!(refused.reason(), "METHOD_NOT_ALLOWED", "{method} {path}");
            }
        }
    }
    for path in [
        "/docs/page.html",
        "/docs/../docs",
        "/sign-in/",
        "/sign-in/wechat/other",
        "//docs",
        "/Docs",
    ] {
        let refused = browser.get(path).await;
        assert_eq!(
            (refused.status.as_u16(), &*refused.reason()),
            (404, "ROUTE_NOT_FOUND"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_an_attacker_writes_is_text_on_a_page() {
    let mesh = Mesh::new();
    let browser = Browser::new(&mesh);
    let page = browser
        .get("/sign-in?return_to=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
        .await;
    assert!(
        !page.text.contains("<script") && !page.text.contains("\"><"),
        "{}",
        page.text
    );
    let path = "/%3Cscript%3Ealert(1)%3C/script%3E";
    let page = browser.send(Method::GET, path, &[HTML], "").await;
    assert!(!page.text.contains("<script"), "{}", page.text);
}
