//! Output of commands. Every line is written here: if the reader closes the pipe (`| head -1`), a command exits quietly
//! instead of failing; a server continues.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

/// Writes to standard output.
pub fn write(text: Arguments<'_>) {
    let written = std::io::stdout().write_fmt(text);
    end_if_unread(written.as_ref().err());
}

/// Writes a line to standard error, ignoring errors.
pub fn complain(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes a line to standard output, ignoring errors.
pub fn announce(text: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn end_if_unread(error: Option<&std::io::Error>) {
    match error.map(std::io::Error::kind) {
        None => {}
        // Exits silently, like a command terminated by SIGPIPE.
        Some(ErrorKind::BrokenPipe) => std::process::exit(0),
        Some(kind) => {
            complain(format_args!("lutong: standard output: {kind}"));
            std::process::exit(1);
        }
    }
}

/// Prints a line to standard output.
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => {
        $crate::output::write(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// Prints text to standard output without a newline.
#[macro_export]
macro_rules! say_part {
    ($($text:tt)*) => {
        $crate::output::write(format_args!($($text)*))
    };
}

/// Formats one of two texts, Chinese and English, by the language of the command.
#[macro_export]
macro_rules! lang {
    ($zh:literal, $en:literal $(, $($argument:tt)*)?) => {
        match $crate::output::language() {
            $crate::output::Language::Zh => format!($zh $(, $($argument)*)?),
            $crate::output::Language::En => format!($en $(, $($argument)*)?),
        }
    };
}

/// Prints one of two texts, Chinese and English, as a line to standard output.
#[macro_export]
macro_rules! tell {
    ($($text:tt)*) => {
        $crate::say!("{}", $crate::lang!($($text)*))
    };
}

/// The output language of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Zh,
    En,
}

static LANGUAGE: std::sync::OnceLock<Language> = std::sync::OnceLock::new();

/// Sets the language of the process: `--lang`, or from the environment. Called before the command line is parsed,
/// because parse errors are printed in this language too.
pub fn set_language(arguments: impl IntoIterator<Item = String>) {
    let _ = LANGUAGE.set(from_arguments(arguments).unwrap_or_else(from_environment));
}

fn from_arguments(arguments: impl IntoIterator<Item = String>) -> Option<Language> {
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

/// The first of these variables that is not empty, as POSIX prescribes.
fn from_environment() -> Language {
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
    *LANGUAGE.get_or_init(from_environment)
}

/// One of two texts, by the language of this process.
pub fn in_language<'a>(zh: &'a str, en: &'a str) -> &'a str {
    match language() {
        Language::Zh => zh,
        Language::En => en,
    }
}

/// The part in this process's language of a bilingual text, `prefix: 中文 / English`.
pub fn pick_language(text: &str) -> String {
    split_bilingual(text).map_or_else(
        || text.to_owned(),
        |(place, zh, en)| format!("{place}{}", in_language(zh, en)),
    )
}

fn split_bilingual(text: &str) -> Option<(&str, &str, &str)> {
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

/// Prints a table. A Chinese character is two columns wide.
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
        let chosen = |line: &str| from_arguments(line.split(' ').map(str::to_owned));
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
        let found = split_bilingual("identity: 密钥 a/b 不存在 / the key a/b is not there");
        assert_eq!(
            found,
            Some(("identity: ", "密钥 a/b 不存在", "the key a/b is not there"))
        );
        assert_eq!(
            split_bilingual("缺少 tls / tls is missing"),
            Some(("", "缺少 tls", "tls is missing"))
        );
        for one in ["tls is missing", "a / b", "只有中文", "中文 / 也是中文"] {
            assert_eq!(split_bilingual(one), None, "{one}");
        }
    }
}
