//! How the house is built, read out of the sources: imports run from above to below, no files import each other in a circle,
//! errors are made in catalogues, schemas stay as they were released, and words are those of the contract.

#![allow(clippy::unwrap_used)]

mod faults;
mod imports;
mod layers;
mod schema;
mod words;
