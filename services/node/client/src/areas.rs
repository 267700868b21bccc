//! Reads published files of risk areas and imports notices.

use std::io::Read as _;
use std::path::Path;

use lutong_proto::risk_rules::v1::area_service_client::AreaServiceClient;
use lutong_proto::risk_rules::v1::{ImportNoticeRequest, ImportNoticeResponse};

use crate::Failure;
use crate::client::{Calls, failed};

/// Bytes per message.
pub const CHUNK: usize = 48 * 1024;

/// Reads a file, decompressing gzip.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::Input(format!("{}: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(failed)?;
    unzip(bytes).map_err(failed)
}

/// Decompresses gzip, which begins with 1f 8b (RFC 1952); other bytes are returned unchanged.
pub fn unzip(bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_end(&mut plain)?;
    Ok(plain)
}

/// Imports a complete notice.
pub async fn send(calls: Calls, notice: &[u8]) -> Result<ImportNoticeResponse, Failure> {
    let chunks: Vec<_> = notice
        .chunks(CHUNK)
        .map(|chunk| ImportNoticeRequest {
            chunk: chunk.to_vec().into(),
        })
        .collect();
    let answer = AreaServiceClient::new(calls)
        .import_notice(tokio_stream::iter(chunks))
        .await;
    Ok(answer.map_err(|status| failed(&status))?.into_inner())
}
