//! `AttachmentService`: parse, call, map.

use futures::{StreamExt as _, stream};
use lutong_chassis::skin::{Answers, Listing, Mutation, Query};
use lutong_kernel::{AttachmentId, Fault};
use lutong_proto::complaint::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::complaint::v1::AttachmentHandler;
use lutong_storage::crypto::hex;
use lutong_transport::access::{CasePermit, DivisionPermit};
use lutong_transport::reply;

use super::{COLLECTION as COMPLAINTS, cases, tracking_number};
use crate::domain::attachment::{Attachment, Kept, Progress};
use crate::service::attachments::{Attachments, Download};
use crate::service::handling::staff;

/// `attachments/{attachment}`.
const COLLECTION: &str = "attachments";

pub struct AttachmentRpc(pub Attachments);

impl AttachmentHandler for AttachmentRpc {
    async fn create_attachment(
        &self,
        call: Mutation<CasePermit>,
        message: wire::CreateAttachmentRequest,
    ) -> Result<wire::CreateAttachmentResponse, Fault> {
        let number = tracking_number("complaint", &message.complaint, COMPLAINTS).map_err(reply::wrong)?;
        // The bounds of the contract have checked it.
        let size = message.upload_size.unsigned_abs();
        let begun = self.0.create(&call.permit, call.request, number, size).await?;
        Ok(wire::CreateAttachmentResponse {
            attachment: Some(begun.into()),
        })
    }

    async fn append_attachment(
        &self,
        call: Query<CasePermit>,
        message: wire::AppendAttachmentRequest,
    ) -> Result<wire::AppendAttachmentResponse, Fault> {
        let (id, offset) = (id(&message.name)?, message.offset.unsigned_abs());
        let appended = self.0.append(&call.permit, id, offset, message.chunk).await?;
        Ok(wire::AppendAttachmentResponse {
            attachment: Some(appended.into()),
        })
    }

    async fn create_case_attachment(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateCaseAttachmentRequest,
    ) -> Result<wire::CreateCaseAttachmentResponse, Fault> {
        let number = tracking_number("case", &message.case, cases::COLLECTION).map_err(reply::wrong)?;
        let (staff, size) = (
            staff(&call.grant, call.permit),
            message.upload_size.unsigned_abs(),
        );
        let begun = self.0.create_of_case(staff, call.request, number, size).await?;
        Ok(wire::CreateCaseAttachmentResponse {
            attachment: Some(begun.into()),
        })
    }

    async fn append_case_attachment(
        &self,
        call: Query<DivisionPermit>,
        message: wire::AppendCaseAttachmentRequest,
    ) -> Result<wire::AppendCaseAttachmentResponse, Fault> {
        let (id, offset) = (id(&message.name)?, message.offset.unsigned_abs());
        let staff = staff(&call.grant, call.permit);
        let appended = self.0.append_of_case(staff, id, offset, message.chunk).await?;
        Ok(wire::AppendCaseAttachmentResponse {
            attachment: Some(appended.into()),
        })
    }

    async fn list_attachments(
        &self,
        call: Listing<CasePermit>,
        message: wire::ListAttachmentsRequest,
    ) -> Result<wire::ListAttachmentsResponse, Fault> {
        let number = tracking_number("complaint", &message.complaint, COMPLAINTS).map_err(reply::wrong)?;
        let (found, next_page_token) = self.0.list(&call.permit, &number, &call.page).await?;
        Ok(wire::ListAttachmentsResponse {
            attachments: found.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn download_attachment(
        &self,
        call: Query<CasePermit>,
        message: wire::DownloadAttachmentRequest,
    ) -> Result<Answers<wire::DownloadAttachmentResponse>, Fault> {
        use wire::download_attachment_response::Part;
        let Download {
            attachment, pieces, ..
        } = self.0.download(&call.permit, id(&message.name)?).await?;
        let answer = |part| wire::DownloadAttachmentResponse { part: Some(part) };
        let first = answer(Part::Attachment(attachment.into()));
        let rest = pieces.map(move |piece| piece.map(|piece| answer(Part::Chunk(piece))));
        Ok(stream::iter([Ok(first)]).chain(rest).boxed())
    }

    async fn list_case_attachments(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListCaseAttachmentsRequest,
    ) -> Result<wire::ListCaseAttachmentsResponse, Fault> {
        let number = tracking_number("name", &message.name, cases::COLLECTION).map_err(reply::wrong)?;
        let staff = staff(&call.grant, call.permit);
        let (found, next_page_token) = self.0.list_of_case(&staff, &number, &call.page).await?;
        Ok(wire::ListCaseAttachmentsResponse {
            attachments: found.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }

    async fn download_case_attachment(
        &self,
        call: Query<DivisionPermit>,
        message: wire::DownloadCaseAttachmentRequest,
    ) -> Result<Answers<wire::DownloadCaseAttachmentResponse>, Fault> {
        use wire::download_case_attachment_response::Part;
        let staff = staff(&call.grant, call.permit);
        let download = self.0.download_of_case(&staff, id(&message.name)?).await?;
        let Download {
            attachment,
            subject,
            pieces,
        } = download;
        let answer = |subject_id, part| wire::DownloadCaseAttachmentResponse {
            subject_id,
            part: Some(part),
        };
        let subject_id = subject.map(|subject| subject.to_string()).unwrap_or_default();
        let first = answer(subject_id, Part::Attachment(attachment.into()));
        let rest = pieces.map(move |piece| piece.map(|piece| answer(String::new(), Part::Chunk(piece))));
        Ok(stream::iter([Ok(first)]).chain(rest).boxed())
    }
}

fn id(name: &str) -> Result<AttachmentId, Fault> {
    reply::uuid_of(name, COLLECTION).map(AttachmentId::from_uuid)
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl From<Attachment> for wire::Attachment {
    fn from(attachment: Attachment) -> Self {
        let Attachment {
            id,
            number,
            created_at,
            is_by_staff,
            upload_size,
            next_offset,
            progress,
        } = attachment;
        let begun = Self {
            name: format!("{COLLECTION}/{id}"),
            attachment_id: id.to_string(),
            complaint: format!("{COMPLAINTS}{number}"),
            create_time: Some(instant(created_at)),
            upload_size: count(upload_size),
            next_offset: count(next_offset),
            by_staff: is_by_staff,
            ..Self::default()
        };
        match progress {
            Progress::Uploading(until) => Self {
                state: wire::AttachmentState::Uploading.into(),
                expire_time: Some(instant(until)),
                ..begun
            },
            Progress::Ready(Kept {
                media_type,
                size,
                digest,
            }) => Self {
                state: wire::AttachmentState::Ready.into(),
                media_type: media_type.into_str().to_owned(),
                size: count(size),
                digest: hex(&digest),
                ..begun
            },
        }
    }
}
