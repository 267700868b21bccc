//! Faulty answers of a database: reported with a reason, nothing stored, the cursor unchanged, retried soon.

use std::path::Path;
use std::time::Duration;

use lutong_testing::Bed;
use lutong_testing::on_both_engines;
use serde_json::json;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;

use super::counts;
use super::database::{Answer, Database, record};
use crate::start_with;

on_both_engines!(
    a_wrong_answer_is_refused_with_its_reason_and_nothing_moves,
    a_cursor_that_comes_round_is_found,
    a_database_that_is_away_is_asked_again,
    the_credential_is_read_for_each_page_and_never_printed,
    a_database_is_believed_by_its_certificate_only,
);

async fn a_wrong_answer_is_refused_with_its_reason_and_nothing_moves(bed: Bed) {
    let (database, elsewhere) = (Database::start().await, Database::start().await);
    database.holds("", &[record("1")], "a", false);
    elsewhere.holds("a", &[record("2")], "b", false);
    let declaration = start_with(bed, &database.config()).await;
    let good = declaration
        .pull_until("done", |pull| pull.last_success_time.is_some())
        .await;
    let there = format!("http://127.0.0.1:{}/changes?after=a", elsewhere.port());
    let three = json!({"records": [record("2"), record("3"), record("4")], "next": "b", "more": false});
    let stays = |records: serde_json::Value, more: bool| {
        Answer::Page(json!({"records": records, "next": "a", "more": more}))
    };
    let wrong = [
        (Answer::Status(500), "HTTP_STATUS"),
        (Answer::Status(401), "HTTP_STATUS"),
        (Answer::Status(204), "HTTP_STATUS"),
        (Answer::Elsewhere(there), "REDIRECTED"),
        (Answer::Body(b"<html>".to_vec()), "NOT_JSON"),
        (Answer::Body(b"{\"records\": [".to_vec()), "NOT_JSON"),
        (Answer::Body(Vec::new()), "NOT_JSON"),
        (Answer::Body(b"{}".to_vec()), "PAGE_SHAPE"),
        (Answer::Page(three), "TOO_MANY_ROWS"),
        (stays(json!([]), true), "CURSOR_STUCK"),
        (stays(json!([record("2")]), false), "CURSOR_STUCK"),
        (Answer::Flood, "TOO_LARGE"),
        (Answer::Silence, "TIMEOUT"),
        (Answer::Drip, "TIMEOUT"),
    ];
    for (answer, expected) in wrong {
        database.answers("a", answer);
        let pull = declaration.attempt().await;
        let error = pull.last_error.clone().unwrap_or_default();
        assert_eq!(error.reason, expected);
        let message = error.message.as_ref().unwrap();
        assert!(!message.zh.is_empty() && !message.en.is_empty());
        let due = pull.next_due_time.unwrap().seconds - declaration.bed.foundation.now().seconds();
        assert!((1..=60).contains(&due), "asked again in {due} s");
        assert_eq!((pull.cursor.as_str(), pull.cursor_time), ("a", good.cursor_time));
        assert_eq!(pull.last_success_time, good.last_success_time);
        assert_eq!(counts(pull.total_rows), (1, 0, 0));
    }
    assert_eq!(declaration.risk_rules.stored().len(), 1);
    assert!(elsewhere.asked().is_empty(), "a redirect is not followed");
    database.holds("a", &[record("2")], "b", false);
    let pull = declaration.attempt().await;
    assert_eq!((pull.cursor.as_str(), pull.last_error), ("b", None));
}

async fn a_cursor_that_comes_round_is_found(bed: Bed) {
    let database = Database::start().await;
    for (after, next) in [("", "a"), ("a", "b"), ("b", "c"), ("c", "a")] {
        database.holds(after, &[record(after)], next, true);
    }
    let declaration = start_with(bed, &database.config()).await;
    let pull = declaration
        .pull_until("given up", |pull| pull.last_error.is_some())
        .await;
    assert_eq!(pull.last_error.unwrap().reason, "CURSOR_STUCK");
    assert!(database.asked().len() < 12);
}

async fn a_database_that_is_away_is_asked_again(bed: Bed) {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let mut config = Database::default().config();
    config.pull[0].url = format!("http://127.0.0.1:{port}/");
    let declaration = start_with(bed, &config).await;
    let pull = declaration
        .pull_until("refused", |pull| pull.last_error.is_some())
        .await;
    assert_eq!(pull.last_error.unwrap().reason, "UNREACHABLE");
    assert!(pull.last_attempt_time.is_some() && pull.last_success_time.is_none());
}

async fn the_credential_is_read_for_each_page_and_never_printed(bed: Bed) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let database = Database::start().await;
    database.holds("", &[], "", false);
    let mut config = database.config();
    config.pull[0].credential_file = Some(file.clone());
    let declaration = start_with(bed, &config).await;
    let pull = declaration
        .pull_until("refused", |pull| pull.last_error.is_some())
        .await;
    assert_eq!(pull.last_error.unwrap().reason, "CREDENTIAL_MISSING");
    assert!(database.asked().is_empty());
    for token in ["first-token", "renewed-token"] {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        let pull = declaration.attempt().await;
        assert_eq!(pull.last_error, None);
        let head = database.heads().pop().unwrap();
        assert!(
            head.contains(&format!("authorization: Bearer {token}\r\n")),
            "{head}"
        );
        assert!(!format!("{pull:?}").contains(token));
    }
}

async fn a_database_is_believed_by_its_certificate_only(bed: Bed) {
    let folder = tempfile::tempdir().unwrap();
    let (own, others) = (
        certificate(folder.path(), "own"),
        certificate(folder.path(), "others"),
    );
    let database = Database::secured(own).await;
    database.holds("", &[record("1")], "a", false);
    let mut config = database.config();
    config.pull[0].url = format!("https://localhost:{}/changes", database.port());
    config.pull[0].ca_file = Some(folder.path().join("others.pem"));
    let declaration = start_with(bed, &config).await;
    let pull = declaration
        .pull_until("refused", |pull| pull.last_error.is_some())
        .await;
    assert_eq!(pull.last_error.unwrap().reason, "TLS_REFUSED");
    assert!(database.asked().is_empty());
    drop(others);
    // The CA file is reread at a restart.
    config.pull[0].ca_file = Some(folder.path().join("own.pem"));
    let bed = declaration.bed.reopened();
    let (storage, identity, risk_rules) = (
        declaration.storage.clone(),
        declaration.identity.clone(),
        declaration.risk_rules.clone(),
    );
    declaration.bed.foundation.stop.cancel();
    bed.bind(crate::build(&bed, &storage, &config).await);
    let renewed = crate::Declaration {
        bed,
        storage,
        identity,
        risk_rules,
        federation: crate::fakes::Federation::default(),
        lookups: crate::RecordedLookups::default(),
    };
    renewed.bind_identity();
    renewed.bind_risk_rules();
    renewed.bed.clock.advance(Duration::from_secs(121));
    let pull = renewed
        .pull_until("done", |pull| pull.last_success_time.is_some())
        .await;
    assert_eq!((pull.cursor.as_str(), counts(pull.total_rows)), ("a", (1, 0, 0)));
}

/// A self-signed certificate of `localhost`, written to `<name>.pem`.
fn certificate(folder: &Path, name: &str) -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
