//! Prints a sentence or a line of JSON per step, then the totals.

mod sentences;

use std::time::Instant;

use lutong_client::Failure;
use lutong_client::output::in_language;

/// The steps whose QR code is printed: one green, one red.
const WITH_PICTURE: [&str; 2] = ["resident", "listed place"];

/// The result of one step.
pub struct TourStep {
    pub name: &'static str,
    pub asked: String,
    pub expected: String,
    pub got: String,
    /// Printed below the line: reason, guidance, picture.
    pub shown: String,
}

pub struct Report {
    json: bool,
    number: usize,
    passed: usize,
    failed: usize,
    since: Instant,
}

impl Report {
    pub fn new(json: bool) -> Self {
        Self {
            json,
            number: 0,
            passed: 0,
            failed: 0,
            since: Instant::now(),
        }
    }

    /// Prints a step and counts whether its result is the expected one.
    pub fn add(&mut self, step: &TourStep) {
        self.number += 1;
        let took = self.since.elapsed().as_secs_f64() * 1_000.0;
        let well = step.got == step.expected;
        if well {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        let TourStep {
            name,
            asked,
            expected,
            got,
            shown,
        } = step;
        if self.json {
            let line = serde_json::json!({"step": self.number, "name": name, "asked": asked, "expected": expected,
                "got": got, "ms": took, "ok": well});
            say!("{line}");
        } else {
            let mark = if well { "✓" } else { "✗" };
            let got = got.trim_start_matches("VERIFICATION_OUTCOME_");
            say!(
                "{mark} {:2}. {} → {got} ({took:.0} ms)",
                self.number,
                sentence(name).unwrap_or(asked)
            );
            if !well {
                say!("      {}: {expected}", in_language("应为", "expected"));
            }
            for line in shown
                .lines()
                .filter(|line| WITH_PICTURE.contains(name) || !is_drawn(line))
            {
                say!("      {line}");
            }
        }
        self.since = Instant::now();
    }

    pub fn finish(self) -> Result<(), Failure> {
        let Self {
            json, passed, failed, ..
        } = self;
        if json {
            say!("{}", serde_json::json!({"passed": passed, "failed": failed}));
        } else {
            next();
            say!("{passed} passed, {failed} failed");
        }
        if failed == 0 { Ok(()) } else { Err(Failure::Failed) }
    }
}

/// Whether a line is part of a drawn QR code.
fn is_drawn(line: &str) -> bool {
    line.contains(['█', '▀', '▄'])
}

/// Prints what to try after the tour.
fn next() {
    say!("");
    let (zh, en) = (
        "接下来：`lutong serve --dev` 启动服务，浏览器打开 http://127.0.0.1:8080/docs 查看接口；README 有三分钟上手步骤。",
        "Next: start it with `lutong serve --dev` and open http://127.0.0.1:8080/docs; the README shows the first three minutes.",
    );
    say!("{}", in_language(zh, en));
}

/// The sentence that describes a step.
fn sentence(name: &str) -> Option<&'static str> {
    let (_, zh, en) = sentences::OF_STEPS.iter().find(|(step, ..)| *step == name)?;
    Some(in_language(zh, en))
}
