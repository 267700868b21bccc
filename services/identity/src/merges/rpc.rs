//! `MergeService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation, Query};
use lutong_kernel::{Fault, Violation};
use lutong_proto::identity::v1 as wire;
use lutong_proto::time;
use lutong_skin::identity::v1::MergeHandler;
use lutong_transport::access::DivisionPermit;
use lutong_transport::reply;

use super::domain::MergeId;
use super::service::{MergeRequest, Merges, SubjectReference};
use super::store::{Filter, RecordedMerge};
use crate::fault;
use crate::people::rpc::stated_document;

const COLLECTION: &str = "merges/";

pub struct MergeRpc(pub Merges);

impl MergeHandler for MergeRpc {
    async fn create_merge(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateMergeRequest,
    ) -> Result<wire::CreateMergeResponse, Fault> {
        let subject = reference(message.subject.as_ref(), "subject").map_err(reply::wrong)?;
        let into = reference(message.into.as_ref(), "into").map_err(reply::wrong)?;
        let request = request(call, message.reason);
        let merge = self.0.merge(request, subject, into).await?;
        Ok(wire::CreateMergeResponse {
            merge: Some(merge.into()),
        })
    }

    async fn undo_merge(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::UndoMergeRequest,
    ) -> Result<wire::UndoMergeResponse, Fault> {
        let id = id(&message.name)?;
        let request = request(call, message.reason);
        let merge = self.0.undo(request, id, message.etag).await?;
        Ok(wire::UndoMergeResponse {
            merge: Some(merge.into()),
        })
    }

    async fn get_merge(
        &self,
        call: Query<DivisionPermit>,
        message: wire::GetMergeRequest,
    ) -> Result<wire::GetMergeResponse, Fault> {
        let merge = self.0.find_merge(call.permit, id(&message.name)?).await?;
        Ok(wire::GetMergeResponse {
            merge: Some(merge.into()),
        })
    }

    async fn list_merges(
        &self,
        call: Listing<DivisionPermit>,
        message: wire::ListMergesRequest,
    ) -> Result<wire::ListMergesResponse, Fault> {
        let subject = match message.subject_id.as_str() {
            "" => None,
            text => Some(reply::subject_id(text, "subject_id").map_err(reply::wrong)?),
        };
        let filter = Filter {
            subject,
            in_force: match message.state() {
                wire::MergeState::Unspecified => None,
                wire::MergeState::InForce => Some(true),
                wire::MergeState::Undone => Some(false),
            },
        };
        let (merges, next_page_token) = self.0.list(call.permit, filter, &call.page).await?;
        Ok(wire::ListMergesResponse {
            merges: merges.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }
}

fn request(call: Mutation<DivisionPermit>, reason: String) -> MergeRequest {
    MergeRequest {
        account: call.grant.principal().account.clone(),
        permit: call.permit,
        key: call.request,
        reason,
    }
}

/// The id in a name. A malformed name is answered as an unknown merge.
fn id(name: &str) -> Result<MergeId, Fault> {
    let id = name.strip_prefix(COLLECTION).and_then(MergeId::parse);
    id.ok_or_else(fault::merge_not_found)
}

fn reference<'a>(
    given: Option<&'a wire::SubjectReference>,
    field: &str,
) -> Result<SubjectReference<'a>, Violation> {
    use wire::subject_reference::Reference::{Document, SubjectId};
    match reply::required(given.and_then(|given| given.reference.as_ref()), field)? {
        SubjectId(text) => {
            reply::subject_id(text, &format!("{field}.subject_id")).map(SubjectReference::Subject)
        }
        Document(document) => Ok(SubjectReference::Document(stated_document(document))),
    }
}

impl From<RecordedMerge> for wire::Merge {
    fn from(recorded: RecordedMerge) -> Self {
        let RecordedMerge {
            merge,
            created_by,
            reason,
            undone_by,
            undo_reason,
        } = recorded;
        let state = match merge.unmerged_at {
            None => wire::MergeState::InForce,
            Some(_) => wire::MergeState::Undone,
        };
        let id = merge.id().to_string();
        let etag = merge.etag().as_str().to_owned();
        Self {
            etag,
            name: format!("{COLLECTION}{id}"),
            merge_id: id,
            state: state.into(),
            subject_id: merge.from.to_string(),
            into_subject_id: merge.into.to_string(),
            version: merge.version,
            reason,
            creator: created_by,
            create_time: Some(time::from_micros(merge.merged_at.micros())),
            undoer: undone_by.unwrap_or_default(),
            undo_time: merge.unmerged_at.map(|at| time::from_micros(at.micros())),
            undo_reason: undo_reason.unwrap_or_default(),
        }
    }
}
