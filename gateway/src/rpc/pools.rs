//! Limits of all concurrent calls, in four pools: showing and verifying never wait behind applying, nor applying behind
//! reporting, nor reporting behind importing.

use std::sync::Arc;

use lutong_kernel::Fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::GatewayConfig;
use crate::fault::limits::overloaded;

/// The kind of work that an RPC does, which is the pool of its policy.
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

    /// A place in a pool, held until dropped. Where none is left the call is shed, not queued.
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

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_kernel::FaultCode;

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
}
