//! An authority's feed over the gateway's gRPC, which reports one row at a time.

use std::time::Duration;

use lutong_kernel::Clock as _;
use lutong_operating::wall_clock::WallClock;
use lutong_proto::declaration::v1::fact_row::{Statement, Subject};
use lutong_proto::declaration::v1::feed_service_client::FeedServiceClient;
use lutong_proto::declaration::v1::import_facts_request::Content;
use lutong_proto::declaration::v1::{
    FactRow, FactRows, ImportFactsRequest, ImportFactsResponse, ImportMode, ImportOptions,
};
use lutong_proto::facts::from_attributes;
use lutong_proto::time;
use lutong_proto::types::v1::fact::Kind;
use lutong_proto::types::v1::{CloseContact, Document, DocumentType, EffectState, Fact};
use prost::Message as _;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::Value;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::people::Gateway;

/// Longer than any deadline of the mesh.
const PATIENCE: Duration = Duration::from_secs(15);

/// A feed with a session; cheap to clone.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Its registered name, also the name of its account.
    pub source: &'static str,
    channel: Channel,
    session: MetadataValue<Ascii>,
}

/// A row that states a fact about the person with this resident number.
pub fn row(source: &str, key: &str, number: &str, fact: Fact) -> FactRow {
    let document = Document {
        r#type: DocumentType::ResidentId.into(),
        number: number.to_owned(),
        issuing_country: String::new(),
    };
    FactRow {
        source: source.to_owned(),
        key: key.to_owned(),
        subject: Some(Subject::Document(document)),
        statement: Some(Statement::Fact(fact)),
    }
}

/// A fact with attributes named as in rule sets.
pub fn fact(kind: &str, attributes: &Value) -> Fact {
    from_attributes(kind.parse().unwrap(), attributes.as_object().unwrap()).unwrap()
}

/// Like [`fact`], as proto JSON.
pub fn fact_json(kind: &str, attributes: &Value) -> Value {
    let shape = lutong_proto::descriptor_pool()
        .get_message_by_name("lutong.types.v1.Fact")
        .unwrap();
    let bytes = fact(kind, attributes).encode_to_vec();
    let message = DynamicMessage::decode(shape, &*bytes).unwrap();
    let options = SerializeOptions::new().use_proto_field_name(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .unwrap()
}

/// Whether every accepted row is in force.
pub fn is_in_force(answer: &ImportFactsResponse) -> bool {
    answer
        .effect
        .as_ref()
        .is_some_and(|effect| effect.state() == EffectState::InForce)
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

    /// States that the person with this resident number was a close contact three days ago. Always the same content, so
    /// that it can be sent again.
    pub fn contact(&self, number: &str) -> FactRow {
        let day = WallClock.now().plus_seconds(-3 * 86_400).local_day();
        let contact = CloseContact {
            last_contact_at: Some(time::from_micros(day.start().micros())),
            ..CloseContact::default()
        };
        let kind = Some(Kind::CloseContact(contact));
        row(self.source, &format!("contact-{number}"), number, Fact { kind })
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
