//! Builds the parts of the service and serves them.

use std::sync::Arc;

use lutong_chassis::audit::AuditLog;
use lutong_chassis::lookups::LookupLog;
use lutong_chassis::skin::Skin;
use lutong_chassis::{BuildError, Foundation, Store};
use lutong_kernel::ServiceName;
use lutong_skin::code_rendering::v1::{
    AuditService, CardCodeService, CheckpointDeviceService, CheckpointService, CodeDisclosureService,
    CodeService, DeviceBoundCodeService, DoorReportService, EventLogService, KeyService, PaperCodeService,
    RevocationService, StaffSignInService, VerificationService,
};
use lutong_storage::outbox::{Follower, Outbox};
use tonic::service::Routes;

use crate::bindings::service::{BindingFollower, Bindings};
use crate::card_codes::service::{CardCodes, CardToken};
use crate::checkpoint_devices::service::CheckpointDevices;
use crate::checkpoints::service::Checkpoints;
use crate::codes::service::{Codes, DecisionFollower};
use crate::config::CodeRenderingConfig;
use crate::device_bound_codes::service::DeviceBoundCodes;
use crate::door_reports::service::{DoorReports, Parts as DoorReportParts};
use crate::homes::service::Homes;
use crate::issued_codes::service::{IssuedCodes, WardCodes};
use crate::keys::service::Keys;
use crate::paper_codes::service::{PaperCodes, PaperToken};
use crate::peers::{decision_log, identity, identity_log};
use crate::revocations::service::RevocationList;
use crate::showing::service::Showing;
use crate::staff_sign_ins::service::StaffSignIns;
use crate::verification::service::Verification;
use crate::{
    DYNAMIC_ID_KEY, Peers, SERVICE, audit, card_codes, checkpoint_devices, checkpoints, code_disclosures,
    codes, device_bound_codes, door_reports, event_log, keys, paper_codes, revocations, staff_sign_ins,
    verification,
};

/// Bytes of a request of `CodeService`: about twice what a thousand decisions need.
const MAX_DECISIONS: usize = 256 * 1024;
/// Bytes of a request with a token, which has about a kilobyte.
const MAX_TOKEN: usize = 64 * 1024;

/// The parts of the service.
pub struct Parts {
    pub codes: Codes,
    pub bindings: Bindings,
    pub keys: Keys,
    pub showing: Showing,
    pub paper_codes: PaperCodes,
    pub device_bound_codes: DeviceBoundCodes,
    pub card_codes: CardCodes,
    pub revocations: RevocationList,
    pub verification: Verification,
    pub checkpoints: Checkpoints,
    pub devices: CheckpointDevices,
    pub staff_sign_ins: StaffSignIns,
    pub door_reports: DoorReports,
    pub audit: AuditLog,
    pub lookups: LookupLog,
    pub outbox: Outbox,
}

impl Parts {
    pub async fn build(
        store: &Store,
        foundation: &Foundation,
        config: &CodeRenderingConfig,
        peers: &Peers,
    ) -> Result<Self, BuildError> {
        let policy = config.doors;
        let masks = identity::IdentityMasks::new(peers.identity.clone());
        let outbox = store.outbox();
        let codes = Codes::new(store, foundation, masks, outbox.clone());
        let bindings = Bindings::new(store);
        let dynamic_id = store.keys.key(DYNAMIC_ID_KEY)?;
        let keys = Keys::new(store, foundation, &dynamic_id, config.signing()?);
        let issued_codes = IssuedCodes::new(store, foundation, codes.clone(), keys.clone());
        let verification = Verification {
            codes: codes.clone(),
            issued_codes: issued_codes.clone(),
            keys: keys.clone(),
            clock: Arc::clone(&foundation.clock),
        };
        let devices = CheckpointDevices::new(store, foundation, policy);
        let staff_sign_ins = StaffSignIns::new(store, foundation, devices.clone(), policy);
        let parts = DoorReportParts {
            devices: devices.clone(),
            verification: verification.clone(),
            bindings: bindings.clone(),
            policy,
        };
        let failed = |source| BuildError::Storage {
            service: SERVICE,
            source,
        };
        Ok(Self {
            showing: Showing::new(codes.clone(), bindings.clone(), keys.clone(), foundation),
            revocations: RevocationList::new(store, foundation, keys.clone()),
            checkpoints: Checkpoints::new(store, foundation, policy),
            door_reports: DoorReports::open(store, foundation, parts)
                .await
                .map_err(failed)?,
            audit: store.audit_log(foundation).await?,
            lookups: LookupLog::new(store, foundation),
            outbox,
            paper_codes: PaperCodes {
                codes: WardCodes {
                    issued: issued_codes.clone(),
                    bindings: bindings.clone(),
                    kind: PaperToken,
                },
                homes: Homes::new(store),
            },
            card_codes: WardCodes {
                issued: issued_codes.clone(),
                bindings: bindings.clone(),
                kind: CardToken,
            },
            device_bound_codes: DeviceBoundCodes(issued_codes),
            codes,
            bindings,
            keys,
            verification,
            devices,
            staff_sign_ins,
        })
    }

    /// The followers of risk-rules' and identity's logs.
    pub fn followers(&self, store: &Store, peers: &Peers) -> [Follower; 2] {
        let decisions = Follower {
            consumer: SERVICE,
            producer: ServiceName::RiskRules,
            database: store.database.clone(),
            source: Arc::new(decision_log::log(peers.risk_rules.clone())),
            handler: Arc::new(DecisionFollower::new(self.codes.clone())),
        };
        let bindings = Follower {
            consumer: SERVICE,
            producer: ServiceName::Identity,
            database: store.database.clone(),
            source: Arc::new(identity_log::log(peers.identity.clone())),
            handler: Arc::new(BindingFollower::new(self.bindings.clone())),
        };
        [decisions, bindings]
    }

    pub fn routes(self, skin: Skin) -> Routes {
        let disclosures = code_disclosures::rpc::CodeDisclosureRpc {
            showing: self.showing.clone(),
            clock: Arc::clone(&self.verification.clock),
        };
        let disclosures = CodeDisclosureService::server(disclosures, skin.clone(), self.lookups.clone());
        let code_rpc = codes::rpc::CodeRpc {
            codes: self.codes,
            bindings: self.bindings,
            showing: self.showing,
        };
        let verification = verification::rpc::VerificationRpc {
            verification: self.verification,
            devices: self.devices.clone(),
        };
        let codes = CodeService::server(code_rpc, skin.clone());
        let verification = VerificationService::server(verification, skin.clone(), self.lookups.clone());
        let papers = paper_codes::rpc::PaperCodeRpc(self.paper_codes);
        let papers = PaperCodeService::server(papers, skin.clone(), self.lookups.clone());
        let device_bound = device_bound_codes::rpc::DeviceBoundCodeRpc(self.device_bound_codes);
        let cards = card_codes::rpc::CardCodeRpc(self.card_codes);
        let revocations = revocations::rpc::RevocationRpc(self.revocations);
        let checkpoints = checkpoints::rpc::CheckpointRpc(self.checkpoints);
        let devices = checkpoint_devices::rpc::CheckpointDeviceRpc(self.devices);
        let sign_ins = staff_sign_ins::rpc::StaffSignInRpc(self.staff_sign_ins);
        let reports = door_reports::rpc::DoorReportRpc(self.door_reports);
        let reports = DoorReportService::server(reports, skin.clone(), self.lookups);
        Routes::new(codes.max_decoding_message_size(MAX_DECISIONS))
            .add_service(verification.max_decoding_message_size(MAX_TOKEN))
            .add_service(disclosures.max_decoding_message_size(MAX_TOKEN))
            .add_service(papers)
            .add_service(DeviceBoundCodeService::server(device_bound, skin.clone()))
            .add_service(CardCodeService::server(cards, skin.clone()))
            .add_service(RevocationService::server(revocations, skin.clone()))
            .add_service(CheckpointService::server(checkpoints, skin.clone()))
            .add_service(CheckpointDeviceService::server(devices, skin.clone()))
            .add_service(StaffSignInService::server(sign_ins, skin.clone()))
            .add_service(reports.max_decoding_message_size(MAX_TOKEN))
            .add_service(KeyService::server(keys::rpc::KeyRpc(self.keys), skin.clone()))
            .add_service(EventLogService::server(
                event_log::rpc::EventLog(self.outbox),
                skin.clone(),
            ))
            .add_service(AuditService::server(audit::rpc::AuditRpc(self.audit), skin))
    }
}
