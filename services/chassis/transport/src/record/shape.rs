//! What may stand in an audit record: ids by their shape, and purposes without what looks like somebody's number.

use uuid::Uuid;

/// Longest id: a resource's name with a UUID in it.
const LONGEST: usize = 96;
/// Longest purpose, in characters.
const PURPOSE: usize = 200;
/// Digits in a row that may be somebody's: telephone and document numbers have more.
const DIGITS: usize = 6;

/// The text if it has the shape of an id: a UUID, a day, a code or lower-case words, one or several with `/` between.
pub fn id_of(text: &str) -> Option<&str> {
    let whole = !text.is_empty() && text.len() <= LONGEST;
    (whole && text.split('/').all(is_segment)).then_some(text)
}

fn is_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:".contains(&byte);
    // A numbered thing of a subject: `0193a3c0-….1`.
    let of_subject = text
        .split_once('.')
        .is_some_and(|(id, number)| is_uuid(id) && has_few_digits(number));
    !text.is_empty() && text.bytes().all(plain) && (is_uuid(text) || of_subject || has_few_digits(text))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::parse_str(text).is_ok()
}

fn has_few_digits(text: &str) -> bool {
    let runs = text.split(|letter: char| !letter.is_ascii_digit()).map(str::len);
    // A day with a number after it has ten; a telephone number has eleven however it is spelt.
    let (longest, all) = runs.fold((0, 0), |(longest, all), run| (run.max(longest), all + run));
    longest <= DIGITS && all <= 10
}

/// What a caller said that the call is for: bounded, with longer runs of digits blotted out.
pub fn purpose_of(text: &str) -> String {
    let mut said = String::new();
    let mut run = String::new();
    let flush = |run: &mut String, said: &mut String| {
        if run.len() > DIGITS {
            said.push_str("***");
        } else {
            said.push_str(run);
        }
        run.clear();
    };
    for letter in text.trim().chars().take(PURPOSE) {
        if letter.is_ascii_digit() {
            run.push(letter);
        } else {
            flush(&mut run, &mut said);
            said.push(letter);
        }
    }
    flush(&mut run, &mut said);
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_by_their_shape_and_nobodys_number_is_one() {
        for id in [
            "01930000-0000-7000-8000-000000000001",
            "cdc-370200",
            "370202",
            "sd-2022",
            "2022-11-26",
            "key-areas/01930000-0000-7000-8000-000000000001",
            "1.2.0",
        ] {
            assert_eq!(id_of(id), Some(id));
        }
        for none in [
            "",
            "370202199003077777",
            "37020219900307777X",
            "13800138000",
            "138-0013-8000",
            "e12345678",
            "h12345678-1",
            "张三",
            "Zhang San",
            "a b",
            "a//b",
            "people/13800138000",
            &"a".repeat(97),
        ] {
            assert_eq!(id_of(none), None, "{none}");
        }
    }

    #[test]
    fn a_purpose_is_bounded_and_holds_no_long_number() {
        assert_eq!(
            purpose_of(" asked by 13800138000, case 37 "),
            "asked by ***, case 37"
        );
        assert_eq!(purpose_of(&"a".repeat(500)).len(), PURPOSE);
        assert_eq!(purpose_of("370202199003077777"), "***");
    }
}
