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
