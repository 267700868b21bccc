//! Findings of the preflight check.

/// One problem of a set-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it prevents the start; otherwise it is a warning.
    pub is_error: bool,
    /// `中文 / English`, with what to do.
    pub text: String,
}

/// All findings, without duplicates.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    pub(crate) fn error(&mut self, text: impl std::fmt::Display) {
        self.add(true, &text);
    }

    pub(crate) fn warn(&mut self, text: impl std::fmt::Display) {
        self.add(false, &text);
    }

    fn add(&mut self, is_error: bool, text: &impl std::fmt::Display) {
        let finding = Finding {
            is_error,
            text: text.to_string(),
        };
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|finding| finding.is_error)
    }
}
