//! The picture of a token as an RPC answers it.

use lutong_kernel::Fault;
use lutong_proto::code_rendering::v1 as wire;

use crate::render::domain::{self, DrawError};

pub fn image(token: &str, format: wire::ImageFormat) -> Result<Option<wire::Image>, Fault> {
    let drawn = |media_type: &str, data: Result<Vec<u8>, DrawError>| match data {
        Ok(data) => Ok(Some(wire::Image {
            media_type: media_type.to_owned(),
            data,
        })),
        Err(error) => Err(Fault::internal(format_args!(
            "a code could not be drawn: {error}"
        ))),
    };
    match format {
        wire::ImageFormat::Unspecified => Ok(None),
        wire::ImageFormat::Svg => drawn("image/svg+xml", domain::svg(token).map(String::into_bytes)),
        wire::ImageFormat::Png => drawn("image/png", domain::png(token)),
        wire::ImageFormat::Terminal => drawn(
            "text/plain; charset=utf-8",
            domain::terminal(token).map(String::into_bytes),
        ),
    }
}
