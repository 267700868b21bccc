use lutong_kernel::{Colour, Timestamp};

use super::*;

fn sheet(colour: Colour, mask: &str) -> Sheet {
    Sheet {
        token: format!("LT1:{}", "6BF+70790T9WJWG.FKY*4GO0".repeat(9)),
        colour,
        mask: mask.to_owned(),
        expires_at: Timestamp::parse("2022-12-11T00:00:00+08:00").unwrap(),
    }
}

fn letters() -> Letters {
    Letters::new(READ.clone().unwrap()).unwrap()
}

#[test]
fn every_character_of_a_sheet_is_in_the_font() {
    let letters = letters();
    for colour in Colour::ALL {
        let sheet = sheet(*colour, "*明");
        let words = [
            TITLE_ZH,
            TITLE_EN,
            KIND,
            sheet.colour_en(),
            &sheet.colour_zh(),
            &sheet.validity_zh(),
            &sheet.validity_en(),
            &INSTRUCTIONS.concat(),
            "0123456789ABCDEFU+_()",
        ]
        .concat();
        let missing: Vec<char> = words.chars().filter(|c| !letters.has(*c)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

#[test]
fn a_mask_with_a_character_of_the_table_is_printed_and_another_is_left_to_be_written() {
    let letters = letters();
    for mask in ["*明", "*喆", "*𬸪", "A*", "Ø*", "·*", "’*", ""] {
        assert_eq!(letters.printable(mask), mask);
    }
    assert_eq!(letters.printable("*𠮷"), "*____ (U+20BB7)");
}

#[test]
fn no_line_is_wider_than_its_page() {
    let letters = letters();
    for line in INSTRUCTIONS {
        assert!(letters.shaped(line).1 * 5.0 < 195.0, "{line}");
    }
    let widest = sheet(Colour::Yellow, "");
    // The right column of the card.
    assert!(letters.shaped(&widest.validity_zh()).1 * 2.5 < 35.0);
    assert!(letters.shaped(&widest.validity_en()).1 * 2.3 < 35.0);
    assert!(letters.shaped(&widest.colour_zh()).1 * 4.6 < 35.0);
    assert!(letters.shaped(&letters.printable("*𠮷")).1 * 5.0 < 200.0);
}

#[test]
fn a_sheet_is_a_small_pdf_and_the_same_each_time() {
    for paper in [Paper::A4, Paper::Card] {
        for colour in Colour::ALL {
            let drawn = draw(&[sheet(*colour, "*明")], paper).unwrap();
            assert!(drawn.starts_with(b"%PDF-"), "{paper:?} {colour}");
            // An answer of the RPC has at most 64 KiB.
            assert!(drawn.len() < 48 * 1024, "{paper:?} {colour}: {}", drawn.len());
            assert_eq!(drawn, draw(&[sheet(*colour, "*明")], paper).unwrap());
        }
    }
}

#[test]
fn each_sheet_has_a_page_and_the_font_is_there_once() {
    let one = draw(&[sheet(Colour::Green, "*明")], Paper::A4).unwrap();
    let ten = draw(&vec![sheet(Colour::Green, "*明"); 10], Paper::A4).unwrap();
    assert!(ten.len() < 10 * one.len() * 2 / 3, "{} {}", one.len(), ten.len());
    let is_count = ten.windows(9).any(|bytes| bytes == b"/Count 10");
    assert!(is_count);
}

#[test]
fn a_text_that_no_qr_code_holds_is_an_error() {
    let mut long = sheet(Colour::Green, "*明");
    long.token = "A".repeat(8_000);
    assert!(draw(&[long], Paper::A4).is_err());
}
