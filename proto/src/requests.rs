//! What the contract says about request messages beyond their bounds. The implementations are generated
//! (`generate/requests.rs`).

use prost::Message;

use crate::lutong::types::v1::Purpose;

include!(concat!(env!("OUT_DIR"), "/requests.rs"));

/// Whom and where a request concerns, by the fields that its policy names, and what it is made for; `None` where it names none or
/// says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Target<'a> {
    pub subject: Option<&'a str>,
    pub division: Option<&'a str>,
    pub purpose: Option<&'a Purpose>,
}

/// A request with a policy.
pub trait Addressed {
    fn target(&self) -> Target<'_>;
}

/// A request that changes something, and may be sent again.
pub trait Repeatable {
    fn request_id(&self) -> &str;
}

/// A request to read on in a log.
pub trait Following {
    /// Size of the page, and the cursor.
    fn place(&self) -> (i32, &str);
}

/// A request for a page of a list.
pub trait Paged: Clone + Message {
    /// Size and token.
    fn page(&self) -> (i32, &str);

    /// The same request for any page: the filter that a page token belongs to.
    #[must_use]
    fn without_page(self) -> Self;
}
