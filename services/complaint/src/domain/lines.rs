//! The lines of the province's data files.

/// The lines with their numbers from 1, without empty ones and those that begin with `#`.
pub fn of_data(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = (1..).zip(text.lines());
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}
