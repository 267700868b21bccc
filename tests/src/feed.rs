//! An authority's feed, over the gateway's gRPC: reports one row at a time, as soon as it is known.

use std::time::Duration;

use lutong_chassis::wall_clock::WallClock;
use lutong_kernel::Clock as _;
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{
    FactRow, FactRows, ImportFactsRequest, ImportFactsResponse, ImportMode, ImportOptions,
};
use lutong_proto::types::v1::{Document, DocumentType};
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::people::Gateway;

/// Longer than any deadline of the mesh.
const PATIENCE: Duration = Duration::from_secs(15);

/// A feed with a session; cheap to clone.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Its registered name, which is also its account.
    pub source: &'static str,
    channel: Channel,
    session: MetadataValue<Ascii>,
}

impl Feed {
    pub async fn sign_in(gateway: &Gateway, source: &'static str) -> Self {
        let session = gateway.session(source).await;
        let endpoint = Endpoint::from_shared(gateway.base.clone()).unwrap();
        Self {
            source,
            channel: endpoint.connect_timeout(Duration::from_secs(2)).connect_lazy(),
            session: format!("Bearer {session}").parse().unwrap(),
        }
    }

    /// That the person with this resident number was a close contact three days ago: the same whenever it is asked for, as
    /// what is sent again must be.
    pub fn contact(&self, number: &str) -> FactRow {
        let day = WallClock.now().plus_seconds(-3 * 86_400).local_day();
        let last = Value {
            kind: Some(Kind::StringValue(format!("{day}T00:00:00+08:00"))),
        };
        FactRow {
            source: self.source.to_owned(),
            key: format!("contact-{number}"),
            document: Some(Document {
                r#type: DocumentType::ResidentId.into(),
                number: number.to_owned(),
                issuing_country: String::new(),
            }),
            kind: "close_contact".to_owned(),
            attributes: Some(Struct {
                fields: [("last_contact_at".to_owned(), last)].into(),
            }),
            ..FactRow::default()
        }
    }

    pub async fn report(&self, row: FactRow) -> Result<ImportFactsResponse, Status> {
        let options = Content::Options(ImportOptions {
            mode: ImportMode::GoodRows.into(),
        });
        let rows = Content::Rows(FactRows { rows: vec![row] });
        let messages = [options, rows].map(|content| ImportFactsRequest {
            content: Some(content),
        });
        let mut request = Request::new(tokio_stream::iter(messages));
        request
            .metadata_mut()
            .insert("authorization", self.session.clone());
        request.set_timeout(PATIENCE);
        let answer = FeedServiceClient::new(self.channel.clone())
            .import_facts(request)
            .await;
        Ok(answer?.into_inner())
    }
}
