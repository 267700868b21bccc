//! What the gateway itself answers over gRPC: health and reflection.

mod description;

use lutong_chassis::BuildError;
use lutong_operating::health::Readiness;
use prost_types::FileDescriptorSet;
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;
use tonic_reflection::server::Builder;

use super::contract::Contract;
use crate::config::refused;

const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: &str = "/grpc.reflection.";

/// Whether the gateway itself answers at `path`.
pub fn is_diagnostic(path: &str) -> bool {
    path.starts_with(HEALTH) || path.starts_with(REFLECTION)
}

/// Health from this process's readiness; reflection describes what can be called from outside and nothing else.
pub fn routes(readiness: &Readiness, contract: &Contract) -> Result<Routes, BuildError> {
    let files = description::public_files(contract)?;
    let failed = |error: tonic_reflection::server::Error| refused(format!("reflection: {error}"));
    let health = HealthService::from_health_reporter(readiness.reporter().clone());
    let v1 = reflection(&files).build_v1().map_err(failed)?;
    let v1alpha = reflection(&files).build_v1alpha().map_err(failed)?;
    Ok(Routes::new(HealthServer::new(health))
        .add_service(v1)
        .add_service(v1alpha)
        .prepare())
}

fn reflection<'a>(files: &FileDescriptorSet) -> Builder<'a> {
    let builder = Builder::configure()
        .register_file_descriptor_set(files.clone())
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health");
    let services = files.file.iter().flat_map(|file| {
        let name =
            |service: &prost_types::ServiceDescriptorProto| format!("{}.{}", file.package(), service.name());
        file.service.iter().map(name)
    });
    services.fold(builder, Builder::with_service_name)
}
