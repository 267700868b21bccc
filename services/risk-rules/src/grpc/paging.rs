//! Page tokens of the RPCs that do not stand on the handler traits yet.

use lutong_chassis::reply;
use lutong_kernel::{Fault, Violation};

/// 0 reads as the most.
pub fn page_limit(page_size: i32, most: u32) -> Result<u32, Fault> {
    match u32::try_from(page_size) {
        Ok(0) => Ok(most),
        Ok(size) if size <= most => Ok(size),
        _ => {
            let (zh, en) = (format!("应为0至{most}"), format!("lies between 0 and {most}"));
            Err(reply::wrong(Violation::new("page_size", "PAGE_RANGE", zh, en)))
        }
    }
}
