//! Merging subjects, on the wire.

use lutong_chassis::reply;
use lutong_kernel::fault::Violations;
use lutong_kernel::{Fault, RequestId, Violation};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time;
use prost::Message as _;
use tonic::{Request, Response, Status};
use wire::merge_service_server::MergeService;

use super::convert::stated_document;
use crate::domain::merge::Merge;
use crate::service::merging::{Asked, Merging, Reference};

/// Characters of a reason.
const MAX_REASON: usize = 200;

#[derive(Clone)]
pub struct Merges(Merging);

impl Merges {
    pub const fn new(merging: Merging) -> Self {
        Self(merging)
    }

    async fn merge(
        &self,
        request: Request<wire::MergeSubjectsRequest>,
    ) -> Result<wire::MergeSubjectsResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.any()?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let mut wrong = Violations::new();
        let from = wrong.take(reference(message.from.as_ref(), "from"));
        let into = wrong.take(reference(message.into.as_ref(), "into"));
        let request_id = wrong.take(reply::request_id(&message.request_id));
        let reason = wrong.take(reply::text(&message.reason, "reason", MAX_REASON));
        wrong.finish()?;
        let (Some(from), Some(into), Some(request_id), Some(reason)) = (from, into, request_id, reason)
        else {
            return Err(Fault::internal());
        };
        let asked = asked(&grant, request_id, &body, &reason)?;
        let merge = self.0.merge(permit, asked, from, into).await?;
        Ok(wire::MergeSubjectsResponse {
            merge: Some(merge.into()),
        })
    }

    async fn unmerge(
        &self,
        request: Request<wire::UnmergeSubjectRequest>,
    ) -> Result<wire::UnmergeSubjectResponse, Fault> {
        let grant = reply::grant(&request)?;
        let permit = grant.any()?;
        let message = request.into_inner();
        let body = message.encode_to_vec();
        let mut wrong = Violations::new();
        let from = wrong.take(reference(message.from.as_ref(), "from"));
        let request_id = wrong.take(reply::request_id(&message.request_id));
        let reason = wrong.take(reply::text(&message.reason, "reason", MAX_REASON));
        wrong.finish()?;
        let (Some(from), Some(request_id), Some(reason)) = (from, request_id, reason) else {
            return Err(Fault::internal());
        };
        let asked = asked(&grant, request_id, &body, &reason)?;
        let merge = self.0.unmerge(permit, asked, from).await?;
        Ok(wire::UnmergeSubjectResponse {
            merge: Some(merge.into()),
        })
    }
}

fn asked<'a>(
    grant: &'a lutong_chassis::access::Grant,
    request_id: RequestId,
    body: &'a [u8],
    reason: &'a str,
) -> Result<Asked<'a>, Fault> {
    let officer = grant.principal();
    Ok(Asked {
        account: &officer.account,
        jurisdiction: officer.jurisdiction()?,
        request_id,
        body,
        reason,
    })
}

fn reference<'a>(given: Option<&'a wire::SubjectReference>, field: &str) -> Result<Reference<'a>, Violation> {
    use wire::subject_reference::Reference::{Document, SubjectId};
    match given.and_then(|given| given.reference.as_ref()) {
        Some(SubjectId(text)) => {
            reply::subject_id(text, &format!("{field}.subject_id")).map(Reference::Subject)
        }
        Some(Document(document)) => Ok(Reference::Document(stated_document(document))),
        None => Err(Violation::new(
            field,
            "DOCUMENT_OR_SUBJECT",
            "证件与人员编号须且仅须填写一项",
            "either a document or a subject_id",
        )),
    }
}

impl From<Merge> for wire::SubjectMerge {
    fn from(merge: Merge) -> Self {
        let Merge {
            from,
            into,
            version,
            merged_at,
            unmerged_at,
        } = merge;
        Self {
            from_subject_id: from.to_string(),
            into_subject_id: into.to_string(),
            version,
            merge_time: Some(time::from_micros(merged_at.micros())),
            unmerge_time: unmerged_at.map(|at| time::from_micros(at.micros())),
        }
    }
}

#[tonic::async_trait]
impl MergeService for Merges {
    async fn merge_subjects(
        &self,
        request: Request<wire::MergeSubjectsRequest>,
    ) -> Result<Response<wire::MergeSubjectsResponse>, Status> {
        reply::answer(self.merge(request).await)
    }

    async fn unmerge_subject(
        &self,
        request: Request<wire::UnmergeSubjectRequest>,
    ) -> Result<Response<wire::UnmergeSubjectResponse>, Status> {
        reply::answer(self.unmerge(request).await)
    }
}
