//! A channel to another service over mTLS.

use std::sync::Arc;

use lutong_kernel::ServiceName;

use super::addresses::{Addresses, SystemResolver};
use super::replicas::{Replicas, Timing};
use lutong_operating::tls::{TlsError, TlsFiles, client_config, endpoint};

/// A load-balanced channel to `part`, with one lazily opened, self-healing connection per replica. `addresses` are
/// comma-separated URIs; a name stands for all its addresses and is resolved periodically. The certificate must carry
/// the service's name, whatever the address.
pub fn channel(part: ServiceName, addresses: &str, files: &TlsFiles) -> Result<Replicas, TlsError> {
    let addresses = Addresses::parse(addresses, Arc::new(SystemResolver))?;
    let tls = client_config(part, files)?;
    Replicas::new(part, addresses, Timing::default(), move |uri| endpoint(uri, &tls))
}
