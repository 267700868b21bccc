use super::*;

fn division(code: &str) -> DivisionCode {
    DivisionCode::parse(code).unwrap()
}

const WHOLE: &str = "reopenings,feedback,3\nreopenings,appeal,2\nreopenings,place,0\nreopenings,door_report,3\n\
    desk,370000,feedback,a\ndesk,370000,appeal,b\ndesk,370000,place,c\ndesk,370000,door_report,d\n";

fn retention() -> Retention {
    Retention::parse("attachments,60").unwrap()
}

#[test]
fn the_rules_of_the_province_can_be_read_and_are_whole() {
    let rules = Handling::of_province().unwrap();
    assert_eq!(rules.reopenings(Kind::Appeal), 2);
    assert_eq!(rules.desk(division("370202"), Kind::Appeal), "epidemic-control");
    assert_eq!(rules.desk(division("370000"), Kind::Place), "market-supervision");
}

#[test]
fn the_desk_of_the_nearest_division_around_answers() {
    let text = format!("{WHOLE}desk,370200,place,city\ndesk,370202,place,district\n");
    let rules = Handling::parse(&text, Calendar::default(), retention()).unwrap();
    for (code, desk) in [
        ("370202", "district"),
        ("370203", "city"),
        ("370200", "city"),
        ("370102", "c"),
    ] {
        assert_eq!(rules.desk(division(code), Kind::Place), desk, "{code}");
        assert_eq!(rules.desk(division(code), Kind::Appeal), "b", "{code}");
    }
}

#[test]
fn a_wrong_line_is_named_and_every_kind_has_its_rules() {
    for (line, wrong) in [
        ("reopenings,appeals,2", HandlingError::Line(9)),
        ("reopenings,appeal,-1", HandlingError::Line(9)),
        ("reopenings,appeal,2", HandlingError::Line(9)),
        ("desk,370202,place,", HandlingError::Line(9)),
        ("desk,37020,place,x", HandlingError::Line(9)),
        ("desk,370000,place,x", HandlingError::Line(9)),
        ("place", HandlingError::Line(9)),
    ] {
        let read = Handling::parse(&format!("{WHOLE}{line}\n"), Calendar::default(), retention());
        assert_eq!(read.unwrap_err(), wrong, "{line}");
    }
    for (without, kind) in [
        ("reopenings,place,0\n", "place"),
        ("desk,370000,appeal,b\n", "appeal"),
    ] {
        let read = Handling::parse(&WHOLE.replace(without, ""), Calendar::default(), retention());
        assert_eq!(read.unwrap_err(), HandlingError::Missing(kind));
    }
}
