//! The register of places, and the ledger of complaints about them.

use lutong_kernel::{Fault, FaultCode, PlaceId, Violation};

/// No place of this name is in the register of the caller's division.
pub fn place_not_found() -> Fault {
    Fault::new(
        FaultCode::NotFound,
        "PLACE_NOT_FOUND",
        "未找到该场所，或不在本辖区",
        "there is no such place in your division",
    )
}

/// A place of the division has the name.
pub fn place_name_taken(place: PlaceId) -> Fault {
    Fault::new(
        FaultCode::AlreadyExists,
        "PLACE_NAME_TAKEN",
        "本区划已有同名场所",
        "a place of the division is called so",
    )
    .with("place", format!("places/{place}"))
}

/// An entry is one with another.
pub fn place_merged(into: PlaceId) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "PLACE_MERGED",
        "该场所已并入另一场所",
        "it is one with another place: act on that",
    )
    .with("into", format!("places/{into}"))
}

/// Two entries cannot be one place.
pub fn place_merge_refused() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "PLACE_MERGE_REFUSED",
        "不能合并：为同一条目，或区划、类别不同",
        "they cannot be one: the same entry, or not of one division and kind",
    )
}

/// The entry that would vanish is held to account.
pub fn place_under_account() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "PLACE_UNDER_ACCOUNT",
        "该场所有未办结的追责，请将另一场所并入该场所",
        "it has an accountability case that is not over: merge the other place into it",
    )
}

/// A place has as many names as it may.
pub fn place_names_full(most: usize) -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "PLACE_NAMES_FULL",
        format!("一个场所最多{most}个名称"),
        format!("a place has at most {most} names"),
    )
    .with("most", most.to_string())
}

/// A published outcome rests on a complaint.
pub fn case_settled() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "CASE_SETTLED",
        "该投诉已计入已公布的追责结果，不能改绑场所",
        "the published outcome of an accountability case rests on it: it stays bound",
    )
}

/// A name has nothing by which it can be compared.
pub fn name_without_letters(field: &str) -> Violation {
    Violation::new(
        field,
        "NAME_WITHOUT_LETTERS",
        "名称须含文字或数字",
        "has at least one letter or figure",
    )
}

/// Two names of a place are the same, as names are compared.
pub fn name_twice(field: String) -> Violation {
    Violation::new(
        field,
        "NAME_TWICE",
        "与该场所的另一名称相同",
        "is the same as another name of the place",
    )
}

/// What was found is stated of a case that is about no place.
pub fn finding_unexpected() -> Violation {
    Violation::new(
        "finding",
        "FINDING_UNEXPECTED",
        "仅场所投诉填写核查结果",
        "belongs to a complaint about a place",
    )
}
