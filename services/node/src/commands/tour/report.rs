//! A line a step, and the count.

use std::time::Instant;

use super::Failure;

/// What a step came to.
pub struct Step {
    pub name: &'static str,
    pub asked: String,
    pub expected: String,
    pub got: String,
    /// Shown below the line: reason, guidance, picture.
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

    /// Tells of a step; it is well when what came out is what was expected.
    pub fn tell(&mut self, step: &Step) {
        self.number += 1;
        let took = self.since.elapsed().as_secs_f64() * 1_000.0;
        let well = step.got == step.expected;
        if well {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
        let Step {
            name,
            asked,
            expected,
            got,
            shown,
        } = step;
        let word = if well { "ok" } else { "FAILED" };
        if self.json {
            let line = serde_json::json!({"step": self.number, "name": name, "asked": asked, "expected": expected,
                "got": got, "ms": took, "ok": well});
            say!("{line}");
        } else {
            say!(
                "step {:02} {name}: asked {asked} … expected {expected} … got {got} … {took:.1} ms {word}",
                self.number
            );
            for line in shown.lines() {
                say!("        {line}");
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
            say!("{passed} passed, {failed} failed");
        }
        if failed == 0 { Ok(()) } else { Err(Failure::Failed) }
    }
}
