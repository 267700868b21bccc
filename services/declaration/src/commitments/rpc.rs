//! `CommitmentService`: the published texts, for everybody.

use std::sync::Arc;

use lutong_chassis::skin::{Listing, Query};
use lutong_kernel::{Clock, Fault, LocalDay};
use lutong_proto::declaration::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::LocalisedText;
use lutong_skin::declaration::v1::CommitmentHandler;
use lutong_transport::access::NoPermit;

use super::domain::{self, PublishedCommitment};
use crate::fault;

const COLLECTION: &str = "commitments";
/// Stands for the newest version that may be accepted.
const LATEST: &str = "latest";

pub struct CommitmentRpc(pub Arc<dyn Clock>);

impl CommitmentRpc {
    fn today(&self) -> LocalDay {
        self.0.now().local_day()
    }
}

impl CommitmentHandler for CommitmentRpc {
    async fn get_commitment(
        &self,
        _: Query<NoPermit>,
        message: wire::GetCommitmentRequest,
    ) -> Result<wire::GetCommitmentResponse, Fault> {
        let version = message.name.strip_prefix(COLLECTION);
        let version = version.and_then(|rest| rest.strip_prefix('/'));
        let found = match version.unwrap_or_default() {
            LATEST => domain::latest(self.today()),
            version => domain::published(self.today()).find(|one| one.version == version),
        };
        let found = found.ok_or_else(fault::commitment_not_found)?;
        Ok(wire::GetCommitmentResponse {
            commitment: Some(commitment(found)),
        })
    }

    async fn list_commitments(
        &self,
        call: Listing<NoPermit>,
        _: wire::ListCommitmentsRequest,
    ) -> Result<wire::ListCommitmentsResponse, Fault> {
        let after = call.page.after(|version| Some(version.to_vec()))?;
        let rows: Vec<_> = domain::published(self.today()).collect();
        let skipped = after.and_then(|last| rows.iter().position(|one| one.version.as_bytes() == last));
        let rows = rows.into_iter().skip(skipped.map_or(0, |last| last + 1));
        let (rows, next_page_token) = call
            .page
            .cut(rows.collect(), |last| last.version.as_bytes().to_vec())?;
        Ok(wire::ListCommitmentsResponse {
            commitments: rows.into_iter().map(commitment).collect(),
            next_page_token,
        })
    }
}

fn commitment(published: &PublishedCommitment) -> wire::CommitmentText {
    let start = |day: LocalDay| time::from_micros(day.start().micros());
    wire::CommitmentText {
        name: format!("{COLLECTION}/{}", published.version),
        commitment_id: published.version.to_owned(),
        text: Some(LocalisedText::new(published.zh, published.en)),
        digest: published.digest(),
        publish_time: Some(start(published.published_on)),
        withdraw_time: published.withdrawn_on.map(start),
    }
}
