//! What the gateway answers itself over gRPC: health and reflection.

use lutong_chassis::BuildError;
use lutong_chassis::health::Readiness;
use prost_reflect::DescriptorPool;
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;
use tonic_reflection::server::Builder;

use crate::config::refused;
use crate::contract::Contract;

const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: &str = "/grpc.reflection.";

/// Whether the gateway itself answers at `path`.
pub fn is_own(path: &str) -> bool {
    path.starts_with(HEALTH) || path.starts_with(REFLECTION)
}

/// Health out of this process's readiness; reflection lists the services that can be called from outside.
pub fn routes(
    readiness: &Readiness,
    pool: &DescriptorPool,
    contract: &Contract,
) -> Result<Routes, BuildError> {
    let failed = |error: tonic_reflection::server::Error| refused(format!("reflection: {error}"));
    let health = HealthService::from_health_reporter(readiness.reporter().clone());
    let v1 = reflection(pool, contract).build_v1().map_err(failed)?;
    let v1alpha = reflection(pool, contract).build_v1alpha().map_err(failed)?;
    Ok(Routes::new(HealthServer::new(health))
        .add_service(v1)
        .add_service(v1alpha)
        .prepare())
}

fn reflection<'a>(pool: &DescriptorPool, contract: &Contract) -> Builder<'a> {
    let builder = Builder::configure()
        .register_encoded_file_descriptor_set(lutong_proto::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health");
    let reachable = pool.services().filter(|service| {
        let prefix = format!("/{}/", service.full_name());
        contract.iter().any(|rpc| rpc.path.starts_with(&prefix))
    });
    reachable.fold(builder, |builder, service| {
        builder.with_service_name(service.full_name())
    })
}
