#![doc = include_str!("../README.md")]

mod audit; // the audit log
mod bindings; // who may show whose code: ApplyBindings, the follower of identity's log
mod card_codes; // CreateCardCode, GetCardCode, ListCardCodes, EndCardCode
mod checkpoint_devices; // CreateCheckpointDevice, ListCheckpointDevices, EndCheckpointDevice, SendHeartbeat, ExchangeDeviceCredential
mod checkpoints; // registered doors: CreateCheckpoint, GetCheckpoint, ListCheckpoints, EndCheckpoint
mod code_disclosures; // ShowCodeToPartner
mod codes; // codes in force: ApplyDecisions, the follower of risk-rules' log
mod composition; // the parts
mod config;
mod device_bound_codes; // CreateDeviceBoundCode, GetDeviceBoundCode, ListDeviceBoundCodes, EndDeviceBoundCode
mod door_reports; // CreateDoorReport by devices, CreateSelfReport by people; officers list, watch, inspect, acknowledge and close
mod event_log; // ListEvents
mod events; // a decision and a binding as the wire carries them, and what the event log says
mod fault; // every reason that is answered
mod homes; // in which division people live; follows identity's log
mod issued_codes; // codes whose tokens are stored: on paper, bound to a device, for hospitals
mod keys; // signing keys: GetKey, ListKeys, GetKeyList, `lutong keys`
mod migrations;
mod paper_codes; // CreatePaperCode, CreateAssistedPaperCode, PrintPaperCodes, GetPaperCode, ListPaperCodes, EndPaperCode, ShowPaperCode
mod peers; // the logs of risk-rules and identity, identity's name masks
mod render; // the picture of a token: SVG, PNG, terminal
mod revocations; // ListRevocations
mod sheets; // a paper code as SVG and PDF
mod showing; // ShowCode: a dynamic token signed now
mod staff_sign_ins; // CreateStaffSignInCode, CreateStaffSignIn, EndStaffSignIn
mod verification; // VerifyToken, VerifyTokenForPartner, ResolveToken

use futures::FutureExt as _;
use lutong_chassis::lookups::IdentityLookups;
use lutong_chassis::{BuildError, Component, Foundation};
use lutong_kernel::ServiceName;
use lutong_storage::StorageConfig;
use lutong_transport::client::MeshChannel;

pub use config::{CodeRenderingConfig, DoorPolicy, KeyAlgorithm};
pub use keys::domain::{KeyState, KeyStatus, use_text};
pub use keys::service::OperatorKeys;
pub use migrations::Migrations;
pub use render::domain::svg as draw_svg;
pub use sheets::domain::Sheet;
pub use sheets::domain::pdf::{Paper, draw as draw_pdf};

const SERVICE: ServiceName = ServiceName::CodeRendering;
/// The name in the key file of the key that encrypts the id of a dynamic token.
pub const DYNAMIC_ID_KEY: &str = "dynamic-id";

/// The services that this one calls.
pub struct Peers {
    /// Provides name masks, keeps who read whose data; its log has the bindings that direct calls did not deliver.
    pub identity: MeshChannel,
    /// Its log has the decisions that direct calls did not deliver.
    pub risk_rules: MeshChannel,
}

/// Builds the service.
pub async fn build(
    foundation: &Foundation,
    storage: &StorageConfig,
    config: &CodeRenderingConfig,
    peers: Peers,
) -> Result<Component, BuildError> {
    config.doors.check()?;
    let store = foundation
        .open_store::<Migrations>(SERVICE, storage, &[DYNAMIC_ID_KEY])
        .await?;
    let parts = composition::Parts::build(&store, foundation, config, &peers).await?;
    let [decisions, bindings] = parts.followers(&store, &peers);
    let outbox = parts.outbox.clone();
    let (bell, stop) = (&foundation.bell, &foundation.stop);
    let tasks = vec![
        outbox.clone().run_relay(bell.clone(), stop.clone()).boxed(),
        decisions.run(bell.clone(), stop.clone()).boxed(),
        bindings.run(bell.clone(), stop.clone()).boxed(),
        // Wakes the streams of officers here when another replica has stored a report.
        bell.clone().run_bridge(SERVICE, stop.clone()).boxed(),
        parts
            .revocations
            .clone()
            .delete_expired(foundation.clone())
            .boxed(),
        parts.door_reports.clone().delete_old(foundation.clone()).boxed(),
        parts
            .lookups
            .clone()
            .deliver(IdentityLookups::new(peers.identity), stop.clone())
            .boxed(),
        parts.audit.clone().seal_days(stop.clone()).boxed(),
        store.upkeep(foundation, Some(outbox)),
    ];
    let audit = parts.audit.clone();
    let routes = parts.routes(store.skin(foundation));
    Ok(Component {
        service: SERVICE,
        router: foundation.guard(SERVICE, routes, Some(audit)),
        checks: vec![store.check::<Migrations>()],
        tasks,
    })
}

/// Opens the keys of a store, for the command `lutong keys`.
pub async fn open_keys(
    foundation: &Foundation,
    storage: &StorageConfig,
    config: &CodeRenderingConfig,
) -> Result<OperatorKeys, BuildError> {
    let store = foundation
        .open_store::<Migrations>(SERVICE, storage, &[DYNAMIC_ID_KEY])
        .await?;
    let dynamic_id = store.keys.key(DYNAMIC_ID_KEY)?;
    let keys = keys::service::Keys::new(&store, foundation, &dynamic_id, config.signing()?);
    let audit = store.audit_log(foundation).await?;
    Ok(OperatorKeys::new(
        keys,
        audit,
        std::sync::Arc::clone(&foundation.clock),
    ))
}
