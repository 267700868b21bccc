//! The operator's commands, and the README's examples as written.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lutong_tests::mesh::{Mesh, Shape};
use lutong_tests::process::binary;
use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn lutong(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let environment = environment.iter().copied();
    Command::new(binary())
        .args(arguments)
        .envs(environment)
        .current_dir(repository())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The shell blocks below a heading of the README, adapted to a local mesh.
fn readme_blocks(heading: &str, mesh: &Mesh) -> Vec<String> {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, section) = readme.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let port = mesh.gateway.base.rsplit(':').next().unwrap();
    let data = mesh.folder.path().join("data");
    let blocks = section.split("```sh\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .map(|block| block.replace("127.0.0.1:8080", &format!("127.0.0.1:{port}")))
        .map(|block| block.replace("./lutong-data", &data.display().to_string()))
        .collect()
}

#[tokio::test]
async fn the_readmes_three_minutes_work_as_written() {
    let mesh = Mesh::start(Shape::OneProcess).await;
    let blocks = readme_blocks("## Three minutes", &mesh);
    let [serve, steps @ .., grpcurl] = &blocks[..] else {
        panic!("{blocks:?}")
    };
    // The test's mesh replaces this `serve`.
    assert!(serve.starts_with("lutong serve --dev --data "), "{serve}");
    let folder = mesh.folder.path().join("readme");
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(binary(), folder.join("lutong")).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let script = format!("{}\necho; echo \"$session\"", steps.join("\n"));
    let output = Command::new("bash")
        .args(["-ec", &script])
        .env("PATH", path)
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = text(&output.stdout);
    for expected in [
        "DECLARATION_STATE_IN_FORCE",
        "COLOUR_GREEN\n",
        r#"{"outcome":"VERIFICATION_OUTCOME_VALID","colour":"COLOUR_GREEN","name_mask":"*明","#,
    ] {
        assert!(
            said.contains(expected),
            "{expected}: {said}{}",
            text(&output.stderr)
        );
    }
    let drawn = std::fs::read_to_string(folder.join("code.svg")).unwrap();
    assert!(drawn.contains("<svg"), "{drawn}");
    let session = said.lines().last().unwrap();
    let port = mesh.gateway.base.rsplit(':').next().unwrap();
    // grpcurl is not packaged in Debian: the same call by reflection with Python grpcio.
    let method = grpcurl.split_whitespace().last().unwrap();
    let tools = Command::new(repository().join("deploy/tools")).output().unwrap();
    let python = Path::new(text(&tools.stdout).trim()).join("python3");
    let output = Command::new(python)
        .arg(repository().join("tests/reflection.py"))
        .args([&format!("127.0.0.1:{port}"), session, method])
        .output()
        .unwrap();
    let shown: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!(shown["colour"], "COLOUR_GREEN");
    assert!(shown["token"].as_str().unwrap().starts_with("LT1:"));
}

#[test]
fn what_the_readme_and_the_operators_page_point_to_is_there() {
    for page in ["README.md", "deploy/OPERATE.md"] {
        let text = std::fs::read_to_string(repository().join(page)).unwrap();
        let folder = repository().join(page);
        let links = text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap());
        let mut count = 0;
        for link in links.filter(|link| !link.starts_with('#') && !link.starts_with("http")) {
            let file = folder.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(file.exists(), "{page}: {link}");
            count += 1;
        }
        assert!(count > 0, "{page}");
    }
}

/// Every command in `OPERATE.md` exists, with the arguments shown.
#[test]
fn the_operators_page_shows_commands_that_there_are() {
    let page = std::fs::read_to_string(repository().join("deploy/OPERATE.md")).unwrap();
    let commands: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .flat_map(|rest| rest.split("```").next().unwrap().lines())
        .filter(|line| line.starts_with("lutong "))
        .collect();
    assert!(commands.len() > 25, "{}", commands.len());
    for command in commands {
        let shown = command.split("  ").next().unwrap().split(" #").next().unwrap();
        let words: Vec<&str> = shown.split_whitespace().skip(1).collect();
        let names: Vec<&str> = words
            .iter()
            .copied()
            .take_while(|word| {
                word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
            })
            .take(3)
            .collect();
        // The longest prefix that is a command; the rest may be arguments.
        let help = (1..=names.len()).rev().find_map(|count| {
            let output = lutong(&[&["help"], &names[..count]].concat(), &[]);
            output.status.success().then(|| text(&output.stdout))
        });
        let help = help.unwrap_or_else(|| panic!("there is no {shown}"));
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(
                help.contains(option.trim_end_matches(']')),
                "{shown}: no {option}"
            );
        }
    }
}

#[test]
fn the_tour_plays_every_step_well_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("codes.svg").display().to_string();
    let output = lutong(&["tour", "--lang", "en", "--picture", &picture], &[]);
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert_eq!(said.lines().last(), Some("37 passed, 0 failed"));
    // One sentence per step in one language, two drawn codes, and what to try next.
    assert_eq!(
        said.lines().filter(|line| line.starts_with("✓ ")).count(),
        37,
        "{said}"
    );
    assert!(
        said.contains(" 3. Li Jing applies; she was in a listed area today → red ("),
        "{said}"
    );
    assert_eq!(said.matches("▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀").count() / 2, 2, "{said}");
    assert!(said.contains("serve --dev") && said.contains("/docs"));
    // The picture of the README.
    let drawn = std::fs::read_to_string(picture).unwrap();
    for word in ["绿码", "黄码", "红码"] {
        assert!(drawn.contains(word), "{word}");
    }
    let output = lutong(&["tour", "--json", "--lang", "zh"], &[]);
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((lines.len(), &lines[37]["passed"]), (38, &Value::from(37)));
}

#[test]
fn signing_and_inspecting_a_list_names_partners_that_it_lets_nothing_through_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let english = [("LANG", "en_US.UTF-8")];
    let run = |arguments: &[&str]| {
        let output = lutong(&[&["federation", "trust"], arguments].concat(), &english);
        assert!(output.status.success(), "{}", text(&output.stderr));
        (text(&output.stdout), text(&output.stderr))
    };
    let [root, partner] = [file("root.pem"), file("partner.pem")];
    run(&["new-root", &root]);
    run(&["new-root", &partner]);
    let key = std::fs::read_to_string(format!("{partner}.pub")).unwrap();
    let now = lutong_tests::instants::now();
    let list = format!(
        "version = \"x\"\nsequence = 1\nissued_at = \"{}\"\nexpires_at = \"{}\"\n\n[[partner]]\nprovince = \"32\"\nname = \"江苏\"\n\
         directions = [\"OUTBOUND\"]\n\n[[partner.key]]\npublic_key = \"\"\"\n{key}\"\"\"\nnot_before = \"2022-01-01T00:00:00+08:00\"\n",
        now.plus_seconds(-60),
        now.plus_seconds(86_400)
    );
    std::fs::write(file("list.toml"), list).unwrap();
    let warning = "partner 32 has no quota";
    let (_, warned) = run(&[
        "sign",
        &file("list.toml"),
        "--root",
        &root,
        "--out",
        &file("list"),
    ]);
    assert!(
        warned.contains(warning) && warned.contains("QUOTA_EXHAUSTED"),
        "{warned}"
    );
    let public = format!("{root}.pub");
    let (shown, warned) = run(&["inspect", &file("list"), "--root", &public, "--json"]);
    assert!(warned.contains(warning), "{warned}");
    // What a machine reads is JSON all the same.
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["partners_without_quota"], serde_json::json!(["32"]));
}

#[test]
fn files_for_partners_that_cannot_be_used_are_named_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = folder.path().join("certs").display().to_string();
    assert!(lutong(&["certs", "dev", &certificates], &[]).status.success());
    let of = |name: &str| format!("{certificates}/{name}");
    let host = "federation.sd.example";
    assert!(
        lutong(&["certs", "partner", host, &certificates], &[])
            .status
            .success()
    );
    let [certificate, key] = ["pem", "key"].map(|ending| of(&format!("partner-{host}.{ending}")));
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let data = data.display().to_string();
    let check = |settings: &[(&str, &str)]| {
        let named: Vec<(String, String)> = settings
            .iter()
            .map(|(name, value)| (format!("LUTONG_{name}"), (*value).to_owned()))
            .chain([
                ("LUTONG_DATA".to_owned(), data.clone()),
                ("LANG".to_owned(), "en_US.UTF-8".to_owned()),
            ])
            .collect();
        let named: Vec<(&str, &str)> = named.iter().map(|(name, value)| (&**name, &**value)).collect();
        let output = lutong(&["config", "check"], &named);
        (
            output.status.success(),
            text(&output.stdout) + &text(&output.stderr),
        )
    };
    let (listener, listener_key, ca) = (
        of("gateway-partners.pem"),
        of("gateway-partners.key"),
        of("partners-ca.pem"),
    );
    let listen = ("GATEWAY__PARTNER_LISTEN", "127.0.0.1:8444");
    let good = [
        listen,
        ("GATEWAY__PARTNER_TLS__CA", &*ca),
        ("GATEWAY__PARTNER_TLS__CERTIFICATE", &*listener),
        ("GATEWAY__PARTNER_TLS__KEY", &*listener_key),
        ("FEDERATION__PARTNER_TLS__CA", &*ca),
        ("FEDERATION__PARTNER_TLS__CERTIFICATE", &*certificate),
        ("FEDERATION__PARTNER_TLS__KEY", &*key),
    ];
    let (is_good, said) = check(&good);
    assert!(is_good, "{said}");
    let nowhere = of("nowhere.pem");
    for (changed, words) in [
        (
            ("GATEWAY__PARTNER_TLS__CA", &*nowhere),
            ["gateway.partner_tls", "nowhere.pem"],
        ),
        (
            ("GATEWAY__PARTNER_TLS__KEY", &*key),
            ["gateway.partner_tls", "does not belong"],
        ),
        (
            ("GATEWAY__PARTNER_TLS__CERTIFICATE", ""),
            ["gateway.partner_tls is missing", "certs dev"],
        ),
        (
            ("FEDERATION__PARTNER_TLS__CA", &*nowhere),
            ["federation.partner_tls", "nowhere.pem"],
        ),
        (
            ("FEDERATION__PARTNER_TLS__KEY", ""),
            ["federation.partner_tls", "together"],
        ),
        (
            ("FEDERATION__PARTNER_TLS__CERTIFICATE", &*listener),
            ["federation.partner_tls", "is not for a client"],
        ),
    ] {
        let settings = good.map(|(name, value)| (name, if name == changed.0 { changed.1 } else { value }));
        let (is_good, said) = check(&settings);
        assert!(
            !is_good && words.iter().all(|word| said.contains(word)),
            "{changed:?}: {said}"
        );
    }
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_known_one() {
    let output = lutong(&["config", "check"], &[("LUTONG_GATEWAY__LISTN", "127.0.0.1:1")]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert!(
        said.contains("LUTONG_GATEWAY__LISTN") && said.contains("gateway.listen"),
        "{said}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lutong.toml");
    std::fs::write(&file, "[gateway]\nlisten = \"nowhere\"\n").unwrap();
    let output = lutong(&["config", "check", "--config", &file.display().to_string()], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("gateway.listen"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_configuration_is_shown_without_its_secrets() {
    let output = lutong(
        &["config", "check", "--create"],
        &[("LUTONG_STORAGE__URL", "postgres://u:swordfish@db/x")],
    );
    let said = text(&output.stdout);
    assert!(
        output.status.success() && !said.contains("swordfish") && said.contains("***"),
        "{said}"
    );
}

#[test]
fn the_development_identity_provider_is_refused_off_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let output = lutong(
        &["serve", "--dev", "--data", &data],
        &[("LUTONG_GATEWAY__LISTEN", "0.0.0.0:0")],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("loopback"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_service_without_certificate_or_database_does_not_start_and_says_what_is_missing() {
    for (environment, missing) in [
        (&[][..], "storage.url"),
        (&[("LUTONG_STORAGE__URL", "postgres://db/x")][..], "tls"),
    ] {
        let output = lutong(&["serve", "identity"], environment);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(missing), "{}", text(&output.stderr));
    }
    let output = lutong(&["serve", "identiti"], &[]);
    assert!(
        text(&output.stderr).contains("identity, declaration, risk-rules"),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test]
async fn two_processes_do_not_serve_from_one_folder() {
    let mesh = Mesh::start(Shape::OneProcess).await;
    let data = mesh.folder.path().join("data").display().to_string();
    let output = lutong(
        &["serve", "--data", &data],
        &[("LUTONG_GATEWAY__LISTEN", "127.0.0.1:0")],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("another lutong"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_rule_set_given_by_file_is_tested_without_a_release() {
    let sets = "services/risk-rules/engine/rule-sets";
    let revised = format!("{sets}/sd-2022.cases.json");
    let output = lutong(
        &[
            "rule-sets",
            "test",
            &format!("{sets}/sd-2020.cases.json"),
            &revised,
        ],
        &[],
    );
    assert_eq!(
        (output.status.code(), text(&output.stdout).lines().last()),
        (Some(0), Some("59 passed, 0 failed"))
    );
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read_to_string(repository().join(sets).join(name)).unwrap();
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let set = write(
        "qd-2023.toml",
        &read("sd-2022.toml").replacen("id = \"sd-2022\"", "id = \"qd-2023\"", 1),
    );
    let cases = write(
        "qd-2023.cases.json",
        &read("sd-2022.cases.json").replacen("sd-2022", "qd-2023", 1),
    );
    let output = lutong(&["rule-sets", "test", &cases], &[]);
    assert_eq!(output.status.code(), Some(2), "it is in no build");
    let output = lutong(&["rule-sets", "test", "--rule-set", &set, &cases], &[]);
    assert_eq!(
        (output.status.code(), text(&output.stdout).lines().last()),
        (Some(0), Some("23 passed, 0 failed"))
    );
    // A rule set that no case file uses is an error, and so is one that does not parse.
    let output = lutong(&["rule-sets", "test", "--rule-set", &set, &revised], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("qd-2023"),
        "{}",
        text(&output.stderr)
    );
    let broken = write("broken.toml", "id = 1");
    let output = lutong(&["rule-sets", "test", "--rule-set", &broken, &cases], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("broken.toml"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn rules_are_tested_from_files_with_a_line_a_failure_and_the_count_last() {
    let good = "services/risk-rules/engine/rule-sets/sd-2020.cases.json";
    let output = lutong(&["rule-sets", "test", good], &[]);
    assert_eq!(
        (output.status.code(), text(&output.stdout).lines().last()),
        (Some(0), Some("36 passed, 0 failed"))
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.cases.json");
    let cases = std::fs::read_to_string(repository().join(good)).unwrap();
    let path = file.display().to_string();
    std::fs::write(
        &file,
        cases.replacen("\"colour\": \"red\"", "\"colour\": \"yellow\"", 1),
    )
    .unwrap();
    let output = lutong(&["rule-sets", "test", &path], &[]);
    let said = text(&output.stdout);
    assert_eq!(
        (output.status.code(), said.lines().last()),
        (Some(1), Some("35 passed, 1 failed")),
        "{said}"
    );
    assert!(said.contains("expected yellow, got red"), "{said}");
    std::fs::write(&file, cases.replacen("\"stage\"", "\"stagee\"", 1)).unwrap();
    let output = lutong(&["rule-sets", "test", good, &path], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("attributes.stagee"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(
        text(&output.stdout),
        "",
        "a file that breaks the format runs nothing"
    );
}

#[test]
fn certificates_and_keys_are_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (certs, keys) = (folder.path().join("certs"), folder.path().join("keys"));
    let certs = certs.display().to_string();
    assert!(lutong(&["certs", "dev", &certs], &[]).status.success());
    assert!(!lutong(&["certs", "dev", &certs], &[]).status.success());
    let path = keys.display().to_string();
    assert!(lutong(&["keys", "init", &path], &[]).status.success());
    let before = std::fs::read(keys.join("identity.keys")).unwrap();
    assert!(lutong(&["keys", "init", &path], &[]).status.success());
    assert_eq!(std::fs::read(keys.join("identity.keys")).unwrap(), before);
}

#[test]
fn rules_are_linted_with_reason_path_and_text_in_one_language() {
    let good = "services/risk-rules/engine/rule-sets/sd-2020.toml";
    let output = lutong(&["rule-sets", "lint", good], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.toml");
    let path = file.display().to_string();
    let rules = std::fs::read_to_string(repository().join(good)).unwrap();
    std::fs::write(&file, rules.replace("\"red.confirmed\"", "\"confirmed\"")).unwrap();
    let output = lutong(&["rule-sets", "lint", &path], &[]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("RULE_ID_COLOUR confirmed rule[2].id"), "{said}");
    assert!(
        said.contains("an id begins") && !said.contains("编号应以"),
        "{said}"
    );
    let output = lutong(&["rule-sets", "lint", &path, "--lang", "zh"], &[]);
    let said = text(&output.stdout);
    assert!(
        !said.contains("an id begins") && said.contains("编号应以"),
        "{said}"
    );
    let output = lutong(&["rule-sets", "lint", "--json", good, &path], &[]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(found["findings"][0]["reason"], "RULE_ID_COLOUR");
    for unreadable in ["id = [".to_owned(), "#".repeat(10 * 1024 * 1024)] {
        std::fs::write(&file, unreadable).unwrap();
        let output = lutong(&["rule-sets", "lint", &path], &[]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    }
}

/// What is wrong with a file is found before anything is asked of the mesh.
#[test]
fn a_file_of_people_that_cannot_be_read_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.csv");
    let file = path.display().to_string();
    for (bytes, reason) in [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(),
            "FILE_OLD_OR_ENCRYPTED_EXCEL",
        ),
        (b"PK\x03\x04".to_vec(), "FILE_DAMAGED"),
        (b"\xff\xfe\x00".to_vec(), "FILE_ENCODING"),
        ("姓名,工号\n王小明,1\n".as_bytes().to_vec(), "COLUMN_UNKNOWN"),
        ("姓名\n王小明\n".as_bytes().to_vec(), "COLUMN_MISSING"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let arguments = [
            "people",
            "bulk",
            &file,
            "--organisation",
            "x",
            "--account",
            "school-1",
        ];
        let output = lutong(&arguments, &[]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(reason) && !said.contains("王小明"), "{said}");
    }
}

/// Imported from CSV, handled, and sent back, by the commands alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_the_hotline_are_imported_handled_and_exported() {
    let mesh = Mesh::start(Shape::OneProcess).await;
    let endpoint = [("LUTONG_ENDPOINT", mesh.gateway.base.as_str()), ("LANG", "C")];
    let run = |arguments: &[&str]| lutong(arguments, &endpoint);
    let file = mesh.folder.path().join("orders.csv");
    let header =
        "hotline_number,city_number,division,issue,place,text,caller_name,caller_mobile,secret_caller";
    let good = "SD1,QD1,370202,refusing-green,海景酒店,持绿码不让进,王小明,13800138000,是";
    let rows = [
        header,
        good,
        "SD1,QD1,370202,refusing-green,海景酒店,另一件事,,,",
        "SD2,,110101,refusing-green,海景酒店,持绿码不让进,,,",
        "SD3,,370202,refusing-green,海景酒店,=1+1,,,perhaps",
        "SD4,,370202,not-checking,海景酒店,=1+1,,,",
    ];
    std::fs::write(&file, rows.join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let import = ["complaints", "import", file, "--account", "agent-1"];
    let output = run(&import);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stderr));
    for expected in [
        "line 3: hotline_number: ",
        "line 4: division: ",
        "line 5: ",
        "2 imported, 0 known, 3 refused",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let output = run(&[&import[..], &["--json"]].concat());
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let known: Vec<&Value> = lines
        .iter()
        .filter(|one| one["result"] == "HOTLINE_ORDER_RESULT_KNOWN")
        .collect();
    assert_eq!((lines.len(), known.len()), (5, 2), "{lines:?}");
    let case = known[0]["case"].as_str().unwrap();
    for arguments in [
        &["complaints", "act", "take", case, "--account", "officer-1"][..],
        &[
            "complaints",
            "act",
            "answer",
            case,
            "--text",
            "已责令整改",
            "--finding",
            "confirmed",
            "--account",
            "officer-1",
        ],
    ] {
        let output = run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    }
    let listed = text(
        &run(&[
            "complaints",
            "list",
            "--state",
            "answered",
            "--account",
            "officer-1",
        ])
        .stdout,
    );
    assert!(listed.contains(case.trim_start_matches("cases/")), "{listed}");
    let shown = text(&run(&["complaints", "show", case, "--account", "officer-1"]).stdout);
    assert!(
        shown.contains("持绿码不让进") && shown.contains("take_up") && shown.contains("已责令整改"),
        "{shown}"
    );
    for form in ["csv", "ndjson"] {
        let exported = text(&run(&["complaints", "export", "--form", form, "--account", "agent-1"]).stdout);
        assert!(
            exported.contains("SD1") && exported.contains("已责令整改"),
            "{exported}"
        );
        assert!(exported.contains("PLACE_FINDING_CONFIRMED"), "{exported}");
        assert!(
            !exported.contains("王小明") && !exported.contains("13800138000"),
            "{exported}"
        );
    }
    let numbers = text(&run(&["complaints", "numbers", "2022-10", "--csv"]).stdout);
    assert!(numbers.starts_with("division,month,case_kind,"), "{numbers}");
    let nobodys = run(&["complaints", "show", case, "--account", "officer-370300"]);
    assert_eq!(nobodys.status.code(), Some(1), "{}", text(&nobodys.stdout));
}

/// Somebody who met a confirmed patient reports themself in 370202.
async fn report_oneself(mesh: &Mesh) {
    let person = mesh.gateway.person().await;
    let mut form = person.form();
    let yesterday = lutong_tests::instants::now()
        .local_day()
        .plus_days(-1)
        .to_string();
    form["contact_history"] =
        serde_json::json!([{"contact_date": yesterday, "type": "CONTACT_TYPE_KNOWN_CASE_CONTACT"}]);
    person.apply_with(form).await.expect();
    person.becomes("red").await;
    let own = serde_json::json!({"request_id": lutong_tests::people::request_id(), "division": "370202"});
    person.post("/v1/self-reports", own).await.expect();
}

/// A door is registered, a report comes, is watched, taken and closed, by the commands alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doors_are_registered_and_their_reports_taken_by_command() {
    let mesh = Mesh::start(Shape::OneProcess).await;
    let endpoint = [("LUTONG_ENDPOINT", mesh.gateway.base.as_str()), ("LANG", "C")];
    let run = |arguments: &[&str]| lutong(&[arguments, &["--account", "officer-1"]].concat(), &endpoint);
    let json = |arguments: &[&str]| -> Value {
        let output = run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_str(&text(&output.stdout)).unwrap()
    };
    let new = [
        "checkpoints",
        "create",
        "--kind",
        "mall",
        "--division",
        "370202",
        "--place-name",
        "台东步行街",
    ];
    let made = json(&new);
    let door = made["checkpoint"]["checkpoint_id"].as_str().unwrap();
    assert_eq!(made["checkpoint"]["kind"], "CHECKPOINT_KIND_MALL");
    let wrong = run(&[
        "checkpoints",
        "create",
        "--kind",
        "moon",
        "--division",
        "370202",
        "--place-name",
        "x",
    ]);
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong.stderr));
    assert!(text(&wrong.stderr).contains("kind"), "{}", text(&wrong.stderr));
    let listed = text(&run(&["checkpoints", "list", "--state", "active"]).stdout);
    assert!(listed.contains(door) && listed.contains("台东步行街"), "{listed}");
    let added = run(&["checkpoint-devices", "create", door, "--label", "北门1号"]);
    assert!(
        text(&added.stdout).contains("credential, shown once: LTD1."),
        "{}",
        text(&added.stderr)
    );
    let devices = json(&["checkpoint-devices", "list", door]);
    let device = devices["checkpoint_devices"][0]["name"].as_str().unwrap();
    // The API's own JSON.
    let session = mesh.gateway.session("officer-1").await;
    let api = async |path: &str| {
        let answered = mesh.gateway.call(http::Method::GET, path, Some(&session), None);
        answered.await.unwrap().expect()
    };
    assert_eq!(
        json(&["checkpoints", "show", door]),
        api(&format!("/v1/checkpoints/{door}")).await
    );
    let cursor = api("/v1/door-reports").await["watch_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    report_oneself(&mesh).await;
    let watched = run(&["door-reports", "watch", "--cursor", &cursor, "--count", "1"]);
    let watched: Value = serde_json::from_str(&text(&watched.stdout)).unwrap();
    assert_eq!(
        (&watched["colour"], &watched["state"]),
        (&"COLOUR_RED".into(), &"DOOR_REPORT_STATE_OPEN".into())
    );
    let report = watched["name"].as_str().unwrap();
    let inspected = text(&run(&["door-reports", "inspect", report]).stdout);
    assert!(inspected.contains("person: "), "{inspected}");
    let early = run(&["door-reports", "close", report, "--outcome", "transferred"]);
    assert_eq!(early.status.code(), Some(1), "it is not acknowledged");
    let taken = json(&["door-reports", "acknowledge", report]);
    assert_eq!(taken["door_report"]["acknowledger"], "officer-1");
    let closed = text(&run(&["door-reports", "close", report, "--outcome", "transferred"]).stdout);
    assert!(closed.contains("closed"), "{closed}");
    let listed = json(&["door-reports", "list", "--state", "closed"]);
    assert_eq!(listed["door_reports"][0]["name"], report);
    let elsewhere = lutong(
        &["door-reports", "show", report, "--account", "officer-370300"],
        &endpoint,
    );
    assert_eq!(elsewhere.status.code(), Some(1));
    let ended = json(&["checkpoint-devices", "end", device]);
    assert_eq!(
        ended["checkpoint_device"]["state"],
        "CHECKPOINT_DEVICE_STATE_ENDED"
    );
    let ended = text(&run(&["checkpoints", "end", door]).stdout);
    assert!(ended.contains("ended"), "{ended}");
    assert_eq!(
        run(&["door-reports", "close", report]).status.code(),
        Some(2),
        "no outcome is said"
    );
}
