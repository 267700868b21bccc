//! Who can sign in at the stand-ins. Numbers are of the form of GB 11643 and belong to nobody: division 370202 with
//! sequences that were not issued.

/// A person of the stand-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandInPerson {
    /// The last part of the ids that the providers give.
    pub id: &'static str,
    pub full_name: &'static str,
    pub resident_id: &'static str,
    pub mobile: &'static str,
    /// How well 爱山东 knows them: `L1` is a telephone, `L3` name and number.
    pub level: &'static str,
}

pub const PEOPLE: [StandInPerson; 4] = [
    StandInPerson {
        id: "wang",
        full_name: "王小明",
        resident_id: "11010519491231002X",
        mobile: "13800138000",
        level: "L3",
    },
    StandInPerson {
        id: "li",
        full_name: "李华",
        resident_id: "370202199001010015",
        mobile: "13800138001",
        level: "L3",
    },
    StandInPerson {
        id: "maimaiti",
        full_name: "买买提·吐尔逊",
        resident_id: "370202198505050024",
        mobile: "13800138002",
        level: "L1",
    },
    StandInPerson {
        id: "zhao",
        full_name: "赵敏",
        resident_id: "370202197007070036",
        mobile: "13800138003",
        level: "L1",
    },
];

/// The person of an id.
pub(crate) fn find(id: &str) -> Option<&'static StandInPerson> {
    PEOPLE.iter().find(|person| person.id == id)
}

#[cfg(test)]
mod tests {
    use lutong_kernel::LocalDay;
    use lutong_kernel::document::{Document, DocumentType};
    use lutong_kernel::name::PersonName;
    use lutong_kernel::phone::Mobile;

    use super::*;

    #[test]
    fn everybody_could_be_a_person() {
        let today = LocalDay::parse("2022-11-26").unwrap();
        for person in PEOPLE {
            let document = Document::try_new(DocumentType::ResidentId, person.resident_id, None, today);
            assert!(document.is_ok(), "{person:?}");
            assert!(PersonName::parse(person.full_name).is_ok() && Mobile::parse(person.mobile).is_ok());
        }
    }
}
