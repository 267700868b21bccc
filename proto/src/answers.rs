//! Whom answers are about. The implementations are generated (`generate/answers.rs`).

include!(concat!(env!("OUT_DIR"), "/answers.rs"));

/// An answer of an RPC of the ledger.
pub trait Concerning {
    /// Adds everybody whose `subject_id` stands anywhere in it; one may be empty or be added twice.
    fn add_subjects<'a>(&'a self, found: &mut Vec<&'a str>);
}
