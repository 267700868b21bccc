//! Reports of an authority, one person per call, until the resulting colour is in force.

use std::ops::Range;

use hdrhistogram::Histogram;
use lutong_kernel::Clock as _;
use lutong_operating::wall_clock::WallClock;
use lutong_proto::declaration::v1::fact_row::{Statement, Subject};
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{FactRow, FactRows, ImportFactsRequest, ImportMode, ImportOptions};
use lutong_proto::time;
use lutong_proto::types::v1::fact::Kind;
use lutong_proto::types::v1::{CloseContact, Fact};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::load::{Load, retry_delay};
use super::people::{FEED, People, document, signed_in};
use lutong_client::Failure;
use lutong_client::facts::state;

fn row(n: usize) -> FactRow {
    let yesterday = WallClock.now().plus_seconds(-86_400);
    let contact = CloseContact {
        last_contact_at: Some(time::from_micros(yesterday.micros())),
        ..CloseContact::default()
    };
    let kind = Some(Kind::CloseContact(contact));
    FactRow {
        source: FEED.to_owned(),
        key: format!("report-{n}"),
        subject: Some(Subject::Document(document(n))),
        statement: Some(Statement::Fact(Fact { kind })),
    }
}

/// Returns when the resulting decision is in force. An authority has so many imports under way at once; after a pause of the disk it waits, as it is
/// told to.
async fn report(channel: Channel, people: &People, n: usize) -> Result<(), Status> {
    loop {
        match import(channel.clone(), people, n).await {
            Err(status) if status.code() == Code::ResourceExhausted => {
                let delay = retry_delay(&status).ok_or(status)?;
                tokio::time::sleep(delay).await;
            }
            done => return done,
        }
    }
}

async fn import(channel: Channel, people: &People, n: usize) -> Result<(), Status> {
    let options = Content::Options(ImportOptions {
        mode: ImportMode::GoodRows.into(),
    });
    let rows = Content::Rows(FactRows { rows: vec![row(n)] });
    let messages = [options, rows].map(|content| ImportFactsRequest {
        content: Some(content),
    });
    let request = signed_in(tokio_stream::iter(messages), people.feed());
    let answer = FeedServiceClient::new(channel)
        .import_facts(request)
        .await?
        .into_inner();
    if answer.accepted != 1 || state(&answer) != "IN_FORCE" {
        return Err(Status::internal(format!("a report is not in force: {answer:?}")));
    }
    Ok(())
}

impl Load {
    /// Reports about each of `who` at a steady rate; latency in microseconds from when each report was due until its
    /// colour is in force.
    pub async fn report_steadily(&self, who: Range<usize>, a_second: u32) -> Result<Histogram<u64>, Failure> {
        self.steadily(who, a_second, |channel, people, n| async move {
            report(channel, &people, n).await
        })
        .await
    }
}
