//! Options of the contract out of its descriptor set, as the messages that they are.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, OneofDescriptor};

use crate::lutong::policy::v1::{Choice, Field};

/// The value of an option by its full name; `None` where it is not said.
pub fn read<M: Message + Default>(pool: &DescriptorPool, name: &str, options: &DynamicMessage) -> Option<M> {
    let extension = pool.get_extension_by_name(name)?;
    if !options.has_extension(&extension) {
        return None;
    }
    let value = options.get_extension(&extension);
    M::decode(value.as_message()?.encode_to_vec().as_slice()).ok()
}

/// What a field must be; the default where nothing is said.
pub fn of_field(field: &FieldDescriptor) -> Field {
    read(field.parent_pool(), "lutong.policy.v1.field", &field.options()).unwrap_or_default()
}

/// Whether one of the members must be there.
pub fn is_required(oneof: &OneofDescriptor) -> bool {
    let choice: Option<Choice> = read(oneof.parent_pool(), "lutong.policy.v1.choice", &oneof.options());
    choice.unwrap_or_default().required
}
