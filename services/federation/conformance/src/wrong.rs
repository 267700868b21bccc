//! What is wrong with a file that people wrote: each field with its reason.

use std::fmt;

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// As a path in the file: `person[2].document.number`.
    pub field: String,
    pub reason: String,
}

/// All that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WrongFile(pub Vec<WrongField>);

impl WrongFile {
    /// Notes a field.
    pub fn note(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        let (field, reason) = (field.into(), reason.into());
        self.0.push(WrongField { field, reason });
    }

    /// What was read, if nothing is wrong.
    pub fn unless<T>(self, read: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(read) } else { Err(self) }
    }

    /// A file that is no TOML of the right shape. The reason names line and field, as the parser does.
    pub fn of_shape(error: &toml::de::Error) -> Self {
        let mut wrong = Self::default();
        wrong.note("", error.to_string().trim_end());
        wrong
    }
}

impl fmt::Display for WrongFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, WrongField { field, reason }) in self.0.iter().enumerate() {
            let line = if place == 0 { "" } else { "\n" };
            let colon = if field.is_empty() { "" } else { ": " };
            write!(f, "{line}{field}{colon}{reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for WrongFile {}
