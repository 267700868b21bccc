//! Which part of a request a refusal may repeat.

/// A field's name as the caller sent it, if it looks like one; else `?`. A client that takes the first row of a table for
/// its heading sends people's data as names.
pub fn echo(name: &str) -> String {
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
            assert_eq!(echo(name), name);
        }
        for other in ["", "王小明", "11010519491231002X", "a b", "a\n", &"a".repeat(65)] {
            assert_eq!(echo(other), "?", "{other}");
        }
    }
}
