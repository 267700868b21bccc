//! The comments of the contract, which the descriptor set keeps.

use prost_reflect::{
    EnumDescriptor, EnumValueDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor,
    MethodDescriptor, ServiceDescriptor,
};

pub fn of_service(service: &ServiceDescriptor) -> String {
    leading(&service.parent_file(), service.path())
}

pub fn of_method(method: &MethodDescriptor) -> String {
    leading(&method.parent_file(), method.path())
}

pub fn of_message(message: &MessageDescriptor) -> String {
    leading(&message.parent_file(), message.path())
}

pub fn of_field(field: &FieldDescriptor) -> String {
    leading(&field.parent_file(), field.path())
}

pub fn of_enum(names: &EnumDescriptor) -> String {
    leading(&names.parent_file(), names.path())
}

pub fn of_value(value: &EnumValueDescriptor) -> String {
    leading(&value.parent_file(), value.path())
}

/// The comment above what stands at `path`, its lines joined where the author only wrapped them.
fn leading(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location = info.and_then(|info| info.location.iter().find(|location| location.path == path));
    let comment = location.map_or("", |location| location.leading_comments());
    let paragraphs = comment.trim().split("\n\n").map(|paragraph| {
        let lines: Vec<&str> = paragraph.lines().map(str::trim).collect();
        lines.join(" ")
    });
    let text = paragraphs.collect::<Vec<_>>().join("\n\n");
    text.replace("\n \n", "\n\n").trim().to_owned()
}
