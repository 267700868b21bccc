//! A client of federation's event log.

lutong_chassis::contract_log!(federation, Federation);
