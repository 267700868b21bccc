//! The national platform (全国一体化政务服务平台), asked for a person's health code: "by way of the national code". It answers with one record a
//! province that knows the person. Name and number are in the request and nowhere else.

mod reading;

use std::sync::Arc;

use lutong_kernel::document::{Document, DocumentType};
use lutong_kernel::name::PersonName;
use lutong_kernel::{Clock, Random};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::gateways::{Gateway, GatewayAnswer, GatewayConfig};
use crate::colour_maps::domain::{ColourMap, RecognitionOutcome};
use crate::records::domain::HealthRecord;

/// Where the national platform is asked, and how its answers are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NationalConfig {
    pub gateway: GatewayConfig,
    /// The colour map of its interface and version.
    pub interface: String,
    /// Which of several records counts: a policy of `data/record-policies.toml`.
    pub record_policy: String,
}

impl Default for NationalConfig {
    fn default() -> Self {
        Self {
            gateway: GatewayConfig {
                name: "national".to_owned(),
                ..GatewayConfig::default()
            },
            interface: "national-platform-1".to_owned(),
            record_policy: "worst-of-14-days".to_owned(),
        }
    }
}

/// A client of the platform; cheap to clone.
#[derive(Clone)]
pub struct NationalPlatform(Gateway);

impl NationalPlatform {
    pub fn new(
        config: &NationalConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, String> {
        Gateway::new(&config.gateway, clock, random).map(Self)
    }

    /// The records of a person, as the map reads their colours; or why there are none, which is never a colour.
    pub async fn ask(
        &self,
        name: &PersonName,
        document: &Document,
        map: &ColourMap,
    ) -> Result<Vec<HealthRecord>, RecognitionOutcome> {
        // All members in lower case, as the platform wants them.
        let body = json!({
            "name": name.expose(),
            "cardtype": document_code(document.kind()),
            "cardno": document.number(),
        });
        match self.0.ask(&body).await? {
            GatewayAnswer::Good(answer) => reading::records(&answer, name.expose(), document.number(), map),
            GatewayAnswer::Refused(code) => Err(map.read_answer(&code)),
        }
    }
}

/// The code of a document type at the gateways of health codes.
const fn document_code(kind: DocumentType) -> &'static str {
    match kind {
        DocumentType::ResidentId => "10",
        DocumentType::HkmoHomeReturn => "14",
        DocumentType::TwTravelPermit => "15",
        DocumentType::TwTravelPermitOnce => "16",
        DocumentType::PassportOrdinary | DocumentType::PassportDiplomatic | DocumentType::PassportService => {
            "20"
        }
        DocumentType::ForeignPermanentResident => "34",
        _ => "99",
    }
}
