//! The binary that is shipped has none of the tests' switches: it is built without the feature `failpoints`.

#![allow(clippy::unwrap_used)]

const SWITCHES: [&str; 3] = [
    "LUTONG_FAILPOINT_BREAK",
    "LUTONG_FAILPOINT_WIRE",
    "in-force-unapplied",
];

#[test]
fn the_binary_knows_the_switches_only_with_the_feature_failpoints() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_lutong")).unwrap();
    for switch in SWITCHES {
        let known = binary
            .windows(switch.len())
            .any(|bytes| bytes == switch.as_bytes());
        assert_eq!(known, cfg!(feature = "failpoints"), "{switch}");
    }
}
