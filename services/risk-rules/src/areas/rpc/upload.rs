//! Files that are uploaded in chunks.

use lutong_kernel::{Fault, FaultCode, Violation};
use prost::bytes::Bytes;
use tonic::Streaming;

/// Maximum size of a file in bytes, five times that of the largest notice of 2022.
const MAX_FILE: usize = 16 * 1024 * 1024;
/// Maximum size of a chunk in bytes.
const MAX_CHUNK: usize = 64 * 1024;

/// The kind of file: the reason if it is too large, and its name in Chinese and English.
pub type Kind = (&'static str, &'static str, &'static str);

pub const NOTICE: Kind = ("NOTICE_TOO_LARGE", "通告", "notice");
pub const INTERVALS: Kind = ("INTERVALS_TOO_LARGE", "表格", "table");

/// Collects the chunks of a file.
pub async fn gather<M>(
    mut chunks: Streaming<M>,
    chunk: impl Fn(M) -> Bytes,
    kind: Kind,
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
            return Err(too_large(kind));
        }
        file.extend_from_slice(&chunk);
    }
}

fn too_large((reason, zh, en): Kind) -> Fault {
    let en = format!("a chunk has at most 64 KiB and a {en} at most 16 MiB");
    let zh = format!("每块最多64 KiB，{zh}最多16 MiB");
    let mut fault = Fault::new(FaultCode::InvalidArgument, reason, zh, en.clone());
    fault.violations = vec![Violation::new("chunk", "TOO_LARGE", "过大", en)];
    fault
}
