//! `SubscriptionService`: parse, call, map.

use lutong_chassis::skin::{Listing, Query};
use lutong_kernel::Fault;
use lutong_proto::federation::v1 as wire;
use lutong_proto::time::instant;
use lutong_skin::federation::v1::SubscriptionHandler;
use lutong_transport::access::NoPermit;

use super::service::{Shown, Subscriptions};
use crate::exchanges::rpc::{connection, read_message, signed_message};
use crate::fault;
use crate::partners::domain::PartnerId;

/// `subscriptions/{partner}`.
const COLLECTION: &str = "subscriptions/";

pub struct SubscriptionRpc(pub Subscriptions);

impl SubscriptionHandler for SubscriptionRpc {
    async fn pull_changes(
        &self,
        call: Query<NoPermit>,
        message: wire::PullChangesRequest,
    ) -> Result<wire::PullChangesResponse, Fault> {
        let answer = self
            .0
            .pull(&read_message(message.message), &connection(&call.grant))
            .await?;
        Ok(wire::PullChangesResponse {
            answer: Some(signed_message(answer)),
        })
    }

    async fn compare_codes(
        &self,
        call: Query<NoPermit>,
        message: wire::CompareCodesRequest,
    ) -> Result<wire::CompareCodesResponse, Fault> {
        let answer = self
            .0
            .compare(&read_message(message.message), &connection(&call.grant))
            .await?;
        Ok(wire::CompareCodesResponse {
            answer: Some(signed_message(answer)),
        })
    }

    async fn acknowledge_changes(
        &self,
        call: Query<NoPermit>,
        message: wire::AcknowledgeChangesRequest,
    ) -> Result<wire::AcknowledgeChangesResponse, Fault> {
        let answer = self
            .0
            .acknowledge(&read_message(message.message), &connection(&call.grant))
            .await?;
        Ok(wire::AcknowledgeChangesResponse {
            answer: Some(signed_message(answer)),
        })
    }

    async fn notify_changes(
        &self,
        call: Query<NoPermit>,
        message: wire::NotifyChangesRequest,
    ) -> Result<wire::NotifyChangesResponse, Fault> {
        let answer = self
            .0
            .notice(&read_message(message.message), &connection(&call.grant))
            .await?;
        Ok(wire::NotifyChangesResponse {
            answer: Some(signed_message(answer)),
        })
    }

    async fn get_subscription(
        &self,
        _: Query<NoPermit>,
        message: wire::GetSubscriptionRequest,
    ) -> Result<wire::GetSubscriptionResponse, Fault> {
        let id = message.name.strip_prefix(COLLECTION).unwrap_or_default();
        let partner = PartnerId::parse(id).map_err(|_| fault::partner_not_found())?;
        let found = self.0.find(partner).await?;
        Ok(wire::GetSubscriptionResponse {
            subscription: Some(shown(found)),
        })
    }

    async fn list_subscriptions(
        &self,
        call: Listing<NoPermit>,
        _: wire::ListSubscriptionsRequest,
    ) -> Result<wire::ListSubscriptionsResponse, Fault> {
        let (found, next_page_token) = self.0.list(&call.page).await?;
        Ok(wire::ListSubscriptionsResponse {
            subscriptions: found.into_iter().map(shown).collect(),
            next_page_token,
        })
    }
}

fn shown(one: Shown) -> wire::Subscription {
    let Shown {
        partner,
        standing,
        progress,
        head,
        unacknowledged,
    } = one;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    wire::Subscription {
        name: format!("{COLLECTION}{partner}"),
        partner_id: partner.to_string(),
        taken_tag: standing.taken.map(|tag| tag.to_string()).unwrap_or_default(),
        pull_time: standing.pulled_at.map(instant),
        failure: standing.failure,
        unconfirmed_changes: count(progress.unconfirmed),
        longest_delay_seconds: count(progress.longest_delay.as_secs()),
        head_tag: head.map(|tag| tag.to_string()).unwrap_or_default(),
        acknowledged_tag: standing
            .acknowledged
            .map(|tag| tag.to_string())
            .unwrap_or_default(),
        acknowledge_time: standing.acknowledged_at.map(instant),
        unacknowledged_batches: count(unacknowledged),
    }
}
