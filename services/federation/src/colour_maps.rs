//! Colour maps: how a value on a partner's wire is read. ListColourMaps, GetColourMap.

pub mod domain;
pub mod rpc;
