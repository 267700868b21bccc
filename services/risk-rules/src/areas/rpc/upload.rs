//! Files that are uploaded in chunks.

use lutong_kernel::Fault;
use prost::bytes::Bytes;
use tonic::Streaming;

/// Maximum size of a file in bytes, five times that of the largest notice of 2022.
const MAX_FILE: usize = 16 * 1024 * 1024;
/// Maximum size of a chunk in bytes.
const MAX_CHUNK: usize = 64 * 1024;

/// Collects the chunks of a file; `too_large` is answered when it is too large.
pub async fn gather<M>(
    mut chunks: Streaming<M>,
    chunk: impl Fn(M) -> Bytes,
    too_large: fn() -> Fault,
) -> Result<Vec<u8>, Fault> {
    let mut file = Vec::new();
    loop {
        let next = chunks
            .message()
            .await
            .map_err(|status| lutong_transport::status::to_fault(&status, "risk-rules"))?;
        let Some(message) = next else { return Ok(file) };
        let chunk = chunk(message);
        if chunk.len() > MAX_CHUNK || file.len() + chunk.len() > MAX_FILE {
            return Err(too_large());
        }
        file.extend_from_slice(&chunk);
    }
}
