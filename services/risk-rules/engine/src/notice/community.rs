//! Parses the text of a community: one place, several buildings, or a text that an officer has to place.

use super::PlacementReason;
use crate::attributes::parse_community;

/// The meaning of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum CommunityReading {
    /// One or more names.
    Named(Vec<String>),
    ByOfficer(PlacementReason),
}

pub fn read(stated: &str) -> CommunityReading {
    let Ok(name) = parse_community(stated) else {
        return CommunityReading::ByOfficer(PlacementReason::PlaceUnknown);
    };
    if is_complement(&name) {
        return CommunityReading::ByOfficer(PlacementReason::Complement);
    }
    if ["全域", "全区", "全县", "全市", "全境"]
        .iter()
        .any(|whole| name.contains(whole))
    {
        return CommunityReading::ByOfficer(PlacementReason::WholeArea);
    }
    CommunityReading::Named(split(&name).unwrap_or_else(|| vec![name]))
}

fn is_complement(name: &str) -> bool {
    let but = name.find('除').is_some_and(|at| name[at..].contains('外'));
    but || ["不包括", "不含", "其他区域", "其它区域", "其余"]
        .iter()
        .any(|word| name.contains(word))
}

/// Splits `甲小区1号楼、2号楼` into `甲小区1号楼` and `甲小区2号楼`. Only if every part after the first is a complete building of the
/// same form and the text contains nothing else; any other text remains one name.
fn split(name: &str) -> Option<Vec<String>> {
    let parts: Vec<&str> = name.split(['、', '及', '和', '，', ',']).collect();
    let (first, others) = parts.split_first()?;
    if others.is_empty() {
        return None;
    }
    // The prefix ends where the first building's number begins.
    let building = building_suffix(first)?;
    let prefix = first.strip_suffix(building)?;
    if prefix.is_empty() || prefix.contains(['（', '(', '）', ')', '至']) {
        return None;
    }
    let mut names = vec![(*first).to_owned()];
    for other in others {
        // The whole part must be a building, not `3单元` of the building before it.
        if building_suffix(other) != Some(other) {
            return None;
        }
        names.push(format!("{prefix}{other}"));
    }
    Some(names)
}

/// The trailing `12号楼`, `12号楼3单元`, `3栋`, `2幢1单元` of a text.
fn building_suffix(text: &str) -> Option<&str> {
    let without_unit = match text.strip_suffix("单元") {
        Some(rest) => {
            let house = rest.trim_end_matches(|c: char| c.is_ascii_digit());
            (house.len() < rest.len()).then_some(house)?
        }
        None => text,
    };
    let number = ["号楼", "栋", "幢"]
        .iter()
        .find_map(|word| without_unit.strip_suffix(word))?;
    let prefix = number.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
    let digits = &number[prefix.len()..];
    digits
        .bytes()
        .any(|byte| byte.is_ascii_digit())
        .then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> CommunityReading {
        CommunityReading::Named(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn several_buildings_of_one_place_are_split() {
        assert_eq!(
            read("药山街道万科金色悦城3号楼、6号楼"),
            named(&["药山街道万科金色悦城3号楼", "药山街道万科金色悦城6号楼"])
        );
        assert_eq!(
            read("甸柳街道吉祥苑小区1号楼、3号楼及6号楼2单元"),
            named(&[
                "甸柳街道吉祥苑小区1号楼",
                "甸柳街道吉祥苑小区3号楼",
                "甸柳街道吉祥苑小区6号楼2单元"
            ])
        );
    }

    #[test]
    fn what_is_not_clear_stays_one_name() {
        for name in [
            "纬北街道鲁能康桥14号楼及5号楼1、2单元",
            "辛店街道雅苑一区5号楼、雅苑二区39号楼、雅苑一区南门胜大超市",
            "起步区孙耿街道西肖村（29号、30号、31号）",
            "台东街道浦口路10号、54号、56号、58号",
            "白沙埠镇东孝友村",
            "甲小区1号楼至3号楼、5号楼",
        ] {
            assert_eq!(read(name), named(&[name]));
        }
    }

    #[test]
    fn complements_and_whole_areas_go_to_an_officer() {
        for (name, reason) in [
            ("除2号楼以外其它楼宇", PlacementReason::Complement),
            (
                "西市场街道保利中心C地块二单元（底商除外）",
                PlacementReason::Complement,
            ),
            (
                "老山东里北社区（不包括老山西里38号至42号楼所在区域）",
                PlacementReason::Complement,
            ),
            ("薛城区全域", PlacementReason::WholeArea),
            ("", PlacementReason::PlaceUnknown),
        ] {
            assert_eq!(read(name), CommunityReading::ByOfficer(reason), "{name}");
        }
    }
}
