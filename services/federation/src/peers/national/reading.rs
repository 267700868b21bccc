//! Reads the platform's report: a tolerant edge, misspelt members included, into records that are typed or not there. One record that cannot be
//! read makes the whole answer one: what it said might have been red.

use lutong_kernel::Timestamp;
use lutong_token::Issuer;
use serde_json::Value;

use crate::colour_maps::domain::{ColourMap, RecognitionOutcome};
use crate::peers::gateways::{field, inner, text};
use crate::records::domain::{HealthRecord, is_same_name};

/// Records of one person.
const MOST_RECORDS: usize = 200;
/// Characters of a text of a record.
const MAX_TEXT: usize = 200;

/// The list of records, one a province.
const REPORT: [&str; 1] = ["healthyReport"];
/// Whether there is a code at all, where an answer says so.
const HAS_CODE: [&str; 1] = ["isHaveHealthCode"];

/// The records of an answer about this person.
pub fn records(
    answer: &Value,
    name: &str,
    number: &str,
    map: &ColourMap,
) -> Result<Vec<HealthRecord>, RecognitionOutcome> {
    let unknown = RecognitionOutcome::UnknownValue;
    let report = inner(answer, &[REPORT[0], HAS_CODE[0]]).ok_or(unknown)?;
    if field(&report, &HAS_CODE).is_some_and(|flag| text(flag) == "false") {
        return Err(RecognitionOutcome::NoCode);
    }
    check_person(&report, name, number)?;
    let listed = field(&report, &REPORT).and_then(Value::as_array).ok_or(unknown)?;
    if MOST_RECORDS < listed.len() {
        return Err(unknown);
    }
    listed.iter().map(|one| record(one, map).ok_or(unknown)).collect()
}

/// Whether the answer is about the person that was asked about. Nothing in it is signed.
fn check_person(report: &Value, name: &str, number: &str) -> Result<(), RecognitionOutcome> {
    let person = field(report, &["person"]).unwrap_or(report);
    let shown = |names: &[&str]| field(person, names).map(text).unwrap_or_default();
    let shown_number = shown(&["desensitizeCardId", "cardNo", "sfzh"]);
    if !shown_number.is_empty() && !is_same_number(number, &shown_number) {
        return Err(RecognitionOutcome::UnknownValue);
    }
    if is_same_name(name, &shown(&["desensitizeName", "name", "xm"])) {
        Ok(())
    } else {
        Err(RecognitionOutcome::NameMismatch)
    }
}

/// Whether a number, masked or not, may be this one.
fn is_same_number(number: &str, shown: &str) -> bool {
    let shown: Vec<char> = shown
        .to_uppercase()
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let number: Vec<char> = number.to_uppercase().chars().collect();
    let same = |(a, b): (&char, &char)| a == b || *b == '*';
    shown.len() == number.len() && number.iter().zip(&shown).all(same)
}

fn record(one: &Value, map: &ColourMap) -> Option<HealthRecord> {
    let member = |names: &[&str]| field(one, names).map(text).unwrap_or_default();
    let line = |names: &[&str]| -> String { member(names).chars().take(MAX_TEXT).collect() };
    let time = |names: &[&str]| instant(&member(names));
    Some(HealthRecord {
        province: province(&member(&["provinceCode", "province", "sfdm", "xzqhdm"]))?,
        city: line(&["cityName", "city", "mffd"]),
        kind: line(&["kind", "mlx"]),
        reason: line(&["reason", "hmcmyy"]),
        first_issued: time(&["firstIssueTime", "scffsj"]),
        updated: time(&["updateTime", "zjgxsj"]),
        // `healthyStaus`, as it is written on the wire; the right spelling, too.
        value: map.read(&member(&["healthyStaus", "healthyStatus", "mzt"])),
    })
}

/// Two digits, six, or the nine of a street.
fn province(code: &str) -> Option<Issuer> {
    let is_code = matches!(code.len(), 2 | 6 | 9) && code.bytes().all(|byte| byte.is_ascii_digit());
    Issuer::parse(code.get(..2).filter(|_| is_code)?).ok()
}

/// RFC 3339, the wall clock of Shandong, or milliseconds. What cannot be read is no time, and a record without one is as new as any.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(at) = Timestamp::parse(text) {
        return Some(at);
    }
    if text.len() == 13
        && let Ok(millis) = text.parse::<i64>()
    {
        return Some(Timestamp::from_micros(millis.saturating_mul(1_000)));
    }
    let (day, time) = text.split_once(' ')?;
    Timestamp::parse(&format!("{day}T{time}+08:00")).ok()
}

#[cfg(test)]
mod tests {
    use lutong_kernel::Random as _;
    use lutong_kernel::random::SeededRandom;
    use serde_json::json;

    use super::*;
    use crate::colour_maps::domain::ColourMaps;
    use crate::colour_maps::domain::RecognitionOutcome::{
        Green, NameMismatch, NoCode, Red, UnknownValue, Yellow,
    };

    const NUMBER: &str = "370202199001010015";

    fn read(answer: &Value) -> Result<Vec<HealthRecord>, RecognitionOutcome> {
        let maps = ColourMaps::of_build().unwrap();
        records(answer, "李华", NUMBER, maps.get("national-platform-1").unwrap())
    }

    fn report(records: &Value) -> Value {
        json!({
            "person": {"desensitizeName": "李*", "desensitizeCardId": "3702**********0015"},
            "healthyReport": records,
        })
    }

    fn record() -> Value {
        json!({
            "provinceCode": "320000", "city": "南京市", "mlx": "居民码", "healthyStaus": "00", "hmcmyy": "",
            "scffsj": "2020-03-01 09:00:00", "zjgxsj": "2022-11-26 08:00:00",
        })
    }

    #[test]
    fn each_record_keeps_where_it_comes_from() {
        let mut second = record();
        (second["provinceCode"], second["healthyStaus"]) = (json!("31"), json!("01"));
        (second["hmcmyy"], second["zjgxsj"]) = (json!("时空伴随"), json!(1_669_420_800_000_i64));
        let found =
            read(&json!({"code": "200", "data": report(&json!([record(), second])).to_string()})).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].province, found[0].value),
            (Issuer::parse("32").unwrap(), Green)
        );
        assert_eq!(
            (found[0].city.as_str(), found[0].kind.as_str()),
            ("南京市", "居民码")
        );
        assert_eq!(
            found[0].updated,
            Timestamp::parse("2022-11-26T08:00:00+08:00").ok()
        );
        assert_eq!(
            found[0].first_issued,
            Timestamp::parse("2020-03-01T09:00:00+08:00").ok()
        );
        assert_eq!((found[1].value, found[1].reason.as_str()), (Yellow, "时空伴随"));
        assert_eq!(found[1].updated, Some(Timestamp::from_seconds(1_669_420_800)));
    }

    #[test]
    fn members_are_read_as_they_are_spelt_on_the_wire() {
        let mut one = record();
        let members = one.as_object_mut().unwrap();
        members.remove("healthyStaus");
        members.insert("healthystatus".to_owned(), json!("10"));
        members.remove("zjgxsj");
        members.insert("UPDATETIME".to_owned(), json!("soon"));
        let found = read(&json!({"data": {"data": {"data": report(&json!([one]))}}})).unwrap();
        assert_eq!((found[0].value, found[0].updated), (Red, None));
        assert_eq!(read(&report(&json!([]))), Ok(Vec::new()));
        assert_eq!(read(&json!({"data": {"isHaveHealthCode": false}})), Err(NoCode));
    }

    #[test]
    fn values_that_nobody_has_written_down_are_unknown_and_never_green() {
        for value in [
            json!("0"),
            json!(0),
            json!("green"),
            json!(""),
            json!(null),
            json!([]),
            json!("000"),
        ] {
            let mut one = record();
            one["healthyStaus"] = value;
            assert_eq!(read(&report(&json!([one]))).unwrap()[0].value, UnknownValue);
        }
    }

    #[test]
    fn an_answer_about_somebody_else_is_not_used() {
        for (name, number, expected) in [
            ("李*", "3702**********0016", UnknownValue),
            ("李*", "370202199001", UnknownValue),
            ("王*", "3702**********0015", NameMismatch),
            ("**", "3702**********0015", NameMismatch),
            ("", "", NameMismatch),
        ] {
            let mut answer = report(&json!([record()]));
            answer["person"] = json!({"desensitizeName": name, "desensitizeCardId": number});
            assert_eq!(read(&answer), Err(expected), "{name} {number}");
        }
        let mut spaced = report(&json!([record()]));
        spaced["person"] = json!({"xm": "李 华", "sfzh": NUMBER});
        assert_eq!(read(&spaced).unwrap().len(), 1);
    }

    #[test]
    fn one_record_that_cannot_be_read_makes_the_answer_unknown() {
        let mut nowhere = record();
        nowhere["provinceCode"] = json!("Jiangsu");
        for listed in [
            json!([record(), nowhere]),
            json!([record(), "x"]),
            json!([record(), null]),
            json!({}),
            json!("[]]"),
            json!(vec![record(); 201]),
        ] {
            assert_eq!(read(&report(&listed)), Err(UnknownValue));
        }
        assert_eq!(read(&json!({"code": "200"})), Err(UnknownValue));
    }

    #[test]
    fn no_noise_makes_the_reader_panic_or_green() {
        let good = json!({"data": report(&json!([record()])).to_string()}).to_string();
        let random = SeededRandom::new(18);
        for _ in 0..3_000 {
            let mut draw = [0; 6];
            random.fill(&mut draw);
            let mut noise = good.clone().into_bytes();
            let place = usize::from(u16::from_be_bytes([draw[0], draw[1]])) % noise.len();
            noise[place] = draw[2];
            noise.truncate(noise.len() - usize::from(draw[3] % 4));
            if let Ok(answer) = serde_json::from_slice::<Value>(&noise) {
                let _ = read(&answer);
            }
        }
    }
}
