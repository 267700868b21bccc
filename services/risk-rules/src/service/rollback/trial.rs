//! What a rollback would change, found by doing it in transactions that are never committed: the preview decides exactly as
//! the rollback would.

use std::collections::BTreeMap;

use lutong_kernel::{Colour, Fault};

use super::undoing::{Page, batch};
use super::{Preview, Rollbacks, Span};

/// Subjects about whom it is tried what would be decided; of more only the statements are counted.
const MOST_TRIED: usize = 2_000;

impl Rollbacks {
    /// Counts, and tries.
    pub(super) async fn count(&self, span: &Span) -> Result<Preview, Fault> {
        let (mut preview, mut after) = (Preview::default(), None);
        let mut colours: BTreeMap<(Colour, Colour), usize> = BTreeMap::new();
        while let Some(page) = self.page(span, after).await? {
            after = Some(page.last);
            preview.subjects += page.counted.subjects;
            preview.retracted += page.counted.retracted;
            preview.restated += page.counted.restated;
            if preview.tried < MOST_TRIED {
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

    /// Colours before and after, of whom it would change.
    async fn try_page(&self, page: Page) -> Result<Vec<(Colour, Colour)>, Fault> {
        if page.statements.is_empty() {
            return Ok(Vec::new());
        }
        let decided = self.decider.try_append(batch(page.statements)).await?;
        let changes = decided.into_iter().filter(|(before, after)| before != after);
        Ok(changes.collect())
    }
}
