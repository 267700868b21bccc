//! What is wrong with a set-up.

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether the process must not start like this; otherwise it is a warning.
    pub refuses: bool,
    /// `中文 / English`, with what to do.
    pub text: String,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    pub(crate) fn refuse(&mut self, text: impl std::fmt::Display) {
        self.add(true, &text);
    }

    pub(crate) fn warn(&mut self, text: impl std::fmt::Display) {
        self.add(false, &text);
    }

    fn add(&mut self, refuses: bool, text: &impl std::fmt::Display) {
        let finding = Finding {
            refuses,
            text: text.to_string(),
        };
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    pub fn refuse_start(&self) -> bool {
        self.0.iter().any(|finding| finding.refuses)
    }
}
