//! The contract of identity: parse, call, map.

pub mod accounts;
pub mod audit;
mod convert;
pub mod declared;
pub mod events;
pub mod merging;

use lutong_chassis::reply;
use lutong_kernel::{Fault, SubjectId};
use lutong_proto::identity::v1::identity_service_server::IdentityService;
use lutong_proto::identity::v1::{
    GetNameMasksRequest, GetNameMasksResponse, NameMask, RegisterPersonRequest, RegisterPersonResponse,
    ResolveDocumentsRequest, ResolveDocumentsResponse,
};
use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::service::registry::Registry;

/// Documents or subjects in one call.
const MAX_BATCH: usize = 1_000;

#[derive(Clone)]
pub struct Handler(Registry);

impl Handler {
    pub const fn new(registry: Registry) -> Self {
        Self(registry)
    }

    async fn register(
        &self,
        request: Request<RegisterPersonRequest>,
    ) -> Result<RegisterPersonResponse, Fault> {
        let permit = reply::grant(&request)?.account()?;
        let message = request.into_inner();
        let request_id = reply::request_id(&message.request_id).map_err(reply::wrong)?;
        let body = message.encode_to_vec();
        let person = reply::required(message.person.as_ref(), "person").map_err(reply::wrong)?;
        let registered = self
            .0
            .register(permit, request_id, &body, convert::stated_person(person))
            .await?;
        Ok(registered.into())
    }

    async fn resolve(
        &self,
        request: Request<ResolveDocumentsRequest>,
    ) -> Result<ResolveDocumentsResponse, Fault> {
        let permit = reply::grant(&request)?.any()?;
        let documents = request.into_inner().documents;
        reply::at_most("documents", "TOO_MANY_DOCUMENTS", MAX_BATCH, documents.len())?;
        let stated: Vec<_> = documents.iter().map(convert::stated_document).collect();
        let resolutions = self.0.resolve(permit, &stated).await?;
        Ok(ResolveDocumentsResponse {
            resolutions: resolutions.into_iter().map(convert::resolution).collect(),
        })
    }

    async fn masks(&self, request: Request<GetNameMasksRequest>) -> Result<GetNameMasksResponse, Fault> {
        let permit = reply::grant(&request)?.any()?;
        let asked = request.into_inner().subject_ids;
        reply::at_most("subject_ids", "TOO_MANY_SUBJECTS", MAX_BATCH, asked.len())?;
        let subjects: Vec<SubjectId> = asked
            .iter()
            .enumerate()
            .map(|(row, text)| reply::subject_id(text, &format!("subject_ids[{row}]")).map_err(reply::wrong))
            .collect::<Result<_, _>>()?;
        let masks = self.0.name_masks(permit, &subjects).await?;
        let masks = masks.into_iter().map(|(subject, mask)| NameMask {
            subject_id: subject.to_string(),
            mask,
        });
        Ok(GetNameMasksResponse {
            masks: masks.collect(),
        })
    }
}

#[tonic::async_trait]
impl IdentityService for Handler {
    async fn register_person(
        &self,
        request: Request<RegisterPersonRequest>,
    ) -> Result<Response<RegisterPersonResponse>, Status> {
        reply::answer(self.register(request).await)
    }

    async fn resolve_documents(
        &self,
        request: Request<ResolveDocumentsRequest>,
    ) -> Result<Response<ResolveDocumentsResponse>, Status> {
        reply::answer(self.resolve(request).await)
    }

    async fn get_name_masks(
        &self,
        request: Request<GetNameMasksRequest>,
    ) -> Result<Response<GetNameMasksResponse>, Status> {
        reply::answer(self.masks(request).await)
    }
}
