//! The file with the heads of the audit logs, to be kept away from the databases.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use lutong_client::Failure;

/// The head of each service's log, as answered by `VerifyAuditLog`.
pub type Heads = BTreeMap<String, Value>;

pub fn read(path: &Path) -> Result<Heads, Failure> {
    if !path.exists() {
        return Ok(Heads::new());
    }
    let text = std::fs::read_to_string(path)?;
    let heads: Heads = serde_json::from_str(&text)
        .map_err(|error| Failure::Input(format!("{}: {error}", path.display())))?;
    if let Some((service, _)) = heads.iter().find(|(_, head)| !head.is_object()) {
        let path = path.display();
        return Err(Failure::Input(lang!(
            "{path}：{service} 处不是日志末端",
            "{path}: {service}: is not the head of a log"
        )));
    }
    Ok(heads)
}

pub fn write(path: &Path, heads: &BTreeMap<&str, &Value>) -> Result<(), Failure> {
    // Written atomically: a truncated file would prove nothing.
    let beside = path.with_extension("new");
    std::fs::write(&beside, serde_json::to_string_pretty(heads)?)?;
    std::fs::rename(&beside, path)?;
    Ok(())
}
