//! The services of the mesh by name.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A service of the mesh. Its name is written in kebab case: `risk-rules`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", const_into_str)]
#[strum(parse_err_ty = UnknownService, parse_err_fn = unknown_service)]
pub enum ServiceName {
    Identity,
    Declaration,
    RiskRules,
    CodeRendering,
    Complaint,
    Federation,
    Gateway,
}

/// A text that is not the name of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no service {0:?}: a service is one of {names}", names = names())]
pub struct UnknownService(pub String);

fn unknown_service(text: &str) -> UnknownService {
    UnknownService(text.to_owned())
}

fn names() -> String {
    let names: Vec<_> = ServiceName::ALL.iter().map(ServiceName::into_str).collect();
    names.join(", ")
}

impl ServiceName {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The services that have a database: all but the gateway.
    pub const WITH_STORAGE: [Self; 6] = [
        Self::Identity,
        Self::Declaration,
        Self::RiskRules,
        Self::CodeRendering,
        Self::Complaint,
        Self::Federation,
    ];

    /// The name in kebab case.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// The name in snake case, for proto packages, databases and environment variables.
    pub const fn as_snake(self) -> &'static str {
        match self {
            Self::RiskRules => "risk_rules",
            Self::CodeRendering => "code_rendering",
            other => other.as_str(),
        }
    }

    /// The service that serves a proto package such as `lutong.risk_rules.v1`; `None` for packages of shared types.
    pub fn of_package(package: &str) -> Option<Self> {
        let name = package.strip_prefix("lutong.")?.split('.').next()?;
        Self::WITH_STORAGE
            .into_iter()
            .find(|service| service.as_snake() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_one_name_in_text_display_and_configuration() {
        let names = [
            "identity",
            "declaration",
            "risk-rules",
            "code-rendering",
            "complaint",
            "federation",
            "gateway",
        ];
        assert_eq!(ServiceName::ALL.len(), names.len());
        for (service, name) in ServiceName::ALL.iter().zip(names) {
            assert_eq!(service.as_str(), name);
            assert_eq!(service.to_string(), name);
            assert_eq!(name.parse(), Ok(*service));
            assert_eq!(serde_json::to_value(service).unwrap(), name);
            assert_eq!(service.as_snake(), name.replace('-', "_"));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_names_that_exist() {
        let error = "risk_rules".parse::<ServiceName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no service \"risk_rules\": a service is one of identity, declaration, risk-rules, \
             code-rendering, complaint, federation, gateway"
        );
    }

    #[test]
    fn every_service_but_the_gateway_has_storage() {
        let stored = ServiceName::ALL
            .iter()
            .filter(|one| **one != ServiceName::Gateway);
        assert!(stored.eq(&ServiceName::WITH_STORAGE));
    }

    #[test]
    fn a_proto_package_names_its_service_and_packages_of_shared_types_name_none() {
        for service in ServiceName::WITH_STORAGE {
            let package = format!("lutong.{}.v1", service.as_snake());
            assert_eq!(ServiceName::of_package(&package), Some(service));
        }
        for other in [
            "lutong.types.v1",
            "lutong.policy.v1",
            "lutong.gateway.v1",
            "google.rpc",
            "identity.v1",
        ] {
            assert_eq!(ServiceName::of_package(other), None, "{other}");
        }
    }
}
