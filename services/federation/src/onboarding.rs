//! What a new partner hands over: certificates and keys in a folder.

pub mod domain;
