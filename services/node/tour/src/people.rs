//! People of the tour: made-up names with numbers that check.

use lutong_kernel::document::check_character;
use lutong_proto::declaration::v1::{ApplicationForm, Commitment, ContactEntry};
use lutong_proto::types::v1::{Document, DocumentType, HomeAddress, PersonItems};

/// Somebody made up.
#[derive(Debug, Clone, Copy)]
pub struct Somebody {
    pub account: &'static str,
    pub name: &'static str,
    /// The first seventeen digits of a resident number.
    digits: &'static str,
}

pub const RESIDENT: Somebody = somebody("wx-resident", "王小明", "37020219900101101");
pub const VISITOR_OF_LISTED_PLACE: Somebody = somebody("wx-listed", "李静", "37010219850315202");
pub const RETURNER_FROM_ABROAD: Somebody = somebody("ali-returner", "赵强", "37060219780620303");
pub const FROM_PARTNER: Somebody = somebody("isd-traveller", "陈晓燕", "32010219920808404");
pub const UNREGISTERED_CONTACT: Somebody = somebody("wx-contact", "孙伟", "37090219880909505");

const fn somebody(account: &'static str, name: &'static str, digits: &'static str) -> Somebody {
    Somebody {
        account,
        name,
        digits,
    }
}

impl Somebody {
    pub fn document(self) -> Document {
        let check = check_character(self.digits.as_bytes()).unwrap_or_default();
        Document {
            r#type: DocumentType::ResidentId.into(),
            number: format!("{}{check}", self.digits),
            issuing_country: String::new(),
        }
    }

    pub fn form(self, contact_history: Vec<ContactEntry>) -> ApplicationForm {
        ApplicationForm {
            person: Some(PersonItems {
                full_name: self.name.to_owned(),
                document: Some(self.document()),
                mobile: "13800138000".to_owned(),
                nationality: "CHN".to_owned(),
                home_address: Some(HomeAddress {
                    division: "370202".to_owned(),
                    detail: "香港中路1号".to_owned(),
                }),
            }),
            contact_history,
            commitment: Some(Commitment {
                accepted: true,
                text_version: "2020-02".to_owned(),
            }),
        }
    }
}
