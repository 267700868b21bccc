//! The production binary contains none of the test switches: it is built without the feature `failpoints`.

#![allow(clippy::unwrap_used)]

use std::process::Command;

const SWITCHES: [&str; 3] = [
    "LUTONG_FAILPOINT_BREAK",
    "LUTONG_FAILPOINT_WIRE",
    "in-force-unapplied",
];

#[test]
fn the_binary_knows_the_switches_only_with_the_feature_failpoints() {
    for switch in SWITCHES {
        // A debug build has hundreds of megabytes, which grep searches quickly.
        let found = Command::new("grep")
            .args([
                "--quiet",
                "--text",
                "--fixed-strings",
                switch,
                env!("CARGO_BIN_EXE_lutong"),
            ])
            .status()
            .unwrap();
        assert_eq!(
            found.code(),
            Some(i32::from(!cfg!(feature = "failpoints"))),
            "{switch}"
        );
    }
}
