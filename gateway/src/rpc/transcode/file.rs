//! Files: an RPC that answers in a stream what a file is and then its bytes is answered to JSON clients as the file itself. The bytes are
//! passed on as they come, so that nothing of a file's size is held here.

use axum::body::Body;
use bytes::{Buf as _, Bytes, BytesMut};
use futures::stream;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use http::{HeaderName, HeaderValue, Response};
use http_body_util::BodyExt as _;
use lutong_kernel::Fault;
use lutong_transport::status;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::request::FRAME_HEADER;
use super::response::{body_of, is_error, trailing_status};
use crate::rpc::contract::EdgeRpc;

/// The longest message of such a stream: a piece of 64 KiB and what is around it. A longer one is a defect of the service.
const LONGEST_MESSAGE: usize = 128 * 1_024;

/// The fields of a streamed answer that is a file.
#[derive(Debug, Clone)]
pub struct FileAnswer {
    /// What the file is.
    about: FieldDescriptor,
    chunk: FieldDescriptor,
}

impl FileAnswer {
    /// `None` where the answer is no file: one of a message with `media_type` and `size`, and of bytes.
    pub fn of(output: &MessageDescriptor) -> Option<Self> {
        let oneof = output.oneofs().find(|oneof| !oneof.is_synthetic())?;
        let (mut about, mut chunk) = (None, None);
        for field in oneof.fields() {
            match field.kind() {
                Kind::Bytes => chunk = Some(field),
                Kind::Message(message) => {
                    let is_text = |name: &str| {
                        let found = message.get_field_by_name(name);
                        found.is_some_and(|found| matches!(found.kind(), Kind::String))
                    };
                    let size = message.get_field_by_name("size");
                    let has_size = size.is_some_and(|size| matches!(size.kind(), Kind::Int64));
                    about = (is_text("media_type") && has_size).then_some(field);
                }
                _ => return None,
            }
        }
        Some(Self {
            about: about?,
            chunk: chunk?,
        })
    }

    /// The media type and the size of the file.
    fn about(&self, message: &DynamicMessage) -> Option<(HeaderValue, u64)> {
        let value = message
            .has_field(&self.about)
            .then(|| message.get_field(&self.about))?;
        let about = value.as_message()?;
        let media_type = about.get_field_by_name("media_type")?;
        let media_type = HeaderValue::from_str(media_type.as_str()?).ok()?;
        let size = about.get_field_by_name("size")?.as_i64()?;
        Some((media_type, u64::try_from(size).ok()?))
    }

    fn chunk(&self, message: &DynamicMessage) -> Option<Bytes> {
        let value = message
            .has_field(&self.chunk)
            .then(|| message.get_field(&self.chunk))?;
        match value.as_ref() {
            Value::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

/// The messages of an answer, one after the other.
struct Messages {
    rpc_label: &'static str,
    part: &'static str,
    output: MessageDescriptor,
    body: tonic::body::Body,
    buffer: BytesMut,
    is_over: bool,
}

impl Messages {
    /// `None` once the service has said that all is there.
    async fn next(&mut self) -> Result<Option<DynamicMessage>, Fault> {
        loop {
            if let Some(message) = self.buffered()? {
                return Ok(Some(message));
            }
            if self.is_over {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(self.broken())
                };
            }
            let Some(frame) = self.body.frame().await else {
                // Without a status nobody knows whether all is there.
                return Err(self.broken());
            };
            let frame = frame.map_err(|error| {
                tracing::warn!(part = self.part, %error, "a file broke off");
                self.broken()
            })?;
            match frame.into_data() {
                Ok(data) => self.buffer.extend_from_slice(&data),
                Err(frame) => {
                    let trailers = frame.into_trailers().ok();
                    let status = trailing_status(trailers.as_ref()).ok_or_else(|| self.broken())?;
                    if is_error(&status) {
                        return Err(status::to_fault(&status, self.part));
                    }
                    self.is_over = true;
                }
            }
        }
    }

    fn buffered(&mut self) -> Result<Option<DynamicMessage>, Fault> {
        let Some([flag, a, b, c, d]) = self.buffer.first_chunk::<FRAME_HEADER>().copied() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if flag != 0 || length > LONGEST_MESSAGE {
            return Err(self.unreadable());
        }
        if self.buffer.len() < FRAME_HEADER + length {
            return Ok(None);
        }
        self.buffer.advance(FRAME_HEADER);
        let message = self.buffer.split_to(length).freeze();
        let message = DynamicMessage::decode(self.output.clone(), message);
        message.map(Some).map_err(|_| self.unreadable())
    }

    fn broken(&self) -> Fault {
        Fault::unavailable(self.part)
    }

    fn unreadable(&self) -> Fault {
        Fault::internal(format_args!("a file of {} could not be read", self.rpc_label))
    }
}

/// The file as the answer, once its service has said what it is: what fails before that is a fault. An answer that breaks off later, or
/// that has more or fewer bytes than were said, is cut off, which the client sees by its length.
pub async fn read(
    rpc: &EdgeRpc,
    file: &FileAnswer,
    response: Response<tonic::body::Body>,
) -> Result<Response<Body>, Fault> {
    let part = rpc.part.as_str();
    let body = body_of(part, response)?;
    let mut messages = Messages {
        rpc_label: rpc.label,
        part,
        output: rpc.method.output(),
        body,
        buffer: BytesMut::new(),
        is_over: false,
    };
    let first = messages.next().await?.ok_or_else(|| messages.unreadable())?;
    let (media_type, size) = file.about(&first).ok_or_else(|| messages.unreadable())?;
    let file = file.clone();
    let bytes = stream::try_unfold((messages, size), move |(mut messages, left)| {
        let file = file.clone();
        async move {
            let cut = |reason: &str| std::io::Error::other(reason.to_owned());
            let message = messages.next().await.map_err(|fault| cut(&fault.reason))?;
            let Some(message) = message else {
                return if left == 0 {
                    Ok(None)
                } else {
                    Err(cut("the file ended early"))
                };
            };
            let chunk = file.chunk(&message).ok_or_else(|| cut("no bytes"))?;
            let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            let left = left.checked_sub(length).ok_or_else(|| cut("the file goes on"))?;
            Ok(Some((chunk, (messages, left))))
        }
    });
    let mut answer = Response::new(Body::from_stream(bytes));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    // What somebody uploaded is shown by nobody's browser as a page of ours.
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::BufMut as _;
    use futures::StreamExt as _;
    use http::HeaderMap;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use lutong_kernel::FaultCode;
    use lutong_proto::complaint::v1::download_attachment_response::Part;
    use lutong_proto::complaint::v1::{Attachment, DownloadAttachmentResponse};
    use prost::Message as _;
    use tonic::Status;

    use super::*;
    use crate::rpc::contract::tests::contract;

    fn rpc() -> Arc<EdgeRpc> {
        let contract = contract();
        let found = contract.get("/lutong.complaint.v1.AttachmentService/DownloadAttachment");
        Arc::clone(found.unwrap())
    }

    fn framed(part: Part) -> Vec<u8> {
        let message = DownloadAttachmentResponse { part: Some(part) }.encode_to_vec();
        let mut frame = vec![0];
        frame.put_u32(u32::try_from(message.len()).unwrap());
        frame.extend_from_slice(&message);
        frame
    }

    fn about(size: i64) -> Vec<u8> {
        framed(Part::Attachment(Attachment {
            media_type: "image/png".to_owned(),
            size,
            ..Attachment::default()
        }))
    }

    /// An answer of these bytes, cut wherever the network may cut, and a status; without one it breaks off.
    async fn answered(bytes: Vec<u8>, status: Option<&str>) -> Result<Response<Body>, Fault> {
        let data = bytes
            .chunks(7)
            .map(|part| Frame::data(Bytes::copy_from_slice(part)));
        let trailers = status.map(|status| {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_str(status).unwrap());
            Frame::trailers(trailers)
        });
        let frames: Vec<_> = data.chain(trailers).map(Ok::<_, Status>).collect();
        let body = tonic::body::Body::new(StreamBody::new(stream::iter(frames)));
        let rpc = rpc();
        let file = FileAnswer::of(&rpc.method.output()).unwrap();
        read(&rpc, &file, Response::new(body)).await
    }

    async fn bytes_of(answer: Response<Body>) -> Result<Vec<u8>, ()> {
        let mut stream = answer.into_body().into_data_stream();
        let mut bytes = Vec::new();
        while let Some(part) = stream.next().await {
            bytes.extend(part.map_err(|_| ())?);
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn a_file_is_answered_as_its_bytes_with_what_it_is_and_never_shown_as_a_page() {
        let all = [
            about(5),
            framed(Part::Chunk(vec![1, 2, 3])),
            framed(Part::Chunk(vec![4, 5])),
        ];
        let answer = answered(all.concat(), Some("0")).await.unwrap();
        for (name, value) in [
            ("content-type", "image/png"),
            ("content-length", "5"),
            ("cache-control", "no-store"),
            ("content-disposition", "attachment"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.headers()[name], value, "{name}");
        }
        assert_eq!(bytes_of(answer).await, Ok(vec![1, 2, 3, 4, 5]));
    }

    #[tokio::test]
    async fn what_fails_before_the_file_begins_is_a_fault() {
        let refused = answered(Vec::new(), Some("5")).await.unwrap_err();
        assert_eq!(refused.code, FaultCode::NotFound);
        let broken = answered(Vec::new(), None).await.unwrap_err();
        assert_eq!(broken.code, FaultCode::Unavailable);
        let nothing = answered(Vec::new(), Some("0")).await.unwrap_err();
        assert_eq!(nothing.code, FaultCode::Internal);
        let no_beginning = answered(framed(Part::Chunk(vec![1])), Some("0"))
            .await
            .unwrap_err();
        assert_eq!(no_beginning.code, FaultCode::Internal);
        let mut long = vec![0];
        long.put_u32(200 * 1_024);
        let long = answered(long, Some("0")).await.unwrap_err();
        assert_eq!(long.code, FaultCode::Internal);
    }

    #[tokio::test]
    async fn a_file_that_is_not_whole_is_cut_off() {
        let chunk = || framed(Part::Chunk(vec![1, 2, 3]));
        for (bytes, status) in [
            // It broke off, it was refused in its middle, it is shorter and longer than was said, and it goes on as something else.
            ([about(3), chunk()].concat(), None),
            ([about(3), chunk()].concat(), Some("13")),
            ([about(4), chunk()].concat(), Some("0")),
            ([about(2), chunk()].concat(), Some("0")),
            ([about(3), chunk(), about(3)].concat(), Some("0")),
            ([about(3), chunk(), vec![0, 0]].concat(), Some("0")),
        ] {
            let answer = answered(bytes, status).await.unwrap();
            assert_eq!(bytes_of(answer).await, Err(()), "{status:?}");
        }
    }

    #[test]
    fn only_what_is_a_file_is_answered_as_one() {
        let pool = lutong_proto::descriptor_pool();
        let of = |name: &str| FileAnswer::of(&pool.get_message_by_name(name).unwrap());
        assert!(of("lutong.complaint.v1.DownloadCaseAttachmentResponse").is_some());
        assert!(of("lutong.complaint.v1.GetComplaintResponse").is_none());
        assert!(of("lutong.risk_rules.v1.WatchOperationResponse").is_none());
    }
}
