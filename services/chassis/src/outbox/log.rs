//! A service's outbox as its contract's `ListEvents` answers it.

use lutong_kernel::{Fault, Violation};
use prost::Message;

use super::Outbox;

/// Events in one answer.
const PAGE: u32 = 500;

impl Outbox {
    /// The events after a sequence, in order, at most `page_size` (0: 500) of them. `number` writes the sequence, which
    /// was given after the event was stored, into it.
    pub async fn page<E: Message + Default>(
        &self,
        after_sequence: i64,
        page_size: i32,
        number: impl Fn(&mut E, i64),
    ) -> Result<Vec<E>, Fault> {
        if after_sequence < 0 {
            return Err(out_of_range("after_sequence", "is not negative"));
        }
        let page = u32::try_from(page_size).ok().filter(|page| *page <= PAGE);
        let page = page.ok_or_else(|| out_of_range("page_size", "lies between 0 and 500"))?;
        let stored = self
            .list(after_sequence, if page == 0 { PAGE } else { page })
            .await?;
        let mut events = Vec::with_capacity(stored.len());
        for one in stored {
            let mut event = E::decode(&*one.payload).map_err(|error| {
                tracing::error!(sequence = one.sequence, %error, "a stored event cannot be read");
                Fault::internal()
            })?;
            number(&mut event, one.sequence);
            events.push(event);
        }
        Ok(events)
    }
}

fn out_of_range(field: &str, en: &str) -> Fault {
    Fault::invalid(vec![Violation::new(field, "PAGE_RANGE", "分页参数超出范围", en)])
}
