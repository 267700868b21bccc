//! Names to GB/T 2260 codes.

use std::collections::HashMap;
use std::sync::LazyLock;

use lutong_kernel::DivisionCode;

/// The four whose districts lie directly under the municipality (直辖市).
const MUNICIPALITIES: [&str; 4] = ["北京市", "天津市", "上海市", "重庆市"];

type Names = HashMap<(&'static str, &'static str, &'static str), DivisionCode>;

static COUNTIES: LazyLock<Names> = LazyLock::new(|| {
    let provinces = table(include_str!("../../../data/divisions/provinces.csv"));
    let provinces: HashMap<_, _> = provinces
        .filter_map(|row| Some((*row.first()?, *row.get(1)?)))
        .collect();
    let cities = table(include_str!("../../../data/divisions/cities.csv"));
    let cities: HashMap<_, _> = cities
        .filter_map(|row| Some((*row.first()?, *row.get(1)?)))
        .collect();
    let counties = table(include_str!("../../../data/divisions/areas.csv"));
    let named = counties.filter_map(|row| {
        let [code, name, city, province] = row[..] else {
            return None;
        };
        let province = *provinces.get(province)?;
        let city = if MUNICIPALITIES.contains(&province) {
            province
        } else {
            *cities.get(city)?
        };
        Some(((province, city, name), DivisionCode::parse(code).ok()?))
    });
    named.collect()
});

/// Rows of a table without commas in its names.
fn table(csv: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    csv.lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.trim_matches('"')).collect())
}

/// The county's code. Municipalities are written in two ways: `重庆市 重庆市 渝中区` and `北京市 朝阳区 呼家楼街道`.
pub fn code_of(province: &str, city: &str, county: &str) -> Option<DivisionCode> {
    let find = |city: &str, county: &str| {
        // The table lives as long as the program, the question does not.
        let names: &HashMap<(&str, &str, &str), DivisionCode> = &COUNTIES;
        names.get(&(province, city, county)).copied()
    };
    if MUNICIPALITIES.contains(&province) {
        return find(province, county).or_else(|| find(province, city));
    }
    find(city, county)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counties_and_both_spellings_of_municipalities_are_found() {
        for (names, code) in [
            (("山东省", "济南市", "历下区"), Some("370102")),
            (("重庆市", "重庆市", "渝中区"), Some("500103")),
            (("北京市", "朝阳区", "呼家楼街道"), Some("110105")),
            (("山东省", "济南市", "高新区"), None),
            (("山东省", "济南市", ""), None),
        ] {
            let found = code_of(names.0, names.1, names.2).map(|code| code.to_string());
            assert_eq!(found.as_deref(), code, "{names:?}");
        }
    }
}
