//! What a partner holds about a person: several records with their provenance, and which of them counts here.

pub mod domain;
