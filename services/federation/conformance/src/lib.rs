#![doc = include_str!("../README.md")]

pub mod cases; // what is tested: ids, clauses, must and should
mod checks; // how each case is judged
pub mod clauses; // of the contract and the standard
pub mod client; // one request over HTTPS, and everything that came back
pub mod comparison; // of two reports
pub mod coverage; // which cases test a clause
pub mod declaration; // what a code system says of itself
pub mod exchange; // the exchanges, and signed messages of the kit
pub mod expected; // failures that are known
pub mod kept; // exchanges as the report keeps them
pub mod mock; // a code system that breaks the contract as it is told
pub mod report; // what came out: data, page, signature
pub mod run; // runs the plan
pub mod session; // the exchanges of one case
pub mod verdict; // how a case ends, and why
pub mod wrong; // what is wrong with a file, by field
