//! The gateway's listeners where whoever connects shows a certificate: for staff and feeds, and for partners. The same in both shapes.

use std::net::SocketAddr;

use lutong_kernel::Clock;
use lutong_operating::tls::{TlsError, TlsFiles, account, certificate, partner};
use lutong_transport::server::{Listener, TransportSecurity};

use crate::StartError;
use crate::config::NodeConfig;
use crate::findings::Findings;

/// Who connects.
#[derive(Debug, Clone, Copy)]
enum Peers {
    Staff,
    Partners,
}

impl Peers {
    const ALL: [Self; 2] = [Self::Staff, Self::Partners];

    fn listen(self, config: &NodeConfig) -> Option<SocketAddr> {
        match self {
            Self::Staff => config.gateway.staff_listen,
            Self::Partners => config.gateway.partner_listen,
        }
    }

    fn files(self, config: &NodeConfig) -> &TlsFiles {
        match self {
            Self::Staff => &config.gateway.staff_tls,
            Self::Partners => &config.gateway.partner_tls,
        }
    }

    fn security(self, config: &NodeConfig) -> Result<TransportSecurity, TlsError> {
        let files = self.files(config);
        Ok(match self {
            Self::Staff => TransportSecurity::Accounts(account::server_config(files)?),
            Self::Partners => TransportSecurity::Partners(partner::server_config(files)?),
        })
    }

    /// The begin of the names of its settings, and who connects in both languages.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Staff => ("staff", "人员和数据源", "staff and feeds"),
            Self::Partners => ("partner", "互认伙伴", "partners"),
        }
    }
}

/// The listeners that are configured.
pub struct Listeners {
    /// For staff and feeds.
    pub staff: Option<Listener>,
    pub partners: Option<Listener>,
}

impl Listeners {
    /// Where staff and feeds, and partners connect.
    pub fn addresses(&self) -> [Option<SocketAddr>; 2] {
        [&self.staff, &self.partners].map(|listener| listener.as_ref()?.address().ok())
    }
}

/// Binds the listeners that are configured.
pub async fn bind(config: &NodeConfig) -> Result<Listeners, StartError> {
    Ok(Listeners {
        staff: bind_one(Peers::Staff, config).await?,
        partners: bind_one(Peers::Partners, config).await?,
    })
}

async fn bind_one(peers: Peers, config: &NodeConfig) -> Result<Option<Listener>, StartError> {
    let Some(address) = peers.listen(config) else {
        return Ok(None);
    };
    let security = peers.security(config)?;
    Listener::bind(address, config.server.clone(), security)
        .await
        .map(Some)
        .map_err(|source| StartError::Listen { address, source })
}

/// Checks their settings and files.
pub fn check(config: &NodeConfig, clock: &dyn Clock, findings: &mut Findings) {
    for peers in Peers::ALL {
        check_one(peers, config, clock, findings);
    }
}

fn check_one(peers: Peers, config: &NodeConfig, clock: &dyn Clock, findings: &mut Findings) {
    let ((name, zh, en), files) = (peers.words(), peers.files(config));
    let variable = name.to_uppercase();
    let unset = [&files.ca, &files.certificate, &files.key].map(|path| path.as_os_str().is_empty());
    if peers.listen(config).is_none() {
        if unset.contains(&false) {
            findings.warn(format_args!(
                "已设置 gateway.{name}_tls，但未设置 gateway.{name}_listen：不会监听 / gateway.{name}_tls is set and gateway.{name}_listen is not, so nobody can connect there: set LUTONG_GATEWAY__{variable}_LISTEN"
            ));
        }
        return;
    }
    if unset.contains(&true) {
        findings.error(format_args!(
            "缺少 gateway.{name}_tls：{zh}的端口需要证书 / gateway.{name}_tls is missing: the listener for {en} needs a certificate: `lutong certs dev`, then LUTONG_GATEWAY__{variable}_TLS__CA, LUTONG_GATEWAY__{variable}_TLS__CERTIFICATE, LUTONG_GATEWAY__{variable}_TLS__KEY"
        ));
        return;
    }
    match certificate::inspect_listener(files, &config.tls.ca, clock.now()) {
        Err(wrong) => wrong
            .iter()
            .for_each(|error| findings.error(format_args!("gateway.{name}_tls: {error}"))),
        Ok(validity) if validity.ends_soon(clock.now()) => findings.warn(format_args!(
            "证书 {0} 将于 {1} 过期：请尽快换发 / the certificate {0} expires at {1}: have it issued anew",
            files.certificate.display(),
            validity.until
        )),
        Ok(_) => {}
    }
}
