//! Writes, for every service, the trait that its handler implements and the server that stands before it. What a method
//! takes follows from the contract: a message with `request_id` is a mutation, one with `page_token` a listing, one with `cursor`
//! follows a log, all others are queries; the permit is that of the policy's scope. What a method of the ledger answers is written down
//! before it is handed out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use heck::ToSnakeCase as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, ServiceDescriptor};

use crate::names::Names;
use crate::policies;

const NAMES: Names = Names { root: "lutong_proto" };

pub fn write(pool: &DescriptorPool) -> String {
    let mut packages: BTreeMap<String, String> = BTreeMap::new();
    for service in policies::services(pool) {
        let package = service.parent_file().package_name().to_owned();
        packages
            .entry(package)
            .or_default()
            .push_str(&of_service(&service));
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
    } else if has_field(message, "page_token") && has_field(message, "page_size") {
        // One that reads on from the cursor of a stream as well opens that itself.
        ("Listing", "listing")
    } else if has_field(message, "cursor") && has_field(message, "page_size") {
        ("Following", "following")
    } else {
        ("Query", "query")
    }
}

fn of_service(service: &ServiceDescriptor) -> String {
    let name = service.name();
    let handler = format!("{}Handler", name.trim_end_matches("Service"));
    let wire = NAMES.module(service.parent_file().package_name(), &[]);
    let server = format!("{wire}::{}_server", name.to_snake_case());
    let (mut methods, mut served) = (String::new(), String::new());
    let mut is_looking = false;
    for method in service.methods() {
        let (input, output) = (NAMES.message(&method.input()), NAMES.message(&method.output()));
        let policy = policies::of(&method);
        let (rust, permit, of_ledger) = (
            method.name().to_snake_case(),
            permit(&policy),
            policies::is_of_ledger(&policy),
        );
        is_looking |= of_ledger;
        if method.is_server_streaming() && !method.is_client_streaming() {
            let answers = format!("{}Stream", method.name());
            let (kind, check) = if has_field(&method.input(), "cursor") {
                ("Following", "following")
            } else {
                ("Query", "query")
            };
            let _ = writeln!(
                methods,
                "    fn {rust}(&self, call: {kind}<{permit}>, message: {input}) \
                 -> impl Future<Output = Result<Answers<{output}>, Fault>> + Send;"
            );
            let _ = writeln!(
                served,
                "    type {answers} = Sent<{output}>;\n    \
                 async fn {rust}(&self, request: Request<{input}>) -> Result<Response<Self::{answers}>, Status> {{\n        \
                 let run = async {{\n            let (call, message) = self.skin.{check}(request)?;\n            \
                 {}\n        }};\n        answer_stream(run.await)\n    }}",
                if of_ledger {
                    format!(
                        "let look = self.lookups.look(&call.grant, &message);\n            \
                         Ok(look.disclose_each(self.handler.{rust}(call, message).await?))"
                    )
                } else {
                    format!("self.handler.{rust}(call, message).await")
                }
            );
            continue;
        }
        if method.is_client_streaming() {
            assert!(
                !of_ledger,
                "{} streams rows in: it reads nobody's data",
                method.full_name()
            );
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
             {}\n        }};\n        answer(run.await)\n    }}",
            if of_ledger {
                format!(
                    "let look = self.lookups.look(&call.grant, &message);\n            \
                     look.disclose(self.handler.{rust}(call, message).await?).await"
                )
            } else {
                format!("self.handler.{rust}(call, message).await")
            }
        );
    }
    // Without a place to write lookups such a service cannot be served.
    let (lookups_field, lookups_argument, lookups) = if is_looking {
        (", lookups: LookupLog", ", lookups: LookupLog", ", lookups")
    } else {
        ("", "", "")
    };
    format!(
        "/// What handles `{full}`: each method gets its message within its bounds, and the permit of its scope.\n\
         pub trait {handler}: Send + Sync + 'static {{\n{methods}}}\n\n\
         #[derive(Debug)]\npub struct {name}<H> {{ handler: H, skin: Skin{lookups_field} }}\n\n\
         impl<H: {handler}> {name}<H> {{\n    \
         /// The server of a handler.\n    \
         pub fn server(handler: H, skin: Skin{lookups_argument}) -> {server}::{name}Server<Self> {{\n        \
         {server}::{name}Server::new(Self {{ handler, skin{lookups} }})\n    }}\n}}\n\n\
         #[tonic::async_trait]\nimpl<H: {handler}> {server}::{name} for {name}<H> {{\n{served}}}\n\n",
        full = service.full_name(),
    )
}
