//! The image formats of `ShowCode`.

use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::types::v1::Colour;
use lutong_testing::{Bed, on_both_engines};

use crate::{decision, start};

on_both_engines!(every_image_format_is_drawn,);

async fn every_image_format_is_drawn(bed: Bed) {
    use wire::ImageFormat::{Png, Svg, Terminal};
    let codes = start(bed).await;
    codes.apply(vec![decision(1, Colour::Green, 1)]).await;
    for (format, media_type, begins) in [
        (Svg, "image/svg+xml", &b"<svg"[..]),
        (Png, "image/png", b"\x89PNG"),
        (Terminal, "text/plain; charset=utf-8", "█".as_bytes()),
    ] {
        let image = codes.show_of(1, "", format).await.unwrap().image.unwrap();
        assert_eq!(image.media_type, media_type);
        assert!(image.data.starts_with(begins), "{media_type}");
    }
}
