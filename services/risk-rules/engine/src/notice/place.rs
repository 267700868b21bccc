//! Lookup of GB/T 2260 codes by name.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use lutong_kernel::DivisionCode;

/// The municipalities (直辖市), whose districts belong directly to the province level.
const MUNICIPALITIES: [&str; 4] = ["北京市", "天津市", "上海市", "重庆市"];

const PROVINCES: &str = include_str!("../../data/divisions/provinces.csv");
const CITIES: &str = include_str!("../../data/divisions/cities.csv");

type Names = HashMap<(&'static str, &'static str, &'static str), DivisionCode>;

static COUNTIES: LazyLock<Names> = LazyLock::new(|| {
    let (provinces, cities) = (named(PROVINCES), named(CITIES));
    let counties = table(include_str!("../../data/divisions/areas.csv"));
    let counties = counties.filter_map(|row| {
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
    counties.collect()
});

/// Names of cities by four digits: province and city, of a municipality only the municipality.
static CITY_NAMES: LazyLock<HashMap<u32, String>> = LazyLock::new(|| {
    let provinces = named(PROVINCES);
    let names = named(CITIES).into_iter().filter_map(|(code, city)| {
        let province = *provinces.get(code.get(..2)?)?;
        let name = if MUNICIPALITIES.contains(&province) {
            province.to_owned()
        } else {
            format!("{province}{city}")
        };
        Some((code.parse().ok()?, name))
    });
    names.collect()
});

/// All six-digit codes of GB/T 2260: provinces, cities and counties.
static ISSUED: LazyLock<HashSet<u32>> = LazyLock::new(|| {
    let codes =
        |csv, scale: u32| table(csv).filter_map(move |row| Some(row.first()?.parse::<u32>().ok()? * scale));
    let counties = codes(include_str!("../../data/divisions/areas.csv"), 1);
    counties
        .chain(codes(CITIES, 100))
        .chain(codes(PROVINCES, 10_000))
        .collect()
});

/// Whether GB/T 2260 contains a code. There is no table of streets; a street is accepted if its county exists.
pub fn is_issued(code: DivisionCode) -> bool {
    ISSUED.contains(&code.county().number())
}

/// The city that a row such as `山东省 青岛市 高新区` names or, if the tables do not contain the city, its province. `None` if the row
/// names no province.
pub fn region_of(place: &str) -> Option<DivisionCode> {
    let mut names = place.split(' ');
    let (province, city) = (names.next()?, names.next().unwrap_or_default());
    let mut codes = table(PROVINCES).filter(|row| row.get(1) == Some(&province));
    let province = codes.find_map(|row| row.first().copied())?;
    let city = table(CITIES).find(|row| row.get(1) == Some(&city) && row.get(2) == Some(&province));
    let code = match city.as_deref() {
        Some([code, ..]) => format!("{code}00"),
        _ => format!("{province}0000"),
    };
    DivisionCode::parse(&code).ok()
}

/// The name of a city, by the four digits of its code.
pub fn city_name(digits: u32) -> Option<String> {
    CITY_NAMES.get(&digits).cloned()
}

/// Names by code.
fn named(csv: &'static str) -> HashMap<&'static str, &'static str> {
    table(csv)
        .filter_map(|row| Some((*row.first()?, *row.get(1)?)))
        .collect()
}

/// The rows of a CSV table whose names contain no commas.
fn table(csv: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    csv.lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.trim_matches('"')).collect())
}

/// The code of a county. Notices write municipalities in two ways: `重庆市 重庆市 渝中区` and `北京市 朝阳区 呼家楼街道`.
pub fn code_of(province: &str, city: &str, county: &str) -> Option<DivisionCode> {
    let find = |city: &str, county: &str| {
        // Shortens the lifetime of the keys of the static table to that of the arguments.
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
    fn cities_have_their_provinces_name_and_municipalities_their_own() {
        for (digits, name) in [(3702, Some("山东省青岛市")), (1101, Some("北京市")), (3799, None)] {
            assert_eq!(city_name(digits).as_deref(), name);
        }
    }

    #[test]
    fn a_code_is_issued_or_it_is_not() {
        for (code, issued) in [
            ("370000", true),
            ("370200", true),
            ("370202", true),
            ("370202001", true),
            ("110000", true),
            ("999999", false),
            ("370299", false),
            ("379900", false),
            ("370299001", false),
        ] {
            assert_eq!(is_issued(DivisionCode::parse(code).unwrap()), issued, "{code}");
        }
    }

    #[test]
    fn a_row_names_its_city_or_at_least_its_province() {
        for (place, code) in [
            ("山东省 青岛市 高新区", Some("370200")),
            ("山东省 莱芜市 莱城区", Some("370000")),
            ("山东省  ", Some("370000")),
            ("北京市 朝阳区 呼家楼街道", Some("110000")),
            ("河北省 石家庄市 高新区", Some("130100")),
            ("青岛市 市南区", None),
            ("", None),
        ] {
            let found = region_of(place).map(|code| code.to_string());
            assert_eq!(found.as_deref(), code, "{place}");
        }
    }

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
