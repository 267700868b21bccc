//! A client of identity's event log.

lutong_chassis::contract_log!(identity, Identity);
