//! The kit and the mock as an operator runs them.

use lutong_conformance::report::signed::Manifest;
use lutong_conformance::report::{Report, VALID_SECONDS};
use lutong_tests::instants::now;
use serde_json::Value;

use crate::{Bench, key, report, said, text};

/// A bench with the keys of both sides and a declaration of Jiangsu.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.write_key("jiangsu", &key(32));
    bench.write_key("shandong", &key(37));
    let pem = key(32).verifying_key().to_pem().unwrap();
    let declared = format!(
        "province = \"32\"\nname = \"江苏省\"\naddress = \"https://federation.example.cn\"\nmodes = [\"CONVERSION\"]\n\
         requests_per_minute = 60000\n\n[[key]]\npublic_key = \"\"\"\n{pem}\"\"\"\npurposes = [\"MESSAGES\", \"CODES\"]\n"
    );
    bench.write("jiangsu.toml", &declared);
    bench
}

impl Bench {
    fn kit(&self, peer: &str, more: &[&str]) -> std::process::Output {
        let run = [
            "conformance",
            "--peer",
            peer,
            "--declaration",
            "jiangsu.toml",
            "--sender",
            "37",
            "--key",
            "shandong.pem",
        ];
        self.run(&[&run, more].concat())
    }
}

#[test]
fn a_partner_is_tested_its_report_verified_and_two_reports_compared() {
    let bench = bench();
    bench.write("faults.toml", "[[fault]]\nkind = \"accepts-ahead\"\n");
    let (whole, broken) = (bench.mock(&[]), bench.mock(&["--faults", "faults.toml"]));
    let good = bench.kit(&whole.address, &["--out", "good"]);
    assert!(good.status.success(), "{}", said(&good));
    let last = text(&good.stdout).lines().last().unwrap().to_owned();
    assert!(
        last.starts_with("CONFORMANT: ") && last.contains(" PASS"),
        "{last}"
    );
    let bad = bench.kit(&broken.address, &["--out", "bad"]);
    assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
    let failed = text(&bad.stdout)
        .lines()
        .filter(|line| line.contains(" FAIL "))
        .map(str::to_owned)
        .collect::<Vec<_>>();
    assert!(
        matches!(&failed[..], [one] if one.starts_with("MSG-005 MUST") && one.contains("ACCEPTED")),
        "{failed:?}"
    );
    assert!(
        text(&bad.stdout)
            .lines()
            .last()
            .unwrap()
            .starts_with("NOT_CONFORMANT: ")
    );
    // A report says what came out, whatever that is, and holds as long as it is as it was signed.
    for (folder, verdict) in [("good", "CONFORMANT"), ("bad/report.cose", "NOT_CONFORMANT")] {
        let verified = bench.run(&["conformance", "verify", folder, "--key", "shandong.pub"]);
        assert!(verified.status.success(), "{}", said(&verified));
        assert_eq!(text(&verified.stdout).lines().last(), Some(verdict));
    }
    let json = bench.run(&["conformance", "verify", "good", "--key", "shandong.pub", "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&json["verdict"], &json["province"]),
        (&"CONFORMANT".into(), &"32".into())
    );
    let foreign = bench.run(&["conformance", "verify", "good", "--key", "jiangsu.pub"]);
    assert_eq!(foreign.status.code(), Some(1));
    assert!(said(&foreign).contains("SIGNATURE"), "{}", said(&foreign));
    let worse = bench.run(&["conformance", "compare", "good", "bad", "--key", "shandong.pub"]);
    assert_eq!(worse.status.code(), Some(1), "{}", said(&worse));
    let lines: Vec<String> = text(&worse.stdout).lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "MSG-005 WORSE  PASS → FAIL",
            "0 BETTER, 1 WORSE, 0 OTHER, 0 NEW, 0 GONE"
        ]
    );
    let better = bench.run(&["conformance", "compare", "bad/report.json", "good/report.json"]);
    assert!(
        better.status.success() && text(&better.stdout).contains("MSG-005 BETTER"),
        "{}",
        said(&better)
    );
    let path = bench.path("bad/report.json");
    let altered = std::fs::read_to_string(&path)
        .unwrap()
        .replace("NOT_CONFORMANT", "CONFORMANT");
    std::fs::write(&path, altered).unwrap();
    for arguments in [
        &["conformance", "verify", "bad", "--key", "shandong.pub"][..],
        &["conformance", "compare", "good", "bad", "--key", "shandong.pub"],
    ] {
        let refused = bench.run(arguments);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(
            said(&refused).contains("ALTERED: report.json"),
            "{}",
            said(&refused)
        );
    }
    let page = std::fs::read_to_string(bench.path("good/report.html")).unwrap();
    assert!(
        page.contains("江苏省（32）：符合 / conformant"),
        "{}",
        &page[..2_000]
    );
}

#[test]
fn a_known_failure_is_no_failure_and_the_list_is_kept_true() {
    let bench = bench();
    bench.write("faults.toml", "[[fault]]\nkind = \"accepts-ahead\"\n");
    let known = |case: &str, until: &str| {
        format!(
            "[[failure]]\ncase = \"{case}\"\nowner = \"张工\"\nuntil = \"{until}\"\ncomment = \"升级中\"\n"
        )
    };
    let (whole, broken) = (bench.mock(&[]), bench.mock(&["--faults", "faults.toml"]));
    for (place, (peer, list, code, said_of)) in [
        (&broken, known("MSG-005", "2099-12-31"), 0, "KNOWN_FAILURES: "),
        (&broken, known("MSG-005", "2022-12-31"), 1, "MSG-005: ENDED"),
        (&whole, known("MSG-005", "2099-12-31"), 1, "MSG-005: PASSES"),
        (&whole, known("DEC-001", "2099-12-31"), 1, "DEC-001: UNUSED"),
    ]
    .into_iter()
    .enumerate()
    {
        bench.write("known.toml", &list);
        let out = format!("report-{place}");
        let run = bench.kit(
            &peer.address,
            &["--expected-failures", "known.toml", "--out", &out],
        );
        assert_eq!(run.status.code(), Some(code), "{list}: {}", said(&run));
        assert!(said(&run).contains(said_of), "{list}: {}", said(&run));
    }
}

#[test]
fn nothing_is_written_over_a_report_unless_it_is_said() {
    let bench = bench();
    let mock = bench.mock(&[]);
    let kit = |more: &[&str]| bench.kit(&mock.address, &[&["--out", "report"], more].concat());
    assert!(kit(&[]).status.success());
    let before = std::fs::read(bench.path("report/report.json")).unwrap();
    let refused = kit(&[]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("--overwrite"), "{}", said(&refused));
    assert_eq!(std::fs::read(bench.path("report/report.json")).unwrap(), before);
    assert!(kit(&["--overwrite"]).status.success());
    assert_ne!(std::fs::read(bench.path("report/report.json")).unwrap(), before);
    // Signed with a key of its own.
    bench.write_key("office", &key(5));
    assert!(
        kit(&["--overwrite", "--report-key", "office.pem"])
            .status
            .success()
    );
    for (public, holds) in [("office.pub", true), ("shandong.pub", false)] {
        let verified = bench.run(&["conformance", "verify", "report", "--key", public]);
        assert_eq!(verified.status.success(), holds, "{}", said(&verified));
    }
    assert_eq!(report(&bench.path("report"))["tester"], "37");
}

#[test]
fn what_is_wrong_with_files_and_arguments_is_named_before_anything_is_sent() {
    let bench = bench();
    let declared = std::fs::read_to_string(bench.path("jiangsu.toml")).unwrap();
    let nobody = "http://127.0.0.1:9";
    for (name, wrong, named) in [
        (
            "jiangsu.toml",
            declared.replace("\"32\"", "\"320\""),
            "jiangsu.toml: province: ",
        ),
        ("jiangsu.toml", declared.replace("CONVERSION", "BELIEF"), "BELIEF"),
        (
            "known.toml",
            "[[failure]]\ncase = \"X\"\nowner = \"a\"\nuntil = \"2099-01-01\"\ncomment = \"b\"\n".to_owned(),
            "known.toml: failure[0].case: ",
        ),
        ("shandong.pem", "-----BEGIN TEA-----".to_owned(), "shandong.pem: "),
    ] {
        bench.write("known.toml", "");
        bench.write_key("shandong", &key(37));
        bench.write("jiangsu.toml", &declared);
        bench.write(name, &wrong);
        let refused = bench.kit(nobody, &["--out", "report", "--expected-failures", "known.toml"]);
        assert_eq!(refused.status.code(), Some(2), "{name}: {}", said(&refused));
        assert!(said(&refused).contains(named), "{name}: {}", said(&refused));
        assert!(!bench.path("report").exists());
    }
    bench.write_key("shandong", &key(37));
    bench.write("jiangsu.toml", &declared);
    let far = bench.kit("http://federation.example.cn", &["--out", "report"]);
    assert_eq!(far.status.code(), Some(2));
    assert!(
        said(&far).contains("--peer: begins with https://"),
        "{}",
        said(&far)
    );
    let missing = bench.run(&["conformance", "--peer", nobody]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(said(&missing).contains("--declaration"), "{}", said(&missing));
    let mock = |more: &[&str]| {
        let arguments = [
            "mock",
            "--declaration",
            "jiangsu.toml",
            "--partner",
            "37",
            "--partner-key",
            "shandong.pub",
        ];
        bench.run(&[&arguments, more].concat())
    };
    bench.write("faults.toml", "[[fault]]\nkind = \"slow\"\n");
    for (arguments, named) in [
        (&["--key", "jiangsu.pem", "--listen", "0.0.0.0:0"][..], "--listen"),
        (
            &["--key", "jiangsu.pem", "--faults", "faults.toml"],
            "faults.toml: fault[0].milliseconds",
        ),
        (&["--key", "shandong.pem"], "none of the keys"),
    ] {
        let refused = mock(arguments);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(said(&refused).contains(named), "{}", said(&refused));
    }
}

/// As if it had been made then.
fn date_back(bench: &Bench, folder: &str, seconds: i64) {
    let path = bench.path(folder).join("report.json");
    let mut report: Report = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let ended_at = now().plus_seconds(-seconds);
    report.end_time = ended_at.to_string();
    report.expire_time = ended_at.plus_seconds(VALID_SECONDS).to_string();
    let (json, page) = (report.json().unwrap(), report.page().unwrap());
    let signature = Manifest::of(&report, &json, &page).sign(&key(37)).unwrap();
    for (name, bytes) in [
        ("report.json", &json[..]),
        ("report.html", page.as_bytes()),
        ("report.cose", &signature),
    ] {
        std::fs::write(bench.path(folder).join(name), bytes).unwrap();
    }
}

#[test]
fn a_report_counts_for_three_months_and_is_compared_afterwards() {
    let bench = bench();
    let mock = bench.mock(&[]);
    for folder in ["old", "new"] {
        assert!(bench.kit(&mock.address, &["--out", folder]).status.success());
    }
    let verify = || bench.run(&["conformance", "verify", "old", "--key", "shandong.pub"]);
    date_back(&bench, "old", VALID_SECONDS - 3_600);
    assert!(verify().status.success(), "{}", said(&verify()));
    date_back(&bench, "old", VALID_SECONDS + 1);
    let late = verify();
    assert_eq!(late.status.code(), Some(1), "{}", said(&late));
    assert!(said(&late).contains("EXPIRED: at "), "{}", said(&late));
    let compared = bench.run(&["conformance", "compare", "old", "new", "--key", "shandong.pub"]);
    assert!(compared.status.success(), "{}", said(&compared));
    assert_eq!(
        text(&compared.stdout),
        "0 BETTER, 0 WORSE, 0 OTHER, 0 NEW, 0 GONE\n"
    );
}

#[test]
fn reports_of_different_systems_are_not_compared() {
    let bench = bench();
    let mock = bench.mock(&[]);
    assert!(bench.kit(&mock.address, &["--out", "one"]).status.success());
    let json = std::fs::read_to_string(bench.path("one/report.json")).unwrap();
    bench.write(
        "other.json",
        &json.replace("\"province\": \"32\"", "\"province\": \"33\""),
    );
    bench.write("none.json", "{}");
    for (other, named) in [
        ("other.json", "different systems: 32, 33"),
        ("none.json", "none.json: missing field"),
    ] {
        let refused = bench.run(&["conformance", "compare", "one", other]);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(said(&refused).contains(named), "{}", said(&refused));
    }
}
