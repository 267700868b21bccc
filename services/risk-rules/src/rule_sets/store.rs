//! Tables of rule sets: documents, and the changes that announced versions make.

pub mod changes;
pub mod documents;
pub mod leases;
pub mod steps;
pub mod versions;
