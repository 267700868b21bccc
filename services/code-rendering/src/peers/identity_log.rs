//! Identity's log, read over its contract.

lutong_chassis::contract_log!(identity, Identity);
