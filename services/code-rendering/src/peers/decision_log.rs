//! Risk-rules' log, read over its contract.

lutong_chassis::contract_log!(risk_rules, RiskRules);
