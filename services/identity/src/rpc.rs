//! The contract of identity: parse, call, map.

pub mod accounts;
pub mod audit;
mod convert;
pub mod event_log;
pub mod merging;

use lutong_chassis::skin::{Mutation, Query};
use lutong_kernel::{Fault, SubjectId};
use lutong_proto::identity::v1 as wire;
use lutong_skin::identity::v1::IdentityHandler;
use lutong_transport::access::{AnyPermit, SelfPermit};
use lutong_transport::reply;

use crate::service::registry::Registry;

pub struct IdentityRpc(pub Registry);

impl IdentityHandler for IdentityRpc {
    async fn register_person(
        &self,
        call: Mutation<SelfPermit>,
        message: wire::RegisterPersonRequest,
    ) -> Result<wire::RegisterPersonResponse, Fault> {
        let person = reply::required(message.person.as_ref(), "person").map_err(reply::wrong)?;
        let stated = convert::stated_person(person);
        let registered = self.0.register(&call.permit, call.request, stated).await?;
        Ok(registered.into())
    }

    async fn resolve_documents(
        &self,
        call: Query<AnyPermit>,
        message: wire::ResolveDocumentsRequest,
    ) -> Result<wire::ResolveDocumentsResponse, Fault> {
        let stated: Vec<_> = message.documents.iter().map(convert::stated_document).collect();
        let resolutions = self.0.resolve(call.permit, &stated).await?;
        Ok(wire::ResolveDocumentsResponse {
            resolutions: resolutions.into_iter().map(convert::resolution).collect(),
        })
    }

    async fn get_name_masks(
        &self,
        call: Query<AnyPermit>,
        message: wire::GetNameMasksRequest,
    ) -> Result<wire::GetNameMasksResponse, Fault> {
        let subjects = message.subject_ids.iter().enumerate();
        let subjects: Vec<SubjectId> = subjects
            .map(|(row, text)| reply::subject_id(text, &format!("subject_ids[{row}]")).map_err(reply::wrong))
            .collect::<Result<_, _>>()?;
        let masks = self.0.name_masks(call.permit, &subjects).await?;
        let masks = masks.into_iter().map(|(subject, mask)| wire::NameMask {
            subject_id: subject.to_string(),
            mask,
        });
        Ok(wire::GetNameMasksResponse {
            masks: masks.collect(),
        })
    }
}
