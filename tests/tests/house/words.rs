//! Checks that every term of the glossary occurs in the contract.

use std::collections::BTreeSet;

fn contract() -> BTreeSet<String> {
    let pool = lutong_proto::descriptor_pool();
    let messages = pool.all_messages().map(|message| message.name().to_owned());
    let enums = pool.all_enums().map(|one| one.name().to_owned());
    let services = pool.services().map(|service| service.name().to_owned());
    let methods = pool.services().flat_map(|service| {
        let names: Vec<_> = service.methods().map(|method| method.name().to_owned()).collect();
        names
    });
    messages.chain(enums).chain(services).chain(methods).collect()
}

#[test]
fn every_word_of_the_glossary_is_one_of_the_contract() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let section = text.split("## Words\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(2)
        .collect();
    assert!(rows.len() > 25, "{}", rows.len());
    let (contract, mut seen) = (contract(), BTreeSet::new());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [chinese, english, words, meaning] = cells[..] else {
            panic!("{row}");
        };
        assert!(!meaning.is_empty() && !chinese.is_ascii(), "{row}");
        assert!(seen.insert(english), "{english} is there twice");
        for word in words.split(',').map(|word| word.trim().trim_matches('`')) {
            assert!(contract.contains(word), "{english}: the contract has no {word}");
        }
    }
}
