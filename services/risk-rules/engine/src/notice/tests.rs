use std::io::Read as _;

use serde_json::{Value, json};

use super::*;

fn real() -> Vec<u8> {
    let mut json = Vec::new();
    flate2::read::GzDecoder::new(BUNDLED_2022_11_26_GZ)
        .read_to_end(&mut json)
        .unwrap();
    json
}

fn small(communities: &[&str]) -> Value {
    json!({"code": 0, "data": {"end_update_time": "2022-11-26 8时", "hcount": communities.len(), "mcount": 0, "lcount": 0,
        "highlist": [{"province": "山东省", "city": "青岛市", "county": "市南区", "communitys": communities}],
        "middlelist": [], "lowlist": []}})
}

fn notice(communities: &[&str]) -> Notice {
    Notice::parse(small(communities).to_string().as_bytes()).unwrap()
}

#[test]
fn the_real_notice_is_read_whole_and_nothing_of_it_is_dropped() {
    let notice = Notice::parse(&real()).unwrap();
    assert_eq!(notice.published_at.to_rfc3339(), "2022-11-26T08:00:00+08:00");
    assert_eq!(notice.low, 1_397);
    // Every stated community is listed, as one or as its buildings, or waits for an officer; some are stated twice.
    assert!(notice.listings.len() + notice.needs_placement.len() >= 22_900);
    let shandong = notice
        .listings
        .iter()
        .filter(|one| one.code.province() == 37)
        .count();
    assert!((1_500..2_000).contains(&shandong), "{shandong}");
}

#[test]
fn a_truncated_notice_is_refused_with_its_byte_offset() {
    let json = real();
    let cut = &json[..json.len() / 2];
    let error = Notice::parse(cut).unwrap_err();
    assert!(
        matches!(&error, NoticeError::Unreadable { offset, .. } if *offset == cut.len()),
        "{error}"
    );
}

#[test]
fn counts_that_do_not_match_are_refused() {
    let mut json = small(&["甲小区"]);
    json["data"]["hcount"] = json!(2);
    let error = Notice::parse(json.to_string().as_bytes()).unwrap_err();
    let expected = NoticeError::CountsDiffer {
        path: "data.hcount".to_owned(),
        stated: 2,
        listed: 1,
    };
    assert_eq!(error, expected);
}

#[test]
fn another_shape_is_refused_with_its_path() {
    let mut json = small(&["甲小区"]);
    json["data"]["highlist"][0]["communitys"][0] = json!(7);
    let error = Notice::parse(json.to_string().as_bytes()).unwrap_err();
    assert!(
        matches!(&error, NoticeError::Shape { path, .. } if path == "data.highlist[0].communitys[0]"),
        "{error}"
    );
    let mut json = small(&[]);
    json["data"]["end_update_time"] = json!("yesterday");
    let error = Notice::parse(json.to_string().as_bytes()).unwrap_err();
    assert!(
        matches!(&error, NoticeError::Shape { path, .. } if path == "data.end_update_time"),
        "{error}"
    );
}

#[test]
fn what_is_listed_twice_is_listed_once() {
    assert_eq!(notice(&["甲小区", "甲小区 "]).listings.len(), 1);
}

#[test]
fn a_place_is_opened_once_and_lifted_when_it_is_no_longer_listed() {
    let recorded = |text| Timestamp::parse(text).unwrap();
    let first = diff(
        &[],
        &notice(&["甲小区", "乙小区"]),
        recorded("2022-11-26T08:10:00+08:00"),
    );
    assert_eq!(
        (first.opened.len(), first.lifted.len(), first.unchanged),
        (2, 0, 0)
    );
    let mut next = small(&["乙小区", "丙小区"]);
    next["data"]["end_update_time"] = json!("2022-11-27 08时");
    let next = Notice::parse(next.to_string().as_bytes()).unwrap();
    let second = diff(&first.opened, &next, recorded("2022-11-27T08:10:00+08:00"));
    assert_eq!((second.opened.len(), second.unchanged), (1, 1));
    let [lifted] = &second.lifted[..] else {
        panic!("one is lifted")
    };
    assert_eq!(lifted.community.as_deref(), Some("甲小区"));
    assert_eq!(
        (lifted.from, lifted.to),
        (first.opened[0].from, Some(next.published_at))
    );
}
