//! Declaration's log, read over its contract.

lutong_chassis::contract_log!(declaration, Declaration);
