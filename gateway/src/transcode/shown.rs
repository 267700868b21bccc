//! What a refusal repeats of what a caller sent.

/// A name as the caller sent it, when it looks like one of a field; else `?`. A table whose first row is not its heading
/// makes names of people's data.
pub fn shown(name: &str) -> String {
    let looks_like_one = name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if looks_like_one { name } else { "?" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_when_it_looks_like_one() {
        for name in ["image_format", "imageFormat", "form.person", "_x", "x-1"] {
            assert_eq!(shown(name), name);
        }
        for other in ["", "王小明", "11010519491231002X", "a b", "a\n", &"a".repeat(65)] {
            assert_eq!(shown(other), "?", "{other}");
        }
    }
}
