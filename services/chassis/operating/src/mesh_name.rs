//! The names in mesh certificates, and which caller of the contract each stands for.

use lutong_kernel::ServiceName;
use lutong_proto::policy::Caller;

/// Suffix of the names in mesh certificates: `declaration.lutong.internal`.
pub const MESH_DOMAIN: &str = "lutong.internal";

/// The name a service's certificate carries.
pub fn mesh_name(service: ServiceName) -> String {
    format!("{}.{MESH_DOMAIN}", service.as_str())
}

/// The caller that a name in a certificate stands for.
pub fn caller_of_name(name: &str) -> Option<Caller> {
    let host = name.strip_suffix(MESH_DOMAIN)?.strip_suffix('.')?;
    if host == "operator" {
        return Some(Caller::Operator);
    }
    host.parse::<ServiceName>().ok().map(caller_of)
}

/// The mesh caller that a service is.
pub const fn caller_of(service: ServiceName) -> Caller {
    match service {
        ServiceName::Identity => Caller::Identity,
        ServiceName::Declaration => Caller::Declaration,
        ServiceName::RiskRules => Caller::RiskRules,
        ServiceName::CodeRendering => Caller::CodeRendering,
        ServiceName::Complaint => Caller::Complaint,
        ServiceName::Federation => Caller::Federation,
        ServiceName::Gateway => Caller::Gateway,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_mesh_are_callers() {
        assert_eq!(
            caller_of_name("risk-rules.lutong.internal"),
            Some(Caller::RiskRules)
        );
        assert_eq!(caller_of_name("operator.lutong.internal"), Some(Caller::Operator));
        for bad in [
            "risk-rules",
            "x.lutong.internal",
            "lutong.internal",
            "gateway.lutong.internal.evil",
            "",
        ] {
            assert_eq!(caller_of_name(bad), None, "{bad}");
        }
    }
}
