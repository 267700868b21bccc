//! The public part of the contract for reflection: the services, methods and types that are reachable from outside,
//! without the policies of the mesh and without its internal files.

use std::collections::HashSet;

use lutong_chassis::BuildError;
use prost::Message as _;
use prost_reflect::{Kind, MessageDescriptor};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet, ServiceDescriptorProto,
};

use crate::config::refused;
use crate::rpc::contract::Contract;

/// The descriptors of everything that `contract` reaches. Options that are extensions, such as the access policy, are
/// unknown to the types into which the set is decoded, and are dropped.
pub fn public_files(contract: &Contract) -> Result<FileDescriptorSet, BuildError> {
    let set = FileDescriptorSet::decode(lutong_proto::DESCRIPTOR_SET)
        .map_err(|error| refused(format!("the descriptor set does not decode: {error}")))?;
    let reachable = Reachable::of(contract);
    let mut files: Vec<_> = set
        .file
        .into_iter()
        .filter_map(|file| reachable.file(file))
        .collect();
    let names: HashSet<String> = files.iter().map(|file| file.name().to_owned()).collect();
    for file in &mut files {
        file.dependency.retain(|name| names.contains(name));
    }
    Ok(FileDescriptorSet { file: files })
}

/// The full names of everything that is reachable.
#[derive(Default)]
struct Reachable {
    methods: HashSet<String>,
    types: HashSet<String>,
}

impl Reachable {
    fn of(contract: &Contract) -> Self {
        let mut reachable = Self::default();
        for rpc in contract.iter() {
            reachable.methods.insert(rpc.method.full_name().to_owned());
            reachable.follow(rpc.method.input());
            reachable.follow(rpc.method.output());
        }
        reachable
    }

    /// Adds a message and, recursively, the types of its fields.
    fn follow(&mut self, message: MessageDescriptor) {
        let mut open = vec![message];
        while let Some(message) = open.pop() {
            if !self.types.insert(message.full_name().to_owned()) {
                continue;
            }
            for field in message.fields() {
                match field.kind() {
                    Kind::Message(inner) => open.push(inner),
                    Kind::Enum(inner) => drop(self.types.insert(inner.full_name().to_owned())),
                    _ => {}
                }
            }
        }
    }

    /// The reachable part of a file; none where nothing in it is reachable.
    fn file(&self, mut file: FileDescriptorProto) -> Option<FileDescriptorProto> {
        let package = file.package().to_owned();
        file.service = file
            .service
            .into_iter()
            .filter_map(|service| self.service(&package, service))
            .collect();
        file.message_type = self.messages(&package, file.message_type);
        self.enums(&package, &mut file.enum_type);
        file.extension.clear();
        file.source_code_info = None;
        // They are indexes into the list of dependencies, which changes.
        file.public_dependency.clear();
        file.weak_dependency.clear();
        let is_empty = file.service.is_empty() && file.message_type.is_empty() && file.enum_type.is_empty();
        (!is_empty).then_some(file)
    }

    fn service(&self, package: &str, mut service: ServiceDescriptorProto) -> Option<ServiceDescriptorProto> {
        let name = join(package, service.name());
        service
            .method
            .retain(|method| self.methods.contains(&join(&name, method.name())));
        (!service.method.is_empty()).then_some(service)
    }

    fn messages(&self, within: &str, messages: Vec<DescriptorProto>) -> Vec<DescriptorProto> {
        let kept = messages.into_iter().filter_map(|mut message| {
            let name = join(within, message.name());
            message.nested_type = self.messages(&name, message.nested_type);
            self.enums(&name, &mut message.enum_type);
            message.extension.clear();
            if self.types.contains(&name) {
                return Some(message);
            }
            // It only contains a reachable type; its own fields are not reachable.
            message.field.clear();
            message.oneof_decl.clear();
            let houses = !message.nested_type.is_empty() || !message.enum_type.is_empty();
            houses.then_some(message)
        });
        kept.collect()
    }

    fn enums(&self, within: &str, enums: &mut Vec<EnumDescriptorProto>) {
        enums.retain(|one| self.types.contains(&join(within, one.name())));
    }
}

fn join(within: &str, name: &str) -> String {
    format!("{within}.{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::contract::tests::contract;
    use prost_reflect::DescriptorPool;

    #[test]
    fn what_can_be_reached_is_described_whole_and_nothing_else_is() {
        let contract = contract();
        let files = public_files(&contract).unwrap();
        // Links: every type that is named is there.
        let pool = DescriptorPool::from_file_descriptor_set(files.clone()).unwrap();
        let methods: usize = pool.services().map(|service| service.methods().count()).sum();
        assert_eq!(methods, contract.iter().count());
        for rpc in contract.iter() {
            let input = pool.get_message_by_name(rpc.method.input().full_name()).unwrap();
            assert_eq!(input.fields().count(), rpc.method.input().fields().count());
        }
        for name in [
            "lutong.policy.v1.Access",
            "lutong.code_rendering.v1.ApplyDecisionsRequest",
            "lutong.identity.v1.RegisterPersonRequest",
        ] {
            assert!(pool.get_message_by_name(name).is_none(), "{name}");
        }
        for internal in ["policy/v1/access", "policy/v1/field", "event_log"] {
            let is_described = files.file.iter().any(|file| file.name().contains(internal));
            assert!(!is_described, "{internal}");
        }
        let text = String::from_utf8_lossy(&files.encode_to_vec()).into_owned();
        assert!(!text.contains("CALLER_") && !text.contains("RegisterPerson"));
    }
}
