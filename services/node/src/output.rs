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
macro_rules! say {
    ($($text:tt)*) => {
        crate::output::write(format_args!("{}\n", format_args!($($text)*)))
    };
}

/// The same without the end of a line.
macro_rules! say_part {
    ($($text:tt)*) => {
        crate::output::write(format_args!($($text)*))
    };
}

/// The language in which a command speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    Zh,
    En,
}

static LANGUAGE: std::sync::OnceLock<Language> = std::sync::OnceLock::new();

/// Says it for the whole process: `--lang`, or what the environment says.
pub fn speak(chosen: Option<Language>) {
    let _ = LANGUAGE.set(chosen.unwrap_or_else(of_environment));
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

/// One text out of two.
pub fn in_language<'a>(zh: &'a str, en: &'a str) -> &'a str {
    match LANGUAGE.get_or_init(of_environment) {
        Language::Zh => zh,
        Language::En => en,
    }
}

/// Rows below a heading, in columns. A Chinese character is two columns wide.
pub fn table(heading: &[&str], rows: &[Vec<String>]) {
    let wide = |text: &str| {
        text.chars()
            .map(|c| if c >= '\u{2e80}' { 2 } else { 1 })
            .sum::<usize>()
    };
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
