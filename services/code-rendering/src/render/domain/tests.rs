//! Each picture is read by a reader that knows nothing of how it was drawn: zbar.

use std::path::Path;
use std::process::Command;

use super::*;

const TOKEN: &str = "LT1:6BFOXN%TSMAHN-HXZSL8IR*GE7D0O-CC$VB:QJ7W2P3.TX1";

/// What zbarimg (Debian package zbar-tools) reads in a file.
fn read(file: &Path) -> String {
    let read = Command::new("zbarimg")
        .args(["--quiet", "--raw"])
        .arg(file)
        .output();
    let read = read.expect("zbarimg is missing: install the Debian package zbar-tools, or run tests/run");
    String::from_utf8(read.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn a_png_reads_as_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("code.png");
    std::fs::write(&file, png(TOKEN).unwrap()).unwrap();
    assert_eq!(read(&file), TOKEN);
}

/// Draws dark cells as black squares of a plain PBM picture.
fn pbm(cells: &[Vec<bool>]) -> Vec<u8> {
    let scale = 6;
    let mut out = format!("P1\n{} {}\n", cells[0].len() * scale, cells.len() * scale);
    for row in cells {
        for _ in 0..scale {
            for dark in row {
                out.push_str(&if *dark { "1 " } else { "0 " }.repeat(scale));
            }
            out.push('\n');
        }
    }
    out.into_bytes()
}

#[test]
fn a_number_of_modules_is_written_in_decimal() {
    for number in 0..1_000 {
        let mut written = String::new();
        push_decimal(&mut written, number);
        assert_eq!(written, number.to_string());
    }
}

#[test]
fn an_svg_reads_as_the_token() {
    let drawn = svg(TOKEN).unwrap();
    let width: usize = drawn
        .split("viewBox=\"0 0 ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let mut cells = vec![vec![false; width]; width];
    let path = drawn
        .rsplit("<path d=\"")
        .next()
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    for run in path.split('z').filter(|run| !run.is_empty()) {
        let numbers: Vec<usize> = run
            .split(['M', ' ', 'h', 'v', '-'])
            .filter_map(|number| number.parse().ok())
            .collect();
        let [x, y, length, ..] = numbers[..] else {
            panic!("{run}")
        };
        cells[y][x..x + length].fill(true);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("code.pbm");
    std::fs::write(&file, pbm(&cells)).unwrap();
    assert_eq!(read(&file), TOKEN);
}

#[test]
fn a_terminal_picture_reads_as_the_token() {
    // Light characters are the white of a dark terminal.
    let cells: Vec<Vec<bool>> = terminal(TOKEN)
        .unwrap()
        .lines()
        .flat_map(|line| {
            let halves = |upper: bool| {
                line.chars()
                    .map(move |c| !matches!((c, upper), ('█', _) | ('▀', true) | ('▄', false)))
            };
            [halves(true).collect::<Vec<_>>(), halves(false).collect()]
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("code.pbm");
    std::fs::write(&file, pbm(&cells)).unwrap();
    assert_eq!(read(&file), TOKEN);
}

#[test]
fn a_dynamic_token_of_full_length_needs_no_more_than_version_eight() {
    // 140 bytes in Base45 are 210 characters, and `LT1:`.
    let longest = format!("LT1:{}", "A".repeat(210));
    assert!(Symbol::of(&longest).unwrap().code.size <= 17 + 4 * 8);
}
