//! The gateway's listener for staff and feeds, who authenticate with a certificate; the same in both shapes.

use lutong_kernel::Clock;
use lutong_operating::tls::account;
use lutong_operating::tls::certificate;
use lutong_transport::server::{Listener, TransportSecurity};

use crate::StartError;
use crate::config::NodeConfig;
use crate::findings::Findings;

/// Binds the listener, if it is configured.
pub async fn bind(config: &NodeConfig) -> Result<Option<Listener>, StartError> {
    let Some(address) = config.gateway.staff_listen else {
        return Ok(None);
    };
    let tls = account::server_config(&config.gateway.staff_tls)?;
    let security = TransportSecurity::Accounts(tls);
    Listener::bind(address, config.server.clone(), security)
        .await
        .map(Some)
        .map_err(|source| StartError::Listen { address, source })
}

/// Checks its settings and files.
pub fn check(config: &NodeConfig, clock: &dyn Clock, findings: &mut Findings) {
    let files = &config.gateway.staff_tls;
    let unset = [&files.ca, &files.certificate, &files.key].map(|path| path.as_os_str().is_empty());
    if config.gateway.staff_listen.is_none() {
        if unset.contains(&false) {
            findings.warn(
                "已设置 gateway.staff_tls，但未设置 gateway.staff_listen：不会监听 / gateway.staff_tls is set and gateway.staff_listen is not, so nobody can connect there: set LUTONG_GATEWAY__STAFF_LISTEN",
            );
        }
        return;
    }
    if unset.contains(&true) {
        findings.error(
            "缺少 gateway.staff_tls：人员和数据源的端口需要证书 / gateway.staff_tls is missing: the listener for staff and feeds needs a certificate: `lutong certs dev`, then LUTONG_GATEWAY__STAFF_TLS__CA, LUTONG_GATEWAY__STAFF_TLS__CERTIFICATE, LUTONG_GATEWAY__STAFF_TLS__KEY",
        );
        return;
    }
    match certificate::inspect_staff(files, &config.tls.ca, clock.now()) {
        Err(wrong) => wrong
            .iter()
            .for_each(|error| findings.error(format_args!("gateway.staff_tls: {error}"))),
        Ok(validity) if validity.ends_soon(clock.now()) => findings.warn(format_args!(
            "证书 {0} 将于 {1} 过期：请尽快换发 / the certificate {0} expires at {1}: have it issued anew",
            files.certificate.display(),
            validity.until
        )),
        Ok(_) => {}
    }
}
