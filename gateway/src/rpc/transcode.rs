//! JSON over HTTP for the RPCs that have a `google.api.http` rule: proto JSON in and out, driven by the descriptors.

mod echo;
mod file;
mod parameters;
pub mod pattern;
mod request;
mod response;
mod shape;
mod strict;

use std::sync::Arc;

use http::Method;
use lutong_chassis::BuildError;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use crate::config::refused;
use crate::rpc::contract::{Contract, EdgeRpc, HttpRule, http_rules};
use pattern::Pattern;

pub use file::{FileAnswer, read as read_file};
pub use pattern::Captured;
pub use response::{answer_json, read as read_response};

/// Where the request's body goes.
#[derive(Debug, Clone, PartialEq)]
pub enum BodyRule {
    /// No body: every field that the path does not bind is a query parameter.
    None,
    /// `*`: the body is the request.
    Whole,
    /// The body is one field of the request.
    Field(FieldDescriptor),
}

/// One method and path template that reaches an RPC.
#[derive(Debug)]
pub struct Binding {
    pub rpc: Arc<EdgeRpc>,
    pub method: Method,
    pub pattern: Pattern,
    pub body: BodyRule,
    /// Where the answer is a file: its bytes are the answer, and not JSON.
    pub file: Option<FileAnswer>,
}

/// Every binding of the contract, the most specific first.
#[derive(Debug)]
pub struct Bindings(Vec<Binding>);

/// The result of looking up a method and path.
pub enum RouteMatch<'a> {
    Binding(&'a Binding, Captured),
    /// The path exists, for these methods only.
    OtherMethod(String),
    Nothing,
}

impl Bindings {
    pub fn read(pool: &DescriptorPool, contract: &Contract) -> Result<Self, BuildError> {
        let mut bindings = Vec::new();
        for rpc in contract.iter() {
            for rule in http_rules(pool, &rpc.method) {
                let name = &rpc.path;
                let binding = binding(rpc, &rule).map_err(|what| refused(format!("{name}: {what}")))?;
                bindings.push(binding);
            }
        }
        // Stable: among equals the contract's order stays.
        bindings.sort_by_key(|binding| std::cmp::Reverse(binding.pattern.specificity()));
        Ok(Self(bindings))
    }

    pub fn find(&self, method: &Method, path: &str) -> RouteMatch<'_> {
        let mut others: Vec<&str> = Vec::new();
        for binding in &self.0 {
            let Some(captured) = binding.pattern.capture(path) else {
                continue;
            };
            if binding.method == method {
                return RouteMatch::Binding(binding, captured);
            }
            if !others.contains(&binding.method.as_str()) {
                others.push(binding.method.as_str());
            }
        }
        if others.is_empty() {
            RouteMatch::Nothing
        } else {
            RouteMatch::OtherMethod(others.join(", "))
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.0.iter()
    }
}

fn binding(rpc: &Arc<EdgeRpc>, rule: &HttpRule) -> Result<Binding, String> {
    let is_stream = rpc.method.is_server_streaming();
    let file = FileAnswer::of(&rpc.method.output()).filter(|_| is_stream);
    if rpc.streams || (is_stream && file.is_none()) {
        return Err("a stream has no JSON form, unless it is a file".to_owned());
    }
    if !rule.response_body.is_empty() {
        return Err("response_body is not supported: the answer is always the whole response".to_owned());
    }
    let input = rpc.method.input();
    let pattern = Pattern::parse(&rule.template)?;
    for variable in pattern.variables() {
        let field = field_at(&input, &variable.field).ok_or_else(|| {
            format!(
                "the path binds {}, which the request does not have",
                variable.field
            )
        })?;
        if field.is_list() || field.is_map() || matches!(field.kind(), Kind::Message(_)) {
            return Err(format!(
                "the path binds {}, which is not a single value",
                variable.field
            ));
        }
    }
    let body = match rule.body.as_str() {
        "" => BodyRule::None,
        "*" => BodyRule::Whole,
        name => BodyRule::Field(
            input
                .get_field_by_name(name)
                .ok_or_else(|| format!("the body is {name}, which the request does not have"))?,
        ),
    };
    Ok(Binding {
        rpc: Arc::clone(rpc),
        method: rule.method.clone(),
        pattern,
        body,
        file,
    })
}

/// A field by its proto or JSON name.
fn field_named(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message
        .get_field_by_name(name)
        .or_else(|| message.get_field_by_json_name(name))
}

/// A field by dotted path.
pub fn field_at(message: &MessageDescriptor, path: &str) -> Option<FieldDescriptor> {
    match path.split_once('.') {
        None => field_named(message, path),
        Some((head, rest)) => {
            let field = field_named(message, head)?;
            if field.is_list() || field.is_map() {
                return None;
            }
            field_at(field.kind().as_message()?, rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::contract::tests::contract;

    fn bindings() -> Bindings {
        Bindings::read(lutong_proto::descriptor_pool(), &contract()).unwrap()
    }

    #[test]
    fn each_path_of_the_contract_leads_to_its_rpc() {
        let bindings = bindings();
        for (method, path, rpc) in [
            (Method::GET, "/v1/code", "CodeService/ShowCode"),
            (Method::GET, "/v1/decision", "DecisionService/GetDecision"),
            (
                Method::GET,
                "/v1/subjects/7/decisions/3",
                "DecisionService/GetDecision",
            ),
            (
                Method::POST,
                "/v1/tokens:verify",
                "VerificationService/VerifyToken",
            ),
            (Method::GET, "/v1/keys", "KeyService/ListKeys"),
            (
                Method::POST,
                "/v1/applications",
                "ApplicationService/CreateApplication",
            ),
            (
                Method::GET,
                "/v1/applications/7",
                "ApplicationService/GetApplication",
            ),
            (Method::POST, "/v1/arrivals", "ArrivalService/CreateArrival"),
            (Method::GET, "/v1/arrivals/7", "ArrivalService/GetArrival"),
            (Method::POST, "/v1/complaints", "ComplaintService/CreateComplaint"),
            (Method::GET, "/v1/complaints/7", "ComplaintService/GetComplaint"),
        ] {
            match bindings.find(&method, path) {
                RouteMatch::Binding(binding, _) => assert!(binding.rpc.path.ends_with(rpc), "{path}"),
                _ => panic!("{method} {path} leads nowhere"),
            }
        }
        assert!(bindings.iter().count() >= 11);
    }

    #[test]
    fn another_method_is_told_which_ones_there_are_and_another_path_nothing() {
        let bindings = bindings();
        match bindings.find(&Method::DELETE, "/v1/code") {
            RouteMatch::OtherMethod(allow) => assert_eq!(allow, "GET"),
            _ => panic!("DELETE /v1/code"),
        }
        assert!(matches!(
            bindings.find(&Method::GET, "/v2/code"),
            RouteMatch::Nothing
        ));
        assert!(matches!(
            bindings.find(&Method::GET, "/v1/applications/a/b"),
            RouteMatch::Nothing
        ));
    }

    #[test]
    fn a_rule_that_binds_what_is_not_there_is_refused() {
        let contract = contract();
        let rpc = contract
            .iter()
            .find(|rpc| rpc.path.ends_with("/CreateApplication"))
            .unwrap();
        let rule = |template: &str, body: &str| HttpRule {
            method: Method::POST,
            template: template.to_owned(),
            body: body.to_owned(),
            response_body: String::new(),
        };
        assert!(binding(rpc, &rule("/v1/{request_id}", "form")).is_ok());
        assert!(binding(rpc, &rule("/v1/{nothing}", "*")).is_err());
        assert!(binding(rpc, &rule("/v1/{form}", "*")).is_err());
        assert!(binding(rpc, &rule("/v1/x", "nothing")).is_err());
        let import = contract
            .iter()
            .find(|rpc| rpc.path.ends_with("/ImportFacts"))
            .unwrap();
        assert!(binding(import, &rule("/v1/facts", "*")).is_err());
        let of = |name: &str| contract.iter().find(|rpc| rpc.path.ends_with(name)).unwrap();
        assert!(binding(of("/WatchDoorReports"), &rule("/v1/watch", "")).is_err());
        let file = binding(of("/DownloadAttachment"), &rule("/v1/{name}", "")).unwrap();
        assert!(file.file.is_some());
    }
}
