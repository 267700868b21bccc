//! A channel to another service over mTLS.

use std::sync::Arc;

use lutong_kernel::ServiceName;

use super::addresses::{Addresses, SystemResolver};
use super::replicas::{Replicas, Timing};
use lutong_operating::tls::{TlsError, TlsFiles, client_config, endpoint};

/// A balanced channel to `part`: one connection a replica, made when first needed, kept and made again. The addresses
/// are comma-separated URIs; a name stands for every address that it has, and is looked up again and again. The
/// certificate must carry the service's name, whatever the address.
pub fn channel(part: ServiceName, addresses: &str, files: &TlsFiles) -> Result<Replicas, TlsError> {
    let addresses = Addresses::parse(addresses, Arc::new(SystemResolver))?;
    let tls = client_config(part, files)?;
    Replicas::new(part, addresses, Timing::default(), move |uri| endpoint(uri, &tls))
}
