//! A client of code-rendering's event log.

lutong_chassis::contract_log!(code_rendering, CodeRendering);
