//! Calls under way at once of one account, address and connection, so that nobody takes a pool alone.

use std::net::{IpAddr, SocketAddr};

use lutong_kernel::Fault;
use lutong_transport::peer::PeerAddress;
use lutong_transport::server::{ConcurrencyLimit, ConcurrencySlot};

use crate::config::GatewayConfig;
use crate::fault::limits::too_many_at_once;

/// Calls under way of each account, address and connection, from their first header on: also those whose message is
/// still on its way.
#[derive(Debug)]
pub struct ConcurrencyLimits {
    accounts: ConcurrencyLimit<String>,
    imports: ConcurrencyLimit<String>,
    addresses: ConcurrencyLimit<IpAddr>,
    connections: ConcurrencyLimit<SocketAddr>,
}

/// What a call holds while it is under way.
#[derive(Debug)]
pub struct CallPlaces {
    _account: Option<ConcurrencySlot<String>>,
    _address: Option<ConcurrencySlot<IpAddr>>,
    _connection: Option<ConcurrencySlot<SocketAddr>>,
}

impl ConcurrencyLimits {
    pub fn new(config: &GatewayConfig) -> Self {
        Self {
            accounts: ConcurrencyLimit::new(config.in_flight_per_account),
            imports: ConcurrencyLimit::new(config.imports_per_account),
            addresses: ConcurrencyLimit::new(config.in_flight_per_address),
            connections: ConcurrencyLimit::new(config.in_flight_per_connection),
        }
    }

    /// Lets one more call of an account (none without a session) and of an address (where it is known) begin. Imports
    /// are counted apart from the other calls of an account.
    pub fn enter(
        &self,
        is_import: bool,
        account: Option<&str>,
        from: Option<PeerAddress>,
    ) -> Result<CallPlaces, Fault> {
        let accounts = if is_import { &self.imports } else { &self.accounts };
        Ok(CallPlaces {
            _account: account
                .map(|account| place(accounts, account.to_owned()))
                .transpose()?,
            _address: from
                .map(|from| place(&self.addresses, from.network()))
                .transpose()?,
            _connection: from.map(|from| place(&self.connections, from.0)).transpose()?,
        })
    }
}

fn place<K: std::hash::Hash + Eq + Clone>(
    of: &ConcurrencyLimit<K>,
    key: K,
) -> Result<ConcurrencySlot<K>, Fault> {
    of.enter(key).ok_or_else(too_many_at_once)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_kernel::FaultCode;

    #[test]
    fn an_account_an_address_and_a_connection_have_so_many_calls_each() {
        let from = |text: &str| Some(PeerAddress(text.parse().unwrap()));
        let callers = ConcurrencyLimits::new(&GatewayConfig {
            in_flight_per_account: 2,
            in_flight_per_address: 4,
            in_flight_per_connection: 3,
            imports_per_account: 1,
            ..GatewayConfig::default()
        });
        let enter = |is_import, account, address| callers.enter(is_import, account, from(address));
        let mut held = vec![
            enter(false, Some("a"), "1.1.1.1:1").unwrap(),
            enter(false, Some("a"), "1.1.1.1:1").unwrap(),
        ];
        let refused = enter(false, Some("a"), "2.2.2.2:1").unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::ResourceExhausted, "TOO_MANY_AT_ONCE")
        );
        held.push(enter(true, Some("a"), "2.2.2.2:1").unwrap());
        assert!(enter(true, Some("a"), "2.2.2.2:1").is_err());
        held.push(enter(false, None, "1.1.1.1:1").unwrap());
        assert!(enter(false, None, "1.1.1.1:1").is_err(), "the connection");
        held.push(enter(false, None, "1.1.1.1:2").unwrap());
        assert!(enter(false, None, "1.1.1.1:2").is_err(), "the address");
        assert!(enter(false, None, "3.3.3.3:1").is_ok());
        drop(held);
        assert!(enter(false, Some("a"), "1.1.1.1:1").is_ok());
    }
}
