//! Limits of all concurrent calls, in four pools: showing and verifying never wait behind applying, nor applying behind
//! reporting, nor reporting behind importing.

use std::sync::Arc;

use lutong_kernel::Fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::GatewayConfig;
use crate::fault::limits::overloaded;
use crate::limits::retry_delay::RetryDelay;

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
    show: Pool,
    write: Pool,
    report: Pool,
    import: Pool,
}

#[derive(Debug)]
struct Pool {
    places: Arc<Semaphore>,
    delay: RetryDelay,
}

impl Pool {
    fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            delay: RetryDelay::new(),
        }
    }
}

impl Pools {
    pub fn new(config: &GatewayConfig) -> Self {
        Self {
            show: Pool::new(config.show_in_flight),
            write: Pool::new(config.write_in_flight),
            report: Pool::new(config.report_in_flight),
            import: Pool::new(config.import_in_flight),
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
        let place = Arc::clone(&pool.places).try_acquire_owned();
        let place = place.map_err(|_| overloaded(pool.delay.refused()))?;
        pool.delay.admitted();
        Ok(place)
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
