//! The TLS handshake of a listener, and what a peer is told that fails it: a TLS alert, or in plain HTTP that this port
//! takes TLS.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The first byte of a TLS connection: a record with a message of the handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;
/// How long a refused peer may take to read why, and how much of what it goes on to send is read meanwhile. Closing with
/// something unread resets the connection, and the reason with it.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 * 1_024;

/// The answer to plain HTTP, as the gateway's problems are.
const TAKES_TLS: &str = r#"{"type":"urn:lutong:problem:TLS_REQUIRED","title":"TLS_REQUIRED","status":400,"detail":"此端口仅限 https://，并须出示账号证书","code":"FAILED_PRECONDITION","reason":"TLS_REQUIRED","message":{"zh":"此端口仅限 https://，并须出示账号证书","en":"this port takes https:// only, with an account's certificate"}}"#;

/// A connection whose peer has shown a certificate that the listener takes.
pub async fn accept(stream: TcpStream, tls: Arc<rustls::ServerConfig>) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) if first[0] == HANDSHAKE_RECORD => {}
        Ok(1) => {
            tracing::debug!("a peer does not speak TLS");
            say_that_it_takes_tls(stream).await;
            return None;
        }
        _ => return None,
    }
    match TlsAcceptor::from(tls).accept(stream).into_fallible().await {
        Ok(stream) => Some(stream),
        Err((error, stream)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            linger(stream).await;
            None
        }
    }
}

async fn say_that_it_takes_tls(mut stream: TcpStream) {
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        TAKES_TLS.len()
    );
    let said = stream
        .write_all(&[head.as_bytes(), TAKES_TLS.as_bytes()].concat())
        .await;
    if said.is_ok() {
        linger(stream).await;
    }
}

/// Ends this side, and reads on until the peer has ended its own, so that it reads what was written last.
async fn linger(mut stream: TcpStream) {
    let reading = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // Whether the peer listens is its own matter.
    let _ = tokio::time::timeout(LINGER, reading).await;
}
