use super::*;

fn at(day: u8) -> Timestamp {
    Timestamp::parse(&format!("2022-03-{day:02}T00:00:00+08:00")).unwrap()
}

fn code(text: &str) -> DivisionCode {
    DivisionCode::parse(text).unwrap()
}

fn entry(place: &str, community: Option<&str>, to: Option<u8>, recorded: u8) -> AreaEntry {
    AreaEntry {
        code: code(place),
        community: community.map(str::to_owned),
        level: RiskLevel::High,
        from: at(1),
        to: to.map(at),
        recorded_at: at(recorded),
    }
}

fn covered(book: &AreaBook, place: &str, community: Option<&str>) -> bool {
    !listings(book, place, community, 30).is_empty()
}

fn listings(book: &AreaBook, place: &str, community: Option<&str>, known: u8) -> Vec<ListingPeriod> {
    let mut found = Vec::new();
    let key = community.map(community_key);
    book.covering(code(place), key, RiskLevel::High, at(known), |listing| {
        found.push(listing);
    });
    found
}

#[test]
fn a_whole_code_covers_everything_inside_it_and_nothing_beside_it() {
    for (listed, inside, beside) in [
        ("370202", "370202001", "370203001"),
        ("370200", "370202001", "370302"),
        ("370000", "370202", "320102"),
    ] {
        let book = AreaBook::new([entry(listed, None, None, 1)]);
        assert!(
            covered(&book, inside, None) && covered(&book, inside, Some("甲")),
            "{listed}"
        );
        assert!(
            covered(&book, listed, None) && !covered(&book, beside, None),
            "{listed}"
        );
    }
}

#[test]
fn a_county_is_not_covered_by_a_listing_inside_it() {
    let book = AreaBook::new([entry("370202001", None, None, 1)]);
    assert!(!covered(&book, "370202", None));
}

#[test]
fn a_community_covers_the_identical_code_and_name_only() {
    let book = AreaBook::new([entry("370202", Some("阳光小区"), None, 1)]);
    assert!(covered(&book, "370202", Some("阳光小区")));
    assert!(!covered(&book, "370202", None));
    assert!(!covered(&book, "370202", Some("阳光小区1号楼")));
    assert!(!covered(&book, "370202001", Some("阳光小区")));
}

#[test]
fn a_later_recorded_entry_replaces_the_earlier_one_once_it_is_known() {
    let (open, closed) = (
        entry("370202", None, None, 1),
        entry("370202", None, Some(10), 11),
    );
    for entries in [[open.clone(), closed.clone()], [closed, open]] {
        let book = AreaBook::new(entries);
        let known = |day| listings(&book, "370202", None, day);
        assert_eq!(known(10).iter().map(|l| l.to).collect::<Vec<_>>(), [None]);
        assert_eq!(known(11).iter().map(|l| l.to).collect::<Vec<_>>(), [Some(at(10))]);
        assert_eq!(book.len(), 2);
    }
}

#[test]
fn an_id_is_of_one_listing_whatever_is_known_of_its_end() {
    let open = entry("370202", Some("甲小区"), None, 1);
    assert_eq!(open.id(), entry("370202", Some("甲小区"), Some(10), 11).id());
    let others = [
        entry("370203", Some("甲小区"), None, 1),
        entry("370202", None, None, 1),
        AreaEntry {
            level: RiskLevel::Medium,
            ..open.clone()
        },
        AreaEntry {
            from: at(2),
            ..open.clone()
        },
    ];
    assert!(others.iter().all(|other| other.id() != open.id()));
    assert_eq!(open.id().get_version_num(), 8);
}

#[test]
fn listings_are_paged_by_key_within_a_division_as_known_then() {
    let book = AreaBook::new([
        entry("370203", None, None, 1),
        entry("370202", Some("甲小区"), None, 1),
        entry("370202", Some("甲小区"), Some(10), 11),
        entry("370102", None, None, 1),
        entry("370302", None, None, 20),
    ]);
    let page = |division: &str, open_only, known: u8, after: Option<&AreaKey>, limit| {
        let query = AreaQuery {
            division: DivisionCode::parse(division).ok(),
            level: None,
            open_only,
            known_at: Some(at(known)),
        };
        book.page(&query, at(30), after, limit)
    };
    let codes =
        |found: Vec<AreaEntry>| -> Vec<String> { found.iter().map(|one| one.code.to_string()).collect() };
    assert_eq!(
        codes(page("", false, 10, None, 9)),
        ["370102", "370202", "370203"]
    );
    assert_eq!(codes(page("370200", true, 30, None, 9)), ["370203"]);
    assert_eq!(codes(page("370200", true, 10, None, 9)), ["370202", "370203"]);
    let first = page("370000", false, 30, None, 2);
    let last = first.last().map(AreaEntry::key);
    assert_eq!(
        codes(page("370000", false, 30, last.as_ref(), 9)),
        ["370203", "370302"]
    );
}
