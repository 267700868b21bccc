//! A fake of an authority's database; the test sets its answer for each cursor.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lutong_declaration::{DeclarationConfig, PullConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::NUMBER;

/// The registered name of its feed.
pub const SOURCE: &str = "epidemic-database";

/// An answer of the database.
#[derive(Clone)]
pub enum Answer {
    Page(Value),
    Status(u16),
    /// An arbitrary body.
    Body(Vec<u8>),
    Elsewhere(String),
    /// Never answers.
    Silence,
    /// One byte at a time, slowly.
    Drip,
    /// An endless body.
    Flood,
}

#[derive(Clone, Default)]
pub struct Database(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    port: u16,
    answers: BTreeMap<String, Answer>,
    /// The cursors of the requests.
    asked: Vec<String>,
    /// The heads of the HTTP requests.
    heads: Vec<String>,
}

impl Database {
    pub async fn start() -> Self {
        Self::serve(None).await
    }

    /// Serves HTTPS with a certificate.
    pub async fn secured(acceptor: TlsAcceptor) -> Self {
        Self::serve(Some(acceptor)).await
    }

    async fn serve(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let database = Self::default();
        database.0.lock().unwrap().port = listener.local_addr().unwrap().port();
        let this = database.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (this, acceptor) = (this.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => this.answer(stream).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                this.answer(stream).await;
                            }
                        }
                    }
                });
            }
        });
        database
    }

    pub fn answers(&self, after: &str, answer: Answer) {
        self.0.lock().unwrap().answers.insert(after.to_owned(), answer);
    }

    /// A page of records, the cursor after it, and whether there is more.
    pub fn holds(&self, after: &str, records: &[Value], next: &str, more: bool) {
        let page = json!({"records": records, "next": next, "more": more});
        self.answers(after, Answer::Page(page));
    }

    pub fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }

    pub fn heads(&self) -> Vec<String> {
        self.0.lock().unwrap().heads.clone()
    }

    pub fn port(&self) -> u16 {
        self.0.lock().unwrap().port
    }

    /// A configuration that pulls every five minutes, with pages of two records and a timeout of two seconds.
    pub fn config(&self) -> DeclarationConfig {
        let url = format!("http://127.0.0.1:{}/changes?province=37", self.port());
        DeclarationConfig {
            pull: vec![PullConfig {
                source: SOURCE.to_owned(),
                url,
                credential_file: None,
                credential_variable: None,
                ca_file: None,
                interval_s: 300,
                page_size: 2,
                timeout_s: 2,
                kinds: vec!["database_anomaly".to_owned(), "stay".to_owned()],
                divisions: vec!["370200".to_owned()],
            }],
            ..DeclarationConfig::default()
        }
    }

    async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let after = head.split("after=").nth(1).unwrap();
        let after = after.split('&').next().unwrap().to_owned();
        let answer = {
            let mut state = self.0.lock().unwrap();
            state.asked.push(after.clone());
            state.heads.push(head);
            state.answers.get(&after).cloned().unwrap_or(Answer::Status(404))
        };
        // The client may have hung up.
        let _ = send(&mut stream, answer).await;
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), answer: Answer) -> std::io::Result<()> {
    let body = match answer {
        Answer::Page(page) => page.to_string().into_bytes(),
        Answer::Body(body) => body,
        Answer::Status(status) => {
            let head = format!("HTTP/1.1 {status} Said So\r\ncontent-length: 0\r\n\r\n");
            return stream.write_all(head.as_bytes()).await;
        }
        Answer::Elsewhere(url) => {
            let head = format!("HTTP/1.1 302 Found\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n");
            return stream.write_all(head.as_bytes()).await;
        }
        Answer::Silence => std::future::pending().await,
        Answer::Drip => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
                .await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Answer::Flood => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n")
                .await?;
            loop {
                stream.write_all(&[b' '; 4_096]).await?;
            }
        }
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.flush().await
}

/// A valid record.
pub fn record(key: &str) -> Value {
    json!({
        "source": SOURCE,
        "key": key,
        "document": {"type": "DOCUMENT_TYPE_RESIDENT_ID", "number": NUMBER},
        "fact": {"database_anomaly": {"observed_at": "2022-11-26T08:00:00+08:00", "code": "A1"}},
    })
}

/// A record that corrects another.
pub fn correction(key: &str, replaces_key: &str) -> Value {
    let mut record = record(key);
    let fact = record.as_object_mut().unwrap().remove("fact").unwrap();
    with(
        record,
        "correction",
        json!({"replacesKey": replaces_key, "fact": fact}),
    )
}

/// The record with one member replaced.
pub fn with(mut record: Value, name: &str, value: Value) -> Value {
    record[name] = value;
    record
}
