//! Files that people write: what is wrong with them is named by field and reason.

use lutong_conformance::declaration::Declaration;
use lutong_conformance::exchange::Exchange;
use lutong_conformance::expected::Expected;
use lutong_conformance::mock::faults::FaultScript;

use crate::bed::{bare_declaration, pem, whole_declaration};

#[test]
fn a_wrong_declaration_is_named_by_field_and_reason() {
    let whole = whole_declaration();
    for (right, wrong, named) in [
        (
            "province = \"32\"",
            "province = \"320\"",
            "province: is two digits",
        ),
        ("province = \"32\"", "", "missing field `province`"),
        ("name = \"江苏省\"", "name = \" \"", "name: is a line"),
        (
            "https://federation",
            "http://federation",
            "address: begins with https://",
        ),
        ("\"DECLARE_HEALTH\"", "\"MAKE_TEA\"", "MAKE_TEA"),
        ("\"CONVERSION\"", "\"BELIEF\"", "BELIEF"),
        (
            "requests_per_minute = 60000",
            "requests_per_minute = 0",
            "requests_per_minute: is 1 or more",
        ),
        (
            "requests_per_minute = 60000",
            "requests_per_minute = -1",
            "requests_per_minute",
        ),
        (
            "[\"MESSAGES\", \"CODES\", \"BATCHES\"]",
            "[]",
            "key[0].purposes: has",
        ),
        ("\"MESSAGES\", ", "", "key: none of them has the purpose MESSAGES"),
        ("BEGIN PUBLIC KEY", "BEGIN TEA", "key[0].public_key: is no PEM"),
        (
            "outcome = \"YELLOW\"",
            "outcome = \"BLUE\"",
            "code[0].outcome: \"BLUE\" is none of",
        ),
        (
            ", \"BATCHES\"]",
            "]",
            "key: none of them has the purpose BATCHES, which PULL_CHANGES needs",
        ),
        ("token = \"LT1:GONE\"", "token = \"\"", "code[1].token"),
        (
            "full_name = \"测试甲\"",
            "full_name = \"\"",
            "person[0].full_name",
        ),
        (
            "type = \"RESIDENT_ID\"",
            "type = \"TICKET\"",
            "person[0].document.type: \"TICKET\"",
        ),
        (
            "number = \"370202199001011232\"",
            "number = \"\"",
            "person[0].document.number",
        ),
        ("\"RECORDS\"", "\"EVERYTHING\"", "EVERYTHING"),
        (
            "outcome = \"GREEN\"",
            "outcome = \"UNREACHABLE\"",
            "person[0].outcome",
        ),
        ("outcome = \"GREEN\"", "outcome = \"GREEN\"\ncolour = 1", "colour"),
        ("[[code]]", "[[cod]]", "cod"),
    ] {
        assert!(whole.contains(right), "{right}");
        let error = Declaration::parse(&whole.replace(right, wrong))
            .unwrap_err()
            .to_string();
        assert!(error.contains(named), "{wrong}: {error}");
    }
    // All at once.
    let both = whole
        .replace("\"32\"", "\"3\"")
        .replace("outcome = \"GREEN\"", "outcome = \"\"");
    let error = Declaration::parse(&both).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 2, "{error}");
    assert!(Declaration::parse(&"[".repeat(100_000)).is_err());
}

#[test]
fn a_private_key_is_no_public_one() {
    let private = crate::bed::key(32).to_pkcs8_pem().unwrap();
    let text = bare_declaration().replace(&pem(32), private.expose());
    let error = Declaration::parse(&text).unwrap_err().to_string();
    assert!(error.contains("key[0].public_key"), "{error}");
    assert!(!error.contains("PRIVATE KEY"), "{error}");
}

#[test]
fn a_wrong_list_of_known_failures_is_named_by_field_and_reason() {
    let right =
        "[[failure]]\ncase = \"VER-001\"\nowner = \"张工\"\nuntil = \"2022-12-31\"\ncomment = \"升级中\"\n";
    assert_eq!(Expected::parse(right).unwrap().0.len(), 1);
    for (wrong, named) in [
        (right.replace("2022-12-31", "soon"), "failure[0].until: is a day"),
        (
            right.replace("VER-001", "VER-999"),
            "failure[0].case: there is no case",
        ),
        (right.repeat(2), "failure[1].case: VER-001 is there twice"),
        (right.replace("张工", " "), "failure[0].owner: is empty"),
        (right.replace("升级中", ""), "failure[0].comment: is empty"),
        (right.replace("owner", "boss"), "boss"),
        ("[[failures]]\n".to_owned(), "failures"),
    ] {
        let error = Expected::parse(&wrong).unwrap_err().to_string();
        assert!(error.contains(named), "{wrong}: {error}");
    }
}

/// The blocks of TOML of the guide for partners.
fn guide() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/partners/README.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let blocks = guide.split("```toml\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_files_that_the_guide_for_partners_shows_are_read_as_they_stand() {
    let [declaration, known, faults] = &guide()[..] else {
        panic!("{:?}", guide())
    };
    let (head, rest) = declaration.split_once("-----BEGIN PUBLIC KEY-----").unwrap();
    let (_, tail) = rest.split_once("-----END PUBLIC KEY-----").unwrap();
    let declared = Declaration::parse(&format!("{head}{}{tail}", pem(32))).unwrap();
    for served in [
        Exchange::MakeHealthCode,
        Exchange::QueryHealthRecords,
        Exchange::PullChanges,
    ] {
        assert!(declared.serves(served));
    }
    assert!(!declared.serves(Exchange::NotifyChanges));
    assert_eq!((declared.people.len(), declared.codes.len()), (1, 1));
    assert_eq!(
        Expected::parse(known)
            .unwrap()
            .0
            .keys()
            .copied()
            .collect::<Vec<_>>(),
        ["ANS-004"]
    );
    FaultScript::parse(faults).unwrap();
}
