//! Tells partners that there are batches for them.

use lutong_kernel::Fault;
use lutong_proto::federation::v1 as wire;
use lutong_token::BatchTag;
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use super::Subscriptions;
use crate::exchanges::domain::Method;
use crate::partners::domain::PartnerId;
use crate::subscriptions::store;
use crate::trust_lists::service::current::Trust;

impl Subscriptions {
    /// Tells partners of batches as they are cut, until `stop`. A notice that is lost is made good by the partner's next reading.
    pub async fn notify_all(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.batches.wait() => {}
                () = stop.cancelled() => return,
            }
            let trust = self.current.get();
            let notices = trust.list.partners.keys().map(|partner| {
                let (this, trust) = (&self, &trust);
                async move {
                    if let Err(fault) = this.notify(trust, *partner).await {
                        tracing::info!(%partner, %fault, "a partner was not told that there are changes");
                    }
                }
            });
            futures::future::join_all(notices).await;
        }
    }

    async fn notify(&self, trust: &Trust, partner: PartnerId) -> Result<(), Fault> {
        let head = self.batches.head(partner).await?;
        let standing = store::find(self.database.reader(), partner).await?;
        let is_told = head == BatchTag::BEGINNING || standing.acknowledged == Some(head);
        if is_told || !trust.state(partner).counts() {
            return Ok(());
        }
        let notice = wire::ChangeNotice {
            head_tag: head.to_string(),
        };
        // Whatever it answers: it reads on by itself, too.
        let asked = self
            .exchanges
            .ask(trust, partner, Method::NotifyChanges, notice.encode_to_vec());
        asked.await.map(drop)
    }
}
