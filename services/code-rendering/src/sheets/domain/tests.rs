use super::*;

fn sheet(colour: Colour) -> Sheet {
    Sheet {
        token: format!("LT1:{}", "6BF+70790T9WJWG.FKY*4GO0".repeat(9)),
        colour,
        mask: "*明".to_owned(),
        expires_at: Timestamp::parse("2022-12-11T00:00:00+08:00").unwrap(),
    }
}

#[test]
fn the_validity_names_the_last_local_day() {
    let mut sheet = sheet(Colour::Green);
    assert_eq!(sheet.validity_zh(), "有效期至2022年12月10日24时");
    assert_eq!(sheet.validity_en(), "Valid through 2022-12-10, 24:00");
    sheet.expires_at = Timestamp::parse("2023-01-02T00:00:00+08:00").unwrap();
    assert_eq!(sheet.validity_zh(), "有效期至2023年1月1日24时");
}

#[test]
fn each_colour_has_a_word_and_a_shape_of_its_own() {
    let mut seen = std::collections::HashSet::new();
    for colour in Colour::ALL {
        let sheet = sheet(*colour);
        let drawn = svg::draw(&sheet).unwrap();
        let shape = match colour {
            Colour::Green => "<circle".to_owned(),
            _ => format!(
                "<polygon points=\"{}",
                if *colour == Colour::Red { "101" } else { "105" }
            ),
        };
        assert!(drawn.contains(&shape), "{colour}");
        assert!(
            drawn.contains(colour.word_zh()) && drawn.contains(sheet.colour_en()),
            "{colour}"
        );
        assert!(seen.insert((sheet.colour_zh(), sheet.rgb(), sheet.corners().len())));
    }
}

#[test]
fn a_sheet_of_svg_has_all_its_words_and_its_code() {
    let mut sheet = sheet(Colour::Green);
    sheet.mask = "<&>".to_owned();
    let drawn = svg::draw(&sheet).unwrap();
    let code = crate::render::domain::Symbol::of(&sheet.token)
        .unwrap()
        .svg_path();
    for words in [
        TITLE_ZH,
        TITLE_EN,
        KIND,
        "&lt;&amp;&gt;",
        &sheet.validity_zh(),
        &sheet.validity_en(),
        &code,
    ] {
        assert!(drawn.contains(words), "{words}");
    }
    for line in INSTRUCTIONS {
        assert!(drawn.contains(line), "{line}");
    }
    assert!(!drawn.contains("<&>"));
}
