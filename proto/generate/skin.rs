//! Writes, for every service, the trait that its handler implements and the server that stands before it. What a method
//! takes follows from the contract: a message with `request_id` is a mutation, one with `page_token` a listing, one with `cursor`
//! follows a log, all others are queries; the permit is that of the policy's scope.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use heck::ToSnakeCase as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, MessageDescriptor, MethodDescriptor,
    ServiceDescriptor, Value,
};

use crate::names::Names;

const NAMES: Names = Names { root: "lutong_proto" };

pub fn write(pool: &DescriptorPool) -> String {
    let access = pool
        .get_extension_by_name("lutong.policy.v1.access")
        .expect("the contract has the option access");
    let mut packages: BTreeMap<String, String> = BTreeMap::new();
    for service in pool
        .services()
        .filter(|service| service.full_name().starts_with("lutong."))
    {
        let package = service.parent_file().package_name().to_owned();
        packages
            .entry(package)
            .or_default()
            .push_str(&of_service(&access, &service));
    }
    let mut source = String::new();
    for (package, services) in packages {
        // `lutong.identity.v1` is `identity::v1` here.
        let modules: Vec<&str> = package.split('.').skip(1).collect();
        let opened = format!("pub mod {} {{", modules.join(" { pub mod "));
        let _ = writeln!(
            source,
            "{opened}\nuse super::super::runtime::*;\n{services}{}",
            "}".repeat(modules.len())
        );
    }
    source
}

fn policy(access: &ExtensionDescriptor, method: &MethodDescriptor) -> DynamicMessage {
    let value = method.options().get_extension(access).into_owned();
    match value {
        Value::Message(policy) => policy,
        _ => panic!("{} has no access policy", method.full_name()),
    }
}

fn permit(policy: &DynamicMessage) -> &'static str {
    let scope = policy
        .get_field_by_name("scope")
        .and_then(|scope| scope.as_enum_number())
        .unwrap_or(0);
    match scope {
        1 => "NoPermit",
        2 => "SelfPermit",
        3 => "WardPermit",
        4 => "DivisionPermit",
        5 => "CasePermit",
        6 => "AnyPermit",
        7 => "FeedPermit",
        8 => "DeclarantPermit",
        9 => "BearerPermit",
        other => panic!("there is no permit for the scope {other}"),
    }
}

fn has_field(message: &MessageDescriptor, name: &str) -> bool {
    message.get_field_by_name(name).is_some()
}

/// What a method gets beside its message, and the check that makes it.
fn call(message: &MessageDescriptor) -> (&'static str, &'static str) {
    if has_field(message, "request_id") {
        ("Mutation", "mutation")
    } else if has_field(message, "cursor") && has_field(message, "page_size") {
        ("Following", "following")
    } else if has_field(message, "page_token") && has_field(message, "page_size") {
        ("Listing", "listing")
    } else {
        ("Query", "query")
    }
}

fn of_service(access: &ExtensionDescriptor, service: &ServiceDescriptor) -> String {
    let name = service.name();
    let handler = format!("{}Handler", name.trim_end_matches("Service"));
    let wire = NAMES.module(service.parent_file().package_name(), &[]);
    let server = format!("{wire}::{}_server", name.to_snake_case());
    let (mut methods, mut served) = (String::new(), String::new());
    for method in service.methods() {
        let (input, output) = (NAMES.message(&method.input()), NAMES.message(&method.output()));
        let (rust, permit) = (method.name().to_snake_case(), permit(&policy(access, &method)));
        if method.is_server_streaming() && !method.is_client_streaming() {
            let answers = format!("{}Stream", method.name());
            let _ = writeln!(
                methods,
                "    fn {rust}(&self, call: Query<{permit}>, message: {input}) \
                 -> impl Future<Output = Result<Answers<{output}>, Fault>> + Send;"
            );
            let _ = writeln!(
                served,
                "    type {answers} = Sent<{output}>;\n    \
                 async fn {rust}(&self, request: Request<{input}>) -> Result<Response<Self::{answers}>, Status> {{\n        \
                 let run = async {{\n            let (call, message) = self.skin.query(request)?;\n            \
                 self.handler.{rust}(call, message).await\n        }};\n        answer_stream(run.await)\n    }}"
            );
            continue;
        }
        if method.is_client_streaming() {
            // The form of a stream stays; the permit is made of its grant.
            let _ = writeln!(
                methods,
                "    fn {rust}(&self, call: Query<{permit}>, rows: Streaming<{input}>) \
                 -> impl Future<Output = Result<{output}, Fault>> + Send;"
            );
            let _ = writeln!(
                served,
                "    async fn {rust}(&self, request: Request<Streaming<{input}>>) -> Result<Response<{output}>, Status> {{\n        \
                 let run = async {{\n            let (call, rows) = self.skin.stream(request)?;\n            \
                 self.handler.{rust}(call, rows).await\n        }};\n        answer(run.await)\n    }}"
            );
            continue;
        }
        let (kind, check) = call(&method.input());
        let _ = writeln!(
            methods,
            "    fn {rust}(&self, call: {kind}<{permit}>, message: {input}) \
             -> impl Future<Output = Result<{output}, Fault>> + Send;"
        );
        let _ = writeln!(
            served,
            "    async fn {rust}(&self, request: Request<{input}>) -> Result<Response<{output}>, Status> {{\n        \
             let run = async {{\n            let (call, message) = self.skin.{check}(request)?;\n            \
             self.handler.{rust}(call, message).await\n        }};\n        answer(run.await)\n    }}"
        );
    }
    format!(
        "/// What handles `{full}`: each method gets its message within its bounds, and the permit of its scope.\n\
         pub trait {handler}: Send + Sync + 'static {{\n{methods}}}\n\n\
         #[derive(Debug)]\npub struct {name}<H> {{ handler: H, skin: Skin }}\n\n\
         impl<H: {handler}> {name}<H> {{\n    \
         /// The server of a handler.\n    \
         pub fn server(handler: H, skin: Skin) -> {server}::{name}Server<Self> {{\n        \
         {server}::{name}Server::new(Self {{ handler, skin }})\n    }}\n}}\n\n\
         #[tonic::async_trait]\nimpl<H: {handler}> {server}::{name} for {name}<H> {{\n{served}}}\n\n",
        full = service.full_name(),
    )
}
