//! What an audit record may contain: values with the shape of an id, and purposes with long numbers masked.

use uuid::Uuid;

/// Maximum length of an id: a resource name with a UUID.
const MAX_ID_BYTES: usize = 96;
/// Maximum length of a purpose, in characters.
const MAX_PURPOSE_CHARS: usize = 200;
/// Maximum run of digits; telephone and document numbers are longer.
const MAX_DIGIT_RUN: usize = 6;

/// The text if it has the shape of an id: UUIDs, days, codes or lower-case words, separated by `/`.
pub fn id_of(text: &str) -> Option<&str> {
    let whole = !text.is_empty() && text.len() <= MAX_ID_BYTES;
    (whole && text.split('/').all(is_segment)).then_some(text)
}

fn is_segment(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:".contains(&byte);
    // A subject's numbered resource: `0193a3c0-….1`.
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
    // A day followed by a number has at most ten digits; a telephone number has eleven, however it is formatted.
    let (longest, all) = runs.fold((0, 0), |(longest, all), run| (run.max(longest), all + run));
    longest <= MAX_DIGIT_RUN && all <= 10
}

/// The purpose that a caller stated, shortened, with long runs of digits masked.
pub fn purpose_of(text: &str) -> String {
    let mut masked = String::new();
    let mut run = String::new();
    let flush = |run: &mut String, masked: &mut String| {
        if run.len() > MAX_DIGIT_RUN {
            masked.push_str("***");
        } else {
            masked.push_str(run);
        }
        run.clear();
    };
    for letter in text.trim().chars().take(MAX_PURPOSE_CHARS) {
        if letter.is_ascii_digit() {
            run.push(letter);
        } else {
            flush(&mut run, &mut masked);
            masked.push(letter);
        }
    }
    flush(&mut run, &mut masked);
    masked
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
        assert_eq!(purpose_of(&"a".repeat(500)).len(), MAX_PURPOSE_CHARS);
        assert_eq!(purpose_of("370202199003077777"), "***");
    }
}
