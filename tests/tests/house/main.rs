//! How the house is built, read out of the sources: imports run from above to below, and no files import each other in a circle.

#![allow(clippy::unwrap_used)]

mod imports;
mod layers;
mod schema;
