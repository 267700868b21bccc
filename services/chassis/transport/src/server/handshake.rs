//! The TLS handshake of a listener, and the answer to a peer that fails it: a TLS alert, or a plain HTTP error if the
//! peer does not speak TLS.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The first byte of a TLS connection: the record type `handshake` (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;
/// How long a refused peer may take to read the reason, and how much of what it still sends is read meanwhile. Closing
/// a socket with unread data resets the connection and discards the reason.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 * 1_024;

/// The answer to plain HTTP, in the gateway's problem format.
const TLS_REQUIRED: &str = r#"{"type":"urn:lutong:problem:TLS_REQUIRED","title":"TLS_REQUIRED","status":400,"detail":"此端口仅限 https://，并须出示客户端证书","code":"FAILED_PRECONDITION","reason":"TLS_REQUIRED","message":{"zh":"此端口仅限 https://，并须出示客户端证书","en":"this port takes https:// only, with a client certificate"}}"#;

/// Completes the handshake; `None` if the peer failed it.
pub async fn accept(stream: TcpStream, tls: Arc<rustls::ServerConfig>) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) if first[0] == HANDSHAKE_RECORD => {}
        Ok(1) => {
            tracing::debug!("a peer does not speak TLS");
            answer_tls_required(stream).await;
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

async fn answer_tls_required(mut stream: TcpStream) {
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        TLS_REQUIRED.len()
    );
    let said = stream
        .write_all(&[head.as_bytes(), TLS_REQUIRED.as_bytes()].concat())
        .await;
    if said.is_ok() {
        linger(stream).await;
    }
}

/// Half-closes the connection and reads until the peer closes too, so that the peer receives what was written last.
async fn linger(mut stream: TcpStream) {
    let reading = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // Best effort.
    let _ = tokio::time::timeout(LINGER, reading).await;
}
