//! The contract of declaration: parse, call, map.

pub mod applications;
pub mod arrivals;
pub mod audit;
mod convert;
pub mod event_log;
mod fact_imports;
pub mod feed;
pub mod operations;
pub mod pulls;

use lutong_chassis::skin::Mutation;
use lutong_kernel::Fault;
use lutong_transport::access::SelfPermit;
use lutong_transport::reply;

use crate::service::applications::Sent;

fn sent(call: Mutation<SelfPermit>, request_id: &str) -> Result<Sent, Fault> {
    Ok(Sent {
        request_id: reply::request_id(request_id).map_err(reply::wrong)?,
        call,
    })
}
