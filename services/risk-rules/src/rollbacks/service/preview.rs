//! The preview of a rollback, computed by carrying it out in transactions that are rolled back: it decides exactly as the rollback.

use std::collections::BTreeMap;

use lutong_kernel::{Colour, Fault};

use super::undoing::{UndoPage, UndoPages};
use crate::facts::service::appending::Batch;
use crate::facts::service::trial::FactTrial;
use crate::rollbacks::domain::{FeedSpan, Preview};

/// Number of subjects for whom the decisions are tried. Of further subjects only the statements are counted.
const MAX_TRIED: usize = 2_000;

/// Computes previews. Cheap to clone.
#[derive(Clone)]
pub struct RollbackPreview {
    pages: UndoPages,
    trial: FactTrial,
}

impl RollbackPreview {
    pub const fn new(pages: UndoPages, trial: FactTrial) -> Self {
        Self { pages, trial }
    }

    pub async fn compute(&self, span: &FeedSpan) -> Result<Preview, Fault> {
        let (mut preview, mut after) = (Preview::default(), None);
        let mut colours: BTreeMap<(Colour, Colour), usize> = BTreeMap::new();
        while let Some(page) = self.pages.next(span, after).await? {
            after = Some(page.last);
            preview.subjects += page.counted.subjects;
            preview.retracted += page.counted.retracted;
            preview.restated += page.counted.restated;
            if preview.tried < MAX_TRIED {
                preview.tried += page.counted.subjects;
                for change in self.try_page(page).await? {
                    *colours.entry(change).or_default() += 1;
                }
            }
        }
        let colours = colours.into_iter();
        preview.colours = colours
            .map(|((before, after), count)| (before, after, count))
            .collect();
        Ok(preview)
    }

    /// The changes of colour that a page would cause.
    async fn try_page(&self, page: UndoPage) -> Result<Vec<(Colour, Colour)>, Fault> {
        if page.statements.is_empty() {
            return Ok(Vec::new());
        }
        let decided = self.trial.run(Batch::of(page.statements)).await?;
        let changes = decided.into_iter().filter(|(before, after)| before != after);
        Ok(changes.collect())
    }
}
