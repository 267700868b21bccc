//! The picture of a paper code as an RPC answers it.

use lutong_kernel::Fault;
use lutong_proto::code_rendering::v1 as wire;

use super::domain::pdf::Paper;
use super::domain::{Sheet, pdf, svg};
use crate::issued_codes::service::TextCode;

impl From<&TextCode> for Sheet {
    fn from(view: &TextCode) -> Self {
        Self {
            token: view.token.clone(),
            colour: view.code.colour,
            mask: view
                .mask
                .as_ref()
                .map(|mask| mask.expose().to_owned())
                .unwrap_or_default(),
            expires_at: view.code.expires_at,
        }
    }
}

/// Several paper codes as one PDF. It is drawn aside: hundreds of pages would keep a worker from its other calls.
pub async fn sheets(views: &[TextCode], paper: Paper) -> Result<Vec<u8>, Fault> {
    let pages: Vec<Sheet> = views.iter().map(Sheet::from).collect();
    let drawn = tokio::task::spawn_blocking(move || pdf::draw(&pages, paper)).await;
    let drawn = drawn.map_err(Fault::internal)?;
    drawn.map_err(|error| Fault::internal(format_args!("paper codes could not be drawn: {error}")))
}

pub fn sheet(view: &TextCode, format: wire::PaperFormat) -> Result<wire::Image, Fault> {
    let sheet = Sheet::from(view);
    let (media_type, drawn) = match format {
        wire::PaperFormat::Svg => ("image/svg+xml", svg::draw(&sheet).map(String::into_bytes)),
        wire::PaperFormat::PdfCard => ("application/pdf", pdf::draw(&[sheet], Paper::Card)),
        // The contract refuses a value that is not of the list.
        wire::PaperFormat::PdfA4 | wire::PaperFormat::Unspecified => {
            ("application/pdf", pdf::draw(&[sheet], Paper::A4))
        }
    };
    let data =
        drawn.map_err(|error| Fault::internal(format_args!("a paper code could not be drawn: {error}")))?;
    Ok(wire::Image {
        media_type: media_type.to_owned(),
        data,
    })
}
