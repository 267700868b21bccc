//! Fictitious people of the tour, with valid document numbers.

use lutong_kernel::document::check_character;
use lutong_proto::declaration::v1::{ApplicationForm, Commitment, ContactEntry};
use lutong_proto::types::v1::{Document, DocumentType, HomeAddress, PersonItems};
use lutong_stand_ins::StandInPerson;

/// A fictitious person.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    pub account: &'static str,
    pub name: &'static str,
    /// The first seventeen digits of a resident number.
    digits: &'static str,
}

pub const RESIDENT: Person = person("wx-resident", "王小明", "37020219900101101");
pub const VISITOR_OF_LISTED_PLACE: Person = person("wx-listed", "李静", "37010219850315202");
pub const RETURNER_FROM_ABROAD: Person = person("ali-returner", "赵强", "37060219780620303");
pub const FROM_PARTNER: Person = person("isd-traveller", "陈晓燕", "32010219920808404");
pub const UNREGISTERED_CONTACT: Person = person("wx-contact", "孙伟", "37090219880909505");

/// A pupil without a telephone, of the resident's household.
pub const CHILD: Person = person("wx-child", "王小雨", "37020220150601606");
pub const ARRIVES_FROM_ABROAD: Person = person("ali-abroad", "周婷", "37020219860712707");
/// Has no telephone of her own.
pub const GRANDMOTHER: Person = person("wx-grandmother", "王秀兰", "37020219480305808");
pub const SECOND_CONTACT: Person = person("wx-second-contact", "刘洋", "37020219950620909");
/// Lives in Jiangsu, whose own system gave the code.
pub const COMMUTER: Person = person("isd-commuter", "顾明", "32010219900315101");
/// 爱山东 has verified their name and number.
pub const VERIFIED_BY_CHANNEL: &StandInPerson = &lutong_stand_ins::PEOPLE[1];

/// The same person as one of the tour. The account is that of the channel.
pub fn of_stand_in(who: &'static StandInPerson) -> Person {
    person("", who.full_name, who.resident_id.get(..17).unwrap_or_default())
}

const fn person(account: &'static str, name: &'static str, digits: &'static str) -> Person {
    Person {
        account,
        name,
        digits,
    }
}

impl Person {
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
            mobile_proof: None,
            commitment: Some(commitment()),
        }
    }
}

/// The commitment that everybody here accepts.
pub fn commitment() -> Commitment {
    Commitment {
        accepted: true,
        text_version: "2020-02".to_owned(),
    }
}
