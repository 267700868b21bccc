//! Resource names. That a text is `collection/{id}` is checked before a handler has it; what its id is, here.

use lutong_chassis::reply;
use lutong_kernel::{Fault, Violation};
use uuid::Uuid;

/// The UUID of `collection/{uuid}` in the field `name`; one spelling only.
pub fn uuid_of(name: &str, collection: &str) -> Result<Uuid, Fault> {
    let id = name
        .strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('/'));
    let id = id.and_then(|id| Uuid::try_parse(id).ok().filter(|uuid| uuid.to_string() == id));
    id.ok_or_else(|| {
        reply::wrong(Violation::new(
            "name",
            "NAME_SHAPE",
            format!("应为{collection}/小写UUID"),
            format!("is {collection}/ and a UUID in lower-case hyphenated form"),
        ))
    })
}
