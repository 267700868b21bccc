//! `PersonDisclosureService`: parse, call, map.

use lutong_chassis::skin::Query;
use lutong_kernel::Fault;
use lutong_proto::identity::v1 as wire;
use lutong_skin::identity::v1::PersonDisclosureHandler;
use lutong_transport::access::AnyPermit;
use lutong_transport::reply;

use crate::fault;
use crate::people::rpc::document;
use crate::people::service::Registry;

pub struct PersonDisclosureRpc(pub Registry);

impl PersonDisclosureHandler for PersonDisclosureRpc {
    async fn disclose_document(
        &self,
        call: Query<AnyPermit>,
        message: wire::DiscloseDocumentRequest,
    ) -> Result<wire::DiscloseDocumentResponse, Fault> {
        let subject = reply::subject_id(&message.subject_id, "subject_id").map_err(reply::wrong)?;
        let person = self.0.person(call.permit.reach(subject)).await?;
        let person = person.ok_or_else(|| fault::subject_not_found("subject_id"))?;
        Ok(wire::DiscloseDocumentResponse {
            full_name: person.name.expose().to_owned(),
            document: Some(document(&person.document)),
            subject_id: subject.to_string(),
        })
    }
}
