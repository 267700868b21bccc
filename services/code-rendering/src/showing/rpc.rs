//! `ShowCode`: the code's colour, word and token as an RPC answers them.

use lutong_kernel::{Colour, Fault};
use lutong_proto::code_rendering::v1 as wire;
use lutong_proto::time;
use lutong_proto::types::v1::{Colour as WireColour, LocalisedText};
use lutong_transport::access::WardPermit;

use super::service::{IssuedToken, Showing};
use crate::render::rpc::image;

pub async fn show_code(
    showing: &Showing,
    permit: &WardPermit,
    message: &wire::ShowCodeRequest,
) -> Result<wire::ShowCodeResponse, Fault> {
    let issued = showing.show(permit).await?;
    let image = image(&issued.token, message.image_format())?;
    Ok(response(issued, image))
}

/// A colour in words.
pub fn word(colour: Colour) -> LocalisedText {
    let en = match colour {
        Colour::Green => "green: low risk",
        Colour::Yellow => "yellow: medium risk",
        Colour::Red => "red: high risk",
    };
    LocalisedText {
        zh: format!("{}（{}）", colour.word_zh(), colour.risk_zh()),
        en: en.to_owned(),
    }
}

fn response(issued: IssuedToken, image: Option<wire::Image>) -> wire::ShowCodeResponse {
    let IssuedToken {
        token,
        code,
        mask,
        issued_at,
        expires_at,
    } = issued;
    wire::ShowCodeResponse {
        token,
        colour: WireColour::from(code.colour).into(),
        word: Some(word(code.colour)),
        shape: code.colour.shape().to_owned(),
        name_mask: mask.map(|mask| mask.expose().to_owned()).unwrap_or_default(),
        issue_time: Some(time::from_micros(issued_at.micros())),
        expire_time: Some(time::from_micros(expires_at.micros())),
        version: code.version,
        image,
    }
}
