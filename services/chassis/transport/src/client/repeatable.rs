//! Which calls may be sent to a second replica while the first may still be executing them: reads and idempotent
//! mutations.

use std::collections::HashSet;
use std::sync::OnceLock;

use lutong_proto::policy;

/// Verbs of RPCs that only read (proto/README.md).
const READS: [&str; 7] = ["Get", "List", "Show", "Verify", "Inspect", "Watch", "Count"];
/// Calls between services that are idempotent without a `request_id`: guarded by a version, by the key of each fact, or
/// by the document that they register.
const GUARDED: [&str; 4] = [
    "ApplyDecisions",
    "AppendFacts",
    "ResolveDocuments",
    "RegisterPerson",
];

/// Whether a call to `path` may be executed twice.
pub fn is_repeatable(path: &str) -> bool {
    static REPEATABLE: OnceLock<HashSet<String>> = OnceLock::new();
    REPEATABLE.get_or_init(repeatable).contains(path)
}

fn repeatable() -> HashSet<String> {
    // With an RPC without a policy no service starts, so this never runs.
    let rpcs = policy::rpcs(lutong_proto::descriptor_pool()).unwrap_or_default();
    rpcs.into_iter()
        .filter(|rpc| {
            let method = &rpc.method;
            let name = method.name();
            let is_safe = READS.iter().any(|verb| name.starts_with(verb))
                || GUARDED.contains(&name)
                || method.input().get_field_by_name("request_id").is_some();
            is_safe && !method.is_client_streaming()
        })
        .map(|rpc| rpc.path)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_guarded_mutations_are_repeatable_and_streams_never() {
        for path in [
            "/lutong.code_rendering.v1.CodeService/ShowCode",
            "/lutong.code_rendering.v1.CodeService/ApplyDecisions",
            "/lutong.declaration.v1.ApplicationService/CreateApplication",
            "/lutong.identity.v1.IdentityService/ResolveDocuments",
            "/lutong.risk_rules.v1.EventLogService/ListEvents",
        ] {
            assert!(is_repeatable(path), "{path}");
        }
        for path in [
            "/lutong.declaration.v1.FeedService/ImportFacts",
            "/lutong.risk_rules.v1.AreaService/ImportNotice",
            "/nothing/Here",
        ] {
            assert!(!is_repeatable(path), "{path}");
        }
    }

    /// Guards against a misspelt or outdated name.
    #[test]
    fn what_is_guarded_is_in_the_contract() {
        let rpcs = policy::rpcs(lutong_proto::descriptor_pool()).unwrap();
        for name in GUARDED {
            assert!(rpcs.iter().any(|rpc| rpc.method.name() == name), "{name}");
        }
    }
}
