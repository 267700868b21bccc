//! Appeals: what a decision rests on, and when an appeal against it is upheld or refused.

use lutong_kernel::{FactId, Source, SubjectId, Timestamp};

use super::review::{ColourEffect, FactReview, ReviewState};

/// Whether an appeal was right, stored in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Verdict {
    Upheld,
    Refused,
}

/// What a verdict rests on, stored in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Basis {
    DataCorrection,
    AutomatedDecision,
    DiseaseControl,
    RuleSet,
}

/// How an appeal was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    pub basis: Basis,
    pub decided_at: Timestamp,
    /// The facts that were wrong; none of a refused appeal.
    pub facts: Vec<FactId>,
    pub effect: ColourEffect,
}

/// A fact that the appealed decision rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitedFact {
    pub id: FactId,
    /// The person, as the source knew them.
    pub subject: SubjectId,
    pub kind: String,
    pub source: String,
    /// The source's own id of it.
    pub key: String,
    pub recorded_at: Timestamp,
    /// When it was corrected or retracted. It never comes back.
    pub superseded_at: Option<Timestamp>,
}

impl CitedFact {
    pub const fn stands(&self) -> bool {
        self.superseded_at.is_none()
    }

    /// Whether an authority reported it, which can be asked.
    pub fn has_feed(&self) -> bool {
        Source::is_feed(&self.source)
    }
}

/// Why the source of a fact is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unaskable {
    NotCited,
    Withdrawn,
    NoFeed,
}

/// The fact whose source is to be asked. Without a decision no fact is cited.
pub fn askable(fact: FactId, cited: &[CitedFact]) -> Result<&CitedFact, Unaskable> {
    let found = cited.iter().find(|one| one.id == fact);
    let found = found.ok_or(Unaskable::NotCited)?;
    if !found.stands() {
        return Err(Unaskable::Withdrawn);
    }
    if !found.has_feed() {
        return Err(Unaskable::NoFeed);
    }
    Ok(found)
}

/// Why an appeal cannot be decided so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecidable {
    /// A source has not answered, or was not asked.
    SourceNotAnswered,
    /// The decision does not rest on it.
    NotCited(FactId),
    /// It is still true for risk-rules.
    Stands(FactId),
    /// Every fact of the decision has been taken back: it has no ground to stand on.
    Withdrawn,
}

/// Checks a verdict: `named` are the facts that were wrong, `cited` those that the decision rests on, none without a decision, and `asked`
/// what their sources were asked. What risk-rules says about a fact counts, and not what a source says: a fact that no longer stands never
/// comes back, so that the check holds from then on.
pub fn check(
    verdict: Verdict,
    named: &[FactId],
    cited: &[CitedFact],
    asked: &[FactReview],
) -> Result<(), Undecidable> {
    // Nobody waits for what a source says about a fact that it has taken back of its own accord.
    let is_withdrawn = |fact| cited.iter().any(|one| one.id == fact && !one.stands());
    let mut open = asked.iter().filter(|one| one.state == ReviewState::Requested);
    if open.any(|one| !is_withdrawn(one.fact)) {
        return Err(Undecidable::SourceNotAnswered);
    }
    match verdict {
        Verdict::Upheld => named.iter().try_for_each(|fact| check_wrong(*fact, cited, asked)),
        Verdict::Refused => check_ground(cited, asked),
    }
}

/// A fact that is named as wrong no longer stands.
fn check_wrong(fact: FactId, cited: &[CitedFact], asked: &[FactReview]) -> Result<(), Undecidable> {
    let found = cited.iter().find(|one| one.id == fact);
    let found = found.ok_or(Undecidable::NotCited(fact))?;
    if !found.stands() {
        return Ok(());
    }
    let is_answered = asked.iter().any(|review| {
        review.fact == fact && matches!(review.state, ReviewState::Confirmed | ReviewState::Corrected)
    });
    if found.has_feed() && !is_answered {
        return Err(Undecidable::SourceNotAnswered);
    }
    Err(Undecidable::Stands(fact))
}

/// A decision that stands rests on a fact that its source has confirmed, unless no source of its facts can be asked.
fn check_ground(cited: &[CitedFact], asked: &[FactReview]) -> Result<(), Undecidable> {
    let mut standing = cited.iter().filter(|fact| fact.stands()).peekable();
    if standing.peek().is_none() && !cited.is_empty() {
        return Err(Undecidable::Withdrawn);
    }
    let reported: Vec<_> = standing.filter(|fact| fact.has_feed()).collect();
    let is_confirmed = |fact: &&CitedFact| {
        let mut confirmed = asked.iter().filter(|one| one.state == ReviewState::Confirmed);
        confirmed.any(|one| one.fact == fact.id)
    };
    if reported.is_empty() || reported.iter().any(is_confirmed) {
        Ok(())
    } else {
        Err(Undecidable::SourceNotAnswered)
    }
}

#[cfg(test)]
mod tests;
