//! What an operator may set.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use lutong_channels::ChannelsConfig;
use lutong_chassis::BuildError;
use lutong_kernel::ServiceName;
use lutong_operating::tls::TlsFiles;
use serde::{Deserialize, Serialize};

/// The edge's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Where people, authorities and partners reach the mesh.
    pub listen: SocketAddr,
    /// Where staff and feeds connect with a certificate instead of a session; absent: no such listener.
    pub staff_listen: Option<SocketAddr>,
    /// TLS files of that listener: the authority that signs the accounts' certificates, which is not the mesh's, and the
    /// listener's own certificate and key.
    pub staff_tls: TlsFiles,
    /// Where partners call with a certificate; absent: no such listener.
    pub partner_listen: Option<SocketAddr>,
    /// TLS files of that listener: the authorities that sign the partners' certificates, which are not the mesh's, and the listener's own
    /// certificate and key.
    pub partner_tls: TlsFiles,
    /// The development identity provider: anybody signs in as anybody. Only on loopback.
    pub dev: bool,
    /// The channels through which people sign in.
    pub channels: ChannelsConfig,
    /// How long a session holds, in seconds.
    pub session_ttl_s: u64,
    /// How long a session of a checkpoint device holds, in seconds: then it signs in anew with its next credential.
    pub device_session_ttl_s: u64,
    /// How long sessions of staff and feeds are accepted while changes of accounts cannot be read from identity, in
    /// seconds.
    pub staff_stale_s: u64,
    /// Verified sessions kept in memory; a session that is not there costs a MAC check.
    pub session_cache: u64,
    /// Calls a second of one account; twice as many at once.
    pub rate_per_subject: u32,
    /// Calls a second without a session from one address (IPv4, or an IPv6 /64); twice as many at once. Where the
    /// address is not known, everybody without a session shares twenty times as much.
    pub rate_per_address: u32,
    /// Calls a second of one partner at the listener for partners, by the hosts of its certificate; twice as many at once. What it may ask for
    /// is bounded by its quota.
    pub rate_per_partner: u32,
    /// Sign-ins a second from one address; twice as many at once.
    pub rate_sign_in: u32,
    /// Calls a second from one address that send a text message; twice as many at once. Identity bounds those of one number and of one
    /// account.
    pub rate_messages: u32,
    /// Concurrent calls that show, verify or query. More are shed.
    pub show_in_flight: usize,
    /// Concurrent calls that apply, in a pool of their own.
    pub write_in_flight: usize,
    /// Concurrent calls that report, in a pool of their own.
    pub report_in_flight: usize,
    /// Concurrent imports: of everybody, in a pool of their own, and of one account.
    pub import_in_flight: usize,
    pub imports_per_account: usize,
    /// Concurrent calls of one account, one address (IPv4, or an IPv6 /64) and one connection, counted from their first
    /// header. Zero: no such limit. Behind a proxy the address and the connection are the proxy's.
    pub in_flight_per_account: usize,
    pub in_flight_per_address: usize,
    pub in_flight_per_connection: usize,
    /// How long the message of a call may take to arrive, and how long an import may be silent, in milliseconds.
    pub message_patience_ms: u64,
    pub stream_patience_ms: u64,
    /// Whether complaint is told, as a keyed hash, from which network a call comes, by which it weighs complaints about places. Off
    /// behind a proxy: everybody would seem to come from the proxy's.
    pub state_networks: bool,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            staff_listen: None,
            staff_tls: TlsFiles::default(),
            partner_listen: None,
            partner_tls: TlsFiles::default(),
            dev: false,
            channels: ChannelsConfig::default(),
            session_ttl_s: 12 * 3_600,
            device_session_ttl_s: 900,
            staff_stale_s: 30,
            session_cache: 200_000,
            rate_per_subject: 50,
            rate_per_address: 200,
            rate_per_partner: 2_000,
            rate_sign_in: 200,
            rate_messages: 5,
            show_in_flight: 1_536,
            write_in_flight: 384,
            report_in_flight: 256,
            import_in_flight: 128,
            imports_per_account: 32,
            in_flight_per_account: 128,
            in_flight_per_address: 512,
            in_flight_per_connection: 128,
            message_patience_ms: 10_000,
            stream_patience_ms: 15_000,
            state_networks: true,
        }
    }
}

impl GatewayConfig {
    /// Refuses a configuration that would be unsafe or could never serve, with the reason.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let open = [Some(self.listen), self.staff_listen, self.partner_listen];
        let open = open
            .into_iter()
            .flatten()
            .find(|address| !address.ip().is_loopback());
        if let Some(address) = open.filter(|_| self.dev) {
            return Err(refused(format!(
                "the development identity provider lets anybody sign in as anybody, so it works on loopback only, \
                 and {address} is not: listen on 127.0.0.1, or leave out --dev"
            )));
        }
        let ttl = 60..=30 * 86_400;
        if !ttl.contains(&self.session_ttl_s) {
            return Err(refused(
                "session_ttl_s is between 60 (a minute) and 2592000 (30 days)".to_owned(),
            ));
        }
        if !(60..=3_600).contains(&self.device_session_ttl_s) {
            return Err(refused(
                "device_session_ttl_s is between 60 (a minute) and 3600 (an hour)".to_owned(),
            ));
        }
        if !(2..=3_600).contains(&self.staff_stale_s) {
            return Err(refused(
                "staff_stale_s is between 2 and 3600 (an hour)".to_owned(),
            ));
        }
        for (name, slots) in [
            ("show_in_flight", self.show_in_flight),
            ("write_in_flight", self.write_in_flight),
            ("report_in_flight", self.report_in_flight),
            ("import_in_flight", self.import_in_flight),
        ] {
            if !(1..=1_000_000).contains(&slots) {
                return Err(refused(format!("{name} is between 1 and 1000000")));
            }
        }
        Ok(())
    }
}

/// A rate out of the configuration.
pub(crate) fn rate(name: &str, calls_per_s: u32) -> Result<NonZeroU32, BuildError> {
    NonZeroU32::new(calls_per_s)
        .filter(|rate| rate.get() <= 1_000_000)
        .ok_or_else(|| refused(format!("{name} is between 1 and 1000000 calls a second")))
}

/// The error with which the gateway does not start.
pub(crate) fn refused(reason: String) -> BuildError {
    BuildError::Config {
        service: ServiceName::Gateway,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_served() {
        assert!(GatewayConfig::default().check().is_ok());
    }

    #[test]
    fn a_development_sign_in_is_refused_off_loopback_and_the_reason_says_what_to_do() {
        for (listen, allowed) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("0.0.0.0:1", false),
            ("10.0.0.1:1", false),
            ("[::]:1", false),
        ] {
            let config = GatewayConfig {
                dev: true,
                listen: listen.parse().unwrap(),
                ..GatewayConfig::default()
            };
            let checked = config.check();
            assert_eq!(checked.is_ok(), allowed, "{listen}");
            if let Err(error) = checked {
                let text = error.to_string();
                assert!(text.contains("loopback") && text.contains("--dev"), "{text}");
            }
        }
        let staff = GatewayConfig {
            dev: true,
            staff_listen: Some(SocketAddr::from(([0, 0, 0, 0], 8443))),
            ..GatewayConfig::default()
        };
        assert!(staff.check().unwrap_err().to_string().contains("0.0.0.0:8443"));
    }

    #[test]
    fn zero_is_no_rate_no_session_and_no_pool() {
        assert!(rate("rate_sign_in", 0).is_err());
        let with = |change: fn(&mut GatewayConfig)| {
            let mut config = GatewayConfig::default();
            change(&mut config);
            config.check()
        };
        assert!(with(|c| c.session_ttl_s = 0).is_err());
        assert!(with(|c| c.device_session_ttl_s = 59).is_err());
        assert!(with(|c| c.device_session_ttl_s = 3_601).is_err());
        assert!(with(|c| c.staff_stale_s = 1).is_err());
        assert!(with(|c| c.show_in_flight = 0).is_err());
        assert!(with(|c| c.write_in_flight = 0).is_err());
        assert!(with(|c| c.report_in_flight = 0).is_err());
        assert!(with(|c| c.import_in_flight = 0).is_err());
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        assert!(serde_json::from_str::<GatewayConfig>(r#"{"lisen": "127.0.0.1:1"}"#).is_err());
        let some: GatewayConfig = serde_json::from_str(r#"{"dev": true}"#).unwrap();
        assert!(some.dev && some.rate_per_subject == GatewayConfig::default().rate_per_subject);
    }
}
