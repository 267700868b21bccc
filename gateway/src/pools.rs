//! Calls under way at once: in four pools, so that showing and verifying never wait behind applying, nor applying behind
//! reporting, nor reporting behind importing; and of one account, address and connection, so that nobody takes a pool alone.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use lutong_kernel::{Fault, FaultCode};
use lutong_transport::peer::PeerAddress;
use lutong_transport::server::{Place, UnderWay};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::GatewayConfig;

/// What kind of work an RPC is: the pool that its policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Show,
    Write,
    Report,
    Import,
}

#[derive(Debug)]
pub struct Pools {
    show: Arc<Semaphore>,
    write: Arc<Semaphore>,
    report: Arc<Semaphore>,
    import: Arc<Semaphore>,
}

impl Pools {
    pub fn new(config: &GatewayConfig) -> Self {
        Self {
            show: Arc::new(Semaphore::new(config.show_in_flight)),
            write: Arc::new(Semaphore::new(config.write_in_flight)),
            report: Arc::new(Semaphore::new(config.report_in_flight)),
            import: Arc::new(Semaphore::new(config.import_in_flight)),
        }
    }

    /// A place, held until dropped; none left: shed, not queued.
    pub fn enter(&self, work: Work) -> Result<OwnedSemaphorePermit, Fault> {
        let pool = match work {
            Work::Show => &self.show,
            Work::Write => &self.write,
            Work::Report => &self.report,
            Work::Import => &self.import,
        };
        Arc::clone(pool).try_acquire_owned().map_err(|_| overloaded())
    }
}

/// Calls under way of each account, address and connection, from their first header on: also those whose message is
/// still on its way.
#[derive(Debug)]
pub struct Callers {
    accounts: UnderWay<String>,
    imports: UnderWay<String>,
    addresses: UnderWay<IpAddr>,
    connections: UnderWay<SocketAddr>,
}

/// What a caller holds while its call is under way.
#[derive(Debug)]
pub struct Caller {
    _account: Option<Place<String>>,
    _address: Option<Place<IpAddr>>,
    _connection: Option<Place<SocketAddr>>,
}

impl Callers {
    pub fn new(config: &GatewayConfig) -> Self {
        Self {
            accounts: UnderWay::new(config.in_flight_per_account),
            imports: UnderWay::new(config.imports_per_account),
            addresses: UnderWay::new(config.in_flight_per_address),
            connections: UnderWay::new(config.in_flight_per_connection),
        }
    }

    /// Lets one more call of an account (none without a session) and of an address (where it is known) begin.
    pub fn enter(
        &self,
        work: Work,
        account: Option<&str>,
        from: Option<PeerAddress>,
    ) -> Result<Caller, Fault> {
        let accounts = match work {
            Work::Import => &self.imports,
            Work::Show | Work::Write | Work::Report => &self.accounts,
        };
        Ok(Caller {
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

fn place<K: std::hash::Hash + Eq + Clone>(of: &UnderWay<K>, key: K) -> Result<Place<K>, Fault> {
    of.enter(key).ok_or_else(too_many_at_once)
}

fn too_many_at_once() -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "TOO_MANY_AT_ONCE",
        "同时进行的操作过多，请等待完成后重试",
        "too many calls of this account or address are under way at once; wait for one to end",
    )
    .retry_after(Duration::from_secs(1))
}

fn overloaded() -> Fault {
    Fault::new(
        FaultCode::ResourceExhausted,
        "OVERLOADED",
        "当前访问人数较多，请稍后重试",
        "too many calls are under way; try again in a moment",
    )
    .retry_after(Duration::from_millis(500))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pool_of_writers_leaves_showing_alone() {
        let pools = Pools::new(&GatewayConfig {
            show_in_flight: 1,
            write_in_flight: 1,
            ..GatewayConfig::default()
        });
        let writing = pools.enter(Work::Write).unwrap();
        let shed = pools.enter(Work::Write).unwrap_err();
        assert_eq!(
            (shed.code, shed.reason.as_ref()),
            (FaultCode::ResourceExhausted, "OVERLOADED")
        );
        assert!(shed.retry_after.is_some());
        assert!(pools.enter(Work::Show).is_ok());
        assert!(pools.enter(Work::Report).is_ok());
        assert!(pools.enter(Work::Import).is_ok());
        drop(writing);
        assert!(pools.enter(Work::Write).is_ok());
    }

    #[test]
    fn an_account_an_address_and_a_connection_have_so_many_calls_each() {
        let from = |text: &str| Some(PeerAddress(text.parse().unwrap()));
        let callers = Callers::new(&GatewayConfig {
            in_flight_per_account: 2,
            in_flight_per_address: 4,
            in_flight_per_connection: 3,
            imports_per_account: 1,
            ..GatewayConfig::default()
        });
        let enter = |work, account, address| callers.enter(work, account, from(address));
        let mut held = vec![
            enter(Work::Show, Some("a"), "1.1.1.1:1").unwrap(),
            enter(Work::Write, Some("a"), "1.1.1.1:1").unwrap(),
        ];
        let refused = enter(Work::Show, Some("a"), "2.2.2.2:1").unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (FaultCode::ResourceExhausted, "TOO_MANY_AT_ONCE")
        );
        held.push(enter(Work::Import, Some("a"), "2.2.2.2:1").unwrap());
        assert!(enter(Work::Import, Some("a"), "2.2.2.2:1").is_err());
        held.push(enter(Work::Show, None, "1.1.1.1:1").unwrap());
        assert!(enter(Work::Show, None, "1.1.1.1:1").is_err(), "the connection");
        held.push(enter(Work::Show, None, "1.1.1.1:2").unwrap());
        assert!(enter(Work::Show, None, "1.1.1.1:2").is_err(), "the address");
        assert!(enter(Work::Show, None, "3.3.3.3:1").is_ok());
        drop(held);
        assert!(enter(Work::Show, Some("a"), "1.1.1.1:1").is_ok());
    }
}
