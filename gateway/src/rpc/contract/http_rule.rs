//! The `google.api.http` option of an RPC.

use http::Method;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};

/// One way to reach an RPC over JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRule {
    pub method: Method,
    /// For example `/v1/{name=complaints/*}`.
    pub template: String,
    /// `*`, the name of a field, or empty.
    pub body: String,
    /// The name of a field of the response, or empty.
    pub response_body: String,
}

/// The rule of an RPC and its additional bindings; empty where the RPC is not reachable over JSON.
pub fn http_rules(pool: &DescriptorPool, method: &MethodDescriptor) -> Vec<HttpRule> {
    let Some(extension) = pool.get_extension_by_name("google.api.http") else {
        return Vec::new();
    };
    let options = method.options();
    if !options.has_extension(&extension) {
        return Vec::new();
    }
    let value = options.get_extension(&extension);
    let Some(rule) = value.as_message() else {
        return Vec::new();
    };
    let mut rules: Vec<HttpRule> = read(rule).into_iter().collect();
    if let Some(more) = rule.get_field_by_name("additional_bindings") {
        let more = more.as_list().unwrap_or_default();
        rules.extend(more.iter().filter_map(|value| read(value.as_message()?)));
    }
    rules
}

fn read(rule: &DynamicMessage) -> Option<HttpRule> {
    let (method, template) = pattern_of(rule)?;
    Some(HttpRule {
        method,
        template,
        body: text(rule, "body"),
        response_body: text(rule, "response_body"),
    })
}

fn pattern_of(rule: &DynamicMessage) -> Option<(Method, String)> {
    for (field, method) in [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ] {
        if rule.has_field_by_name(field) {
            return Some((method, text(rule, field)));
        }
    }
    let custom = rule.get_field_by_name("custom")?;
    let custom = custom.as_message()?;
    let method = Method::from_bytes(text(custom, "kind").as_bytes()).ok()?;
    Some((method, text(custom, "path")))
}

fn text(message: &DynamicMessage, field: &str) -> String {
    message
        .get_field_by_name(field)
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(service: &str, method: &str) -> Vec<(Method, String, String)> {
        let pool = lutong_proto::descriptor_pool();
        let service = pool.get_service_by_name(service).unwrap();
        let method = service.methods().find(|m| m.name() == method).unwrap();
        http_rules(pool, &method)
            .into_iter()
            .map(|rule| (rule.method, rule.template, rule.body))
            .collect()
    }

    #[test]
    fn rules_and_additional_bindings_are_read_from_the_contract() {
        assert_eq!(
            rules("lutong.risk_rules.v1.DecisionService", "GetDecision"),
            [
                (Method::GET, "/v1/decision".to_owned(), String::new()),
                (
                    Method::GET,
                    "/v1/{name=subjects/*/decisions/*}".to_owned(),
                    String::new()
                ),
            ]
        );
        assert_eq!(
            rules("lutong.code_rendering.v1.VerificationService", "VerifyToken"),
            [(Method::POST, "/v1/tokens:verify".to_owned(), "*".to_owned())]
        );
        assert!(rules("lutong.declaration.v1.FeedService", "ImportFacts").is_empty());
    }
}
