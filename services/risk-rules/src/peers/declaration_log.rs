//! Client of declaration's event log.

lutong_chassis::contract_log!(declaration, Declaration);
