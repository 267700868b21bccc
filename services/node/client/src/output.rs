//! What commands say. Every line goes through here: whoever reads it may stop reading (`| head -1`), and then the command
//! ends quietly instead of failing. A server goes on.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

/// Writes to standard output.
pub fn write(text: Arguments<'_>) {
    let written = std::io::stdout().write_fmt(text);
    end_if_unread(written.as_ref().err());
}

/// Writes a line to standard error; where nobody reads it there is nobody to tell.
pub fn complain(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes a line to standard output, and goes on whether or not somebody reads it.
pub fn announce(text: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn end_if_unread(error: Option<&std::io::Error>) {
    match error.map(std::io::Error::kind) {
        None => {}
        // As a command ends that the system's signal for this ends, with nothing to complain of.
        Some(ErrorKind::BrokenPipe) => std::process::exit(0),
        Some(kind) => {
            complain(format_args!("lutong: standard output: {kind}"));
            std::process::exit(1);
        }
    }
}

/// A line on standard output.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::output::write(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// The same without the end of a line.
#[macro_export]
macro_rules! say_part {
    ($($text:tt)*) => {
        $crate::output::write(format_args!($($text)*))
    };
}

/// One text out of two, Chinese and English side by side, each a format string.
#[macro_export]
macro_rules! lang {
    ($zh:literal, $en:literal $(, $($argument:tt)*)?) => {
        match $crate::output::language() {
            $crate::output::Language::Zh => format!($zh $(, $($argument)*)?),
            $crate::output::Language::En => format!($en $(, $($argument)*)?),
        }
    };
}

/// A line on standard output, in the language of the command.
#[macro_export]
macro_rules! tell {
    ($($text:tt)*) => {
        $crate::say!("{}", $crate::lang!($($text)*))
    };
}

/// The language in which a command speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Zh,
    En,
}

static LANGUAGE: std::sync::OnceLock<Language> = std::sync::OnceLock::new();

/// Says it for the whole process: `--lang`, or what the environment says. Before the command line is parsed, because what is
/// wrong with that is said too.
pub fn speak(arguments: impl IntoIterator<Item = String>) {
    let _ = LANGUAGE.set(chosen(arguments).unwrap_or_else(of_environment));
}

fn chosen(arguments: impl IntoIterator<Item = String>) -> Option<Language> {
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let value = match argument.split_once('=') {
            Some(("--lang", value)) => value.to_owned(),
            None if argument == "--lang" => arguments.next()?,
            None if argument == "--" => return None,
            _ => continue,
        };
        return <Language as clap::ValueEnum>::from_str(&value, true).ok();
    }
    None
}

/// As POSIX has it: the first of these that says something.
fn of_environment() -> Language {
    let said = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    match said {
        Some(locale) if locale.starts_with("zh") => Language::Zh,
        _ => Language::En,
    }
}

/// The language of this process.
pub fn language() -> Language {
    *LANGUAGE.get_or_init(of_environment)
}

/// One text out of two.
pub fn in_language<'a>(zh: &'a str, en: &'a str) -> &'a str {
    match language() {
        Language::Zh => zh,
        Language::En => en,
    }
}

/// Of a text that a library writes in both languages, `where: 中文 / English`, the part in this process's language.
pub fn of_both(text: &str) -> String {
    parts(text).map_or_else(
        || text.to_owned(),
        |(place, zh, en)| format!("{place}{}", in_language(zh, en)),
    )
}

fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (zh, en) = text.split_once(" / ")?;
    let wide = zh.find(is_wide)?;
    if en.contains(is_wide) {
        return None;
    }
    let place = zh[..wide].rfind(": ").map_or(0, |colon| colon + 2);
    Some((&zh[..place], &zh[place..], en))
}

/// Chinese, Japanese and Korean characters and their punctuation: two columns wide.
fn is_wide(c: char) -> bool {
    c >= '\u{2e80}'
}

/// Rows below a heading, in columns. A Chinese character is two columns wide.
pub fn table(heading: &[&str], rows: &[Vec<String>]) {
    let wide = |text: &str| text.chars().map(|c| 1 + usize::from(is_wide(c))).sum::<usize>();
    let mut widths: Vec<usize> = heading.iter().map(|text| wide(text)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(wide(cell));
        }
    }
    let line = |cells: &[&str]| {
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width + 2 - wide(cell).min(*width)));
        }
        write(format_args!("{}\n", line.trim_end()));
    };
    line(heading);
    for row in rows {
        line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_known_before_the_command_line_is_parsed() {
        let chosen = |line: &str| chosen(line.split(' ').map(str::to_owned));
        assert_eq!(chosen("lutong --lang zh check"), Some(Language::Zh));
        assert_eq!(chosen("lutong check --lang=en --json"), Some(Language::En));
        for line in [
            "lutong check",
            "lutong --lang",
            "lutong --lang fr",
            "lutong -- --lang zh",
        ] {
            assert_eq!(chosen(line), None, "{line}");
        }
    }

    #[test]
    fn of_a_text_in_both_languages_each_part_is_found_with_its_place() {
        let found = parts("identity: 密钥 a/b 不存在 / the key a/b is not there");
        assert_eq!(
            found,
            Some(("identity: ", "密钥 a/b 不存在", "the key a/b is not there"))
        );
        assert_eq!(
            parts("缺少 tls / tls is missing"),
            Some(("", "缺少 tls", "tls is missing"))
        );
        for one in ["tls is missing", "a / b", "只有中文", "中文 / 也是中文"] {
            assert_eq!(parts(one), None, "{one}");
        }
    }
}
