//! `HealthCardUseService`: parse, call, map.

use lutong_chassis::skin::{Listing, Mutation};
use lutong_kernel::Fault;
use lutong_proto::identity::v1 as wire;
use lutong_proto::time::{instant, timestamp};
use lutong_skin::identity::v1::HealthCardUseHandler;
use lutong_transport::access::{DivisionPermit, SelfPermit};

use super::domain::{Content, Report};
use super::service::{HealthCardUses, View};
use crate::health_cards::rpc::read_in;

const COLLECTION: &str = "health-card-uses";

pub struct HealthCardUseRpc(pub HealthCardUses);

impl HealthCardUseHandler for HealthCardUseRpc {
    async fn create_health_card_use(
        &self,
        call: Mutation<DivisionPermit>,
        message: wire::CreateHealthCardUseRequest,
    ) -> Result<wire::CreateHealthCardUseResponse, Fault> {
        let report = Report {
            read: read_in("health_card_read", &message.health_card_read)?,
            content: Content::stated(&message.step, message.department, message.payment)?,
            at: message.use_time.as_ref().map(timestamp),
        };
        let id = self.0.create(call, report).await?;
        Ok(wire::CreateHealthCardUseResponse {
            name: format!("{COLLECTION}/{id}"),
        })
    }

    async fn list_health_card_uses(
        &self,
        call: Listing<SelfPermit>,
        _: wire::ListHealthCardUsesRequest,
    ) -> Result<wire::ListHealthCardUsesResponse, Fault> {
        let (views, next_page_token) = self.0.list(&call.permit, &call.page).await?;
        Ok(wire::ListHealthCardUsesResponse {
            health_card_uses: views.into_iter().map(Into::into).collect(),
            next_page_token,
        })
    }
}

impl From<View> for wire::HealthCardUse {
    fn from(view: View) -> Self {
        let View {
            used,
            institution_title,
        } = view;
        Self {
            name: format!("{COLLECTION}/{}", used.id),
            health_card_use_id: used.id.to_string(),
            institution_title,
            step: used.content.step.code().to_owned(),
            step_title: used.content.step.title_zh().to_owned(),
            department: used.content.department,
            use_time: Some(instant(used.at)),
            report_time: used.reported_at.map(instant),
        }
    }
}
